# What runs, when, and what tells that it did not.
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

run "two_jobs_run_one_image_as_two_accounts" {
  command = plan

  assert {
    condition = { for job in google_cloud_run_v2_job.job : job.name => join(" ", job.template[0].template[0].containers[0].args) } == {
      fees-etl-ingest = "ingest"
      fees-etl-run    = "run --from stg_fees"
    }
    error_message = "The jobs must run `fees-etl ingest` and `fees-etl run --from stg_fees`."
  }

  assert {
    condition = (
      google_cloud_run_v2_job.job["ingest"].template[0].template[0].service_account == google_service_account.account["ingest"].email
      && google_cloud_run_v2_job.job["run"].template[0].template[0].service_account == google_service_account.account["transform"].email
      && google_service_account.account["ingest"].account_id != google_service_account.account["transform"].account_id
    )
    error_message = "Each job must run as its own account."
  }

  assert {
    condition     = toset([for job in google_cloud_run_v2_job.job : job.template[0].template[0].containers[0].image]) == toset([var.image])
    error_message = "Both jobs must run the same image."
  }
}

run "a_job_never_retries_by_itself" {
  command = plan

  assert {
    condition     = alltrue([for job in google_cloud_run_v2_job.job : job.template[0].template[0].max_retries == 0 && job.template[0].task_count == 1])
    error_message = "Only the workflow may retry, and only exit code 75."
  }

  assert {
    condition     = alltrue([for job in google_cloud_run_v2_job.job : tonumber(trimsuffix(job.template[0].template[0].timeout, "s")) > tonumber(local.environment_variables["FEES_ETL_DEADLINE"])])
    error_message = "A job must be cancelled by fees-etl, which says so, before it is killed."
  }
}

run "jobs_know_their_warehouse_and_keep_working_copies_in_memory" {
  command = plan

  assert {
    condition = alltrue([
      for job in google_cloud_run_v2_job.job : {
        for env in job.template[0].template[0].containers[0].env : env.name => env.value if contains(["FEES_ETL_TARGET", "FEES_ETL_WAREHOUSE", "FEES_ETL_SOURCE", "FEES_ETL_SPILL", "FEES_ETL_MAX_COST"], env.name)
        } == {
        FEES_ETL_MAX_COST  = "5"
        FEES_ETL_SOURCE    = "gs://wealth-fees-prod-lake/landing/fees/"
        FEES_ETL_SPILL     = "/spill"
        FEES_ETL_TARGET    = "prod"
        FEES_ETL_WAREHOUSE = "bigquery://wealth-fees-prod?location=EU"
      }
    ])
    error_message = "A job is told another warehouse, source or cap."
  }

  assert {
    condition = alltrue([
      for job in google_cloud_run_v2_job.job :
      job.template[0].template[0].volumes[0].empty_dir[0].medium == "MEMORY" && one(job.template[0].template[0].containers[0].volume_mounts).mount_path == "/spill"
    ])
    error_message = "Working copies hold National Insurance numbers and must not outlive the task."
  }

  assert {
    condition     = jsondecode(local.environment_variables["FEES_ETL_POLICY_TAGS"]) == { nino = google_data_catalog_policy_tag.tag["nino"].name }
    error_message = "The jobs must be told the policy tag by its alias."
  }
}

run "the_workflow_knows_its_jobs_and_its_dead_letter_topic" {
  command = plan

  assert {
    condition     = google_workflows_workflow.fees_etl.source_contents == file("./workflow.yaml")
    error_message = "The workflow must be workflow.yaml."
  }

  assert {
    condition     = toset(regexall("sys\\.get_env\\(\"([A-Z_]+)\"\\)", replace(file("./workflow.yaml"), "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID", "LANDING"))[*][0]) == toset(keys(google_workflows_workflow.fees_etl.user_env_vars))
    error_message = "workflow.yaml and its variables differ."
  }

  assert {
    condition     = google_workflows_workflow.fees_etl.user_env_vars["INGEST_JOB"] == google_cloud_run_v2_job.job["ingest"].id && google_workflows_workflow.fees_etl.user_env_vars["RUN_JOB"] == google_cloud_run_v2_job.job["run"].id
    error_message = "The workflow would start another job."
  }
}

run "new_objects_start_the_workflow" {
  command = plan

  assert {
    condition = { for one in google_eventarc_trigger.object.matching_criteria : one.attribute => one.value } == {
      bucket = "wealth-fees-prod-lake"
      type   = "google.cloud.storage.object.v1.finalized"
    }
    error_message = "The trigger must watch for finished objects of the lake."
  }

  assert {
    condition     = google_eventarc_trigger.object.destination[0].workflow == google_workflows_workflow.fees_etl.id
    error_message = "An event must start the workflow."
  }

  assert {
    condition     = contains(keys(google_project_iam_member.account), "storage_agent roles/pubsub.publisher project")
    error_message = "Cloud Storage could not publish events."
  }
}

