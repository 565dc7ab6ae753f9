# Opt in (var.perimeter): data cannot be copied to a project outside, whatever the rights of who tries. First as a dry run:
# read what it would have refused in the audit logs for a month, then set dry_run = false. The jobs reach BigQuery and the bucket
# from the internet's side, so their accounts must be let in like people.
locals {
  perimeters = var.perimeter == null ? {} : { fees_etl = var.perimeter }

  restricted_services = [
    "artifactregistry.googleapis.com", "bigquery.googleapis.com", "datacatalog.googleapis.com", "logging.googleapis.com",
    "pubsub.googleapis.com", "run.googleapis.com", "storage.googleapis.com",
  ]
}

resource "google_access_context_manager_access_level" "inside" {
  for_each = local.perimeters

  parent = "accessPolicies/${each.value.access_policy}"
  name   = "accessPolicies/${each.value.access_policy}/accessLevels/${each.key}_${var.environment}"
  title  = "${each.key}_${var.environment}"

  basic {
    combining_function = "OR"

    dynamic "conditions" {
      for_each = [setunion(each.value.members, values(google_service_account.account)[*].member)]

      content {
        members = conditions.value
      }
    }

    dynamic "conditions" {
      for_each = length(each.value.subnetworks) > 0 ? [each.value.subnetworks] : []

      content {
        ip_subnetworks = conditions.value
      }
    }
  }
}

resource "google_access_context_manager_service_perimeter" "perimeter" {
  for_each = local.perimeters

  parent                    = "accessPolicies/${each.value.access_policy}"
  name                      = "accessPolicies/${each.value.access_policy}/servicePerimeters/${each.key}_${var.environment}"
  title                     = "${each.key}_${var.environment}"
  use_explicit_dry_run_spec = each.value.dry_run

  dynamic "spec" {
    for_each = each.value.dry_run ? [local.restricted_services] : []

    content {
      access_levels       = [google_access_context_manager_access_level.inside[each.key].name]
      resources           = ["projects/${data.google_project.this.number}"]
      restricted_services = spec.value
    }
  }

  dynamic "status" {
    for_each = each.value.dry_run ? [] : [local.restricted_services]

    content {
      access_levels       = [google_access_context_manager_access_level.inside[each.key].name]
      resources           = ["projects/${data.google_project.this.number}"]
      restricted_services = status.value
    }
  }
}
