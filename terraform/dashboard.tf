# One screen: what ran, what it took, how old the data is, what lies in the lake.
locals {
  _charts = concat(
    [for name in sort(keys(local.signals.metrics)) : {
      title     = local.signals.metrics[name].description
      filter    = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.metric[name].name}\" resource.type=\"cloud_run_job\""
      aligner   = can(local.signals.metrics[name].value) ? "ALIGN_PERCENTILE_99" : "ALIGN_SUM"
      period    = can(local.signals.metrics[name].value) ? "3600s" : "86400s"
      plot_type = can(local.signals.metrics[name].value) ? "LINE" : "STACKED_BAR"
    }],
    [for title, metric in {
      "Bytes in the lake, old versions included" = "storage.googleapis.com/storage/v2/total_bytes"
      "Objects in the lake"                      = "storage.googleapis.com/storage/v2/total_count"
      } : {
      title     = title
      filter    = "metric.type=\"${metric}\" resource.type=\"gcs_bucket\" resource.label.\"bucket_name\"=\"${google_storage_bucket.lake.name}\""
      aligner   = "ALIGN_MEAN"
      period    = "86400s"
      plot_type = "LINE"
    }],
    [{
      title     = "Files that landed"
      filter    = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.landed.name}\" resource.type=\"gcs_bucket\""
      aligner   = "ALIGN_SUM"
      period    = "86400s"
      plot_type = "STACKED_BAR"
    }],
  )
}

resource "google_monitoring_dashboard" "fees_etl" {
  dashboard_json = jsonencode({
    displayName = "fees-etl ${var.environment}"
    mosaicLayout = {
      columns = 12
      tiles = [for place, chart in local._charts : {
        xPos   = place % 3 * 4
        yPos   = floor(place / 3) * 4
        width  = 4
        height = 4
        widget = {
          title = chart.title
          xyChart = { dataSets = [{
            plotType = chart.plot_type
            timeSeriesQuery = { timeSeriesFilter = {
              filter      = chart.filter
              aggregation = { alignmentPeriod = chart.period, perSeriesAligner = chart.aligner, crossSeriesReducer = chart.aligner == "ALIGN_PERCENTILE_99" ? "REDUCE_MAX" : "REDUCE_SUM" }
            } }
          }] }
        }
      }]
    }
  })
}