run "prod_runs_on_schedule_in_london_time" {
  command = plan

  assert {
    condition     = !google_cloud_scheduler_job.fees_etl.paused && google_cloud_scheduler_job.fees_etl.time_zone == "Europe/London"
    error_message = "prod must run by itself."
  }

  assert {
    condition     = endswith(google_cloud_scheduler_job.fees_etl.http_target[0].uri, "${google_workflows_workflow.fees_etl.id}/executions") && base64decode(google_cloud_scheduler_job.fees_etl.http_target[0].body) == "{\"argument\":\"{}\"}"
    error_message = "The schedule must execute the workflow without an event."
  }
}

run "the_schedule_is_paused_outside_prod" {
  command = plan

  variables {
    environment = "dev"
  }

  assert {
    condition     = google_cloud_scheduler_job.fees_etl.paused && !google_monitoring_alert_policy.alert["no_good_run"].enabled
    error_message = "dev must run when asked only, and not be missed."
  }
}

run "every_metric_reads_the_jobs_and_every_alert_has_its_metric" {
  command = plan

  assert {
    condition     = alltrue([for metric in google_logging_metric.metric : startswith(metric.filter, "resource.type=\"cloud_run_job\" AND resource.labels.job_name=~\"^fees-etl-\" AND jsonPayload.event=\"finished\"")])
    error_message = "A metric would count lines of something else."
  }

  assert {
    condition = alltrue([
      for name, alert in google_monitoring_alert_policy.alert : anytrue([
        for metric in google_logging_metric.metric : strcontains(
          join("", concat(alert.conditions[0].condition_threshold[*].filter, alert.conditions[0].condition_absent[*].filter, alert.conditions[0].condition_prometheus_query_language[*].query)),
          length(alert.conditions[0].condition_prometheus_query_language) == 0 ? "\"logging.googleapis.com/user/${metric.name}\"" : "logging_googleapis_com:user_${replace(replace(metric.name, "/", "_"), "-", "_")}_sum{",
        )
      ])
    ])
    error_message = "An alert watches a metric that does not exist."
  }

  assert {
    condition     = alltrue([for metric in google_logging_metric.metric : metric.metric_descriptor[0].value_type == (metric.value_extractor == null ? "INT64" : "DISTRIBUTION")])
    error_message = "A metric with a value must be a distribution."
  }

  assert {
    condition     = alltrue([for policy in merge(google_monitoring_alert_policy.alert, { dead_letter = google_monitoring_alert_policy.dead_letter, killed = google_monitoring_alert_policy.killed, landed = google_monitoring_alert_policy.landed }) : policy.notification_channels == tolist([google_monitoring_notification_channel.email.id])])
    error_message = "An alert would tell nobody."
  }
}

run "all_that_can_go_wrong_has_an_alert" {
  command = plan

  assert {
    condition     = toset(keys(google_monitoring_alert_policy.alert)) == toset(["costly_run", "failed_run", "late_rows", "near_deadline", "no_good_run", "old_data", "overdue_fees", "refused_file", "rejected_rows", "slow_run", "unusual_fees", "unusual_rows"])
    error_message = "Failed run, absence of a good run, old data, late rows, quarantine, refused files, duration and cost need an alert each."
  }

  assert {
    condition     = alltrue([for name, alert in google_monitoring_alert_policy.alert : length(alert.conditions[0].condition_absent) == (name == "no_good_run" ? 1 : 0)])
    error_message = "Only the alert on good runs is about absence."
  }

  assert {
    condition     = google_monitoring_alert_policy.alert["no_good_run"].conditions[0].condition_absent[0].duration == "84600s"
    error_message = "Cloud Monitoring notices an absence of 23.5 hours at most."
  }
}

