# What tells of files that are not published and of jobs that are killed; the dashboard.
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

run "a_file_that_is_not_published_and_a_job_that_is_killed_alert_and_nothing_else_does" {
  command = plan

  assert {
    condition = (
      google_monitoring_alert_policy.landed.combiner == "AND"
      && strcontains(google_monitoring_alert_policy.landed.conditions[0].condition_threshold[0].filter, "user/fees-etl/landed")
      && strcontains(google_monitoring_alert_policy.landed.conditions[1].condition_absent[0].filter, "user/fees-etl/good_runs")
    )
    error_message = "A file that landed, and no good run, must both be so."
  }

  assert {
    condition = (
      tonumber(trimsuffix(google_monitoring_alert_policy.landed.conditions[0].condition_threshold[0].aggregations[0].alignment_period, "s"))
      < tonumber(trimsuffix(google_monitoring_alert_policy.landed.conditions[1].condition_absent[0].duration, "s"))
      && tonumber(trimsuffix(google_monitoring_alert_policy.landed.conditions[0].condition_threshold[0].duration, "s")) >= 3600
    )
    error_message = "The silence after a run that published the file would alert, or the minutes before it."
  }

  assert {
    condition     = strcontains(google_logging_metric.landed.filter, "/objects/landing/fees/") && strcontains(google_logging_metric.landed.filter, "resource.labels.bucket_name=\"wealth-fees-prod-lake\"")
    error_message = "Other objects count as files that landed."
  }

  assert {
    condition = (
      google_monitoring_alert_policy.killed.combiner == "AND"
      && strcontains(google_monitoring_alert_policy.killed.conditions[0].condition_threshold[0].filter, "run.googleapis.com/job/completed_execution_count")
      && tonumber(trimsuffix(google_monitoring_alert_policy.killed.conditions[0].condition_threshold[0].aggregations[0].alignment_period, "s"))
      < tonumber(trimsuffix(google_monitoring_alert_policy.killed.conditions[1].condition_absent[0].duration, "s"))
    )
    error_message = "A job that could say how it ended has its own alert."
  }
}

run "the_screen_has_a_chart_of_every_metric_and_of_the_lake" {
  command = plan

  assert {
    condition = alltrue([
      for name in concat(["landed"], keys(local.signals.metrics)) : strcontains(google_monitoring_dashboard.fees_etl.dashboard_json, "user/fees-etl/${name}\\\"")
    ])
    error_message = "A metric has no chart."
  }

  assert {
    condition     = strcontains(google_monitoring_dashboard.fees_etl.dashboard_json, "storage.googleapis.com/storage/v2/total_bytes")
    error_message = "The growth of the lake is not to be seen."
  }

  assert {
    condition     = toset([for metric in google_logging_metric.metric : length(metric.bucket_options) if metric.metric_descriptor[0].value_type == "DISTRIBUTION"]) == toset([1])
    error_message = "A distribution needs its buckets."
  }
}
