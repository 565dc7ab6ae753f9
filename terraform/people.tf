# Which groups of people read which dataset. A National Insurance number is masked for all of them (governance.tf).
locals {
  readers = {
    audit     = ["auditors"]
    history   = ["analysts", "bi"]
    ops       = ["engineers"]
    raw       = ["engineers"]
    reporting = ["analysts", "bi"]
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

resource "google_bigquery_dataset_iam_member" "reader" {
  for_each = local.readings

  dataset_id = google_bigquery_dataset.dataset[each.value.dataset].dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = each.value.member
}

# Reading takes a job, and jobs belong to the project.
resource "google_project_iam_member" "reader" {
  for_each = setunion(values(var.readers)...)

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = each.key
}

# Whoever is called at 3 a.m. sees what failed and starts the workflow again, as it is.
locals {
  on_call = setproduct(
    ["roles/logging.viewer", "roles/monitoring.viewer", "roles/run.viewer", "roles/workflows.invoker", "roles/workflows.viewer"],
    var.readers.engineers,
  )
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
