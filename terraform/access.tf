# Who is let into each dataset: the accounts as roles.yaml says, people as people.tf says, Google's agents that scan, and the owners
# of the project, who could let themselves in anyway. A dataset takes these under their old names.
locals {
  _legacy_roles = {
    "roles/bigquery.dataEditor" = "WRITER"
    "roles/bigquery.dataOwner"  = "OWNER"
    "roles/bigquery.dataViewer" = "READER"
  }

  access = {
    for dataset in keys(local.datasets) : dataset => concat(
      [{ role = "OWNER", kind = "special", who = "projectOwners" }],
      [
        for grant in values(local.grants) : {
          role = local._legacy_roles[grant.role]
          kind = "serviceAccount"
          who  = google_service_account.account[grant.account].email
        } if grant.kind == "dataset" && grant.name == dataset
      ],
      [
        for reading in values(local.readings) : {
          role = "READER"
          kind = split(":", reading.member)[0]
          who  = split(":", reading.member)[1]
        } if reading.dataset == dataset
      ],
      [
        for agent in try(local.scanned_by[dataset], []) : { role = "READER", kind = "serviceAccount", who = agent }
      ],
    )
  }
}
