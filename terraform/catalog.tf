# Opt in (var.catalog): the lake and the datasets in Dataplex, which is called Knowledge Catalog since April 2026. scans.tf and
# aspects.tf say what it looks at and what it knows of each table.
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
