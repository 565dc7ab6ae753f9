# What is known of every table, from its contract, on its entry in the catalog (var.catalog). The tables that fees-etl makes exist from
# the first run on: var.published. A term of the glossary is linked by hand: the provider has no resource for a link at 6.50.
locals {
  described = var.catalog ? {
    for name, contract in local._contracts : name => {
      owner             = try(contract.owner, "fee-data")
      domain            = "fees"
      sensitivity       = length(local._tagged_columns[name]) > 0 ? "personal" : split(".", name)[0] == "ops" ? "internal" : "confidential"
      pii_columns       = local._tagged_columns[name]
      refresh_frequency = "on_arrival"
    } if var.published || contains(keys(local.tables), name)
  } : {}

  _tagged_columns = { for name in keys(local._contracts) : name => [for column in local._columns[name] : column.name if try(column.policy_tag, null) != null] }

  # Entries are addressed by the number of the project, what they describe by its id.
  _entries = "projects/${data.google_project.this.number}/locations/${local.location}/entryGroups/@bigquery/entries"
}

# Aspect types follow Data Catalog's tag templates, which ended in June 2026.
resource "google_dataplex_aspect_type" "table" {
  count = var.catalog ? 1 : 0

  aspect_type_id = "fees-etl-table"
  location       = local.location
  display_name   = "Table of the fee pipeline"
  description    = "Who answers for a table, and how it is to be treated."
  labels         = local.labels
  metadata_template = jsonencode({
    name = "table"
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

# The entry type of BigQuery tables is Google's own, in the project of that number.
resource "google_dataplex_entry" "table" {
  for_each = local.described

  project              = data.google_project.this.number
  location             = local.location
  entry_group_id       = "@bigquery"
  entry_id             = "bigquery.googleapis.com/projects/${var.project}/datasets/${split(".", each.key)[0]}/tables/${split(".", each.key)[1]}"
  entry_type           = "projects/655216118709/locations/global/entryTypes/bigquery-table"
  fully_qualified_name = "bigquery:${var.project}.${each.key}"
  parent_entry         = "${local._entries}/bigquery.googleapis.com/projects/${var.project}/datasets/${split(".", each.key)[0]}"

  aspects {
    aspect_key = "${data.google_project.this.number}.${local.location}.${google_dataplex_aspect_type.table[0].aspect_type_id}"

    aspect {
      data = jsonencode(each.value)
    }
  }

  depends_on = [google_bigquery_table.tagged]
}
