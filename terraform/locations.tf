locals {
  # Regions of Google Cloud in member states. europe-west2 (London) and europe-west6 (Zurich) are not among them.
  eu_regions = [
    "europe-central2", "europe-north1", "europe-north2", "europe-southwest1", "europe-west1", "europe-west10",
    "europe-west12", "europe-west3", "europe-west4", "europe-west8", "europe-west9",
  ]

  # The multi-region has one name for data, another for what is addressed by it, and a third in KMS.
  location     = lower(var.location)
  kms_location = var.location == "EU" ? "europe" : var.location
}
