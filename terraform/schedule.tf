resource "google_cloud_scheduler_job" "fees_etl" {
  name        = "fees-etl"
  region      = var.region
  description = "Starts the workflow, so that files whose event was lost and withdrawn files are noticed."
  schedule    = var.schedule
  time_zone   = "Europe/London"
  paused      = !local.is_prod

  http_target {
    http_method = "POST"
    uri         = "https://workflowexecutions.googleapis.com/v1/${google_workflows_workflow.fees_etl.id}/executions"
    body        = base64encode(jsonencode({ argument = "{}" }))

    oauth_token {
      service_account_email = google_service_account.account["scheduler"].email
    }
  }

  # This retries the start of an execution, never an execution.
  retry_config {
    retry_count = 3
  }
}
