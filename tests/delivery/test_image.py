"""The image without Docker: what its Dockerfile says, and the same commands in an environment of their own."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import places
import pytest

from fees_etl.runs import ledger

ROOT = places.ROOT
NOBODY = 65532
BUILD, RUNTIME = "requirements-build.lock", "requirements-runtime.lock"


def instructions(text):
    """(name, argument) of each instruction, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"(?m)^#.*\n", "", text))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def dockerfile():
    return instructions((ROOT / "Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def stages(dockerfile):
    """The instructions of the two stages."""
    starts = [at for at, (name, _) in enumerate(dockerfile) if name == "FROM"]
    assert len(starts) == 2
    return dockerfile[starts[0] : starts[1]], dockerfile[starts[1] :]


def arguments(stage, name):
    return [text for found, text in stage if found == name]


def test_both_stages_are_the_same_python_to_the_byte(dockerfile, stages):
    (python,) = [text.partition("=")[2] for name, text in dockerfile if name == "ARG" and text.startswith("PYTHON=")]
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", python)
    assert [arguments(stage, "FROM")[0].split()[0] for stage in stages] == ["${PYTHON}"] * 2


def test_it_runs_as_nobody_in_particular_and_is_the_command(stages):
    _, last = stages
    assert arguments(last, "USER") == [f"{NOBODY}:{NOBODY}"]
    assert arguments(last, "ENTRYPOINT") == ['["fees-etl"]']
    assert "PYTHONUNBUFFERED=1" in arguments(last, "ENV")
    assert not [text for name, text in last if name in {"ADD", "CMD", "VOLUME", "EXPOSE"}]


def test_nothing_is_installed_whose_hash_is_not_known(stages):
    for stage in stages:
        for command in arguments(stage, "RUN"):
            if " install " in command or " wheel " in command:
                assert "--require-hashes" in command or "--no-index" in command, command


def test_only_what_the_wheel_is_made_of_is_copied_and_only_that_is_sent(stages):
    copied = {name for stage in stages for text in arguments(stage, "COPY") for name in text.split()[:-1]}
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)
    for secret in (".env", "fees.duckdb", "terraform", ".git", "tests"):
        assert not any(fnmatch.fnmatch(secret, name) for name in copied)


def pins(name):
    """Requirement -> version of a lock file."""
    return dict(re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^\s;\\]+)", (ROOT / name).read_text(encoding="utf-8")))


def test_the_image_has_the_versions_that_the_tests_run_with():
    locked, image = pins("requirements.lock"), pins(RUNTIME)
    assert {name: version for name, version in image.items() if locked.get(name) != version} == {}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert named(project["project"]["dependencies"]) <= image.keys()
    assert named(project["build-system"]["requires"]) <= pins(BUILD).keys()


def named(wanted):
    """The packages of requirements."""
    return {re.match(r"[\w-]+", one)[0].lower() for one in wanted}


@pytest.mark.parametrize("name", [BUILD, RUNTIME])
def test_every_requirement_of_the_image_has_a_hash(name):
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in filter(str.strip, text.splitlines()):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line
        assert "://" not in line


def test_the_commit_of_the_image_is_the_one_in_the_ledger(dockerfile, monkeypatch):
    assert [text for name, text in dockerfile if name == "ENV" and "GIT_SHA" in text] == ["FEES_ETL_GIT_SHA=${GIT_SHA}"]
    monkeypatch.setenv("FEES_ETL_GIT_SHA", "a" * 40)
    assert ledger.git_sha(ROOT) == "a" * 40
    monkeypatch.setenv("FEES_ETL_GIT_SHA", "")  # built without the argument
    assert ledger.git_sha(Path("/usr/lib/python3/site-packages/fees_etl")) is None


# rehearsed


def pip(python, command):
    """A pip command of the Dockerfile with another Python."""
    words = [str(python), "-m", "pip", "--disable-pip-version-check", "--quiet", *command.split()[1:]]
    subprocess.run(["sh", "-c", " ".join(words)], cwd=python.parents[2] / "src", check=True)


