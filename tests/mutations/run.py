"""How many mutations of terraform/ the tests catch: python tests/mutations/run.py [WORD in the name]

Each is applied to a copy of the repository, then the tests that read its text run, and then `terraform test`, a file at a
time until one fails. It takes terraform and its provider, ten minutes or more, and is no part of the test run. Prints a line
a mutation (what caught it, or SURVIVED) and ends with 1 where more than two survive, or one was not applied.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
QUICK = ["tests/delivery/test_terraform_access.py", "tests/delivery/test_ci_accounts.py"]
ROLES = ["tests/delivery/test_permissions.py"]
PLANNED = ("security", "access", "data", "options", "operations", "watching", "inputs")
LEFT_OUT = shutil.ignore_patterns(".git", "*.duckdb", "__pycache__", ".terraform", ".*_cache")


def main(words: list[str]) -> int:
    listed = yaml.safe_load((ROOT / "tests" / "mutations" / "terraform.yaml").read_text(encoding="utf-8"))
    listed = [one for one in listed if all(word in one["name"] for word in words)]
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(ROOT, Path(folder) / "copy", ignore=LEFT_OUT))
        terraform(copy, "init", "-backend=false", "-input=false", check=True)
        if found := caught(copy):
            raise SystemExit(f"Without a mutation {found} fails already.")
        for one in listed:
            path = copy / "terraform" / one["file"]
            text = path.read_text(encoding="utf-8")
            path.write_text(mutated(one, text), encoding="utf-8")
            found = caught(copy, one["file"])
            path.write_text(text, encoding="utf-8")
            survived += found is None
            say(f"{one['name']} | {found or 'SURVIVED'}")
    say(f"{len(listed) - survived} of {len(listed)} caught")
    return int(survived > 2)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def mutated(one: dict[str, Any], text: str) -> str:
    if "append" in one:
        return text + "\n" + one["append"]
    if one["old"] not in text:
        raise SystemExit(f"{one['name']}: {one['file']} has no {one['old']!r}")
    return text.replace(one["old"], one["new"], 1)


def caught(copy: Path, file: str = "roles.yaml") -> str | None:
    """The first test that fails with this file changed, or None."""
    if found := read(copy, QUICK):
        return found
    if file in {"roles.yaml", "workflow.yaml"} and (found := read(copy, ROLES)):
        return found
    for name in sorted(PLANNED, key=lambda one: one != ("inputs" if file == "variables.tf" else "security")):
        done = terraform(copy, "test", f"-filter=tests/{name}.tftest.hcl")
        if done.returncode:
            runs = [
                line.split('"')[1] for line in done.stdout.splitlines() if line.endswith("... fail") and '"' in line
            ]
            return f"`{name}: {runs[0] if runs else 'invalid'}`"
    return None


def read(copy: Path, files: list[str]) -> str | None:
    """The first of the tests that read text to fail."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files],
        cwd=copy, env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    name = (failed or files)[0].split("::")[-1].split(" - ")[0].split("[")[0]
    return f"`{name}`" if done.returncode else None


def terraform(copy: Path, *words: str, check: bool = False) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["terraform", *words, "-no-color"], cwd=copy / "terraform", capture_output=True, text=True, check=check
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
