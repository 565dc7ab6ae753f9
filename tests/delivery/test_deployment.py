"""The first deployment, command by command in one shell: order, folder, variables, files, and what each command needs."""

from __future__ import annotations

import re
import shlex

import places
import pytest

PAGE = (places.ROOT / "docs" / "DEPLOYMENT.md").read_text(encoding="utf-8")
PART = re.search(r"^## First deployment\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)[1]
LINES = [
    line.strip()
    for block in re.findall(r"^ *```bash\n(.*?)^ *```$", PART, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]
COMMANDS = [
    (r"gcloud auth login", "", "login"),
    (r"gh auth login", "", "github"),
    (r"gcloud projects create", "login", "project"),
    (r"gcloud billing projects link", "project", "billing"),
    (r"gcloud config set project", "project", "default project"),
    (r"gcloud services enable .*eventarc", "default project, billing", "apis"),
    (r"gcloud beta services identity create", "apis", "agent"),
    (r"gcloud auth application-default login", "login", "credentials"),
    (r"gcloud auth application-default set-quota-project", "credentials, apis", "quota project"),
    (r"gcloud storage buckets create", "default project, billing, apis", "state"),
    (r"gcloud storage buckets update .*--versioning", "state", "versions of the state"),
    (r"terraform \S+ init -backend-config=", "state, versions of the state, quota project", "init"),
    (r"terraform \S+ providers lock", "init", "lock"),
    (r"terraform \S+ apply .*-target=google_artifact_registry_repository", "init, apis, agent", "registry"),
    (r"terraform \S+ output -raw images", "registry", ""),
    (r"gcloud auth configure-docker", "registry", "docker"),
    (r"docker buildx create .*--use", "", "builder"),
    (r"docker buildx build .*--push", "builder, docker, registry", "image"),
    (r"terraform \S+ apply (?!.*-target)", "image, lock, agent", "everything"),
    (r"terraform \S+ output -raw (landing|fees_etl_toml)", "everything", ""),
    (r"gcloud storage cp .*LANDING", "everything", "files"),
    (r"gcloud workflows run", "files", "first run"),
    (r"gcloud run jobs execute", "first run", "proof"),
    (r"gh api .*--jq .id", "github, everything, proof", ""),
    (r"echo .*github_repository_id", "everything", "trust written"),
    (r"gcloud storage buckets add-iam-policy-binding", "state, accounts of CI", "CI reads state"),
    (r"gh api .*environments", "accounts of CI", "environments"),
    (r"gh variable set", "github, environments", "variables"),
    (r"terraform \S+ output -raw workload_identity_provider", "accounts of CI", ""),
    (r"git add", "trust written, lock, variables, CI reads state", "staged"),
    (r"git commit", "staged", "committed"),
    (r"git push", "committed", "pushed"),
]  # fmt: skip
"""A command, what must have been done before it, and what it does."""


def faults(lines: list[str]) -> list[str]:
    """Everything that would go wrong if these were typed, one after the other, into a new shell at the root."""
    done: set[str] = set()
    known = {"environment"}
    found = []
    for line in lines:
        steps = [step for step in COMMANDS if re.search(step[0], line)]
        assign = re.match(r"([A-Z]+)=", line)
        if not steps and not assign:
            found.append(f"unknown: {line}")
        found += [f"{name} is not set: {line}" for name in re.findall(r"\$\{?(\w+)", line) if name not in known]
        for _, needs, gives in steps:
            found += [f"{need} is missing: {line}" for need in needs.split(", ") if need and need not in done]
            done |= {gives}
        if "everything" in done and "trust written" in done and re.search(r"terraform \S+ apply", line):
            done.add("accounts of CI")
        if assign:
            known.add(assign[1])
        if re.match(r"(cd|pushd) ", line):
            found.append(f"leaves the folder: {line}")
        found += [f"no such file: {name}" for name in named(line) if not (places.ROOT / name).is_file()]
    return found + ([] if "pushed" in done else ["never pushed"])


def named(line: str) -> list[str]:
    """The files of this repository that a command reads, seen from where it runs."""
    chdir = re.search(r"-chdir=(\S+)", line)
    files = [f"{chdir[1]}/{name}" for name in re.findall(r"-(?:var-file|backend-config)=(\S+)", line)] if chdir else []
    return files + (["Dockerfile"] if re.search(r"docker buildx build .* \.$", line) else [])


def test_the_first_deployment_can_be_typed_from_an_empty_project() -> None:
    assert faults(LINES) == []


def test_every_command_is_words_that_a_shell_takes() -> None:
    for line in LINES:
        shlex.split(line)
        assert line.count("(") == line.count(")")


def test_terraform_is_always_of_the_same_folder_and_environment() -> None:
    for line in LINES:
        for call in re.findall(r"terraform (-\S+|\w+)", line):
            assert call == "-chdir=terraform" or line.startswith("git add"), line
        assert not re.search(r"envs/(dev|ci)", line)


@pytest.mark.parametrize(
    ("fault", "moved"),
    [
        ("is not set", r"^PROJECT="),
        ("is not set", r"^LANDING="),
        ("quota project is missing", r"set-quota-project"),
        ("default project is missing", r"gcloud config set project"),
        ("state is missing", r"buckets create"),
        ("agent is missing", r"services identity create"),
        ("init is missing", r" init "),
        ("lock is missing", r"providers lock"),
        ("builder is missing", r"buildx create"),
        ("docker is missing", r"configure-docker"),
        ("github is missing", r"gh auth login"),
        ("everything is missing", r"apply .*=\"\$IMAGE\"$"),
        ("trust written is missing", r"github_repository_id"),
        ("CI reads state is missing", r"add-iam-policy-binding"),
    ],
)
def test_a_command_that_came_too_late_would_be_noticed(fault: str, moved: str) -> None:
    late = [line for line in LINES if re.search(moved, line)]
    assert late
    assert any(fault in one for one in faults([line for line in LINES if line not in late] + late)), moved


def test_a_change_of_folder_would_be_noticed() -> None:
    assert any("leaves the folder" in one for one in faults(["cd terraform", *LINES]))


def test_ci_is_given_the_state_by_a_person_and_only_what_each_account_needs() -> None:
    given = re.findall(r"fees-etl-(\w+)@\$PROJECT.iam.gserviceaccount.com\" --role=(\S+)", PART)
    assert given == [("deployer", "roles/storage.objectUser"), ("planner", "roles/storage.objectViewer")]


def test_every_opt_in_is_in_the_table_and_every_kept_day_is_terraforms() -> None:
    text = (places.ROOT / "terraform" / "variables.tf").read_text(encoding="utf-8")
    opt_ins = set(re.findall(r'variable "(\w+)" \{\s*description = "Opt in', text)) - {"github_repository_id"}
    listed = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert listed == opt_ins | {"published"}
    for name, days in (("audit_days", "400"), ("old_version_days", "2192")):
        assert re.search(rf'variable "{name}" \{{.*?default\s+= {days}\n', text, re.DOTALL)
