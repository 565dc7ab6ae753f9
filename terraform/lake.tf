# The files as they were sent, every version of them: what raw can be made from again.
resource "google_storage_bucket" "lake" {
  #checkov:skip=CKV_GCP_62:Access is recorded by the data access audit logs (audit.tf), which cannot be lost with the bucket.
  name                        = "${var.project}-lake"
  location                    = var.location
  labels                      = local.labels
  force_destroy               = !local.is_prod
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true

  # A withdrawn or corrected file is evidence for var.old_version_days, then it is gone. No rule deletes a file that is there: that
  # would withdraw its month from every report. docs/RUNBOOK.md says how a person is erased.
  versioning {
    enabled = true
  }

  # As long as time travel in BigQuery: nobody can shorten it for what is deleted already.
  soft_delete_policy {
    retention_duration_seconds = 7 * 24 * 60 * 60
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = var.old_version_days
      with_state                 = "ARCHIVED"
    }
  }

  dynamic "lifecycle_rule" {
    for_each = { NEARLINE = 90, COLDLINE = 365 }

    content {
      action {
        type          = "SetStorageClass"
        storage_class = lifecycle_rule.key
      }
      condition {
        age = lifecycle_rule.value
      }
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 1
    }
  }

  dynamic "encryption" {
    for_each = var.kms ? ["lake"] : []

    content {
      default_kms_key_name = google_kms_crypto_key.key[encryption.value].id
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agent, google_project_service.api]
}

locals {
  landing = "landing/fees/"

  _lake_grants = concat(
    [{ role = "roles/storage.legacyBucketOwner", member = "projectOwner:${var.project}" }],
    [for grant in values(local.grants) : { role = grant.role, member = local.members[grant.account] } if grant.kind == "bucket"],
    [for member in var.uploaders : { role = "roles/storage.objectUser", member = member }],
  )
  lake_members = { for grant in local._lake_grants : grant.role => grant.member... }
}

# The pages of what is deployed (docs/CATALOGUE.md): of tables and columns, without a row. CI writes below this folder and
# touches no other object; groups of readers read it, and nobody else is let in.
resource "google_storage_managed_folder" "catalogue" {
  bucket        = google_storage_bucket.lake.name
  name          = "catalogue/"
  force_destroy = !local.is_prod
}

locals {
  _catalogue_grants = concat(
    [for grant in values(local.grants) : { role = grant.role, member = local.members[grant.account] } if grant.kind == "folder"],
    [for member in setunion(var.readers.analysts, var.readers.auditors, var.readers.engineers, var.readers.senior_analysts) : { role = "roles/storage.objectViewer", member = member }],
  )
  catalogue_members = { for grant in local._catalogue_grants : grant.role => grant.member... }
}

resource "google_storage_managed_folder_iam_policy" "catalogue" {
  bucket         = google_storage_bucket.lake.name
  managed_folder = google_storage_managed_folder.catalogue.name
  policy_data = jsonencode({
    bindings = [for role in sort(keys(local.catalogue_members)) : { members = sort(local.catalogue_members[role]), role = role }]
  })
}

# Authoritative: readers and editors of the project are let into a bucket by default, and are not into this one. Its owners keep
# the bucket, and read no file.
resource "google_storage_bucket_iam_policy" "lake" {
  bucket = google_storage_bucket.lake.name
  policy_data = jsonencode({
    bindings = [for role in sort(keys(local.lake_members)) : { members = sort(local.lake_members[role]), role = role }]
  })
}
