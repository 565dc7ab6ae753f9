# Opt in (var.kms): a key for each kind of store, used by Google's agent of that store and nobody else. Two of the agents
# must be made by hand first: gcloud beta services identity create --service=pubsub.googleapis.com, and the same for
# artifactregistry.googleapis.com.
locals {
  _agent = "serviceAccount:service-${data.google_project.this.number}@"

  # Images are in the region; everything else is where the data is.
  keys = var.kms ? {
    dead-letter = { ring = "data", agent = "${local._agent}gcp-sa-pubsub.iam.gserviceaccount.com" }
    images      = { ring = "region", agent = "${local._agent}gcp-sa-artifactregistry.iam.gserviceaccount.com" }
    lake        = { ring = "data", agent = local.agents.storage_agent }
    warehouse   = { ring = "data", agent = "serviceAccount:${data.google_bigquery_default_service_account.agent[0].email}" }
  } : {}
}

# Asking for BigQuery's agent makes it.
data "google_bigquery_default_service_account" "agent" {
  count = var.kms ? 1 : 0

  project = var.project
}

# KMS calls the multi-region of the EU `europe`.
resource "google_kms_key_ring" "ring" {
  for_each = var.kms ? { data = local.kms_location, region = var.region } : {}

  name     = "fees-etl-${each.key}"
  location = each.value

  depends_on = [google_project_service.api]
}

resource "google_kms_crypto_key" "key" {
  for_each = local.keys

  name            = each.key
  key_ring        = google_kms_key_ring.ring[each.value.ring].id
  rotation_period = "7776000s"
  labels          = local.labels

  # Without its key the data is lost.
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "agent" {
  for_each = local.keys

  crypto_key_id = google_kms_crypto_key.key[each.key].id
  role          = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
  member        = each.value.agent
}
