# Where data is, how it is kept, and which columns are tagged.
mock_provider "google" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  environment = "prod"
  project     = "wealth-fees-prod"
  image       = "europe-west1-docker.pkg.dev/wealth-fees-prod/fees-etl/fees-etl:1.0.0"
  alert_email = "alerts@example.com"
  sql         = "tests/contracts/tagged"
}

run "exactly_the_columns_that_have_a_tag_in_their_contracts_are_tagged" {
  command = plan

  assert {
    condition = toset(flatten([
      for name, table in google_bigquery_table.tagged : [
        for field in jsondecode(table.schema) : "${name}.${field.name}"
        if try(field.policyTags.names, []) == ["projects/wealth-fees-prod/locations/eu/taxonomies/1/policyTags/2"]
      ]
    ])) == toset(["raw.invoices.payer_number", "raw.invoices_incoming.payer_number", "raw.invoices_incoming.letter", "staging.invoices.payer_number"])
    error_message = "Other columns than those with the tag of National Insurance numbers in their contracts are tagged."
  }

  assert {
    condition = length(flatten([
      for table in google_bigquery_table.tagged : [for field in jsondecode(table.schema) : field if can(field.policyTags)]
    ])) == 4
    error_message = "A column has a tag that is not the one of National Insurance numbers."
  }

  assert {
    condition     = google_data_catalog_taxonomy.pii.activated_policy_types == tolist(["FINE_GRAINED_ACCESS_CONTROL"])
    error_message = "A tag of a taxonomy without access control protects nothing."
  }
}

run "a_table_is_what_its_contract_says" {
  command = plan

  assert {
    condition     = toset(keys(google_bigquery_table.tagged)) == toset(["raw.invoices", "raw.invoices_incoming", "staging.invoices"])
    error_message = "Terraform makes the tables with policy tags, and no others."
  }

  assert {
    condition = jsondecode(google_bigquery_table.tagged["staging.invoices"].schema) == [
      { name = "invoice", type = "INTEGER", mode = "REQUIRED", description = "Number of the invoice." },
      { name = "payer_number", type = "STRING", mode = "REQUIRED", description = "Number of who pays.", policyTags = { names = ["projects/wealth-fees-prod/locations/eu/taxonomies/1/policyTags/2"] } },
      { name = "day", type = "DATE", mode = "REQUIRED", description = "Day it is due." },
      { name = "pounds", type = "NUMERIC", mode = "NULLABLE", description = "What is owed." },
      { name = "paid", type = "BOOLEAN", mode = "NULLABLE", description = "Whether it is settled." },
      { name = "seen_at", type = "TIMESTAMP", mode = "NULLABLE", description = "When it was read." },
    ]
    error_message = "A column's name, type, mode, description or place is not that of its contract."
  }

  assert {
    condition     = google_bigquery_table.tagged["staging.invoices"].description == "One row per invoice. Typed."
    error_message = "The description is not that of the contract."
  }

  assert {
    condition = (
      google_bigquery_table.tagged["staging.invoices"].time_partitioning[0].field == "day"
      && google_bigquery_table.tagged["staging.invoices"].time_partitioning[0].type == "DAY"
      && google_bigquery_table.tagged["staging.invoices"].clustering == tolist(["invoice", "pounds"])
    )
    error_message = "A MERGE would not prune."
  }

  assert {
    condition     = length(google_bigquery_table.tagged["raw.invoices"].time_partitioning) == 0 && try(length(google_bigquery_table.tagged["raw.invoices"].clustering), 0) == 0
    error_message = "A table is partitioned or clustered that need not be."
  }

  assert {
    condition     = alltrue([for name, table in google_bigquery_table.tagged : name == "${table.dataset_id}.${table.table_id}"])
    error_message = "A table is in another dataset than its name says."
  }

  assert {
    condition     = alltrue([for table in google_bigquery_table.tagged : table.labels == tomap({ managed_by = "fees-etl", target = "prod" })])
    error_message = "The labels are not those that fees-etl gives its tables."
  }
}

