# The tables with policy tags, and only these: setting a tag is a right that no account of the pipeline has. All others are
# made by fees-etl from the same contracts.
locals {
  schemas = {
    for name, table in local.tables : name => [
      for field in table.schema.fields : merge(field, can(field.policyTags) ? {
        policyTags = { names = [for alias in field.policyTags.names : google_data_catalog_policy_tag.tag[alias].name] }
      } : null)
    ]
  }
}

resource "google_bigquery_table" "tagged" {
  #checkov:skip=CKV_GCP_80:The dataset's default key is used when there is one (var.kms).
  #checkov:skip=CKV_GCP_121:Protected in prod; elsewhere the data is made up and the environment may be taken down.
  for_each = local.tables

  dataset_id          = google_bigquery_dataset.dataset[split(".", each.key)[0]].dataset_id
  table_id            = split(".", each.key)[1]
  description         = each.value.description
  labels              = { managed_by = "fees-etl", target = var.environment }
  schema              = jsonencode(local.schemas[each.key])
  clustering          = try(each.value.clustering.fields, null)
  deletion_protection = local.is_prod

  dynamic "time_partitioning" {
    for_each = can(each.value.timePartitioning) ? [each.value.timePartitioning] : []

    content {
      type  = time_partitioning.value.type
      field = time_partitioning.value.field
    }
  }

  lifecycle {
    # The dataset's default key fills it in.
    ignore_changes = [encryption_configuration]
  }
}
