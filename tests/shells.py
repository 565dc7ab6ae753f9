"""A working folder and ``fees-etl`` in it, as a user types it, for tests."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import goldens
import places
import pytest
from pipeline import forget_settings

from fees_etl import cli

HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount\n"
GOOD = "C1,QQ123456A,A1,2025-01-01,100.00\nC2,QQ123456B,A2,2025-02-01,50.50\n"
MORE = "C1,QQ123456A,A1,2025-03-01,7.00\nC3,QQ123456C,A2,2025-03-02,-0.000000001\n"
CONFLICT = "C1,QQ999999D,A1,2025-01-02,1.00\n"


def fee(number, amount="5", day="2025-01-01", nino=None):
    return f"c{number},{nino or f'QQ{100000 + number}A'},a1,{day},{amount}\n"


class Shell:
    """``fees-etl`` in its working folder, which never prints a NINO, and a look at its warehouse."""

    def __init__(self, folder, capsys):
        self.folder, self._capsys = folder, capsys

    def __call__(self, *args):
        code = cli.main(list(args))
        shown = self._capsys.readouterr()
        assert not re.search(r"QQ\d{6}", shown.out + shown.err)
        return code, shown.out, shown.err

    def golden(self, name, *args):
        """Run, compare all that was said with its golden file, return stdout."""
        code, out, err = self(*args)
        said = f"$ fees-etl {' '.join(args)}\n{out}{err}(exit {code})\n"
        goldens.check(f"cli/{name}.txt", goldens.steady(said, self.folder))
        return out

    def ask(self, sql):
        with duckdb.connect("fees.duckdb", read_only=True) as found:
            return found.execute(sql).fetchall()

    def published(self):
        return self.ask("SELECT client_id, ltv_total FROM reporting.rpt_client_ltv ORDER BY ALL")


@pytest.fixture
def shell(capsys, monkeypatch):
    forget_settings(monkeypatch)
    with TemporaryDirectory(dir="/tmp", prefix="") as folder:  # of the same length each time, for golden files
        monkeypatch.chdir(folder)
        yield Shell(Path(folder), capsys)


@pytest.fixture
def fed(shell):
    """A warehouse with one good file published."""
    put("good.csv", GOOD)
    assert shell("run", "--source", "lake/*.csv")[0] == 0
    return shell


def put(name, *lines, header=HEADER):
    path = Path("lake", name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(header + "".join(lines))
    return path


def change(sql):
    """Something that only a hand does to the warehouse."""
    with duckdb.connect("fees.duckdb") as warehouse:
        warehouse.execute(sql)


def waive(*key, assertion="assert_client_data"):
    """A project folder of the bundled SQL with one waiver."""
    shutil.copytree(places.ROOT / "sql", "project/sql", dirs_exist_ok=True)
    text = f"- assertion: {assertion}\n  key: {json.dumps(key)}\n  reason: known\n  expires: 2099-01-01\n"
    Path("project/sql/waivers.yml").write_text(text)
    return "--project-dir", "project"


def process(*args, **options):
    """A real process: what it does to closed pipes and full disks cannot be seen from within."""
    environ = {**os.environ, "PYTHONPATH": str(places.ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "fees_etl", *args],
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
        check=False,
        **options,
    )


NEXT = re.compile(
    r"(?:\b[A-Z_]+=\S+ )?(?:\b(?:rm|mv|mkdir|chmod)\b[^;]*? && )?\bfees-etl .*?(?=; | \(|\)|   or   |\.?$)"
)
"""What can be typed in a next step."""


def next_steps(err):
    """The commands of the line that says what comes next."""
    (said,) = re.findall(r"^  Next: +(.*)$", err, re.MULTILINE)
    return NEXT.findall(said)


def typed(shell, command, monkeypatch):
    """The exit code of a command as it is typed: variables before it, other programs before ``&&``."""
    *before, ours = command.split(" && ")
    for one in before:
        subprocess.run(one, shell=True, check=True)
    words = shlex.split(ours)
    with monkeypatch.context() as patch:
        while "=" in words[0]:
            patch.setenv(*words.pop(0).split("=", 1))
        assert words.pop(0) == "fees-etl", command
        return shell(*words)
