# One account for each thing that acts, none with a key. roles.yaml says what each may do.
locals {
  accounts = merge(
    {
      eventarc  = "Starts the workflow for a new object."
      ingest    = "Reads the lake, writes raw and ops."
      scheduler = "Starts the workflow on schedule."
      transform = "Reads raw, writes staging, reporting, history and ops."
      workflow  = "Starts the jobs and reads how they ended."
    },
    var.github_repository_id == null ? {} : {
      deployer = "Applies Terraform and pushes images from main, once reviewers of the environment prod agreed."
      planner  = "Plans Terraform for pull requests; reads set-up and no data."
    },
  )

  # Accounts that Google makes; roles.yaml names them beside ours.
  agents = {
    storage_agent = "serviceAccount:${data.google_storage_project_service_account.lake.email_address}"
  }

  members = merge({ for name, account in google_service_account.account : name => account.member }, local.agents)
}

resource "google_service_account" "account" {
  for_each = local.accounts

  account_id   = "fees-etl-${each.key}"
  display_name = "fees-etl ${each.key}"
  description  = each.value

  depends_on = [google_project_service.api]
}

data "google_storage_project_service_account" "lake" {
  project = var.project
}
