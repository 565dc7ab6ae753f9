# Accounts: what roles.yaml says, one resource a line of it, and nothing besides. Grants on datasets and on the lake are in
# access.tf and lake.tf, which let nobody else in.
locals {
  _roles = yamldecode(file("${path.module}/roles.yaml"))

  # "account role on" -> the grant. Accounts that this environment does not have are left out.
  grants = merge([
    for account, roles in local._roles : {
      for grant in roles : "${account} ${grant.role} ${grant.on}" => {
        account = account
        role    = try(google_project_iam_custom_role.role[split(":", grant.role)[1]].id, grant.role)
        kind    = split(":", grant.on)[0]
        name    = try(split(":", grant.on)[1], null)
      }
    } if contains(concat(keys(local.accounts), keys(local.agents)), account)
  ]...)

  jobs = { ingest = "fees-etl-ingest", run = "fees-etl-run" }
}

resource "google_project_iam_member" "account" {
  for_each = { for key, grant in local.grants : key => grant if grant.kind == "project" }

  project = var.project
  role    = each.value.role
  member  = local.members[each.value.account]
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

# What no role of Google's gives without giving more.
resource "google_project_iam_custom_role" "role" {
  for_each = yamldecode(file("${path.module}/custom_roles.yaml"))

  role_id     = "feesEtl${title(each.key)}"
  title       = "fees-etl ${each.key}"
  description = each.value.description
  permissions = each.value.permissions

  depends_on = [google_project_service.api]
}
