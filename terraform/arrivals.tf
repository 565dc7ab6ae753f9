# Files that land, as the audit logs of the bucket tell it: an event can be lost, a line of the audit log is not.
resource "google_logging_metric" "landed" {
  name        = "fees-etl/landed"
  description = "Objects that were written where files are to be put."
  filter      = "logName:\"cloudaudit.googleapis.com%2Fdata_access\" AND resource.type=\"gcs_bucket\" AND resource.labels.bucket_name=\"${google_storage_bucket.lake.name}\" AND protoPayload.methodName=\"storage.objects.create\" AND protoPayload.resourceName:\"/objects/${local.landing}\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }

  depends_on = [google_project_service.api]
}

# Freshness as the bucket sees it: a file landed an hour ago or more, and no run was good for six hours. The first condition ends after
# five hours, so before the second can be met again by the silence after the run that published the file. That no file came at all
# is said by the alert on old data.
resource "google_monitoring_alert_policy" "landed" {
  display_name          = "fees-etl: a file landed and was not published"
  combiner              = "AND"
  severity              = "ERROR"
  notification_channels = [google_monitoring_notification_channel.email.id]
  user_labels           = local.labels

  conditions {
    display_name = "A file landed"

    condition_threshold {
      filter          = "resource.type = \"gcs_bucket\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.landed.name}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "3600s"

      aggregations {
        alignment_period     = "18000s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  conditions {
    display_name = "No good run"

    condition_absent {
      filter   = "resource.type = \"cloud_run_job\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.metric["good_runs"].name}\""
      duration = "21600s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Look whether the trigger started the workflow; then execute the workflow by hand."
  }

  depends_on = [terraform_data.metrics_known]
}

# A job that was started by hand and killed leaves no line and no dead letter; Cloud Run counts it all the same.
resource "google_monitoring_alert_policy" "killed" {
  display_name          = "fees-etl: a job ended without a word"
  combiner              = "AND"
  severity              = "CRITICAL"
  notification_channels = [google_monitoring_notification_channel.email.id]
  user_labels           = local.labels

  # It holds for five minutes, in which the line of a command that could still speak arrives.
  conditions {
    display_name = "Cloud Run counts a failed execution"

    condition_threshold {
      filter          = "resource.type = \"cloud_run_job\" AND resource.labels.job_name = starts_with(\"fees-etl-\") AND metric.type = \"run.googleapis.com/job/completed_execution_count\" AND metric.labels.result = \"failed\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "300s"

      aggregations {
        alignment_period     = "900s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  conditions {
    display_name = "No command told how it ended"

    condition_absent {
      filter   = "resource.type = \"cloud_run_job\" AND metric.type = \"logging.googleapis.com/user/${google_logging_metric.metric["ended"].name}\""
      duration = "1800s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "The container was killed or never began: `gcloud run jobs executions list`, then memory, image and quota of Cloud Run."
  }

  depends_on = [terraform_data.metrics_known]
}
