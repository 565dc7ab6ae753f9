output "accounts" {
  description = "E-mail address of each account."
  value       = { for name, account in google_service_account.account : name => account.email }
}

output "catalogue" {
  description = "Where the pages of what is deployed lie."
  value       = "gs://${google_storage_bucket.lake.name}/${trimsuffix(google_storage_managed_folder.catalogue.name, "/")}"
}

output "fees_etl_toml" {
  description = "The section of fees_etl.toml by which people reach this environment."
  value       = <<-TOML
    [targets.${var.environment}]
    warehouse = "bigquery://${var.project}?location=${var.location}"
    source = "gs://${google_storage_bucket.lake.name}/${local.landing}"
    max_cost = ${var.max_cost}
    policy_tags.nino = "${google_data_catalog_policy_tag.tag["nino"].name}"
  TOML
}

output "grants" {
  description = "Who may do what where: account, role, resource."
  value       = keys(local.grants)
}

output "images" {
  description = "Where images are pushed to."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}

output "landing" {
  description = "Where files are to be put."
  value       = "gs://${google_storage_bucket.lake.name}/${local.landing}"
}

output "workflow" {
  description = "The workflow to execute by hand: gcloud workflows execute NAME."
  value       = google_workflows_workflow.fees_etl.id
}

output "workload_identity_provider" {
  description = "What a GitHub workflow names to authenticate; null without github_repository_id."
  value       = one(google_iam_workload_identity_pool_provider.github[*].name)
}
