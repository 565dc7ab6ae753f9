# Opt in (var.github_repository_id): workflows of one repository act as planner or deployer, with no key to steal.
locals {
  # Account -> which workflows may act as it. A pull request runs code that nobody has reviewed yet.
  trust = var.github_repository_id == null ? {} : { deployer = "main", planner = "pull_request" }

  # Named events only: pull_request_target, too, has the ref of main. And only jobs of the environment prod: those the reviewers
  # of that environment let through, which other workflows on main are not. A job of no environment has no such claim.
  trust_of_event = join("", [
    "assertion.event_name == 'pull_request' ? 'pull_request' : ",
    "(assertion.ref == 'refs/heads/main' && assertion.event_name in ['push', 'workflow_dispatch']",
    " && has(assertion.environment) && assertion.environment == 'prod' ? 'main' : 'none')",
  ])
}

resource "google_iam_workload_identity_pool" "github" {
  count = var.github_repository_id == null ? 0 : 1

  workload_identity_pool_id = "github"
  display_name              = "GitHub Actions"

  depends_on = [google_project_service.api]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  #checkov:skip=CKV_GCP_125:It knows conditions on one subject only; here the repository is one, and attribute.trust tells main from pull requests.
  count = var.github_repository_id == null ? 0 : 1

  workload_identity_pool_id          = google_iam_workload_identity_pool.github[0].workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"
  # By its id: the name of a repository that was renamed or deleted can be taken by somebody else.
  attribute_condition = "assertion.repository_id == \"${var.github_repository_id}\""

  attribute_mapping = {
    "google.subject"  = "assertion.sub"
    "attribute.trust" = local.trust_of_event
  }

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "github" {
  for_each = local.trust

  service_account_id = google_service_account.account[each.key].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github[0].name}/attribute.trust/${each.value}"
}
