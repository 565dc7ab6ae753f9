# An independent eye on raw and reporting (var.catalog), by the rules of the contracts: a required column has no NULL, a unique one no
# value twice, a table rows. The assertions of a run are stricter. No rule names a column with a policy tag, which the scanner may not read.
# Its agent is made once by hand, before it gets its grant: gcloud beta services identity create --service=dataplex.googleapis.com.
locals {
  _scanned = { for name in keys(local.described) : name => local._contracts[name] if contains(["raw", "reporting"], split(".", name)[0]) }

  # Table -> its rules; a table that is only passed through is not scanned.
  scans = { for name, contract in local._scanned : name => [
    for column in local._columns[name] : { column = column.name, unique = try(column.unique, false) }
    if try(column.required, false) && try(column.policy_tag, null) == null
  ] if !endswith(name, "_incoming") }

  scanned_by = var.catalog ? { for dataset in ["raw", "reporting"] : dataset => [
    "service-${data.google_project.this.number}@gcp-sa-dataplex.iam.gserviceaccount.com",
  ] } : {}
}

resource "google_dataplex_datascan" "table" {
  for_each = local.scans

  data_scan_id = "fees-etl-${replace(each.key, "/[._]/", "-")}"
  location     = var.region
  description  = "Quality of ${each.key}, each morning."
  labels       = local.labels

  data {
    resource = "//bigquery.googleapis.com/${google_bigquery_dataset.dataset[split(".", each.key)[0]].id}/tables/${split(".", each.key)[1]}"
  }

  execution_spec {
    trigger {
      schedule {
        cron = "TZ=Europe/London 0 7 * * *"
      }
    }
  }

  data_quality_spec {
    dynamic "rules" {
      for_each = each.value

      content {
        column    = rules.value.column
        dimension = "COMPLETENESS"

        non_null_expectation {}
      }
    }

    dynamic "rules" {
      for_each = [for rule in each.value : rule if rule.unique]

      content {
        column    = rules.value.column
        dimension = "UNIQUENESS"

        uniqueness_expectation {}
      }
    }

    # What was rejected may be nothing.
    dynamic "rules" {
      for_each = endswith(each.key, "_rejected") ? [] : [1]

      content {
        dimension = "VALIDITY"

        table_condition_expectation {
          sql_expression = "COUNT(*) > 0"
        }
      }
    }

    post_scan_actions {
      notification_report {
        recipients {
          emails = [var.alert_email]
        }

        job_failure_trigger {}

        score_threshold_trigger {
          score_threshold = 100
        }
      }
    }
  }

  depends_on = [google_project_service.api, google_bigquery_table.tagged]
}
