"""A working folder and ``fees-etl`` in it, as a user types it, for tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import places
import pytest
from pipeline import forget_settings

from fees_etl import cli

HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount\n"


def fee(number, amount="5", day="2025-01-01", nino=None):
    return f"c{number},{nino or f'QQ{100000 + number}A'},a1,{day},{amount}\n"


class Shell:
    """A working folder, ``fees-etl`` in it, and a look at its warehouse."""

    def __init__(self, capsys):
        self.capsys = capsys

    def __call__(self, *args):
        code = cli.main(list(args))
        shown = self.capsys.readouterr()
        return code, shown.out, shown.err

    def ask(self, sql):
        with duckdb.connect("fees.duckdb", read_only=True) as found:
            return found.execute(sql).fetchall()


@pytest.fixture
def shell(capsys, monkeypatch, tmp_path):
    forget_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    Path("lake").mkdir()
    return Shell(capsys)


def put(name, *lines):
    path = Path("lake", name)
    path.write_text(HEADER + "".join(lines))
    return path


def waive(*key, assertion="assert_client_data"):
    """A project folder of the bundled SQL with one waiver."""
    shutil.copytree(places.ROOT / "sql", "project/sql", dirs_exist_ok=True)
    text = f"- assertion: {assertion}\n  key: {json.dumps(key)}\n  reason: known\n  expires: 2099-01-01\n"
    Path("project/sql/waivers.yml").write_text(text)
    return "--project-dir", "project"
