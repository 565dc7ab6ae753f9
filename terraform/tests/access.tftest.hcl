# Who may do what: roles.yaml as it becomes resources, and people.
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
  readers = {
    analysts        = ["group:analysts@example.com"]
    auditors        = ["group:auditors@example.com"]
    bi              = ["group:bi@example.com"]
    engineers       = ["group:engineers@example.com"]
    senior_analysts = ["group:seniors@example.com"]
  }
}

run "ingest_writes_raw_and_ops_only" {
  command = plan

  assert {
    condition = toset([for key, grant in local.grants : "${grant.role} ${grant.name}" if grant.account == "ingest" && grant.kind == "dataset"]) == toset([
      "roles/bigquery.dataEditor raw", "roles/bigquery.dataEditor ops",
    ])
    error_message = "ingest holds another role on a dataset."
  }

  assert {
    condition     = toset([for grant in values(local.grants) : grant.role if grant.account == "ingest" && grant.kind == "bucket"]) == toset(["roles/storage.objectViewer", "roles/storage.bucketViewer"])
    error_message = "ingest may do more with the lake than read it."
  }
}

run "transform_reads_raw_and_writes_staging_reporting_and_ops" {
  command = plan

  assert {
    condition = toset([for key, grant in local.grants : "${grant.role} ${grant.name}" if grant.account == "transform" && grant.kind == "dataset"]) == toset([
      "roles/bigquery.dataViewer raw", "roles/bigquery.dataEditor staging", "roles/bigquery.dataEditor reporting", "roles/bigquery.dataEditor history", "roles/bigquery.dataEditor ops",
    ])
    error_message = "transform holds another role on a dataset."
  }

  assert {
    condition     = length([for grant in values(local.grants) : grant if grant.account == "transform" && grant.kind == "bucket"]) == 0
    error_message = "transform may read the lake."
  }
}

run "accounts_that_start_things_read_no_data" {
  command = plan

  assert {
    condition = length([
      for key, grant in local.grants : key
      if contains(["workflow", "scheduler", "eventarc"], grant.account) && contains(["dataset", "bucket", "policy_tag"], grant.kind)
    ]) == 0
    error_message = "An account that only starts things may read data."
  }

  assert {
    condition     = toset([for grant in values(local.grants) : grant.name if grant.account == "workflow" && grant.role == "roles/run.jobsExecutor"]) == toset(["ingest", "run"])
    error_message = "The workflow must start exactly the two jobs."
  }
}

run "nobody_holds_a_data_role_on_the_project" {
  command = plan

  variables {
    github_repository_id = "700000001"
  }

  assert {
    condition = length([
      for role in concat(values(google_project_iam_member.account)[*].role, values(google_project_iam_member.on_call)[*].role, values(google_project_iam_member.reader)[*].role, values(google_project_iam_member.finder)[*].role) : role
      if can(regex("^roles/(owner|editor|viewer|bigquery\\.(admin|data|user|studio)|storage\\.|datacatalog\\.categoryFine|bigquerydatapolicy\\.masked)", role))
    ]) == 0
    error_message = "A role on the project gives access to data; grant it on the dataset or the bucket."
  }

  assert {
    condition     = length(google_project_iam_member.account) > 20
    error_message = "The roles of CI must be among those looked at."
  }
}

run "only_the_pipeline_and_the_named_groups_read_ninos_in_clear" {
  command = plan

  variables {
    github_repository_id = "700000001"
    pii_readers          = ["group:fraud@example.com"]
  }

  assert {
    condition     = toset([for key, grant in local.grants : grant.account if grant.role == "roles/datacatalog.categoryFineGrainedReader"]) == toset(["ingest", "transform"])
    error_message = "Another account reads National Insurance numbers in clear."
  }

  assert {
    condition     = toset(values(google_data_catalog_policy_tag_iam_member.account)[*].member) == toset([for account in ["ingest", "transform"] : google_service_account.account[account].member])
    error_message = "The tag has other grants than those of ingest and transform."
  }

  assert {
    condition     = toset(values(google_data_catalog_policy_tag_iam_member.pii_reader)[*].member) == toset(["group:fraud@example.com"])
    error_message = "People other than pii_readers read National Insurance numbers in clear."
  }
}

run "nobody_but_the_pipeline_reads_ninos_in_clear_by_default" {
  command = plan

  assert {
    condition     = length(google_data_catalog_policy_tag_iam_member.pii_reader) == 0 && length(google_data_catalog_policy_tag_iam_member.account) == 2
    error_message = "Without pii_readers somebody reads National Insurance numbers in clear."
  }
}