run "what_is_unusual_is_measured_by_the_past_of_the_same_command" {
  command = plan

  assert {
    condition     = toset([for name, alert in google_monitoring_alert_policy.alert : name if length(alert.conditions[0].condition_prometheus_query_language) == 1]) == toset(["slow_run", "unusual_rows"])
    error_message = "How long a command takes, and how many rows it stages, must be compared with its own past."
  }

  # Written out: nothing here evaluates PromQL.
  assert {
    condition = google_monitoring_alert_policy.alert["slow_run"].conditions[0].condition_prometheus_query_language[0].query == replace(replace(
      "count_over_time(PAST) >= 5 and max_over_time(NOW) > 300 and max_over_time(NOW) > 1.5 * avg_over_time(PAST) and max_over_time(NOW) > avg_over_time(PAST) + 3 * stddev_over_time(PAST)",
      "PAST", "(sum by (command, status) (increase(logging_googleapis_com:user_fees_etl_duration_sum{monitored_resource=\"cloud_run_job\"}[1h])) / (sum by (command, status) (increase(logging_googleapis_com:user_fees_etl_duration_count{monitored_resource=\"cloud_run_job\"}[1h])) > 0))[26w:1h] offset 25h"),
      "NOW", "(sum by (command, status) (increase(logging_googleapis_com:user_fees_etl_duration_sum{monitored_resource=\"cloud_run_job\"}[1h])) / (sum by (command, status) (increase(logging_googleapis_com:user_fees_etl_duration_count{monitored_resource=\"cloud_run_job\"}[1h])) > 0))[25h:1h]",
    )
    error_message = "What counts as slow is not the mean and three standard deviations, half as much again, and a floor."
  }

  # A label that a query groups by and no line fills would compare everything with everything.
  assert {
    condition = alltrue([
      for metric in google_logging_metric.metric : metric.value_extractor == null ? metric.label_extractors == null : (
        metric.label_extractors == tomap({ command = "EXTRACT(jsonPayload.command)", status = "EXTRACT(jsonPayload.status)" })
        && toset([for label in metric.metric_descriptor[0].labels : label.key]) == toset(keys(metric.label_extractors))
      )
    ])
    error_message = "A distribution must tell commands, and how they ended, apart."
  }

  # An evaluation takes an hour more than the time to the next one, and the past ends before it.
  assert {
    condition = alltrue([
      for name in ["slow_run", "unusual_rows"] : tonumber(trimsuffix(google_monitoring_alert_policy.alert[name].conditions[0].condition_prometheus_query_language[0].evaluation_interval, "s")) == 3600 * (
        tonumber(one(distinct(flatten(regexall("\\[(\\d+)h:1h\\]\\) >", google_monitoring_alert_policy.alert[name].conditions[0].condition_prometheus_query_language[0].query))))) - 1
      ) && one(distinct(flatten(regexall("\\[(\\d+)h:1h\\]\\) >", google_monitoring_alert_policy.alert[name].conditions[0].condition_prometheus_query_language[0].query)))) == one(distinct(flatten(regexall("offset (\\d+)h", google_monitoring_alert_policy.alert[name].conditions[0].condition_prometheus_query_language[0].query))))
    ])
    error_message = "A line would be judged by no evaluation, or be part of the past that it is compared with."
  }
}

run "a_command_that_nears_its_deadline_is_told_before_it_is_cancelled" {
  command = plan

  assert {
    condition     = tonumber(regex("seconds>(\\d+)", google_logging_metric.metric["runs_near_deadline"].filter)[0]) == 0.8 * tonumber(local.environment_variables["FEES_ETL_DEADLINE"])
    error_message = "The one fixed limit on a duration is four fifths of the deadline."
  }
}

run "failed_executions_wait_for_a_person" {
  command = plan

  assert {
    condition     = google_pubsub_subscription.dead_letter.message_retention_duration == "604800s" && google_pubsub_subscription.dead_letter.expiration_policy[0].ttl == ""
    error_message = "A dead letter must wait for a week, and its subscription for ever."
  }

  assert {
    condition     = strcontains(google_monitoring_alert_policy.dead_letter.conditions[0].condition_threshold[0].filter, "subscription/num_undelivered_messages")
    error_message = "A dead letter must alert."
  }
}

run "images_cannot_be_replaced_under_their_tag" {
  command = plan

  assert {
    condition     = google_artifact_registry_repository.images.docker_config[0].immutable_tags
    error_message = "A tag could be moved to another image."
  }
}

run "people_are_told_how_to_reach_the_environment" {
  command = plan

  assert {
    condition     = output.fees_etl_toml == <<-TOML
      [targets.prod]
      warehouse = "bigquery://wealth-fees-prod?location=EU"
      source = "gs://wealth-fees-prod-lake/landing/fees/"
      max_cost = 5
      policy_tags.nino = "projects/wealth-fees-prod/locations/eu/taxonomies/1/policyTags/2"
    TOML
    error_message = "The section of fees_etl.toml is not that of this environment."
  }

  assert {
    condition     = output.catalogue == "gs://wealth-fees-prod-lake/catalogue" && output.landing == "gs://wealth-fees-prod-lake/landing/fees/" && output.images == "europe-west1-docker.pkg.dev/wealth-fees-prod/fees-etl"
    error_message = "Files, pages or images would go elsewhere."
  }
}
