# What is refused before anything is planned.
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

run "an_unknown_environment_is_refused" {
  command = plan

  variables {
    environment = "staging"
  }

  expect_failures = [var.environment]
}

run "data_in_london_is_refused" {
  command = plan

  variables {
    location = "europe-west2"
  }

  expect_failures = [var.location]
}

run "data_in_the_us_is_refused" {
  command = plan

  variables {
    location = "US"
  }

  expect_failures = [var.location]
}

run "jobs_outside_the_eu_are_refused" {
  command = plan

  variables {
    region = "us-central1"
  }

  expect_failures = [var.region]
}

run "one_region_of_the_eu_holds_everything_when_asked" {
  command = plan

  variables {
    location = "europe-west3"
    region   = "europe-west3"
    kms      = true
  }

  assert {
    condition     = google_storage_bucket.lake.location == "europe-west3" && google_data_catalog_taxonomy.pii.region == "europe-west3" && google_kms_key_ring.ring["data"].location == "europe-west3"
    error_message = "Everything must follow the location."
  }
}

run "an_image_that_can_change_is_refused" {
  command = plan

  variables {
    image = "europe-west1-docker.pkg.dev/wealth-fees-prod/fees-etl/fees-etl:latest"
  }

  expect_failures = [var.image]
}

run "an_image_without_a_tag_is_refused" {
  command = plan

  variables {
    image = "europe-west1-docker.pkg.dev/wealth-fees-prod/fees-etl/fees-etl"
  }

  expect_failures = [var.image]
}

run "a_project_that_cannot_exist_is_refused" {
  command = plan

  variables {
    project = "Fees"
  }

  expect_failures = [var.project]
}

run "a_single_person_as_reader_is_refused" {
  command = plan

  variables {
    readers = { analysts = ["user:jane@example.com"] }
  }

  expect_failures = [var.readers]
}

run "the_public_as_reader_is_refused" {
  command = plan

  variables {
    readers = { bi = ["allUsers"] }
  }

  expect_failures = [var.readers]
}

run "a_single_person_as_reader_of_ninos_is_refused" {
  command = plan

  variables {
    pii_readers = ["user:jane@example.com"]
  }

  expect_failures = [var.pii_readers]
}

run "a_single_person_as_operator_is_refused" {
  command = plan

  variables {
    operators = ["user:jane@example.com"]
  }

  expect_failures = [var.operators]
}

run "an_alert_to_nobody_is_refused" {
  command = plan

  variables {
    alert_email = "nobody"
  }

  expect_failures = [var.alert_email]
}

run "audit_logs_of_a_few_days_are_refused" {
  command = plan

  variables {
    audit_days = 7
  }

  expect_failures = [var.audit_days]
}

run "a_cost_cap_of_nothing_is_refused" {
  command = plan

  variables {
    max_cost = 0
  }

  expect_failures = [var.max_cost]
}

run "a_perimeter_that_shuts_everybody_out_is_refused" {
  command = plan

  variables {
    perimeter = { access_policy = "123456" }
  }

  expect_failures = [var.perimeter]
}

run "the_name_of_a_repository_is_refused" {
  command = plan

  variables {
    github_repository_id = "example/fees-etl"
  }

  expect_failures = [var.github_repository_id]
}

run "the_public_as_uploader_is_refused" {
  command = plan

  variables {
    uploaders = ["allAuthenticatedUsers"]
  }

  expect_failures = [var.uploaders]
}

run "old_versions_of_a_few_days_are_refused" {
  command = plan

  variables {
    old_version_days = 7
  }

  expect_failures = [var.old_version_days]
}

run "a_budget_of_nothing_is_refused" {
  command = plan

  variables {
    budget = { billing_account = "000000-000000-000000", amount = 0 }
  }

  expect_failures = [var.budget]
}

run "slots_that_bigquery_does_not_sell_are_refused" {
  command = plan

  variables {
    reservation = { slots = 30 }
  }

  expect_failures = [var.reservation]
}

run "a_schedule_that_is_no_cron_line_is_refused" {
  command = plan

  variables {
    schedule = "daily"
  }

  expect_failures = [var.schedule]
}
