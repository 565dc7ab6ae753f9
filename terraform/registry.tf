resource "google_artifact_registry_repository" "images" {
  #checkov:skip=CKV_GCP_84:Keys of our own are opted into by var.kms; Google encrypts with its own otherwise.
  repository_id = "fees-etl"
  location      = var.region
  format        = "DOCKER"
  description   = "Images of fees-etl, one for each deployed commit."
  labels        = local.labels
  kms_key_name  = var.kms ? google_kms_crypto_key.key["images"].id : null

  # A tagged image is kept for ever, because a clean-up deletes none whose tag is immutable. What is deployed can be gone back to.
  docker_config {
    immutable_tags = true
  }

  # Each image is searched for known faults when it is pushed, which is billed by the image.
  vulnerability_scanning_config {
    enablement_config = "INHERITED"
  }

  depends_on = [google_kms_crypto_key_iam_member.agent, google_project_service.api]
}
