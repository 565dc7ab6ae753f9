# What Google would answer: every identity is different, so that a rule about one is not true of another by chance.

override_resource {
  target = google_service_account.account["deployer"]
  values = {
    email  = "fees-etl-deployer@wealth-fees-prod.iam.gserviceaccount.com"
    id     = "projects/wealth-fees-prod/serviceAccounts/fees-etl-deployer@wealth-fees-prod.iam.gserviceaccount.com"
    member = "serviceAccount:fees-etl-deployer@wealth-fees-prod.iam.gserviceaccount.com"
    name   = "projects/wealth-fees-prod/serviceAccounts/fees-etl-deployer@wealth-fees-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.account["eventarc"]
  values = {
    email  = "fees-etl-eventarc@wealth-fees-prod.iam.gserviceaccount.com"
    id     = "projects/wealth-fees-prod/serviceAccounts/fees-etl-eventarc@wealth-fees-prod.iam.gserviceaccount.com"
    member = "serviceAccount:fees-etl-eventarc@wealth-fees-prod.iam.gserviceaccount.com"
    name   = "projects/wealth-fees-prod/serviceAccounts/fees-etl-eventarc@wealth-fees-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.account["ingest"]
  values = {
    email  = "fees-etl-ingest@wealth-fees-prod.iam.gserviceaccount.com"
    id     = "projects/wealth-fees-prod/serviceAccounts/fees-etl-ingest@wealth-fees-prod.iam.gserviceaccount.com"
    member = "serviceAccount:fees-etl-ingest@wealth-fees-prod.iam.gserviceaccount.com"
    name   = "projects/wealth-fees-prod/serviceAccounts/fees-etl-ingest@wealth-fees-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.account["planner"]
  values = {
    email  = "fees-etl-planner@wealth-fees-prod.iam.gserviceaccount.com"
    id     = "projects/wealth-fees-prod/serviceAccounts/fees-etl-planner@wealth-fees-prod.iam.gserviceaccount.com"
    member = "serviceAccount:fees-etl-planner@wealth-fees-prod.iam.gserviceaccount.com"
    name   = "projects/wealth-fees-prod/serviceAccounts/fees-etl-planner@wealth-fees-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.account["scheduler"]
  values = {
    email  = "fees-etl-scheduler@wealth-fees-prod.iam.gserviceaccount.com"
    id     = "projects/wealth-fees-prod/serviceAccounts/fees-etl-scheduler@wealth-fees-prod.iam.gserviceaccount.com"
    member = "serviceAccount:fees-etl-scheduler@wealth-fees-prod.iam.gserviceaccount.com"
    name   = "projects/wealth-fees-prod/serviceAccounts/fees-etl-scheduler@wealth-fees-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.account["transform"]
  values = {
    email  = "fees-etl-transform@wealth-fees-prod.iam.gserviceaccount.com"
    id     = "projects/wealth-fees-prod/serviceAccounts/fees-etl-transform@wealth-fees-prod.iam.gserviceaccount.com"
    member = "serviceAccount:fees-etl-transform@wealth-fees-prod.iam.gserviceaccount.com"
    name   = "projects/wealth-fees-prod/serviceAccounts/fees-etl-transform@wealth-fees-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_service_account.account["workflow"]
  values = {
    email  = "fees-etl-workflow@wealth-fees-prod.iam.gserviceaccount.com"
    id     = "projects/wealth-fees-prod/serviceAccounts/fees-etl-workflow@wealth-fees-prod.iam.gserviceaccount.com"
    member = "serviceAccount:fees-etl-workflow@wealth-fees-prod.iam.gserviceaccount.com"
    name   = "projects/wealth-fees-prod/serviceAccounts/fees-etl-workflow@wealth-fees-prod.iam.gserviceaccount.com"
  }
}

override_resource {
  target = google_cloud_run_v2_job.job["ingest"]
  values = {
    id = "projects/wealth-fees-prod/locations/europe-west1/jobs/fees-etl-ingest"
  }
}

override_resource {
  target = google_cloud_run_v2_job.job["run"]
  values = {
    id = "projects/wealth-fees-prod/locations/europe-west1/jobs/fees-etl-run"
  }
}

override_resource {
  target = google_kms_crypto_key.key["dead-letter"]
  values = {
    id = "projects/wealth-fees-prod/locations/europe/keyRings/fees-etl/cryptoKeys/dead-letter"
  }
}

override_resource {
  target = google_kms_crypto_key.key["images"]
  values = {
    id = "projects/wealth-fees-prod/locations/europe/keyRings/fees-etl/cryptoKeys/images"
  }
}

override_resource {
  target = google_kms_crypto_key.key["lake"]
  values = {
    id = "projects/wealth-fees-prod/locations/europe/keyRings/fees-etl/cryptoKeys/lake"
  }
}

override_resource {
  target = google_kms_crypto_key.key["warehouse"]
  values = {
    id = "projects/wealth-fees-prod/locations/europe/keyRings/fees-etl/cryptoKeys/warehouse"
  }
}

override_resource {
  target = google_data_catalog_policy_tag.tag["nino"]
  values = {
    name = "projects/wealth-fees-prod/locations/eu/taxonomies/1/policyTags/2"
  }
}

override_resource {
  target = google_workflows_workflow.fees_etl
  values = {
    id = "projects/wealth-fees-prod/locations/europe-west1/workflows/fees-etl"
  }
}

override_resource {
  target = google_pubsub_topic.dead_letter
  values = {
    id = "projects/wealth-fees-prod/topics/fees-etl-dead-letter"
  }
}

override_resource {
  target = google_monitoring_notification_channel.email
  values = {
    id = "projects/wealth-fees-prod/notificationChannels/3"
  }
}

override_resource {
  target = google_iam_workload_identity_pool.github
  values = {
    name = "projects/123456789012/locations/global/workloadIdentityPools/github"
  }
}

override_resource {
  target = google_bigquery_dataset.dataset["ops"]
  values = {
    id = "projects/wealth-fees-prod/datasets/ops"
  }
}

override_resource {
  target = google_bigquery_dataset.dataset["raw"]
  values = {
    id = "projects/wealth-fees-prod/datasets/raw"
  }
}

override_resource {
  target = google_bigquery_dataset.dataset["reporting"]
  values = {
    id = "projects/wealth-fees-prod/datasets/reporting"
  }
}

override_resource {
  target = google_bigquery_dataset.dataset["staging"]
  values = {
    id = "projects/wealth-fees-prod/datasets/staging"
  }
}

override_resource {
  target = google_project_iam_custom_role.role["bucket"]
  values = {
    id = "projects/wealth-fees-prod/roles/feesEtlBucket"
  }
}

override_resource {
  target = google_project_iam_custom_role.role["refresh"]
  values = {
    id = "projects/wealth-fees-prod/roles/feesEtlRefresh"
  }
}

override_resource {
  target = google_logging_project_bucket_config.bucket["audit"]
  values = {
    id = "projects/wealth-fees-prod/locations/europe-west1/buckets/fees-etl-audit"
  }
}

override_resource {
  target = google_logging_project_bucket_config.bucket["logs"]
  values = {
    id = "projects/wealth-fees-prod/locations/europe-west1/buckets/fees-etl-logs"
  }
}

override_resource {
  target = google_bigquery_dataset.dataset["history"]
  values = {
    id = "projects/wealth-fees-prod/datasets/history"
  }
}

override_data {
  target = data.google_project.this
  values = {
    number = "123456789012"
  }
}

override_data {
  target = data.google_storage_project_service_account.lake
  values = {
    email_address = "service-123456789012@gs-project-accounts.iam.gserviceaccount.com"
  }
}
