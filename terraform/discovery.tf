# Opt in (var.discovery): Sensitive Data Protection looks in every table for National Insurance numbers, and tags the tables in which
# it found some. It is not given the policy tag: what it finds is where no number should be, in columns that have no tag.
locals {
  _finder = "serviceAccount:service-${data.google_project.this.number}@dlp-api.iam.gserviceaccount.com"
}

resource "google_data_loss_prevention_inspect_template" "nino" {
  count = var.discovery ? 1 : 0

  parent       = "projects/${var.project}/locations/${local.kms_location}"
  display_name = "fees-etl: National Insurance numbers"
  description  = "Google's detector, and numbers written with separators or as test numbers (QQ), which it leaves out."

  inspect_config {
    min_likelihood = "POSSIBLE"
    include_quote  = false

    info_types {
      name = "UK_NATIONAL_INSURANCE_NUMBER"
    }

    custom_info_types {
      likelihood = "LIKELY"

      info_type {
        name = "NINO"
      }

      regex {
        pattern = "(?i)\\b[a-z]{2}[ ./_-]?(?:[0-9]{2}[ ./_-]?){3}[a-dfmp]\\b"
      }

      sensitivity_score {
        score = "SENSITIVITY_HIGH"
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_tags_tag_key" "sensitivity" {
  count = var.discovery ? 1 : 0

  parent      = "projects/${var.project}"
  short_name  = "fees-etl-sensitivity"
  description = "What Sensitive Data Protection found in a table."
}

resource "google_tags_tag_value" "high" {
  count = var.discovery ? 1 : 0

  parent      = google_tags_tag_key.sensitivity[0].id
  short_name  = "high"
  description = "Holds what looks like National Insurance numbers."
}

resource "google_data_loss_prevention_discovery_config" "tables" {
  count = var.discovery ? 1 : 0

  parent            = "projects/${var.project}/locations/${local.kms_location}"
  location          = local.kms_location
  display_name      = "fees-etl"
  status            = "RUNNING"
  inspect_templates = [google_data_loss_prevention_inspect_template.nino[0].id]

  targets {
    big_query_target {
      filter {
        other_tables {}
      }

      cadence {
        schema_modified_cadence {
          types     = ["SCHEMA_NEW_COLUMNS"]
          frequency = "UPDATE_FREQUENCY_DAILY"
        }

        table_modified_cadence {
          types     = ["TABLE_MODIFIED_TIMESTAMP"]
          frequency = "UPDATE_FREQUENCY_MONTHLY"
        }
      }
    }
  }

  actions {
    tag_resources {
      profile_generations_to_tag = ["PROFILE_GENERATION_NEW", "PROFILE_GENERATION_UPDATE"]

      tag_conditions {
        tag {
          namespaced_value = "${var.project}/${google_tags_tag_key.sensitivity[0].short_name}/${google_tags_tag_value.high[0].short_name}"
        }

        sensitivity_score {
          score = "SENSITIVITY_HIGH"
        }
      }
    }
  }

  depends_on = [google_project_iam_member.finder]
}

# Profiling belongs to the project: there is no narrower place for these two.
resource "google_project_iam_member" "finder" {
  for_each = toset(var.discovery ? ["roles/dlp.projectdriver", "roles/resourcemanager.tagUser"] : [])

  project = var.project
  role    = each.key
  member  = local._finder
}
