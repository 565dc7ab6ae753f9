# Who read and changed data: recorded by Google, kept where neither the pipeline nor its people can change it. The logs hold
# the text of queries, and somebody may have typed a National Insurance number into one: only auditors read them.
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
  description            = "Audit logs of data into the audit dataset."
  destination            = "bigquery.googleapis.com/${google_bigquery_dataset.dataset["audit"].id}"
  filter                 = "logName:\"cloudaudit.googleapis.com\" AND protoPayload.serviceName=(\"bigquery.googleapis.com\" OR \"storage.googleapis.com\" OR \"datacatalog.googleapis.com\" OR \"iam.googleapis.com\" OR \"cloudresourcemanager.googleapis.com\")"
  unique_writer_identity = true

  bigquery_options {
    use_partitioned_tables = true
  }
}

resource "google_bigquery_dataset_iam_member" "audit_sink" {
  dataset_id = google_bigquery_dataset.dataset["audit"].dataset_id
  role       = "roles/bigquery.dataEditor"
  member     = google_logging_project_sink.audit.writer_identity
}
