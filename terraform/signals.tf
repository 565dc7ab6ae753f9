# Metrics and alerts as signals.yaml says them.
locals {
  signals = yamldecode(file("${path.module}/signals.yaml"))

  # Alert -> the time series that it watches.
  _watched = {
    for name, alert in local.signals.alerts : name =>
    "resource.type = \"cloud_run_job\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.metric[alert.metric].name}\""
  }

  _jobs = "resource.type=\"cloud_run_job\" AND resource.labels.job_name=~\"^fees-etl-\""
}

resource "google_monitoring_notification_channel" "email" {
  display_name = "fees-etl alerts"
  type         = "email"
  labels       = { email_address = var.alert_email }
  user_labels  = local.labels

  depends_on = [google_project_service.api]
}

resource "google_logging_metric" "metric" {
  for_each = local.signals.metrics

  name            = "fees-etl/${each.key}"
  description     = each.value.description
  filter          = "${local._jobs} AND ${each.value.filter}"
  value_extractor = can(each.value.value) ? "EXTRACT(${each.value.value})" : null

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = can(each.value.value) ? "DISTRIBUTION" : "INT64"
    unit        = each.value.unit
  }

  # Powers of two from a thousandth on: cents, seconds, days and rows in one scale.
  dynamic "bucket_options" {
    for_each = can(each.value.value) ? [1] : []

    content {
      exponential_buckets {
        num_finite_buckets = 40
        growth_factor      = 2
        scale              = 0.001
      }
    }
  }

  depends_on = [google_project_service.api]
}

# Cloud Monitoring knows a metric only up to ten minutes after it was made, and refuses an alert on one that it does not know
# ("Cannot find metric(s)"). So who adds a metric waits, once.
resource "terraform_data" "metrics_known" {
  triggers_replace = concat(values(google_logging_metric.metric)[*].name, [google_logging_metric.landed.name])

  provisioner "local-exec" {
    command = "sleep 600"
  }
}

resource "google_monitoring_alert_policy" "alert" {
  for_each = local.signals.alerts

  display_name          = "fees-etl: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = [google_monitoring_notification_channel.email.id]
  user_labels           = local.labels
  # Outside prod the schedule is paused, so the absence of runs says nothing.
  enabled = local.is_prod || !can(each.value.absent_for)

  conditions {
    display_name = each.value.title

    dynamic "condition_threshold" {
      for_each = can(each.value.more_than) ? [each.value] : []

      content {
        filter          = local._watched[each.key]
        comparison      = "COMPARISON_GT"
        threshold_value = condition_threshold.value.more_than
        duration        = "0s"

        aggregations {
          alignment_period     = "${condition_threshold.value.within}s"
          per_series_aligner   = "ALIGN_SUM"
          cross_series_reducer = "REDUCE_SUM"
        }
      }
    }

    dynamic "condition_absent" {
      for_each = can(each.value.absent_for) ? [each.value] : []

      content {
        filter   = local._watched[each.key]
        duration = "${condition_absent.value.absent_for}s"

        aggregations {
          alignment_period     = "300s"
          per_series_aligner   = "ALIGN_SUM"
          cross_series_reducer = "REDUCE_SUM"
        }
      }
    }
  }

  # While an incident is open the next failure tells nobody, and counts of failures have no zero that would close it.
  alert_strategy {
    auto_close = can(each.value.more_than) ? "1800s" : "604800s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = each.value.what_to_do
  }

  depends_on = [terraform_data.metrics_known]
}
