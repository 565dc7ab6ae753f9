"""What Terraform asks Google for each kind of resource: to compare it with the plan, and to change it.

Names of permissions, and what each role of Google's holds of these, are those of Google's list of roles in August 2026;
nothing here has met a real project. A kind that is not here is an error, so that a new resource is thought about.
"""

from __future__ import annotations

import re

import places
import yaml

TERRAFORM = places.ROOT / "terraform"
PROJECT, LAKE = "project", "bucket:lake"

NEEDS = {
    "artifact_registry_repository": ("registry:images", "artifactregistry.repositories.get", "artifactregistry.repositories.update"),
    "artifact_registry_repository_iam_member": ("registry:images", "artifactregistry.repositories.getIamPolicy", "artifactregistry.repositories.setIamPolicy"),
    "bigquery_datapolicy_data_policy": (PROJECT, "bigquery.dataPolicies.get", "bigquery.dataPolicies.update"),
    "bigquery_datapolicy_data_policy_iam_member": (PROJECT, "bigquery.dataPolicies.getIamPolicy", "bigquery.dataPolicies.setIamPolicy"),
    "bigquery_dataset": ("dataset", "bigquery.datasets.get bigquery.datasets.getIamPolicy", "bigquery.datasets.update bigquery.datasets.setIamPolicy"),
    "bigquery_table": ("tagged", "bigquery.tables.get", "bigquery.tables.create bigquery.tables.update bigquery.tables.setCategory"),
    "cloud_run_v2_job": (PROJECT, "run.jobs.get", "run.jobs.update"),
    "cloud_run_v2_job_iam_member": (PROJECT, "run.jobs.getIamPolicy", "run.jobs.setIamPolicy"),
    "cloud_scheduler_job": (PROJECT, "cloudscheduler.jobs.get cloudscheduler.jobs.fullView", "cloudscheduler.jobs.update"),
    "data_catalog_policy_tag": (PROJECT, "datacatalog.taxonomies.get", "datacatalog.taxonomies.update"),
    "data_catalog_policy_tag_iam_member": (PROJECT, "datacatalog.taxonomies.getIamPolicy", "datacatalog.taxonomies.setIamPolicy"),
    "data_catalog_taxonomy": (PROJECT, "datacatalog.taxonomies.get", "datacatalog.taxonomies.update"),
    "eventarc_trigger": (PROJECT, "eventarc.triggers.get", "eventarc.triggers.update"),
    "iam_workload_identity_pool": (PROJECT, "iam.googleapis.com/workloadIdentityPools.get", "iam.googleapis.com/workloadIdentityPools.update"),
    "iam_workload_identity_pool_provider": (PROJECT, "iam.googleapis.com/workloadIdentityPoolProviders.get", "iam.googleapis.com/workloadIdentityPoolProviders.update"),
    "logging_metric": (PROJECT, "logging.logMetrics.get", "logging.logMetrics.create logging.logMetrics.update logging.logMetrics.delete"),
    "logging_project_bucket_config": (PROJECT, "logging.buckets.get", "logging.buckets.update"),
    "logging_project_sink": (PROJECT, "logging.sinks.get", "logging.sinks.update"),
    "monitoring_alert_policy": (PROJECT, "monitoring.alertPolicies.get", "monitoring.alertPolicies.create monitoring.alertPolicies.update monitoring.alertPolicies.delete"),
    "monitoring_dashboard": (PROJECT, "monitoring.dashboards.get", "monitoring.dashboards.update"),
    "monitoring_notification_channel": (PROJECT, "monitoring.notificationChannels.get", "monitoring.notificationChannels.update"),
    "project_iam_audit_config": (PROJECT, "resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy"),
    "project_iam_custom_role": (PROJECT, "iam.roles.get", "iam.roles.update"),
    "project_iam_member": (PROJECT, "resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy"),
    "project_service": (PROJECT, "serviceusage.services.get serviceusage.services.list serviceusage.services.use", "serviceusage.services.enable"),
    "pubsub_subscription": (PROJECT, "pubsub.subscriptions.get", "pubsub.subscriptions.update"),
    "pubsub_subscription_iam_member": (PROJECT, "pubsub.subscriptions.getIamPolicy", "pubsub.subscriptions.setIamPolicy"),
    "pubsub_topic": (PROJECT, "pubsub.topics.get", "pubsub.topics.update"),
    "pubsub_topic_iam_member": (PROJECT, "pubsub.topics.getIamPolicy", "pubsub.topics.setIamPolicy"),
    "service_account": (PROJECT, "iam.serviceAccounts.get", "iam.serviceAccounts.update"),
    "service_account_iam_member": (PROJECT, "iam.serviceAccounts.getIamPolicy", "iam.serviceAccounts.setIamPolicy"),
    "storage_bucket": (LAKE, "storage.buckets.get", "storage.buckets.update"),
    "storage_bucket_iam_policy": (LAKE, "storage.buckets.getIamPolicy", "storage.buckets.setIamPolicy"),
    "storage_managed_folder": (LAKE, "storage.managedFolders.get", ""),
    "storage_managed_folder_iam_policy": (LAKE, "storage.managedFolders.getIamPolicy", "storage.managedFolders.setIamPolicy"),
    "workflows_workflow": (PROJECT, "workflows.workflows.get", "workflows.workflows.update"),
}  # fmt: skip
"""Kind, without google_ -> where, to refresh, to change. What CI keeps in step."""

