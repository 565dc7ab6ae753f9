# One image, two jobs, two accounts: what reads files cannot publish, and what publishes cannot read files.
locals {
  commands = {
    ingest = { account = "ingest", args = ["ingest"] }
    run    = { account = "transform", args = ["run", "--from", "stg_fees"] }
  }

  # A folder takes *.csv and *.csv.gz, and every file keeps its place in the books when the other kind comes.
  environment_variables = {
    FEES_ETL_DEADLINE    = "3300"
    FEES_ETL_MAX_COST    = tostring(var.max_cost)
    FEES_ETL_MEMORY      = "2GB"
    FEES_ETL_POLICY_TAGS = jsonencode({ for alias, tag in google_data_catalog_policy_tag.tag : alias => tag.name })
    FEES_ETL_SOURCE      = "gs://${google_storage_bucket.lake.name}/${local.landing}"
    FEES_ETL_SPILL       = "/spill"
    FEES_ETL_TARGET      = var.environment
    FEES_ETL_WAREHOUSE   = "bigquery://${var.project}?location=${var.location}"
  }

  # What sets up the client of OpenLineage, for the job that makes tables. Without a location it sends to the United States.
  lineage_variables = var.lineage ? {
    OPENLINEAGE__TRANSPORT__LOCATION   = lower(var.location)
    OPENLINEAGE__TRANSPORT__PROJECT_ID = var.project
    OPENLINEAGE__TRANSPORT__TYPE       = "gcplineage"
  } : {}
}

resource "google_cloud_run_v2_job" "job" {
  for_each = local.commands

  name                = local.jobs[each.key]
  location            = var.region
  labels              = local.labels
  deletion_protection = local.is_prod

  template {
    task_count = 1

    template {
      service_account = google_service_account.account[each.value.account].email
      # The workflow retries, and only what is safe to retry: exit code 75.
      max_retries = 0
      # After FEES_ETL_DEADLINE, so that a job that takes too long is cancelled and says so instead of being killed.
      timeout = "3600s"

      containers {
        image = var.image
        args  = each.value.args

        dynamic "env" {
          for_each = merge(local.environment_variables, each.key == "run" ? local.lineage_variables : {})

          content {
            name  = env.key
            value = env.value
          }
        }

        resources {
          limits = { cpu = "2", memory = "8Gi" }
        }

        volume_mounts {
          name       = "spill"
          mount_path = "/spill"
        }
      }

      # Working copies hold National Insurance numbers. Memory is gone with the task; a mounted bucket or NFS would keep
      # them, and cannot be written at random places as DuckDB does. The limit leaves the rest of memory to the process
      # and turns too large a file into an error that names it.
      volumes {
        name = "spill"

        empty_dir {
          medium     = "MEMORY"
          size_limit = "4Gi"
        }
      }
    }
  }

  # An image may load a column that its contracts have only now.
  depends_on = [google_bigquery_table.tagged, google_project_service.api]
}

# Opt in (var.lineage): what the run tells Data Lineage. It may write lineage, and read or delete none of others.
resource "google_project_iam_member" "lineage" {
  count = var.lineage ? 1 : 0

  project = var.project
  role    = "roles/datalineage.producer"
  member  = local.members["transform"]
}