run "a_table_like_another_has_its_columns_first_without_its_rules" {
  command = plan

  assert {
    condition = jsondecode(google_bigquery_table.tagged["raw.invoices_incoming"].schema) == [
      { name = "invoice", type = "INTEGER", mode = "NULLABLE", description = "Number as sent." },
      { name = "payer_number", type = "STRING", mode = "NULLABLE", description = "Number of who pays, as sent.", policyTags = { names = ["projects/wealth-fees-prod/locations/eu/taxonomies/1/policyTags/2"] } },
      { name = "letter", type = "STRING", mode = "REQUIRED", description = "The letter as sent.", policyTags = { names = ["projects/wealth-fees-prod/locations/eu/taxonomies/1/policyTags/2"] } },
      { name = "_part", type = "STRING", mode = "NULLABLE", description = "Table the row is meant for." },
    ]
    error_message = "The columns of a file in the other table come first, each may be absent and keeps its tag; then the table's own."
  }
}

run "a_folder_without_contracts_destroys_nothing" {
  command = plan

  variables {
    sql = "nowhere"
  }

  expect_failures = [google_bigquery_dataset.dataset]
}

run "a_folder_whose_contracts_have_no_tag_destroys_nothing" {
  command = plan

  variables {
    sql = "tests/contracts/untagged"
  }

  expect_failures = [google_bigquery_dataset.dataset]
}

run "files_grow_cold_after_90_days_and_after_a_year" {
  command = plan

  assert {
    condition = { for rule in google_storage_bucket.lake.lifecycle_rule : one(rule.action).storage_class => one(rule.condition).age if one(rule.action).type == "SetStorageClass" } == {
      NEARLINE = 90
      COLDLINE = 365
    }
    error_message = "Files must become NEARLINE after 90 days and COLDLINE after 365."
  }

  assert {
    condition     = join(" ", [for rule in google_storage_bucket.lake.lifecycle_rule : "${one(rule.condition).days_since_noncurrent_time} ${one(rule.condition).with_state} ${coalesce(one(rule.condition).age, 0)}" if one(rule.action).type == "Delete"]) == "2192 ARCHIVED 0"
    error_message = "Old versions go after six years, and no rule deletes a file that raw may have to be made from again."
  }
}

run "the_lake_is_private_versioned_and_recoverable" {
  command = plan

  assert {
    condition     = google_storage_bucket.lake.public_access_prevention == "enforced" && google_storage_bucket.lake.uniform_bucket_level_access
    error_message = "The lake could be opened to the public."
  }

  assert {
    condition     = google_storage_bucket.lake.versioning[0].enabled && google_storage_bucket.lake.soft_delete_policy[0].retention_duration_seconds == 7 * 24 * 60 * 60
    error_message = "A file that is overwritten or deleted must be recoverable."
  }
}

run "all_data_is_in_the_eu" {
  command = plan

  assert {
    condition     = toset(concat(values(google_bigquery_dataset.dataset)[*].location, [google_storage_bucket.lake.location])) == toset(["EU"])
    error_message = "Bucket and datasets must share one location in the EU."
  }

  assert {
    condition     = toset(keys(google_bigquery_dataset.dataset)) == toset(["history", "ops", "raw", "reporting", "staging"])
    error_message = "The datasets are raw, staging, reporting, history and ops."
  }

  assert {
    condition = (
      google_data_catalog_taxonomy.pii.region == "eu"
      && alltrue([for policy in google_bigquery_datapolicy_data_policy.mask : policy.location == "eu"])
      && google_eventarc_trigger.object.location == "eu"
    )
    error_message = "Tags protect, and events come from, their own location only."
  }

  assert {
    condition     = !contains(google_pubsub_topic.dead_letter.message_storage_policy[0].allowed_persistence_regions, "europe-west2")
    error_message = "Messages could be kept outside the EU."
  }
}

run "prod_keeps_its_data" {
  command = plan

  assert {
    condition     = !google_storage_bucket.lake.force_destroy
    error_message = "The lake of prod could be destroyed with its files."
  }

  assert {
    condition     = alltrue([for dataset in google_bigquery_dataset.dataset : !dataset.delete_contents_on_destroy])
    error_message = "A dataset of prod could be destroyed with its tables."
  }

  assert {
    condition     = alltrue([for table in google_bigquery_table.tagged : table.deletion_protection])
    error_message = "A table of prod could be destroyed or replaced."
  }

  assert {
    condition     = alltrue([for dataset in google_bigquery_dataset.dataset : dataset.max_time_travel_hours == "168"])
    error_message = "Time travel must reach back seven days."
  }

  assert {
    condition     = alltrue([for dataset in google_bigquery_dataset.dataset : dataset.default_partition_expiration_ms == null && dataset.default_table_expiration_ms == null])
    error_message = "Data may expire unnoticed."
  }
}

