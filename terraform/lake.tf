# The files as they were sent, every version of them: what raw can be made from again.
resource "google_storage_bucket" "lake" {
  #checkov:skip=CKV_GCP_62:Access is recorded by the data access audit logs (audit.tf), which cannot be lost with the bucket.
  name                        = "${var.project}-lake"
  location                    = var.location
  labels                      = local.labels
  force_destroy               = !local.is_prod
  public_access_prevention    = "enforced"
  uniform_bucket_level_access = true

  # No rule deletes old versions: a withdrawn or corrected file is still evidence.
  versioning {
    enabled = true
  }

  soft_delete_policy {
    retention_duration_seconds = 30 * 24 * 60 * 60
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
}