def translated(command, home):
    """A RUN of the Dockerfile in a folder instead of an image."""
    command = re.sub(r"--mount=\S+\s+", "", command)
    return command.replace("/wheels", f"{home}/wheels").replace(f"/{RUNTIME}", f"{home}/{RUNTIME}")


@contextmanager
def open_folder():
    """A temporary folder that every user may look into, unlike pytest's."""
    with TemporaryDirectory(prefix="fees-etl-image-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def image(stages):
    """Both stages as environments; the folder of the second."""
    if os.environ.get("IMAGE") != "rehearse":
        pytest.skip("it downloads every dependency: IMAGE=rehearse nox -s tests -- tests/test_image.py")
    with open_folder() as home:
        made(stages, home)
        yield home / "image"


def made(stages, home):
    """Each stage as an environment; ``src`` is what the first one copies."""
    (home / "src").mkdir()
    for stage, name in zip(stages, ("wheel", "image"), strict=True):
        venv.create(home / name, with_pip=True)
        for instruction, text in stage:
            if instruction == "COPY":
                *copied, place = text.split()
                for one in copied:
                    target = home / "src" / one if place != "/" else home / one
                    (shutil.copytree if (ROOT / one).is_dir() else shutil.copy)(ROOT / one, target)
            elif instruction == "RUN":
                pip(home / name / "bin" / "python", translated(text, home))


def as_nobody(image, *args, cwd, **environment):
    """The entry point as the image's user, without HOME or anything else of ours."""
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run(
        [image / "bin" / "fees-etl", *args], cwd=cwd, env={"PYTHONUNBUFFERED": "1", **environment},
        capture_output=True, text=True, check=False, **user,
    )  # fmt: skip


@pytest.fixture
def nowhere():
    """A working folder that the image's user cannot write to."""
    with open_folder() as folder:
        folder.chmod(0o555)
        yield folder


@pytest.fixture
def spill():
    """A volume that it can."""
    with open_folder() as folder:
        folder.chmod(0o777)
        yield folder


def test_the_image_answers_as_nobody_without_a_home(image, nowhere):
    done = as_nobody(image, "--version", cwd=nowhere)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"fees-etl \d+\.\d+\.\d+\n", done.stdout)


def test_the_image_runs_the_pipeline_where_only_the_spill_folder_can_be_written(image, nowhere, spill):
    settings = {
        "FEES_ETL_TARGET": "prod",
        "FEES_ETL_WAREHOUSE": f"duckdb://{spill}/fees.duckdb",
        "FEES_ETL_GIT_SHA": "a" * 40,
        "TMPDIR": str(spill),
        "CLOUD_RUN_JOB": "fees-etl-run",
        "CLOUD_RUN_EXECUTION": "fees-etl-run-x7k",
    }
    done = as_nobody(image, "run", "--output", "json", cwd=nowhere, **settings)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "published"
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["event"], last["logging.googleapis.com/labels"]["execution"]) == ("finished", "fees-etl-run-x7k")
    (run,) = json.loads(as_nobody(image, "runs", "--output", "json", cwd=nowhere, **settings).stdout)["runs"]
    assert run["git_sha"] == "a" * 40
    assert list(nowhere.iterdir()) == []


def test_the_image_says_what_is_wrong_when_it_has_nowhere_to_write(image, nowhere):
    done = as_nobody(image, "run", cwd=nowhere)
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr


def test_the_image_holds_what_the_locks_say_and_no_more(image):
    asked = [image / "bin" / "python", "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
    found = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    names = {one["name"].lower().replace("_", "-"): one["version"] for one in found}
    assert names.keys() - {"pip", "setuptools", "fees-etl"} <= pins(RUNTIME).keys()
    assert not {"pytest", "ruff", "hatchling", "mypy"} & names.keys()
    assert sys.version_info >= (3, 11)
