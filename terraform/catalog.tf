# Opt in (var.catalog): the lake and the datasets in Dataplex, a data-quality scan, and what is known about each dataset.
locals {
  zones = var.catalog ? {
    curated = { type = "CURATED", assets = { staging = "BIGQUERY_DATASET", reporting = "BIGQUERY_DATASET" } }
    raw     = { type = "RAW", assets = { lake = "STORAGE_BUCKET", raw = "BIGQUERY_DATASET" } }
  } : {}

  assets = merge([
    for zone, made in local.zones : { for name, type in made.assets : name => { zone = zone, type = type } }
  ]...)
}

resource "google_dataplex_lake" "fees" {
  count = var.catalog ? 1 : 0

  name         = "fees-etl"
  location     = var.region
  display_name = "Fees"
  description  = "Files, tables and reports of the fee pipeline."
  labels       = local.labels

  depends_on = [google_project_service.api]
}

resource "google_dataplex_zone" "zone" {
  for_each = local.zones

  name     = each.key
  lake     = google_dataplex_lake.fees[0].name
  location = var.region
  type     = each.value.type
  labels   = local.labels

  # Discovery would make tables of its own from files that hold National Insurance numbers.
  discovery_spec {
    enabled = false
  }

  resource_spec {
    location_type = var.location == "EU" ? "MULTI_REGION" : "SINGLE_REGION"
  }
}

resource "google_dataplex_asset" "asset" {
  for_each = local.assets

  name          = each.key
  lake          = google_dataplex_lake.fees[0].name
  dataplex_zone = google_dataplex_zone.zone[each.value.zone].name
  location      = var.region
  labels        = local.labels

  discovery_spec {
    enabled = false
  }

  resource_spec {
    type = each.value.type
    name = each.value.type == "STORAGE_BUCKET" ? "projects/${var.project}/buckets/${google_storage_bucket.lake.name}" : google_bigquery_dataset.dataset[each.key].id
  }
}

# An independent eye on what is published; the assertions of a run are stricter. It reads no National Insurance number.
resource "google_dataplex_datascan" "client_ltv" {
  count = var.catalog ? 1 : 0

  data_scan_id = "fees-etl-client-ltv"
  location     = var.region
  description  = "Quality of reporting.rpt_client_ltv, the morning after it is published."
  labels       = local.labels

  data {
    resource = "//bigquery.googleapis.com/${google_bigquery_dataset.dataset["reporting"].id}/tables/rpt_client_ltv"
  }

  execution_spec {
    trigger {
      schedule {
        cron = "TZ=Europe/London 0 7 * * *"
      }
    }
  }

  data_quality_spec {
    rules {
      column    = "client_id"
      dimension = "UNIQUENESS"

      uniqueness_expectation {}
    }

    rules {
      column    = "ltv_total"
      dimension = "COMPLETENESS"

      non_null_expectation {}
    }

    rules {
      dimension = "VALIDITY"

      table_condition_expectation {
        sql_expression = "COUNT(*) > 0"
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_bigquery_dataset_iam_member" "scan" {
  count = var.catalog ? 1 : 0

  dataset_id = google_bigquery_dataset.dataset["reporting"].dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-dataplex.iam.gserviceaccount.com"
}

# Aspect types follow Data Catalog's tag templates, which are deprecated.
resource "google_dataplex_aspect_type" "dataset" {
  count = var.catalog ? 1 : 0

  aspect_type_id = "fees-etl-dataset"
  location       = local.location
  display_name   = "Dataset of the fee pipeline"
  description    = "Who answers for a dataset, and how it is to be treated."
  labels         = local.labels
  metadata_template = jsonencode({
    name = "dataset"
    type = "record"
    recordFields = [
      { index = 1, name = "owner", type = "string", constraints = { required = true } },
      { index = 2, name = "domain", type = "string", constraints = { required = true } },
      { index = 3, name = "sensitivity", type = "enum", constraints = { required = true }, enumValues = [
        { index = 1, name = "internal" }, { index = 2, name = "confidential" }, { index = 3, name = "personal" },
      ] },
      { index = 4, name = "pii_columns", type = "array", arrayItems = { name = "column", type = "string" } },
      { index = 5, name = "refresh_frequency", type = "enum", enumValues = [
        { index = 1, name = "on_arrival" }, { index = 2, name = "daily" }, { index = 3, name = "monthly" },
      ] },
    ]
  })

  depends_on = [google_project_service.api]
}
