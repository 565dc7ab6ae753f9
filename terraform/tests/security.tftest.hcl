# The whole of who may do what on data, written out: whatever is added or widened differs from this.
mock_provider "google" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  environment          = "prod"
  project              = "wealth-fees-prod"
  image                = "europe-west1-docker.pkg.dev/wealth-fees-prod/fees-etl/fees-etl:1.0.0"
  alert_email          = "alerts@example.com"
  sql                  = "tests/contracts/tagged"
  github_repository_id = "700000001"
  catalog              = true
  discovery            = true
  kms                  = true
  operators            = ["group:operators@example.com"]
  pii_readers          = ["group:fraud@example.com"]
  perimeter            = { access_policy = "123456", dry_run = false, members = ["group:admins@example.com"] }
  uploaders            = ["group:uploaders@example.com"]
  readers = {
    analysts        = ["group:analysts@example.com"]
    auditors        = ["group:auditors@example.com"]
    bi              = ["serviceAccount:bi@example.iam.gserviceaccount.com"]
    engineers       = ["group:engineers@example.com"]
    senior_analysts = ["group:seniors@example.com"]
  }
}

run "everything_is_as_written" {
  command = plan

  assert {
    condition = jsondecode(google_storage_bucket_iam_policy.lake.policy_data) == {
      bindings = [
        { role = "projects/wealth-fees-prod/roles/feesEtlBucket", members = ["serviceAccount:fees-etl-deployer@wealth-fees-prod.iam.gserviceaccount.com"] },
        { role = "roles/storage.bucketViewer", members = ["serviceAccount:fees-etl-ingest@wealth-fees-prod.iam.gserviceaccount.com"] },
        { role = "roles/storage.legacyBucketOwner", members = ["projectOwner:wealth-fees-prod"] },
        { role = "roles/storage.objectUser", members = ["group:uploaders@example.com"] },
        { role = "roles/storage.objectViewer", members = ["serviceAccount:fees-etl-ingest@wealth-fees-prod.iam.gserviceaccount.com"] },
      ]
    }
    error_message = "Somebody else, or with more, is let into the lake."
  }

  assert {
    condition = google_storage_managed_folder.catalogue.name == "catalogue/" && google_storage_managed_folder_iam_policy.catalogue.managed_folder == "catalogue/" && jsondecode(google_storage_managed_folder_iam_policy.catalogue.policy_data) == {
      bindings = [
        { role = "roles/storage.objectUser", members = ["serviceAccount:fees-etl-deployer@wealth-fees-prod.iam.gserviceaccount.com"] },
        { role = "roles/storage.objectViewer", members = ["group:analysts@example.com", "group:auditors@example.com", "group:engineers@example.com", "group:seniors@example.com"] },
      ]
    }
    error_message = "CI writes the catalogue and readers read it: nothing else, nobody else, nowhere else in the lake."
  }

  assert {
    condition = jsonencode({ for dataset, made in google_bigquery_dataset.dataset : dataset => sort([
      for one in made.access : join(" ", [one.role, replace(coalesce(one.special_group, one.group_by_email, one.user_by_email), "/@.*/", "")])
      ]) }) == jsonencode({
      history   = ["OWNER fees-etl-deployer", "OWNER projectOwners", "READER analysts", "READER bi", "WRITER fees-etl-transform"]
      ops       = ["OWNER fees-etl-deployer", "OWNER projectOwners", "READER engineers", "WRITER fees-etl-ingest", "WRITER fees-etl-transform"]
      raw       = ["OWNER fees-etl-deployer", "OWNER projectOwners", "READER engineers", "READER fees-etl-transform", "READER service-123456789012", "WRITER fees-etl-ingest"]
      reporting = ["OWNER fees-etl-deployer", "OWNER projectOwners", "READER analysts", "READER bi", "READER engineers", "READER seniors", "READER service-123456789012", "WRITER fees-etl-transform"]
      staging   = ["OWNER fees-etl-deployer", "OWNER projectOwners", "READER engineers", "READER seniors", "WRITER fees-etl-transform"]
    })
    error_message = "Somebody else, or with more, is let into a dataset: Google's defaults are replaced by exactly these."
  }

  assert {
    condition     = alltrue(flatten([for made in google_bigquery_dataset.dataset : [for one in made.access : length(compact([one.special_group, one.group_by_email, one.user_by_email])) == 1 && try(one.iam_member, "") != "allUsers"]]))
    error_message = "An entry of a dataset lets in nobody or two."
  }

  assert {
    condition     = toset([for member in google_project_iam_member.reader : "${member.role} ${member.member}"]) == toset([for name in ["group:analysts@example.com", "group:engineers@example.com", "group:seniors@example.com", "serviceAccount:bi@example.iam.gserviceaccount.com"] : "roles/bigquery.jobUser ${name}"])
    error_message = "Readers start queries in the project; nothing else."
  }

  assert {
    condition     = toset([for member in google_cloud_run_v2_job_iam_member.operator : "${member.role} ${member.member}"]) == toset(["roles/run.jobsExecutorWithOverrides group:operators@example.com"])
    error_message = "Operators start jobs; nothing else."
  }

  assert {
    condition     = toset([for member in google_pubsub_subscription_iam_member.on_call : "${member.role} ${member.member} ${member.subscription}"]) == toset(["roles/pubsub.subscriber group:engineers@example.com fees-etl-dead-letter"])
    error_message = "Engineers read dead letters; nothing else."
  }

  assert {
    condition     = toset([for member in google_data_catalog_policy_tag_iam_member.pii_reader : "${member.role} ${member.member}"]) == toset(["roles/datacatalog.categoryFineGrainedReader group:fraud@example.com"])
    error_message = "The tag has other readers than those named."
  }

  assert {
    condition     = toset([for member in google_bigquery_datapolicy_data_policy_iam_member.masked : member.role]) == toset(["roles/bigquerydatapolicy.maskedReader"])
    error_message = "A masked reader may do more than read masked."
  }

  assert {
    condition     = toset([for member in google_service_account_iam_member.github : member.role]) == toset(["roles/iam.workloadIdentityUser"])
    error_message = "A workflow may do more with an account than act as it."
  }

  assert {
    condition     = alltrue([for member in google_kms_crypto_key_iam_member.agent : member.role == "roles/cloudkms.cryptoKeyEncrypterDecrypter" && can(regex("^serviceAccount:.+", member.member))])
    error_message = "A key has another user than Google's agent of its store."
  }

  assert {
    condition = jsonencode({ for name, role in google_project_iam_custom_role.role : name => sort(role.permissions) }) == jsonencode({
      for name, role in yamldecode(file("./custom_roles.yaml")) : name => sort(role.permissions)
    })
    error_message = "A role of ours is not what custom_roles.yaml says."
  }

  assert {
    condition     = google_storage_bucket.lake.public_access_prevention == "enforced" && google_storage_bucket.lake.uniform_bucket_level_access
    error_message = "The lake could be opened to the public."
  }

  # What is told apart more finely in the other files is pinned here as well, so that one plan notices any of it.
  assert {
    condition = (
      google_iam_workload_identity_pool_provider.github[0].oidc[0].issuer_uri == "https://token.actions.githubusercontent.com"
      && google_iam_workload_identity_pool_provider.github[0].attribute_condition == "assertion.repository_id == \"700000001\""
      && sha256(google_iam_workload_identity_pool_provider.github[0].attribute_mapping["attribute.trust"]) == "d34cbded7052a9ad2b02792e314115aa56c71b30108bc4d5f750e995db6c8a1f"
      && [for name, member in google_service_account_iam_member.github : "${name} ${basename(member.member)}"] == ["deployer main", "planner pull_request"]
    )
    error_message = "Another issuer, repository or kind of workflow is trusted; where that is meant, pin the new mapping."
  }

  assert {
    condition = (
      alltrue([for policy in google_bigquery_datapolicy_data_policy.mask : policy.data_masking_policy[0].predefined_expression == "ALWAYS_NULL"])
      && google_data_catalog_taxonomy.pii.activated_policy_types == tolist(["FINE_GRAINED_ACCESS_CONTROL"])
    )
    error_message = "The tag or its mask protects less."
  }

  assert {
    condition = (
      alltrue([for config in google_project_iam_audit_config.data : length(config.audit_log_config) == 3])
      && length(regexall("googleapis.com", google_logging_project_sink.audit.filter)) == 7
      && google_logging_project_bucket_config.bucket["audit"].retention_days == 400
      && google_logging_project_bucket_config.bucket["audit"].locked
      && google_logging_project_sink.default.name == "_Default"
      && length(regexall("NOT logName", google_logging_project_sink.default.filter)) == 2
      && alltrue([for member in merge(google_project_iam_member.auditor, google_project_iam_member.log_reader) : length(member.condition) == 1])
    )
    error_message = "What is recorded, how long it is kept, or who reads it differs."
  }

  assert {
    condition = (
      toset(google_access_context_manager_service_perimeter.perimeter["fees_etl"].status[0].restricted_services) == toset([for name in ["artifactregistry", "bigquery", "datacatalog", "logging", "pubsub", "run", "storage"] : "${name}.googleapis.com"])
      && google_artifact_registry_repository.images.docker_config[0].immutable_tags
      && alltrue([for table in google_bigquery_table.tagged : table.deletion_protection])
      && alltrue([for job in google_cloud_run_v2_job.job : job.template[0].template[0].volumes[0].empty_dir[0].medium == "MEMORY"])
      && google_data_loss_prevention_inspect_template.nino[0].inspect_config[0].include_quote != true
      && alltrue(flatten([for scan in google_dataplex_datascan.table : [for rule in scan.data_quality_spec[0].rules : !contains(["payer_number", "letter"], coalesce(rule.column, "-"))]]))
      && length([for rule in google_storage_bucket.lake.lifecycle_rule : rule if one(rule.action).type == "Delete" && one(rule.condition).days_since_noncurrent_time == 2192 && one(rule.condition).with_state == "ARCHIVED"]) == 1
    )
    error_message = "A service, a tag, a table, a working copy, a finding, a scan or an old version is protected less."
  }
}
