resource "google_workflows_workflow" "fees_etl" {
  name                = "fees-etl"
  region              = var.region
  description         = "Files into raw, then raw into published numbers."
  labels              = local.labels
  service_account     = google_service_account.account["workflow"].id
  call_log_level      = "LOG_ERRORS_ONLY"
  deletion_protection = local.is_prod
  source_contents     = file("${path.module}/workflow.yaml")

  user_env_vars = {
    DEAD_LETTER_TOPIC = google_pubsub_topic.dead_letter.id
    INGEST_JOB        = google_cloud_run_v2_job.job["ingest"].id
    LANDING           = local.landing
    RUN_JOB           = google_cloud_run_v2_job.job["run"].id
  }

  depends_on = [google_project_service.api]
}
