# What is off unless asked for, and what it is when asked for.
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

run "opt_ins_are_off_by_default" {
  command = plan

  assert {
    condition = alltrue([
      length(google_access_context_manager_service_perimeter.perimeter) == 0,
      length(google_bigquery_reservation.slots) == 0,
      length(google_billing_budget.month) == 0,
      length(google_dataplex_glossary.fees) == 0,
      length(google_dataplex_lake.fees) == 0,
      length(google_dataplex_datascan.client_ltv) == 0,
      length(google_dataplex_aspect_type.dataset) == 0,
      length(google_iam_workload_identity_pool.github) == 0,
      length(google_kms_key_ring.ring) == 0,
    ])
    error_message = "Something that costs or restricts is on without being asked for."
  }

  assert {
    condition     = !contains(keys(google_service_account.account), "deployer") && !contains(keys(google_service_account.account), "planner")
    error_message = "CI has an account without a repository to trust."
  }
}

run "keys_are_where_the_data_is" {
  command = plan

  variables {
    kms = true
  }

  assert {
    condition     = google_kms_key_ring.ring["data"].location == "europe" && google_kms_key_ring.ring["region"].location == var.region
    error_message = "EU datasets and buckets need a key in the KMS location europe."
  }

  assert {
    condition = (
      google_storage_bucket.lake.encryption[0].default_kms_key_name == google_kms_crypto_key.key["lake"].id
      && alltrue([for dataset in google_bigquery_dataset.dataset : dataset.default_encryption_configuration[0].kms_key_name == google_kms_crypto_key.key["warehouse"].id])
      && google_pubsub_topic.dead_letter.kms_key_name == google_kms_crypto_key.key["dead-letter"].id
      && google_artifact_registry_repository.images.kms_key_name == google_kms_crypto_key.key["images"].id
    )
    error_message = "A store is not encrypted with its key."
  }

  assert {
    condition     = toset(keys(google_kms_crypto_key_iam_member.agent)) == toset(keys(google_kms_crypto_key.key)) && alltrue([for key in google_kms_crypto_key.key : key.rotation_period == "7776000s"])
    error_message = "Each key has one user and rotates every 90 days."
  }
}

run "the_catalog_describes_datasets_and_discovers_nothing" {
  command = plan

  variables {
    catalog = true
  }

  assert {
    condition     = [for field in jsondecode(google_dataplex_aspect_type.dataset[0].metadata_template).recordFields : field.name] == ["owner", "domain", "sensitivity", "pii_columns", "refresh_frequency"]
    error_message = "A dataset is described by owner, domain, sensitivity, pii_columns and refresh_frequency."
  }

  assert {
    condition     = alltrue([for made in concat(values(google_dataplex_zone.zone), values(google_dataplex_asset.asset)) : !made.discovery_spec[0].enabled])
    error_message = "Discovery would make tables from files that hold National Insurance numbers."
  }

  assert {
    condition     = toset(keys(google_dataplex_asset.asset)) == toset(["lake", "raw", "reporting", "staging"])
    error_message = "The catalog holds the lake and the three layers."
  }

  assert {
    condition     = endswith(google_dataplex_datascan.client_ltv[0].data[0].resource, "/tables/rpt_client_ltv")
    error_message = "The scan must read a report, which holds no National Insurance number."
  }
}

run "the_glossary_says_what_the_reports_mean" {
  command = plan

  variables {
    glossary = true
  }

  assert {
    condition     = toset(keys(google_dataplex_glossary_term.term)) == toset(["cohort", "first-touch-attribution", "late", "ltv", "window"])
    error_message = "The glossary has the terms of sql/glossary.yml."
  }
}

run "slots_are_of_an_edition_with_column_security" {
  command = plan

  variables {
    reservation = {}
  }

  assert {
    condition     = google_bigquery_reservation.slots[0].edition == "ENTERPRISE" && google_bigquery_reservation.slots[0].location == "EU"
    error_message = "STANDARD has no column-level security."
  }
}

run "a_perimeter_begins_as_a_dry_run" {
  command = plan

  variables {
    perimeter = { access_policy = "123456", members = ["user:admin@example.com"] }
  }

  assert {
    condition = (
      google_access_context_manager_service_perimeter.perimeter["fees_etl"].use_explicit_dry_run_spec
      && length(google_access_context_manager_service_perimeter.perimeter["fees_etl"].spec) == 1
      && length(google_access_context_manager_service_perimeter.perimeter["fees_etl"].status) == 0
    )
    error_message = "The first apply of a perimeter must not refuse anything."
  }
}

run "a_perimeter_is_enforced_when_asked" {
  command = plan

  variables {
    perimeter = { access_policy = "123456", members = ["user:admin@example.com"], dry_run = false }
  }

  assert {
    condition     = contains(google_access_context_manager_service_perimeter.perimeter["fees_etl"].status[0].restricted_services, "bigquery.googleapis.com") && length(google_access_context_manager_service_perimeter.perimeter["fees_etl"].spec) == 0
    error_message = "An enforced perimeter must restrict BigQuery."
  }
}

run "a_budget_warns_before_it_is_spent" {
  command = plan

  variables {
    budget = { billing_account = "000000-000000-000000", amount = 200 }
  }

  assert {
    condition     = min(google_billing_budget.month[0].threshold_rules[*].threshold_percent...) < 1 && google_billing_budget.month[0].amount[0].specified_amount[0].units == "200"
    error_message = "A budget must warn before it is spent."
  }
}
