# Logs lie in the EU. The bucket _Default, which every project has, is in `global`: its sink is turned to a bucket of ours. (The
# provider changes a sink named _Default instead of making one.) Audit logs go to their own bucket only.
locals {
  log_buckets = {
    audit = { description = "Who read and changed data.", days = var.audit_days, locked = local.is_prod }
    logs  = { description = "What jobs, workflow and trigger say.", days = 90, locked = false }
  }
}

resource "google_logging_project_bucket_config" "bucket" {
  for_each = local.log_buckets

  project          = var.project
  location         = var.region
  bucket_id        = "fees-etl-${each.key}"
  description      = each.value.description
  retention_days   = each.value.days
  locked           = each.value.locked
  enable_analytics = true

  depends_on = [google_project_service.api]
}

resource "google_logging_project_sink" "default" {
  name                   = "_Default"
  description            = "All logs but audit logs into the log bucket in the EU."
  destination            = "logging.googleapis.com/${google_logging_project_bucket_config.bucket["logs"].id}"
  filter                 = "NOT logName:\"cloudaudit.googleapis.com\" AND NOT logName:\"externalaudit.googleapis.com\""
  unique_writer_identity = true
}
