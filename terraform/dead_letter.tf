# Executions that failed, each with its event and its error, until somebody has looked at them.
resource "google_pubsub_topic" "dead_letter" {
  #checkov:skip=CKV_GCP_83:Keys of our own are opted into by var.kms; Google encrypts with its own otherwise.
  name                       = "fees-etl-dead-letter"
  labels                     = local.labels
  message_retention_duration = "604800s"
  kms_key_name               = var.kms ? google_kms_crypto_key.key["dead-letter"].id : null

  message_storage_policy {
    allowed_persistence_regions = var.location == "EU" ? local.eu_regions : [var.location]
  }

  depends_on = [google_kms_crypto_key_iam_member.agent, google_project_service.api]
}

resource "google_pubsub_subscription" "dead_letter" {
  name                       = "fees-etl-dead-letter"
  topic                      = google_pubsub_topic.dead_letter.id
  labels                     = local.labels
  message_retention_duration = "604800s"
  ack_deadline_seconds       = 60

  # It stays however long nothing fails.
  expiration_policy {
    ttl = ""
  }
}

# Also what no log line tells: a container that was killed or never began, and a warehouse that stayed busy.
resource "google_monitoring_alert_policy" "dead_letter" {
  display_name          = "fees-etl: an execution failed"
  combiner              = "OR"
  severity              = "CRITICAL"
  notification_channels = [google_monitoring_notification_channel.email.id]
  user_labels           = local.labels

  conditions {
    display_name = "A message waits in the dead-letter subscription"

    condition_threshold {
      filter          = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = \"${google_pubsub_subscription.dead_letter.name}\" AND metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  documentation {
    mime_type = "text/markdown"
    content   = "Pull the message: it names the job, its execution and the exit code. Acknowledge it when the cause is gone."
  }
}
