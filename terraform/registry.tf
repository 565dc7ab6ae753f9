resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84:Keys of our own are opted into by var.kms; Google encrypts with its own otherwise.
  repository_id = "fees-etl"
  location      = var.region
  format        = "DOCKER"
  description   = "Images of fees-etl, one for each deployed commit."
  labels        = local.labels
  kms_key_name  = var.kms ? google_kms_crypto_key.key["images"].id : null

  docker_config {
    immutable_tags = true
  }

  # Enough images to go back to, and no heap of others.
  cleanup_policies {
    id     = "keep-recent"
    action = "KEEP"

    most_recent_versions {
      keep_count = 20
    }
  }

  cleanup_policies {
    id     = "delete-old"
    action = "DELETE"

    condition {
      older_than = "90d"
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agent, google_project_service.api]
}
