# Accounts: what roles.yaml says, one resource a line of it, and nothing besides.
locals {
  _roles = yamldecode(file("${path.module}/roles.yaml"))

  # "account role on" -> the grant. Accounts that this environment does not have are left out.
  grants = merge([
    for account, roles in local._roles : {
      for grant in roles : "${account} ${grant.role} ${grant.on}" => {
        account = account
        role    = grant.role
        kind    = split(":", grant.on)[0]
        name    = try(split(":", grant.on)[1], null)
      }
    } if contains(concat(keys(local.accounts), keys(local.agents)), account)
  ]...)

  buckets = { lake = google_storage_bucket.lake.name, state = var.state_bucket }
  jobs    = { ingest = "fees-etl-ingest", run = "fees-etl-run" }
}

resource "google_project_iam_member" "account" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "project" }

  project = var.project
  role    = each.value.role
  member  = local.members[each.value.account]
}

resource "google_bigquery_dataset_iam_member" "account" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "dataset" }

  dataset_id = google_bigquery_dataset.dataset[each.value.name].dataset_id
  role       = each.value.role
  member     = local.members[each.value.account]
}

resource "google_storage_bucket_iam_member" "account" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "bucket" }

  bucket = local.buckets[each.value.name]
  role   = each.value.role
  member = local.members[each.value.account]
}

resource "google_data_catalog_policy_tag_iam_member" "account" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "policy_tag" }

  policy_tag = google_data_catalog_policy_tag.tag[each.value.name].name
  role       = each.value.role
  member     = local.members[each.value.account]
}

resource "google_cloud_run_v2_job_iam_member" "account" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "job" }

  location = var.region
  name     = google_cloud_run_v2_job.job[each.value.name].name
  role     = each.value.role
  member   = local.members[each.value.account]
}

resource "google_pubsub_topic_iam_member" "account" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "topic" }

  topic  = google_pubsub_topic.dead_letter.name
  role   = each.value.role
  member = local.members[each.value.account]
}

resource "google_artifact_registry_repository_iam_member" "account" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "registry" }

  location   = var.region
  repository = google_artifact_registry_repository.images.name
  role       = each.value.role
  member     = local.members[each.value.account]
}

resource "google_service_account_iam_member" "account" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "account" }

  service_account_id = google_service_account.account[each.value.name].name
  role               = each.value.role
  member             = local.members[each.value.account]
}

# People: which groups read which dataset. A National Insurance number is masked for all of them (governance.tf).
locals {
  readers = {
    audit     = ["auditors"]
    ops       = ["engineers"]
    raw       = ["engineers"]
    reporting = ["analysts", "bi"]
    staging   = ["engineers", "senior_analysts"]
  }

  # "dataset member" -> both.
  readings = merge(flatten([
    for dataset, groups in local.readers : [
      for group in groups : {
        for member in var.readers[group] : "${dataset} ${member}" => { dataset = dataset, member = member }
      }
    ]
  ])...)
}

resource "google_bigquery_dataset_iam_member" "reader" {
  for_each = local.readings

  dataset_id = google_bigquery_dataset.dataset[each.value.dataset].dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = each.value.member
}

# Reading takes a job, and jobs belong to the project.
resource "google_project_iam_member" "reader" {
  for_each = setunion(values(var.readers)...)

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = each.key
}
