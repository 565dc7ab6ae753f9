# An event of the bucket carries no prefix to filter by: the workflow ignores other objects.
resource "google_eventarc_trigger" "object" {
  name            = "fees-etl-object"
  location        = local.location
  labels          = local.labels
  service_account = google_service_account.account["eventarc"].email

  matching_criteria {
    attribute = "type"
    value     = "google.cloud.storage.object.v1.finalized"
  }

  matching_criteria {
    attribute = "bucket"
    value     = google_storage_bucket.lake.name
  }

  destination {
    workflow = google_workflows_workflow.fees_etl.id
  }

  # The trigger is refused while these are missing.
  depends_on = [google_project_iam_member.account]
}
