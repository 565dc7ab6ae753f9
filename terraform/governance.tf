# National Insurance numbers: who reads them in clear, and what everybody else who may read the table is shown.
locals {
  # Alias in the contracts -> what the tag says.
  policy_tags = {
    nino = "National Insurance number, or a record that may hold one."
  }

  # Readers of raw and staging, who would otherwise get an error from SELECT *.
  masked_readers = setunion(var.readers.engineers, var.readers.senior_analysts)
}

resource "google_data_catalog_taxonomy" "pii" {
  display_name           = "fees-etl-pii"
  description            = "Personal data of clients in the fee pipeline."
  region                 = local.location
  activated_policy_types = ["FINE_GRAINED_ACCESS_CONTROL"]

  depends_on = [google_project_service.api]
}

resource "google_data_catalog_policy_tag" "tag" {
  for_each = local.policy_tags

  taxonomy     = google_data_catalog_taxonomy.pii.id
  display_name = each.key
  description  = each.value
}

# NULL and not a hash: there are so few numbers that the hash of each can be computed in minutes.
resource "google_bigquery_datapolicy_data_policy" "mask" {
  for_each = local.policy_tags

  data_policy_id   = "fees_etl_${each.key}_null"
  data_policy_type = "DATA_MASKING_POLICY"
  location         = local.location
  policy_tag       = google_data_catalog_policy_tag.tag[each.key].name

  data_masking_policy {
    predefined_expression = "ALWAYS_NULL"
  }
}

resource "google_bigquery_datapolicy_data_policy_iam_member" "masked" {
  for_each = local.masked_readers

  data_policy_id = google_bigquery_datapolicy_data_policy.mask["nino"].data_policy_id
  location       = local.location
  role           = "roles/bigquerydatapolicy.maskedReader"
  member         = each.key
}

# The accounts of the pipeline read in clear as well: roles.yaml, on policy_tag:nino.
resource "google_data_catalog_policy_tag_iam_member" "pii_reader" {
  for_each = var.pii_readers

  policy_tag = google_data_catalog_policy_tag.tag["nino"].name
  role       = "roles/datacatalog.categoryFineGrainedReader"
  member     = each.key
}