OPT_INS = {
    "bigquery_reservation": "bigquery.reservations.get",
    "bigquery_reservation_assignment": "bigquery.reservationAssignments.list",
    "data_loss_prevention_discovery_config": "dlp.jobTriggers.get",
    "data_loss_prevention_inspect_template": "dlp.inspectTemplates.get",
    "dataplex_aspect_type": "dataplex.aspectTypes.get",
    "dataplex_asset": "dataplex.assets.get",
    "dataplex_datascan": "dataplex.datascans.get",
    "dataplex_entry": "dataplex.entries.get dataplex.entryGroups.get",
    "dataplex_glossary": "dataplex.glossaries.get",
    "dataplex_glossary_term": "dataplex.glossaryTerms.get",
    "dataplex_lake": "dataplex.lakes.get",
    "dataplex_zone": "dataplex.zones.get",
    "kms_crypto_key": "cloudkms.cryptoKeys.get",
    "kms_crypto_key_iam_member": "cloudkms.cryptoKeys.getIamPolicy",
    "kms_key_ring": "cloudkms.keyRings.get",
    "tags_tag_key": "resourcemanager.tagKeys.get",
    "tags_tag_value": "resourcemanager.tagValues.get",
}
"""What a person applies and CI compares: kind -> to refresh, all on the project."""
OUTSIDE = {
    "access_context_manager_access_level",
    "access_context_manager_service_perimeter",
    "billing_budget",
}
"""Not in the project: a person grants CI the reading of these."""
DATA = {"google_project": "resourcemanager.projects.get", "google_storage_project_service_account": "resourcemanager.projects.get"}  # fmt: skip

SECRETS = {
    "bigquery.tables.getData", "datacatalog.categories.fineGrainedGet", "iam.serviceAccountKeys.create",
    "iam.serviceAccounts.getAccessToken", "logging.logEntries.list", "logging.privateLogEntries.list",
    "logging.views.access", "pubsub.subscriptions.consume", "run.jobs.run", "run.jobs.runWithOverrides",
    "secretmanager.versions.access", "storage.objects.create", "storage.objects.delete", "storage.objects.get",
    "storage.objects.list",
}  # fmt: skip
"""What reads or changes data, or acts as another."""


def kinds() -> set[str]:
    """The kinds of resources that terraform/ has, without google_."""
    text = "".join(path.read_text(encoding="utf-8") for path in TERRAFORM.glob("*.tf"))
    return set(re.findall(r'^resource "google_(\w+)"', text, re.MULTILINE))


def custom(name: str) -> set[str]:
    found = yaml.safe_load((TERRAFORM / "custom_roles.yaml").read_text(encoding="utf-8"))
    return set(found[name]["permissions"])


def wanted(part: int) -> set[tuple[str, str]]:
    """(where, permission) of all that CI keeps: part 1 to refresh, 2 to change."""
    return {(row[0], one) for row in NEEDS.values() for one in row[part].split()}


def refreshed() -> set[str]:
    """Every permission that comparing takes, wherever."""
    rows = [row[1] for row in NEEDS.values()] + [*OPT_INS.values()] + [*DATA.values()]
    return {one for row in rows for one in row.split()}
