"""Every place of terraform/ that gives a right is written out here: one more, or a wider role, is noticed.

What the resources become is tested by terraform (tests/security.tftest.hcl); this reads what they are written as, which no plan shows.
"""

from __future__ import annotations

import re

import places
import pytest
import yaml

TERRAFORM = places.ROOT / "terraform"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(TERRAFORM.glob("*.tf"))}
BLOCKS = {
    f"{kind}.{name}": body
    for text in TEXTS.values()
    for kind, name, body in re.findall(r'^resource "google_(\w+)" "(\w+)" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL)
}
FROM_ROLES = "each.value.role"
RIGHTS = {
    "artifact_registry_repository_iam_member.account": FROM_ROLES,
    "bigquery_datapolicy_data_policy_iam_member.masked": '"roles/bigquerydatapolicy.maskedReader"',
    "cloud_run_v2_job_iam_member.account": FROM_ROLES,
    "cloud_run_v2_job_iam_member.operator": '"roles/run.jobsExecutorWithOverrides"',
    "data_catalog_policy_tag_iam_member.account": FROM_ROLES,
    "data_catalog_policy_tag_iam_member.pii_reader": '"roles/datacatalog.categoryFineGrainedReader"',
    "kms_crypto_key_iam_member.agent": '"roles/cloudkms.cryptoKeyEncrypterDecrypter"',
    "project_iam_audit_config.data": None,
    "project_iam_custom_role.role": None,
    "project_iam_member.account": FROM_ROLES,
    "project_iam_member.auditor": '"roles/logging.viewAccessor"',
    "project_iam_member.finder": "each.key",
    "project_iam_member.lineage": '"roles/datalineage.producer"',
    "project_iam_member.log_reader": '"roles/logging.viewAccessor"',
    "project_iam_member.on_call": FROM_ROLES,
    "project_iam_member.reader": '"roles/bigquery.jobUser"',
    "pubsub_subscription_iam_member.on_call": '"roles/pubsub.subscriber"',
    "pubsub_topic_iam_member.account": FROM_ROLES,
    "service_account_iam_member.account": FROM_ROLES,
    "service_account_iam_member.github": '"roles/iam.workloadIdentityUser"',
    "storage_bucket_iam_policy.lake": None,
    "storage_managed_folder_iam_policy.catalogue": None,
}
"""Every resource that gives somebody a right, and the role that it says."""
GIVES = re.compile(
    r"_iam_|dataset_access|_acl$|access_control|_policy_binding|org_policy|tag_binding|_key$|_hmac|row_access"
)
"""Kinds by which a right, or a way around one, is made; KMS and tags have keys of another sort."""
KEYS_OF_ANOTHER_SORT = {"kms_crypto_key.key", "tags_tag_key.sensitivity"}
PUBLIC = re.compile(r"all(Authenticated)?Users|domain:|deleted:")


def test_there_is_no_other_resource_that_gives_a_right() -> None:
    found = {address for address in BLOCKS if GIVES.search(address.partition(".")[0])} - KEYS_OF_ANOTHER_SORT
    assert found == RIGHTS.keys()


@pytest.mark.parametrize("address", [one for one, role in RIGHTS.items() if role])
def test_a_resource_gives_the_role_that_it_is_known_for(address: str) -> None:
    assert re.findall(r"^\s*role\s*= (.+)$", BLOCKS[address], re.MULTILINE) == [RIGHTS[address]]


def test_the_public_is_named_only_where_it_is_refused() -> None:
    for path in [*TERRAFORM.glob("*.tf"), *TERRAFORM.glob("*.yaml"), *TERRAFORM.glob("envs/*.tfvars")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            assert not PUBLIC.search(line) or "error_message" in line, (path.name, line)


def test_no_resource_is_made_by_a_module_or_provider_of_another_repository() -> None:
    text = "".join(TEXTS.values())
    assert not re.search(r'^module "', text, re.MULTILINE)
    assert set(re.findall(r'^(?:resource|data|ephemeral) "([a-z]+)_', text, re.MULTILINE)) == {"google", "terraform"}
    assert re.findall(r'^\s*provisioner "(.*)"', text, re.MULTILINE) == ["local-exec"]
    assert re.findall(r"^\s*command = (.*)$", BLOCK_OF_WAITING, re.MULTILINE) == ['"sleep 600"']


BLOCK_OF_WAITING = TEXTS["signals.tf"].partition('resource "terraform_data" "metrics_known"')[2]


def test_an_alert_waits_until_its_metrics_are_known() -> None:
    """Cloud Monitoring refuses an alert on a metric that it does not know yet: Cannot find metric(s)."""
    for address, body in BLOCKS.items():
        if address.startswith("monitoring_alert_policy.") and ("google_logging_metric" in body or "_watched" in body):
            assert re.search(r"depends_on = \[.*terraform_data.metrics_known", body), address


def test_a_key_without_which_data_is_lost_is_never_destroyed() -> None:
    assert re.search(r"lifecycle \{\s*prevent_destroy = true\s*\}", BLOCKS["kms_crypto_key.key"])
    assert "prevent_destroy = false" not in "".join(TEXTS.values())


def test_what_protects_is_not_left_to_the_provider_to_ignore() -> None:
    """ignore_changes on anything else would let drift in access, locks or retention pass every plan."""
    assert re.findall(r"ignore_changes = (.*)$", "".join(TEXTS.values()), re.MULTILINE) == [
        "[encryption_configuration]"
    ]


def test_opt_ins_are_billed_to_the_project() -> None:
    assert re.search(r"^\s*user_project_override = true$", TEXTS["versions.tf"], re.MULTILINE)
    assert re.search(r"^\s*billing_project\s+= var.project$", TEXTS["versions.tf"], re.MULTILINE)


def test_a_tagged_image_is_not_promised_to_be_cleaned_up() -> None:
    """Immutable tags forbid the deletion of tagged images, so a clean-up would never delete."""
    body = BLOCKS["artifact_registry_repository.images"]
    assert "immutable_tags = true" in body
    assert "cleanup_policies" not in body


def test_every_distribution_has_its_buckets() -> None:
    assert re.search(
        r'dynamic "bucket_options" \{\s*for_each = can\(each.value.value\)', BLOCKS["logging_metric.metric"]
    )


def test_every_account_has_a_reason_for_each_of_its_roles() -> None:
    roles = yaml.safe_load((TERRAFORM / "roles.yaml").read_text(encoding="utf-8"))
    held = {(account, grant["role"]) for account, grants in roles.items() for grant in grants}
    assert not [
        one for one in held if re.search(r"roles/(owner|editor|viewer)$|[aA]dmin$", one[1]) and one[0] != "deployer"
    ]
