"""GitHub's workflows and the hooks of pre-commit: the same commands as here, the least rights, no keys."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib

import places
import pytest
import yaml
from pipeline import without_settings

ROOT = places.ROOT
FOLDER = ROOT / ".github" / "workflows"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir())}
FLOWS = {name: yaml.safe_load(text) for name, text in TEXTS.items()}
MAKERS = ("actions", "google-github-actions", "hashicorp")
KEYLESS = "google-github-actions/auth"
CHECKS = ["terraform fmt -check -recursive", "terraform validate", "terraform test"]


def jobs():
    return [(f"{name}:{key}", job) for name, flow in FLOWS.items() for key, job in flow["jobs"].items()]


def steps(job):
    return job.get("steps", [])


def commands(job):
    return [step["run"].strip() for step in steps(job) if "run" in step]


def used(job):
    return [step["uses"] for step in steps(job) if "uses" in step]


def triggers(name):
    return FLOWS[name][True]  # YAML 1.1 reads the word "on" as true


def test_there_are_two_workflows():
    assert [*FLOWS] == ["ci.yml", "deploy.yml"]


def test_nox_is_called_as_by_the_gate_of_a_merge():
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (arguments,) = re.findall(r'^"\$work/venv/bin/nox"(.*)$', gate, re.MULTILINE)
    (installed,) = re.findall(r"pip install (.*)$", gate, re.MULTILINE)
    found = commands(FLOWS["ci.yml"]["jobs"]["nox"])
    assert found == [f"python -m pip install {installed}", f"nox{arguments}"]


def test_terraform_is_formatted_valid_and_tested_without_an_account():
    job = FLOWS["ci.yml"]["jobs"]["terraform"]
    found = commands(job)
    assert found[0] == CHECKS[0]
    assert found[1] == "terraform init -backend=false -input=false"
    assert found[2:] == CHECKS[1:]
    assert not any(name.startswith(KEYLESS) for name in used(job))


def test_terraform_is_judged_by_the_rules_of_others_at_a_named_version():
    installed, scanned = commands(FLOWS["ci.yml"]["jobs"]["checkov"])
    assert re.fullmatch(r"python -m pip install .* checkov==\d+\.\d+\.\d+", installed)
    assert "--directory terraform" in scanned
    assert "soft-fail" not in scanned


def test_python_is_the_one_of_the_image_and_terraform_one_that_the_module_takes():
    (image,) = re.findall(r"PYTHON=python:(\d+\.\d+)\.", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert set(re.findall(r'python-version: "(.*)"', "".join(TEXTS.values()))) == {image}
    (terraform,) = set(re.findall(r'terraform_version: "(.*)"', "".join(TEXTS.values())))
    versions = (ROOT / "terraform" / "versions.tf").read_text(encoding="utf-8")
    (least,) = re.findall(r'required_version = ">= ([\d.]+)"', versions)
    assert [*map(int, terraform.split("."))] >= [*map(int, least.split("."))]


def test_a_workflow_may_read_and_a_job_gets_a_token_only_where_it_authenticates_without_a_key():
    for name, flow in FLOWS.items():
        assert flow["permissions"] == {"contents": "read"}, name
    for name, job in jobs():
        keyless = any(action.startswith(KEYLESS) for action in used(job))
        expected = {"contents": "read", "id-token": "write"} if keyless else None
        assert job.get("permissions") == expected, name
    assert {name for name, job in jobs() if job.get("permissions")} == {"deploy.yml:plan", "deploy.yml:deploy"}


def test_there_is_no_key_to_steal():
    for name, text in TEXTS.items():
        assert not re.search(r"secrets\.|credentials_json|GOOGLE_APPLICATION_CREDENTIALS|private_key", text), name
    for _, job in jobs():
        for step in steps(job):
            if step.get("uses", "").startswith(KEYLESS):
                assert {"workload_identity_provider", "service_account"} <= step["with"].keys()
            if step.get("uses", "").startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False


def test_a_pull_request_is_planned_unless_it_comes_from_a_fork():
    plan = FLOWS["deploy.yml"]["jobs"]["plan"]
    assert "pull_request.head.repo.full_name == github.repository" in plan["if"]
    assert [text.split()[1] for text in commands(plan)] == ["init", "plan"]
    assert "apply" not in str(plan)
    assert plan["environment"] != FLOWS["deploy.yml"]["jobs"]["deploy"]["environment"]
    assert "pull_request_target" not in "".join(TEXTS.values())


def test_only_main_is_deployed_after_every_check_and_exactly_as_planned():
    assert triggers("deploy.yml")["push"] == {"branches": ["main"]}
    flow = FLOWS["deploy.yml"]["jobs"]
    assert flow["checks"] == {"if": "github.event_name == 'push'", "uses": "./.github/workflows/ci.yml"}
    deploy = flow["deploy"]
    assert (deploy["needs"], deploy["environment"]) == ("checks", "prod")
    assert deploy["concurrency"]["cancel-in-progress"] is False
    terraform = [text for text in commands(deploy) if text.startswith("terraform")]
    assert [text.split()[1] for text in terraform] == ["init", "plan", "apply"]
    (saved,) = re.findall(r"-out=(\S+)", terraform[1])
    assert terraform[2] == f"terraform apply {saved}"


def test_each_plan_names_files_of_one_environment_that_exist():
    terraform = ROOT / "terraform"
    named = re.findall(r"-(?:var-file|backend-config)=(\S+)", "".join(TEXTS.values()))
    assert set(named) == {"envs/prod.tfvars", "envs/prod.gcs.tfbackend"}
    assert all((terraform / name).is_file() for name in named)


def test_the_image_is_built_with_its_commit_and_tagged_by_it():
    builds = [text for _, job in jobs() for text in commands(job) if "docker build" in text]
    assert len(builds) == 2
    assert all('--build-arg GIT_SHA="$GITHUB_SHA"' in text for text in builds)
    assert FLOWS["deploy.yml"]["jobs"]["deploy"]["env"]["TF_VAR_image"].endswith(":${{ github.sha }}")


def ran(tmp_path, script, **commands):
    """The calls of a step, with commands of these scripts in the place of the real ones."""
    for name, text in commands.items():
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/calls\n{text}\n', encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    environment = without_settings() | {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "TF_VAR_image": "images/fees-etl:abc",
        "GITHUB_SHA": "abc",
    }
    (tmp_path / "work").mkdir()
    subprocess.run(["bash", "-eo", "pipefail", "-c", script], cwd=tmp_path / "work", env=environment, check=True)
    return (tmp_path / "calls").read_text(encoding="utf-8").splitlines()


def deployment(word):
    (found,) = [text for text in commands(FLOWS["deploy.yml"]["jobs"]["deploy"]) if word in text]
    return found


def test_an_image_is_pushed_with_what_is_in_it_and_how_it_was_made(tmp_path):
    asked, builder, built = ran(tmp_path, deployment("docker manifest"), docker='test "$1" != manifest')
    assert asked == "docker manifest inspect images/fees-etl:abc"
    assert builder == "docker buildx create --use"  # the daemon's own builder refuses attestations
    words = built.split()
    assert words[:3] == ["docker", "buildx", "build"]
    assert {"--sbom=true", "--provenance=mode=max", "--push", "GIT_SHA=abc", "images/fees-etl:abc"} <= set(words)


def test_an_image_that_is_there_is_not_built_again(tmp_path):
    assert ran(tmp_path, deployment("docker manifest"), docker="exit 0") == [
        "docker manifest inspect images/fees-etl:abc"
    ]


def test_a_person_builds_the_first_image_as_ci_does():
    page = (ROOT / "docs" / "DEPLOYMENT.md").read_text(encoding="utf-8")
    builds = [re.findall(r"^ *(docker buildx build .*)$", text, re.MULTILINE) for text in (page, deployment("buildx"))]
    flags = [{one for one in line.split() if one.startswith("--")} for (line,) in builds]
    assert flags[0] == flags[1]


def test_what_is_deployed_is_published_as_pages_after_it_was_applied(tmp_path):
    step, texts = deployment("gcloud storage"), commands(FLOWS["deploy.yml"]["jobs"]["deploy"])
    assert texts.index(step) > texts.index("terraform apply prod.tfplan")
    image = f'while test "$1" != images/fees-etl:abc; do shift; done; shift; {sys.executable} -m fees_etl "$@"'
    made, place, copied = ran(
        tmp_path, step, docker=image, gcloud="exit 0", terraform="echo gs://wealth-fees-prod-lake/catalogue"
    )
    assert {"--rm", "--read-only", "none"} <= set(made.split())
    pages = tmp_path / "work" / "catalogue"
    assert f"--volume {pages}:/srv/catalogue" in made
    assert place == "terraform -chdir=terraform output -raw catalogue"
    assert copied.split()[1:3] == ["storage", "rsync"]
    assert copied.split()[-2:] == ["catalogue", "gs://wealth-fees-prod-lake/catalogue"]
    assert {"index.html", "staging.stg_fees.html"} <= {path.name for path in pages.iterdir()}


def test_no_step_pastes_an_expression_into_a_shell():
    for name, job in jobs():
        assert not [text for text in commands(job) if "${{" in text], name


def test_actions_are_their_makers_own_at_one_version_and_no_host_is_named():
    found = {action for _, job in jobs() for action in used(job)}
    for action in found:
        assert re.fullmatch(rf"({'|'.join(MAKERS)})/[a-z-]+@(v\d+|[0-9a-f]{{40}})", action), action
    assert len({action.partition("@")[0] for action in found}) == len(found)
    for name, text in TEXTS.items():
        assert not re.search(r"https?://|\b[a-z0-9-]+\.(com|dev|io|org)\b", text), name


def test_every_job_ends():
    for name, job in jobs():
        assert "uses" in job or job["timeout-minutes"] <= 60, name


# pre-commit

HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]


def test_hooks_are_local_formatters_of_the_locked_environment():
    assert [repo["repo"] for repo in HOOKS] == ["local"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tools = {re.match(r"[a-z-]+", one)[0] for one in project["dependency-groups"]["lint"]} | {"terraform"}
    entries = {hook["id"]: shlex.split(hook["entry"]) for hook in HOOKS[0]["hooks"]}
    assert {words[0] for words in entries.values()} <= tools
    assert {words[1] for words in entries.values()} == {"check", "format", "fix", "fmt"}
    assert {hook["language"] for hook in HOOKS[0]["hooks"]} == {"system"}


@pytest.mark.parametrize(
    ("path", "hooks"),
    [
        ("sql/staging/stg_fees.sql", {"sqlfluff-fix"}),
        ("sql/materializations/merge.sql", set()),
        ("terraform/iam.tf", {"terraform-fmt"}),
        ("terraform/tests/iam.tftest.hcl", {"terraform-fmt"}),
        ("terraform/envs/prod.tfvars", {"terraform-fmt"}),
        ("terraform/workflow.yaml", set()),
    ],
)
def test_hooks_format_the_files_that_nox_judges(path, hooks):
    assert {hook["id"] for hook in HOOKS[0]["hooks"] if re.search(hook.get("files", "$^"), path)} == hooks