run "readers_of_tagged_tables_see_no_nino" {
  command = plan

  assert {
    condition = toset(values(google_bigquery_datapolicy_data_policy_iam_member.masked)[*].member) == toset([
      for reading in values(local.readings) : reading.member if contains(["raw", "staging"], reading.dataset)
    ])
    error_message = "Readers of raw and staging, and nobody else, must be masked readers."
  }

  assert {
    condition     = alltrue([for policy in google_bigquery_datapolicy_data_policy.mask : policy.data_masking_policy[0].predefined_expression == "ALWAYS_NULL"])
    error_message = "The mask must not let a number be computed back, as the hash of one can be."
  }
}

run "each_group_of_people_reads_its_datasets_only" {
  command = plan

  assert {
    condition = toset(flatten([for dataset, made in google_bigquery_dataset.dataset : [for entry in made.access : "${dataset} group:${entry.group_by_email}" if try(length(entry.group_by_email) > 0, false)]])) == toset([
      "history group:analysts@example.com",
      "history group:bi@example.com",
      "ops group:engineers@example.com",
      "raw group:engineers@example.com",
      "reporting group:analysts@example.com",
      "reporting group:bi@example.com",
      "reporting group:engineers@example.com",
      "reporting group:seniors@example.com",
      "staging group:engineers@example.com",
      "staging group:seniors@example.com",
    ])
    error_message = "A group reads another dataset than agreed."
  }

  assert {
    condition     = toset(flatten([for dataset, entries in local.access : [for entry in entries : entry.role if entry.kind == "group"]])) == toset(["READER"])
    error_message = "People only read."
  }
}

run "every_line_of_the_roles_becomes_one_grant" {
  command = plan

  variables {
    github_repository_id = "700000001"
  }

  assert {
    condition     = length(local.grants) == sum([for roles in values(yamldecode(file("./roles.yaml"))) : length(roles)])
    error_message = "A line of roles.yaml is left out."
  }

  assert {
    condition = length(local.grants) == sum([
      length(google_project_iam_member.account), length([for grant in values(local.grants) : grant if contains(["bucket", "dataset", "folder"], grant.kind)]),
      length(google_data_catalog_policy_tag_iam_member.account), length(google_cloud_run_v2_job_iam_member.account), length(google_pubsub_topic_iam_member.account),
      length(google_artifact_registry_repository_iam_member.account), length(google_service_account_iam_member.account),
    ])
    error_message = "A line of roles.yaml names a kind of resource that iam.tf does not know."
  }
}

run "pull_requests_may_plan_and_only_main_may_deploy" {
  command = plan

  variables {
    github_repository_id = "700000001"
  }

  assert {
    condition     = google_iam_workload_identity_pool_provider.github[0].attribute_condition == "assertion.repository_id == \"700000001\"" && google_iam_workload_identity_pool_provider.github[0].oidc[0].issuer_uri == "https://token.actions.githubusercontent.com"
    error_message = "Another repository or another issuer is trusted."
  }

  assert {
    condition = google_iam_workload_identity_pool_provider.github[0].attribute_mapping == tomap({
      "google.subject"  = "assertion.sub"
      "attribute.trust" = "assertion.event_name == 'pull_request' ? 'pull_request' : (assertion.ref == 'refs/heads/main' && assertion.event_name in ['push', 'workflow_dispatch'] && has(assertion.environment) && assertion.environment == 'prod' ? 'main' : 'none')"
    })
    error_message = "A workflow that no reviewer of the environment prod let through is trusted; pull_request_target, too, has the ref of main."
  }

  assert {
    condition = (
      endswith(google_service_account_iam_member.github["deployer"].member, "/attribute.trust/main")
      && endswith(google_service_account_iam_member.github["planner"].member, "/attribute.trust/pull_request")
      && length(google_service_account_iam_member.github) == 2
    )
    error_message = "A workflow may act as another account than its kind of event."
  }

  assert {
    condition     = length([for grant in values(local.grants) : grant if grant.account == "planner" && can(regex("(?i)(admin|editor|owner$|writer|user$|executor|invoker|publisher)", grant.role))]) == 0
    error_message = "A pull request could change something."
  }
}

run "who_is_on_call_sees_failures_and_only_operators_choose_what_a_job_does" {
  command = plan

  variables {
    operators = ["group:operators@example.com"]
  }

  assert {
    condition     = toset(values(google_project_iam_member.on_call)[*].member) == setunion(var.readers.engineers, var.operators) && toset(values(google_pubsub_subscription_iam_member.on_call)[*].member) == var.readers.engineers
    error_message = "Engineers are called; operators watch what they start; nobody else."
  }

  assert {
    condition     = toset(values(google_project_iam_member.on_call)[*].role) == toset(["roles/monitoring.viewer", "roles/run.viewer", "roles/workflows.invoker", "roles/workflows.viewer"])
    error_message = "Who is on call sees, and starts the workflow as it is; nothing else."
  }

  assert {
    condition     = toset(keys(google_cloud_run_v2_job_iam_member.operator)) == toset(["ingest group:operators@example.com", "run group:operators@example.com"])
    error_message = "Only operators may run a job with other arguments, by which National Insurance numbers could be reached."
  }
}
