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
      length(google_dataplex_datascan.table) == 0,
      length(google_dataplex_aspect_type.table) == 0,
      length(google_dataplex_entry.table) == 0,
      length(google_data_loss_prevention_discovery_config.tables) == 0,
      length(google_project_iam_member.finder) == 0,
      length(google_project_iam_member.lineage) == 0,
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

run "the_catalog_describes_tables_and_makes_none_of_files" {
  command = plan

  variables {
    catalog = true
  }

  assert {
    condition     = [for field in jsondecode(google_dataplex_aspect_type.table[0].metadata_template).recordFields : field.name] == ["owner", "domain", "sensitivity", "pii_columns", "refresh_frequency"]
    error_message = "A table is described by owner, domain, sensitivity, pii_columns and refresh_frequency."
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
    condition     = jsonencode({ for name, entry in google_dataplex_entry.table : name => jsondecode(one(entry.aspects).aspect[0].data).pii_columns }) == jsonencode({ "raw.invoices" = ["payer_number"], "raw.invoices_incoming" = ["payer_number", "letter"], "staging.invoices" = ["payer_number"] })
    error_message = "Before the first run the catalog can only describe the tables that Terraform makes, with their tagged columns."
  }

  assert {
    condition     = one(google_dataplex_entry.table["raw.invoices"].aspects).aspect_key == "123456789012.eu.fees-etl-table" && jsondecode(one(google_dataplex_entry.table["raw.invoices"].aspects).aspect[0].data).sensitivity == "personal" && google_dataplex_entry.table["raw.invoices"].entry_id == "bigquery.googleapis.com/projects/wealth-fees-prod/datasets/raw/tables/invoices"
    error_message = "An aspect is addressed by the number of the project, its table by the id."
  }

  assert {
    condition     = toset(keys(google_dataplex_datascan.table)) == toset(["raw.invoices"])
    error_message = "Tables of raw and reporting are scanned, once they exist; what is only passed through is not."
  }

  assert {
    condition     = alltrue(flatten([for scan in google_dataplex_datascan.table : [for rule in scan.data_quality_spec[0].rules : !contains(["payer_number", "letter"], coalesce(rule.column, "-"))]]))
    error_message = "A scan reads a column with a policy tag."
  }

  assert {
    condition     = alltrue([for scan in google_dataplex_datascan.table : scan.data_quality_spec[0].post_scan_actions[0].notification_report[0].recipients[0].emails == tolist(["alerts@example.com"]) && scan.data_quality_spec[0].post_scan_actions[0].notification_report[0].score_threshold_trigger[0].score_threshold == 100])
    error_message = "A scan that finds something would tell nobody."
  }

  assert {
    condition     = toset([for dataset, made in google_bigquery_dataset.dataset : dataset if length([for entry in made.access : entry if entry.user_by_email == "service-123456789012@gcp-sa-dataplex.iam.gserviceaccount.com" && entry.role == "READER"]) == 1]) == toset(["raw", "reporting"])
    error_message = "The scanner reads raw and reporting, and nothing else."
  }
}

run "after_the_first_run_every_table_of_a_contract_is_described" {
  command = plan

  variables {
    catalog   = true
    published = true
  }

  assert {
    condition     = toset(keys(google_dataplex_entry.table)) == toset(["raw.invoices", "raw.invoices_incoming", "raw.letters", "staging.invoices"])
    error_message = "A table of a contract is not described."
  }
}

run "discovery_looks_for_ninos_and_tags_what_it_finds" {
  command = plan

  variables {
    discovery = true
  }

  assert {
    condition     = google_data_loss_prevention_inspect_template.nino[0].inspect_config[0].info_types[0].name == "UK_NATIONAL_INSURANCE_NUMBER" && google_data_loss_prevention_inspect_template.nino[0].inspect_config[0].custom_info_types[0].info_type[0].name == "NINO" && google_data_loss_prevention_inspect_template.nino[0].inspect_config[0].include_quote != true
    error_message = "Discovery looks for something else, or quotes what it finds."
  }

  assert {
    condition = alltrue([for number in ["QQ123456C", "qq 12 34 56 c", "AB-12-34-56-D"] : can(regex(google_data_loss_prevention_inspect_template.nino[0].inspect_config[0].custom_info_types[0].regex[0].pattern, number))]) && alltrue([
      for other in ["C001234", "fees_2025_09.csv", "CL123456"] : !can(regex(google_data_loss_prevention_inspect_template.nino[0].inspect_config[0].custom_info_types[0].regex[0].pattern, other))
    ])
    error_message = "The pattern misses numbers or takes others for one."
  }

  assert {
    condition     = google_data_loss_prevention_discovery_config.tables[0].actions[0].tag_resources[0].tag_conditions[0].tag[0].namespaced_value == "wealth-fees-prod/fees-etl-sensitivity/high" && google_data_loss_prevention_discovery_config.tables[0].status == "RUNNING" && google_data_loss_prevention_discovery_config.tables[0].location == "europe"
    error_message = "What is found is not tagged, or nothing is looked for where the data is."
  }

  assert {
    condition     = toset([for grant in google_project_iam_member.finder : grant.role]) == toset(["roles/dlp.projectdriver", "roles/resourcemanager.tagUser"]) && toset([for grant in google_project_iam_member.finder : grant.member]) == toset(["serviceAccount:service-123456789012@dlp-api.iam.gserviceaccount.com"])
    error_message = "Another than Google's own agent profiles."
  }
}

run "the_glossary_says_what_the_reports_mean" {
  command = plan

  variables {
    glossary = true
  }

  assert {
    condition     = { for name, one in google_dataplex_glossary_term.term : name => one.description } == { cohort = "Clients of one month.", late = "After its day." }
    error_message = "The glossary has the words of the project's glossary.yml, and no others."
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
    condition = toset(google_access_context_manager_service_perimeter.perimeter["fees_etl"].status[0].restricted_services) == toset([
      "artifactregistry.googleapis.com", "bigquery.googleapis.com", "datacatalog.googleapis.com", "logging.googleapis.com", "pubsub.googleapis.com", "run.googleapis.com", "storage.googleapis.com",
    ]) && length(google_access_context_manager_service_perimeter.perimeter["fees_etl"].spec) == 0
    error_message = "An enforced perimeter must restrict every service that holds data."
  }

  assert {
    condition     = length(setsubtract(values(google_service_account.account)[*].member, google_access_context_manager_access_level.inside["fees_etl"].basic[0].conditions[0].members)) == 0
    error_message = "An enforced perimeter would shut out our own jobs."
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

run "lineage_is_told_by_the_run_in_its_own_location" {
  command = plan

  variables {
    lineage = true
  }

  assert {
    condition     = [for member in google_project_iam_member.lineage : "${member.role} ${member.member}"] == ["roles/datalineage.producer serviceAccount:${google_service_account.account["transform"].email}"]
    error_message = "The account of the run, and no other, writes lineage."
  }

  assert {
    condition = { for name, job in google_cloud_run_v2_job.job : name => {
      for env in job.template[0].template[0].containers[0].env : env.name => env.value if startswith(env.name, "OPENLINEAGE_")
      } } == {
      ingest = {}
      run    = { OPENLINEAGE__TRANSPORT__LOCATION = "eu", OPENLINEAGE__TRANSPORT__PROJECT_ID = "wealth-fees-prod", OPENLINEAGE__TRANSPORT__TYPE = "gcplineage" }
    }
    error_message = "The run must send its lineage to this project, and where the data is."
  }

  assert {
    condition     = contains(keys(google_project_service.api), "datalineage")
    error_message = "Data Lineage is not enabled."
  }
}
