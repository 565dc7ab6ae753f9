"""raw mirrors the files that are there: those that come, go, look alike, or are written in other ways."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pipeline import Pipeline, project
from shells import change, fee, process, put
from worlds import LINES, SHAPES

from fees_etl import connect
from fees_etl.types import Table


def test_a_vanished_file_whose_name_looks_like_a_pattern_never_brings_in_another(shell):
    put("fees1.csv", fee(1))
    path = put("fees[1].csv", fee(2))
    shell("ingest", "lake/fees[1].csv")
    path.unlink()
    code, _, err = shell("ingest", "lake/fees[1].csv")
    assert code == 4, err
    assert shell.ask("SELECT client_id FROM raw.fees") == [("c2",)]


def test_a_hidden_file_that_a_pattern_never_meant_is_not_withdrawn_by_it(shell):
    for number in (1, 2):
        put(f"{number}.csv", fee(number))
    put(".hidden.csv", fee(3))
    shell("ingest", "lake")
    shell("ingest", "lake/.hidden.csv")
    shell("ingest", "lake")
    assert shell.ask("SELECT COUNT(*) FROM raw.fees") == [(3,)]


def test_a_folder_that_is_gone_is_a_mass_withdrawal_and_can_be_accepted(shell):
    put("a.csv", fee(1))
    shell("ingest", "lake")
    shutil.rmtree("lake")
    assert shell("ingest", "lake")[0] == 4
    assert shell("ingest", "lake", "--allow-withdraw")[0] == 0


def test_a_file_that_still_lies_in_another_source_is_a_copy_and_not_renamed(shell):
    put("a.csv", fee(1))
    shell("ingest", "lake")
    shutil.copytree("lake", "other")
    _, out, _ = shell("ingest", "other")
    assert "a copy of" in out
    assert "renamed" not in out


def test_a_control_file_that_comes_after_its_file_must_agree_too(shell):
    put("a.csv", fee(1))
    shell("run", "--source", "lake")
    Path("lake/a.csv.control.json").write_text('{"rows": 99, "total": "5"}')
    assert shell("run", "--source", "lake")[0] == 3


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: Path(path).symlink_to("nowhere")])
def test_a_control_that_is_there_and_cannot_be_read_is_not_passed_over(shell, make):
    put("a.csv", fee(1))
    make("lake/a.csv.control.json")
    code, _, err = shell("run", "--source", "lake")
    assert (code, "a.csv.control.json: it is there, and no file that can be read" in err) == (3, True)


def test_a_file_name_that_is_not_utf8_is_no_bug(shell):
    put(os.fsdecode(b"fees\xff.csv"), fee(1))
    code, _, err = shell("ingest", "lake")
    assert code != 70, err


KEPT = "SELECT file_status, _source_row, reasons FROM raw.fees_rejected ORDER BY ALL"


def test_rejected_rows_are_named_and_those_of_a_refused_file_are_kept_until_it_is_replaced(shell):
    put("a.csv", fee(1), fee(2, "five"), fee(3))
    put("b.csv", *map(fee, range(40)), fee(41, "£5"))
    code, out, err = shell("ingest", "lake")
    assert code == 3
    assert "1 of 3 rows cannot be typed" in err
    assert "a.csv:2" in err
    assert "the first: b.csv:41" in " ".join(out.split())
    reason = "fee_amount is not a number"
    assert shell.ask(KEPT) == [("loaded", 41, reason), ("refused", 2, reason)]

    assert shell("ingest", "lake")[0] == 3  # nothing is written twice
    assert shell("ingest", "lake", "--reload")[0] == 3
    assert shell.ask(KEPT) == [("loaded", 41, reason), ("refused", 2, reason)]

    put("a.csv", fee(1), fee(2), fee(3))
    assert shell("ingest", "lake")[0] == 0
    assert shell.ask(KEPT) == [("loaded", 41, reason)]


def test_what_a_control_file_refuses_is_kept_as_refused_and_then_as_loaded(shell):
    put("a.csv", *map(fee, range(40)), fee(41, "x"))
    control = Path("lake/a.csv.control.json")
    control.write_text('{"rows": 7, "total": "1"}')
    for _ in range(2):
        assert shell("ingest", "lake")[0] == 3
        assert [row[:2] for row in shell.ask(KEPT)] == [("refused", 41)]
    control.write_bytes(b'\xef\xbb\xbf{"rows": 41, "total": "200"}')  # a BOM is no fault
    assert shell("ingest", "lake")[0] == 0
    assert [row[:2] for row in shell.ask(KEPT)] == [("loaded", 41)]


def test_of_a_refused_file_the_first_thousand_rejects_are_kept(shell):
    put("a.csv", *(fee(number, "x") for number in range(1200)))
    code, out, _ = shell("ingest", "lake", "--output", "json")
    assert code == 3
    assert list(json.loads(out)["ingest"]["files"][0]["first_rejected"]) == [f"a.csv:{row}" for row in range(1, 6)]
    assert shell.ask("SELECT COUNT(*), MAX(_source_row) FROM raw.fees_rejected") == [(1000, 1000)]
    Path("lake/a.csv").unlink()
    shell("ingest", "lake", "--allow-withdraw")
    assert shell.ask("SELECT COUNT(*) FROM raw.fees_rejected") == [(0,)]


def test_thousands_of_file_versions_in_one_statement_are_no_bug():
    with connect("duckdb://") as engine:
        engine.prepare(project().contracts)
        contract = project().contracts[Table("raw", "fees")]
        uris = [f"file:///{number}.csv" for number in range(3000)]
        sql = project().templates.render("operations/conserved.sql", uris=uris, run_id="r", contract=contract)
        assert engine.query(sql).rows == ((False,),)


def test_a_full_disk_in_the_careful_reader_is_exit_5(shell):
    put("a.csv", '"two\nlines",QQ123456A,a,2025-01-01,1\n', *map(fee, range(20_000)))

    def small_disk():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    done = process("ingest", "lake", stdout=subprocess.DEVNULL, preexec_fn=small_disk)
    assert done.returncode == 5, done.stderr


@pytest.mark.parametrize("shape", SHAPES)
def test_however_a_file_is_written_the_fees_are_the_same(tmp_path, shape):
    (tmp_path / f"fees.csv{'.gz' * (shape == 'gz')}").write_bytes(SHAPES[shape])
    with Pipeline(tmp_path) as pipeline:
        pipeline.ingest()
        pipeline.run()

        fees = [row[1:] for row in pipeline.rows("staging.stg_fees", 2)]
    assert fees == [
        ("ann", "QQ000001A", "x", date(2025, 1, 31), Decimal("1.6")),
        ("bob", "QQ000002A", "y", date(2025, 1, 31), Decimal(2)),
    ]


def test_quoted_commas_newlines_and_quotes_are_data(tmp_path):
    text = LINES[0] + '\n"a,\n""b""",QQ000001A,"x\ny",2025-01-31,1\n'
    with Pipeline(tmp_path) as pipeline:
        pipeline.put(fees=text)
        pipeline.ingest()
        pipeline.run()

        assert pipeline.rows("staging.stg_fees")[0][1:4] == ('a,\n"b"', "QQ000001A", "x\ny")


@pytest.mark.parametrize("column", ["uri", "ingested_at"])
def test_books_that_name_no_file_are_no_bug(shell, column):
    put("a.csv", fee(1))
    assert shell("run", "--source", "lake")[0] == 0
    change(f"UPDATE raw.files SET {column} = NULL")
    code, _, err = shell("ingest", "lake")
    assert (code, "raw.files has a version without a name or a moment" in " ".join(err.split())) == (4, True)
    assert shell("files")[0] == 0
    assert shell("assert")[0] == 1
