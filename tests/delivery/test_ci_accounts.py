"""Whether planner and deployer can do their work, from what terraform/ has; and that a pull request can do no harm."""

from __future__ import annotations

import json

import places
import pytest
import set_up
import yaml

GRANTS = yaml.safe_load((set_up.TERRAFORM / "roles.yaml").read_text(encoding="utf-8"))
HELD: dict[str, list[str]] = json.loads((places.ROOT / "tests" / "delivery" / "held.json").read_text(encoding="utf-8"))
"""Role -> what it gives of all that is needed or must not be had."""


def given(account: str) -> set[tuple[str, str]]:
    """(where, permission) of an account's grants."""
    return {(grant["on"], one) for grant in GRANTS[account] for one in of(grant["role"])}


def of(role: str) -> set[str]:
    return set_up.custom(role.removeprefix("custom:")) if role.startswith("custom:") else set(HELD[role])


def lacking(account: str, needs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The needs that no grant meets; one on the project holds for everything in it."""
    has = given(account)
    datasets = {on for on, _ in has if on.startswith("dataset:")}
    places_of = {"dataset": datasets, "tagged": datasets & {"dataset:raw", "dataset:staging"}}
    return {
        (on, name)
        for on, name in needs
        if ("project", name) not in has
        and not (places_of.get(on, {on}) and all((place, name) in has for place in places_of.get(on, {on})))
    }


def test_every_kind_of_resource_is_thought_about() -> None:
    known = set_up.NEEDS.keys() | set_up.OPT_INS.keys() | set_up.OUTSIDE
    assert set_up.kinds() == known


@pytest.mark.parametrize("account", ["planner", "deployer"])
def test_ci_can_compare_everything_with_the_plan(account: str) -> None:
    opt_ins = {("project", one) for text in [*set_up.OPT_INS.values(), *set_up.DATA.values()] for one in text.split()}
    assert sorted(lacking(account, set_up.wanted(1) | opt_ins)) == []


def test_the_deployer_can_change_what_it_keeps() -> None:
    assert sorted(lacking("deployer", set_up.wanted(2))) == []
    datasets = {grant["on"].partition(":")[2] for grant in GRANTS["deployer"] if grant["on"].startswith("dataset:")}
    assert datasets == {"history", "ops", "raw", "reporting", "staging"}


def test_the_role_that_compares_holds_what_comparing_takes_and_nothing_else() -> None:
    ours = set_up.custom("refresh")
    by_another_role = {one for one in set_up.refreshed() if one.startswith("iam.googleapis.com/")}
    assert ours == set_up.refreshed() - by_another_role
    assert all(one.rpartition(".")[2] in {"get", "getIamPolicy", "list", "fullView", "use"} for one in ours)


def test_a_pull_request_reads_no_data_and_changes_nothing() -> None:
    assert [grant["on"] for grant in GRANTS["planner"]] == ["project", "project"]
    has = {name for _, name in given("planner")}
    assert has & set_up.SECRETS == set()
    assert has & {name for _, name in set_up.wanted(2)} == set()


def test_the_deployer_touches_no_object_but_the_catalogue_and_no_log_entry() -> None:
    touches = {
        one for one in given("deployer") if one[1] in set_up.SECRETS and one[1].startswith(("storage.", "logging."))
    }
    objects = {f"storage.objects.{act}" for act in ("create", "delete", "get", "list")}
    assert touches == {("folder:catalogue", act) for act in objects}


@pytest.mark.parametrize(
    ("role", "harm"),
    [
        ("roles/iam.securityReviewer", "logging.privateLogEntries.list"),
        ("roles/storage.legacyBucketOwner", "storage.objects.delete"),
        ("roles/logging.viewer", "logging.logEntries.list"),
        ("roles/storage.objectViewer", "storage.objects.get"),
    ],
)
def test_the_roles_that_ci_does_not_hold_would_do_harm(role: str, harm: str) -> None:
    assert harm in HELD[role]
    assert role not in {grant["role"] for account in ("planner", "deployer") for grant in GRANTS[account]}


def test_the_state_is_out_of_reach_of_what_ci_applies() -> None:
    """CI would need to read the policy of the bucket before the plan that gives it that right."""
    assert not [grant for grants in GRANTS.values() for grant in grants if "state" in grant["on"]]
    assert "state_bucket" not in "".join(path.read_text(encoding="utf-8") for path in set_up.TERRAFORM.glob("*.tf"))
