# Which groups of people read which dataset (access.tf lets them in); auditors read the audit logs (audit.tf). A National Insurance number is masked for all of them (governance.tf).
locals {
  readers = {
    history   = ["analysts", "bi"]
    ops       = ["engineers"]
    raw       = ["engineers"]
    reporting = ["analysts", "bi", "engineers", "senior_analysts"]
    staging   = ["engineers", "senior_analysts"]
  }

  # "dataset member" -> both.
  readings = merge(flatten([
    for dataset, groups in local.readers : [
      for group in groups : {
        for member in var.readers[group] : "${dataset} ${member}" => { dataset = dataset, member = member }
      }
    ]
  ])...)
}

# Reading takes a job, and jobs belong to the project.
resource "google_project_iam_member" "reader" {
  for_each = toset([for reading in values(local.readings) : reading.member])

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = each.key
}

# Whoever is called at 3 a.m. sees what failed and starts the workflow again, as it is. Operators watch what they start.
locals {
  on_call = setproduct(
    ["roles/monitoring.viewer", "roles/run.viewer", "roles/workflows.invoker", "roles/workflows.viewer"],
    setunion(var.readers.engineers, var.operators),
  )
}

# The logs of jobs and workflow, which hold no National Insurance number; not those of who read what (audit.tf).
resource "google_project_iam_member" "log_reader" {
  for_each = setunion(var.readers.engineers, var.operators)

  project = var.project
  role    = "roles/logging.viewAccessor"
  member  = each.key

  condition {
    title      = "Logs of the fee pipeline"
    expression = "resource.name == \"${google_logging_project_bucket_config.bucket["logs"].id}/views/_AllLogs\""
  }
}

resource "google_project_iam_member" "on_call" {
  for_each = { for pair in local.on_call : join(" ", pair) => { role = pair[0], member = pair[1] } }

  project = var.project
  role    = each.value.role
  member  = each.value.member
}

resource "google_pubsub_subscription_iam_member" "on_call" {
  for_each = var.readers.engineers

  subscription = google_pubsub_subscription.dead_letter.name
  role         = "roles/pubsub.subscriber"
  member       = each.key
}

# A backfill is a job with other arguments. Whoever sets them sets its environment too, so could send what the job reads to
# another warehouse: these groups are as trusted as those that read National Insurance numbers.
resource "google_cloud_run_v2_job_iam_member" "operator" {
  for_each = { for pair in setproduct(keys(local.jobs), var.operators) : join(" ", pair) => { job = pair[0], member = pair[1] } }

  location = var.region
  name     = google_cloud_run_v2_job.job[each.value.job].name
  role     = "roles/run.jobsExecutorWithOverrides"
  member   = each.value.member
}
