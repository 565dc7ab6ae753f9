# cloudresourcemanager and serviceusage must be enabled by hand before the first plan: what follows is read through them.
locals {
  _apis = {
    always = [
      "artifactregistry", "bigquery", "bigquerydatapolicy", "cloudresourcemanager", "cloudscheduler", "containerscanning",
      "datacatalog", "datalineage", "eventarc", "eventarcpublishing", "iam", "logging", "monitoring", "pubsub", "run",
      "serviceusage", "storage", "workflowexecutions", "workflows",
    ]
    budget      = var.budget == null ? [] : ["billingbudgets"]
    catalog     = var.catalog || var.glossary ? ["dataplex"] : []
    github      = var.github_repository_id == null ? [] : ["iamcredentials", "sts"]
    discovery   = var.discovery ? ["dlp"] : []
    kms         = var.kms ? ["cloudkms"] : []
    perimeter   = var.perimeter == null ? [] : ["accesscontextmanager"]
    reservation = var.reservation == null ? [] : ["bigqueryreservation"]
  }
}

resource "google_project_service" "api" {
  for_each = toset(flatten(values(local._apis)))

  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

data "google_project" "this" {
  project_id = var.project
}
