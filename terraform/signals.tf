# Metrics and alerts as signals.yaml says them.
locals {
  signals = yamldecode(file("${path.module}/signals.yaml"))

  # Alert -> the time series that it watches.
  _watched = {
    for name, alert in local.signals.alerts : name =>
    "resource.type = \"cloud_run_job\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.metric[alert.metric].name}\""
  }

  # What a line tells of its command, as labels of a distribution: like is compared with like.
  _told = { command = "Which command it was.", status = "How it ended." }

  # Alert -> the value that it judges, in PromQL: of each hour, command and way to end, the mean of the lines, and none of an hour
  # without a line. Names of metrics are mapped as documented: the first / is a colon, and whatever else is no letter a _.
  _series = {
    for name, alert in local.signals.alerts : name =>
    "logging_googleapis_com:user_${replace(google_logging_metric.metric[alert.metric].name, "/[^A-Za-z0-9]/", "_")}" if can(alert.unusual_above)
  }
  _sum_of_hour = "sum by (command, status) (increase(%s{monitored_resource=\"cloud_run_job\"}[1h]))"
  _hourly = {
    for name, series in local._series : name =>
    "${format(local._sum_of_hour, "${series}_sum")} / (${format(local._sum_of_hour, "${series}_count")} > 0)"
  }

  # Files come once a month, so a few weeks know no run like it: half a year does. What looks back that far is evaluated seldom; each
  # day's evaluation takes a day and an hour, so that no line falls between two, and the past ends before it. Fewer than five lines of
  # the past say nothing yet.
  _past = { for name, hourly in local._hourly : name => "_over_time((${hourly})[26w:1h] offset 25h)" }
  _unusual = {
    for name, hourly in local._hourly : name => join(" and ", concat(["count${local._past[name]} >= 5"], [
      for usual in [
        local.signals.alerts[name].unusual_above,
        "1.5 * avg${local._past[name]}",
        "avg${local._past[name]} + 3 * stddev${local._past[name]}",
      ] : "max_over_time((${hourly})[25h:1h]) > ${usual}"
    ]))
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

  name             = "fees-etl/${each.key}"
  description      = each.value.description
  filter           = "${local._jobs} AND ${each.value.filter}"
  value_extractor  = can(each.value.value) ? "EXTRACT(${each.value.value})" : null
  label_extractors = can(each.value.value) ? { for label in keys(local._told) : label => "EXTRACT(jsonPayload.${label})" } : null

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = can(each.value.value) ? "DISTRIBUTION" : "INT64"
    unit        = each.value.unit

    dynamic "labels" {
      for_each = can(each.value.value) ? local._told : {}

      content {
        key         = labels.key
        value_type  = "STRING"
        description = labels.value
      }
    }
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

    dynamic "condition_prometheus_query_language" {
      for_each = can(each.value.unusual_above) ? [local._unusual[each.key]] : []

      content {
        query               = condition_prometheus_query_language.value
        duration            = "0s"
        evaluation_interval = "86400s"
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
