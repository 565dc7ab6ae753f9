# Who read and changed data: recorded by Google and kept in a log bucket that is locked in prod, so that what is recorded can be
# neither changed nor deleted before its time, by nobody. Who may apply this could stop the recording of what is to come; that
# is an admin activity, which Google keeps in _Required for 400 days whatever is set here.
# The logs hold the text of queries, and somebody may have typed a National Insurance number into one: only auditors read them.
resource "google_project_iam_audit_config" "data" {
  for_each = toset(["bigquery.googleapis.com", "storage.googleapis.com"])

  project = var.project
  service = each.key

  dynamic "audit_log_config" {
    for_each = ["ADMIN_READ", "DATA_READ", "DATA_WRITE"]

    content {
      log_type = audit_log_config.value
    }
  }
}

resource "google_logging_project_sink" "audit" {
  name                   = "fees-etl-audit"
  description            = "Audit logs of data into the locked log bucket."
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.bucket["audit"].id}"
  filter                 = "logName:\"cloudaudit.googleapis.com\" AND protoPayload.serviceName=(\"bigquery.googleapis.com\" OR \"storage.googleapis.com\" OR \"datacatalog.googleapis.com\" OR \"iam.googleapis.com\" OR \"cloudresourcemanager.googleapis.com\" OR \"logging.googleapis.com\")"
  unique_writer_identity = true
}

resource "google_project_iam_member" "auditor" {
  for_each = var.readers.auditors

  project = var.project
  role    = "roles/logging.viewAccessor"
  member  = each.key

  condition {
    title      = "Audit logs of the fee pipeline"
    expression = "resource.name == \"${google_logging_project_bucket_config.bucket["audit"].id}/views/_AllLogs\""
  }
}
