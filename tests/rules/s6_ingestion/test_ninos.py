"""A National Insurance number stays in its column: swapped ones are rejected, and no screen, log or file of the books shows one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import duckdb
import pytest
from shells import HEADER, fee, put, waive

from fees_etl import connect
from fees_etl.errors import FeesError

NUMBER = "QQ 12-34  56/C"
"""As nobody would look for it."""
SEEN = re.compile(r"12\W*34\W*56")


def test_swapped_columns_are_refused_and_nothing_of_them_is_published(shell):
    swapped = [f"QQ{100000 + number}A,c{number},a1,2025-01-01,5\n" for number in range(30)]
    put("a.csv", *swapped)
    code, out, err = shell("run", "--source", "lake")
    assert code == 3
    assert "client_id looks like a National Insurance number" in err
    assert "a.csv:1" in err
    assert "client_id looks like a National Insurance number (30)" in " ".join(out.split())
    put("a.csv", *map(fee, range(30)), header=HEADER)
    assert shell("run", "--source", "lake")[0] == 0


def test_a_few_are_rejected_named_and_kept_under_the_tag(shell):
    put("a.csv", *map(fee, range(40)), f"{NUMBER},x,a1,2025-01-01,5\n", f"c1,QQ100001A,{NUMBER},2025-01-01,5\n")
    code, out, _ = shell("run", "--source", "lake")
    assert code == 0
    assert not SEEN.search(out)
    found = shell.ask("SELECT _source_row, reasons, record FROM raw.fees_rejected ORDER BY ALL")
    assert [row[:2] for row in found] == [
        (41, "client_id looks like a National Insurance number"),
        (42, "adviser_id looks like a National Insurance number"),
    ]
    assert all(NUMBER in row[2] for row in found)  # in the column that has the tag


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("layout", ["text", "json", "gcp"])
def test_no_command_shows_one(shell, output, layout):
    name = f"of {NUMBER.replace('/', '_')} and QQ123456C"
    put(f"{name}.csv", fee(1, nino=NUMBER), fee(1, "6", nino="QQ654321A"), fee(2))
    put(f"bad {name}.csv", fee(1), header=f"{HEADER.strip()},{NUMBER.replace('/', ' ')}\n")
    put(f"worse {name}.csv", f"{NUMBER},x,a1,2025-01-01,5\n")
    logs = ("--log-format", layout, "-v")
    said = []
    for command in (
        ("run", "--source", "lake", "--output", output), ("ingest", "lake", "--output", output), ("runs", "--output", output),
        ("plan", "--source", "lake", "--output", output), ("run", "--source", f"lake/{name}.csv", "--output", output),
        ("assert", "--output", output), ("run", "--source", f"lake/no {NUMBER}"), ("run", "--select", NUMBER), (NUMBER,),
        ("run", f"--{NUMBER}"), ("backfill", "--start", NUMBER, "--end", NUMBER), ("--target", NUMBER, "run"),
    ):  # fmt: skip
        _, out, err = shell(*logs, *command)
        said += [out, err]
        if output == "json" and command[0] in {"run", "ingest"} and out:
            json.loads(out)
    for one in said:
        assert not SEEN.search(one.replace("123456C'", "")), SEEN.search(one)


def test_the_ledger_and_the_reasons_of_the_books_have_none(shell):
    put("a.csv", fee(1), header=f"{HEADER.strip()},{NUMBER.replace('/', ' ')}\n")
    shell("ingest", "lake")
    assert not SEEN.search(str(shell.ask("SELECT reason FROM raw.files")))


@pytest.mark.parametrize("number", [NUMBER, "QQ123456", "client QQ123456C.", "QQ%20123456C"])
def test_a_waiver_that_quotes_one_is_refused(shell, number):
    folder = waive("c1")
    waivers = Path("project/sql/waivers.yml")
    waivers.write_text(waivers.read_text().replace("known", f'"{number}"'))
    code, _, err = shell(*folder, "ls")
    assert code == 2
    assert "must not quote a National Insurance number" in err
    assert not SEEN.search(err)


def test_an_error_of_the_database_quotes_none_and_is_nobodys_cause():
    with connect("duckdb://") as engine:
        for sql in (
            f"SELECT CAST('{NUMBER}' AS INT64) AS x",
            f"SELECT ERROR('{NUMBER}') AS x",
            f"SELECT DATE '{NUMBER}' AS x",
        ):
            with pytest.raises(FeesError) as caught:
                engine.query(sql)
            error = caught.value
            assert not SEEN.search(str(error)), error
            assert error.__cause__ is None
            assert error.__suppress_context__ or error.__context__ is None


def test_a_damaged_table_is_told_without_its_values(fed):
    with duckdb.connect("fees.duckdb") as warehouse:
        warehouse.execute(f"UPDATE staging.stg_fees SET client_nino = '{NUMBER}', fee_id = '{NUMBER}'")
    code, out, err = fed("-v", "assert")
    assert code == 1
    assert not SEEN.search(out + err)