run "dev_can_be_taken_down" {
  command = plan

  variables {
    environment = "dev"
    project     = "wealth-fees-dev"
  }

  assert {
    condition     = google_storage_bucket.lake.force_destroy && alltrue([for table in google_bigquery_table.tagged : !table.deletion_protection])
    error_message = "What holds made-up data must be easy to remove."
  }
}

run "access_to_data_is_recorded_where_only_auditors_read" {
  command = plan

  variables {
    readers = { auditors = ["group:auditors@example.com"] }
  }

  assert {
    condition = alltrue([
      for service in ["bigquery.googleapis.com", "storage.googleapis.com"] :
      toset([for config in google_project_iam_audit_config.data[service].audit_log_config : config.log_type]) == toset(["ADMIN_READ", "DATA_READ", "DATA_WRITE"])
    ])
    error_message = "Reading or changing data would leave no record."
  }

  assert {
    condition = (
      google_logging_project_sink.audit.destination == "logging.googleapis.com/projects/wealth-fees-prod/locations/europe-west1/buckets/fees-etl-audit"
      && google_logging_project_sink.audit.filter == "logName:\"cloudaudit.googleapis.com\" AND protoPayload.serviceName=(\"bigquery.googleapis.com\" OR \"storage.googleapis.com\" OR \"datacatalog.googleapis.com\" OR \"iam.googleapis.com\" OR \"cloudresourcemanager.googleapis.com\" OR \"logging.googleapis.com\")"
      && google_logging_project_sink.audit.disabled != true
      && length(google_logging_project_sink.audit.exclusions) == 0
    )
    error_message = "The sink leaves records out, or puts them elsewhere."
  }

  assert {
    condition     = google_logging_project_bucket_config.bucket["audit"].locked && google_logging_project_bucket_config.bucket["audit"].retention_days == 400
    error_message = "Who may apply this could shorten or delete what is recorded."
  }

  assert {
    condition = { for member in google_project_iam_member.auditor : "${member.member} ${member.role}" => member.condition[0].expression } == {
      "group:auditors@example.com roles/logging.viewAccessor" = "resource.name == \"projects/wealth-fees-prod/locations/europe-west1/buckets/fees-etl-audit/views/_AllLogs\""
    }
    error_message = "Only auditors read the audit logs, and no other log by this."
  }
}

run "all_other_logs_are_in_the_eu_and_without_audit_logs" {
  command = plan

  variables {
    operators = ["group:operators@example.com"]
    readers   = { engineers = ["group:engineers@example.com"] }
  }

  assert {
    condition     = google_logging_project_sink.default.name == "_Default" && google_logging_project_sink.default.destination == "logging.googleapis.com/projects/wealth-fees-prod/locations/europe-west1/buckets/fees-etl-logs"
    error_message = "Logs would go on lying in the global bucket."
  }

  assert {
    condition     = google_logging_project_sink.default.filter == "NOT logName:\"cloudaudit.googleapis.com\" AND NOT logName:\"externalaudit.googleapis.com\""
    error_message = "Who reads logs could read the text of queries, or would miss lines."
  }

  assert {
    condition     = alltrue([for bucket in google_logging_project_bucket_config.bucket : contains(local.eu_regions, bucket.location)])
    error_message = "Logs lie outside the EU."
  }

  assert {
    condition = { for member in google_project_iam_member.log_reader : member.member => member.condition[0].expression } == {
      for member in ["group:engineers@example.com", "group:operators@example.com"] : member => "resource.name == \"projects/wealth-fees-prod/locations/europe-west1/buckets/fees-etl-logs/views/_AllLogs\""
    }
    error_message = "Who is on call reads other logs than those of the jobs."
  }
}
