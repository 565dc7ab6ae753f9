locals {
  # Those of sql/, a dataset a folder.
  datasets = {
    history   = "Every version of each row of reporting, with the run that published it."
    ops       = "The ledger of runs, pending fee dates and the lock of the one writer."
    raw       = "The files as sent. Holds National Insurance numbers, tagged."
    reporting = "Lifetime values by client, cohort and adviser. No National Insurance numbers."
    staging   = "Distinct fees, cleaned. Holds National Insurance numbers, tagged."
  }
}

resource "google_bigquery_dataset" "dataset" {
  #checkov:skip=CKV_GCP_81:Keys of our own are opted into by var.kms; Google encrypts with its own otherwise.
  for_each = local.datasets

  dataset_id                 = each.key
  description                = each.value
  location                   = var.location
  labels                     = local.labels
  max_time_travel_hours      = "168"
  delete_contents_on_destroy = !local.is_prod

  # Authoritative: who is not named here is not let in, which Google's defaults (readers and writers of the project, and who
  # made the dataset) would be.
  dynamic "access" {
    for_each = local.access[each.key]

    content {
      role           = access.value.role
      special_group  = access.value.kind == "special" ? access.value.who : null
      user_by_email  = access.value.kind == "serviceAccount" ? access.value.who : null
      group_by_email = access.value.kind == "group" ? access.value.who : null
    }
  }

  dynamic "default_encryption_configuration" {
    for_each = var.kms ? ["warehouse"] : []

    content {
      kms_key_name = google_kms_crypto_key.key[default_encryption_configuration.value].id
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.tables) > 0
      error_message = "No contract in ${local._sql} has a policy tag, so that every tagged table would be destroyed. Set sql to the folder of the contracts, seen from terraform/."
    }
  }

  depends_on = [google_kms_crypto_key_iam_member.agent, google_project_service.api]
}
