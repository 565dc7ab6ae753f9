"""A place that was ingested by mistake: it stops no run of the right source, and one command takes it back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from pipeline import LENIENT, Pipeline
from shells import fee, put

from fees_etl import UsageError, forget
from fees_etl.ingestion.source import within


@pytest.fixture
def doubled(shell):
    """A lake that is published, and a copy of it in raw."""
    put("a.csv", fee(1, "100"), fee(2, "50", "2025-02-01"))
    put("b.csv", fee(3, "7"))
    assert shell("run", "--source", "lake")[0] == 0
    shutil.copytree("lake", "copy/deep")
    assert shell("ingest", "copy/**/*.csv")[0] == 0
    return shell


def test_a_copy_of_the_lake_is_forgotten_and_runs_go_on(doubled):
    before = doubled.published()
    assert doubled("run", "--source", "lake")[0] == 1  # more than 5% of raw are duplicates
    out = doubled.golden("ingest_forget", "ingest", "--forget", "copy")
    assert out.count("withdrawn") == 2
    assert doubled.ask("SELECT COUNT(*), SUM(fee_amount) FROM raw.fees") == [(3, Decimal(157))]
    assert doubled("run", "--source", "lake")[0] == 0
    assert doubled.published() == before
    assert doubled("assert")[0] == 0


def test_it_tells_json_and_doing_it_twice_is_nothing_to_do(doubled):
    code, out, _ = doubled("ingest", "--forget", "copy", "--output", "json")
    said = json.loads(out)
    assert (code, said["status"], said["ingest"]["source"]) == (0, "ingested", "copy")
    assert [file["outcome"] for file in said["ingest"]["files"]] == ["withdrawn"] * 2
    books = doubled.ask("SELECT * FROM raw.files ORDER BY ALL")
    code, out, _ = doubled("ingest", "--forget", "copy", "--output", "json")
    assert (code, json.loads(out)["ingest"]["files"]) == (0, [])
    assert doubled.ask("SELECT * FROM raw.files ORDER BY ALL") == books


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--forget", "nowhere"], 3, "/lake (2)"),
        (["--forget", ""], 2, "empty"),
        (["--forget", "s3://lake"], 2, "no place of files"),
        (["--forget", "copy", "lake"], 2, "reads no files"),
        (["--forget", "copy", "--reload"], 2, "reads no files"),
        (["--forget", "copy", "--forget", "lake"], 2, "given twice"),
        (["--forget", "."], 4, "4 of the 4 files"),
        (["--forget", "*/a.csv", "--forget=lake"], 2, "given twice"),
    ],
)
def test_what_cannot_be_forgotten_is_said(doubled, words, code, said):
    books = doubled.ask("SELECT * FROM raw.files ORDER BY ALL")
    found, _, err = doubled("ingest", *words)
    assert found == code, err
    assert said in " ".join(err.split())
    assert doubled.ask("SELECT * FROM raw.files ORDER BY ALL") == books


def test_most_of_raw_is_forgotten_only_when_it_is_meant(doubled):
    put("../other/c.csv", fee(9, "1"))
    assert doubled("ingest", "other")[0] == 0
    code, _, err = doubled("ingest", "--forget", "lake/a.csv")
    assert code == 0, err
    assert doubled("ingest", "--forget", "copy")[0] == 4  # most of what is left
    assert doubled("ingest", "--forget", "copy", "--allow-withdraw")[0] == 0
    assert doubled("run", "--skip-ingest")[0] == 0
    assert doubled.published() == [("c3", Decimal(7)), ("c9", Decimal(1))]


def test_a_rehearsal_forgets_nothing(doubled):
    assert doubled("ingest", "--forget", "copy", "--rehearse")[0] == 0
    assert doubled.ask("SELECT COUNT(*) FROM raw.fees") == [(6,)]


def test_a_place_that_was_forgotten_comes_back_when_it_is_the_source(doubled):
    assert doubled("ingest", "--forget", "copy/deep/a.csv")[0] == 0
    assert doubled("ingest", "copy/deep")[0] == 0
    assert doubled.ask("SELECT COUNT(*) FROM raw.fees") == [(6,)]


KNOWN = {
    *(f"file:///lake/{name}" for name in ("a.csv", "a%5B1%5D.csv", "a1.csv", "old/a.csv", "older/a.csv", "o%0Ad.csv")),
    *(f"gs://lake/{name}" for name in ("fees/a.csv", "fees/x/b.csv", "fees-2/a.csv", "fees/c[1].csv", "fees/c1.csv")),
}
PLACES = {
    "/lake/a.csv": 1,
    "/lake/a[1].csv": 1,  # the file of that name
    "/lake/a[12].csv": 1,
    "/lake/old": 1,
    "/lake/old/": 1,
    "/lake/old*/*": 2,
    "/lake": 6,
    "file:///lake/o%0Ad.csv": 1,
    "/lake/o\nd.csv": 1,
    "/": 6,
    "/lak": 0,
    "gs://lake/fees": 4,
    "gs://lake/fees*/a.csv": 2,
    "gs://lake/fees/c[1].csv": 1,
    "gs://lake": 5,
    "gs://pond": 0,
}


@pytest.mark.parametrize(("place", "count"), PLACES.items())
def test_what_a_place_is(place, count):
    assert len(within(place, KNOWN)) == count


def test_a_place_of_another_kind_is_none():
    for place in ("gs://", "s3://x", " "):
        with pytest.raises(UsageError):
            within(place, KNOWN)


# What was refused elsewhere


def test_a_file_of_another_place_that_was_refused_stops_no_run(shell):
    put("a.csv", fee(1))
    Path("README.md").write_text("# not a CSV\n")
    assert shell("run", "--source", "README.md")[0] == 3
    assert shell("run", "--skip-ingest")[0] == 3  # as long as it is the source
    code, out, err = shell("run", "--source", "lake")
    assert code == 0, err
    assert "README.md was refused and is no file of this source" in " ".join(out.split())
    assert shell("run", "--from", "stg_fees")[0] == 0
    assert shell("run", "--source", "README.md")[0] == 3


def test_a_refused_version_elsewhere_leaves_what_was_loaded_before(shell):
    put("a.csv", fee(1))
    put("x.csv", fee(2)).rename("x.csv")
    shell("ingest", "x.csv")
    Path("x.csv").write_text("nonsense\n")
    assert shell("ingest", "x.csv")[0] == 3
    assert shell("run", "--source", "lake")[0] == 0
    assert len(shell.published()) == 2
    assert shell("ingest", "x.csv")[0] == 3
    assert shell("ingest", "--forget", "x.csv")[0] == 0
    assert shell("run", "--skip-ingest")[0] == 0
    assert len(shell.published()) == 1


def test_a_refused_file_is_forgotten_by_the_command_that_the_refusal_names(shell):
    put("a.csv", fee(1))
    put("bad.csv", header="nonsense\n")
    shell("ingest", "lake")
    _, _, err = shell("run", "--skip-ingest")
    command = err.rpartition("fees-etl ")[2].split()
    assert shell(*command)[0] == 0
    assert shell("run", "--skip-ingest")[0] == 0


def test_a_pattern_that_once_meant_files_is_no_mistake(shell):
    put("a.csv", fee(1)).rename("gone.csv")
    put("b.csv", fee(2))
    shell("ingest", "gone.csv")
    Path("gone.csv").unlink()
    assert shell("ingest", "gone.csv", "--allow-withdraw")[0] == 0
    assert shell("ingest", "gone.csv")[0] == 0
    assert shell("ingest", "never.csv")[0] == 3


# Killed


def test_killed_at_any_moment_it_happened_or_it_did_not(tmp_path):
    script = (
        "import sys; from fees_etl import connect, forget, load\n"
        "with connect(sys.argv[1]) as engine: print('open', flush=True); forget(load(), engine, sys.argv[2])"
    )
    for name in ("lake", "copy"):
        (tmp_path / name).mkdir()
    url = f"duckdb://{tmp_path}/fees.duckdb"
    rows = "".join(fee(number) for number in range(20_000))
    with Pipeline(tmp_path / "lake", url, **LENIENT) as pipeline:
        for name in ("lake", "copy"):
            (tmp_path / name / "a.csv").write_text("client_id,client_nino,adviser_id,fee_date,fee_amount\n" + rows)
            pipeline.ingest(tmp_path / name)
        pipeline.run()
    shutil.copy(tmp_path / "fees.duckdb", tmp_path / "before.duckdb")
    for delay in (0.0, 0.1, 0.2, 0.3, 0.4, 0.6):
        shutil.copy(tmp_path / "before.duckdb", tmp_path / "fees.duckdb")
        process = [sys.executable, "-c", script, url, str(tmp_path / "copy")]
        with subprocess.Popen(process, stdout=subprocess.PIPE, text=True) as child:
            child.stdout.readline()
            time.sleep(delay)
            child.kill()
        with Pipeline(tmp_path / "lake", url, **LENIENT) as pipeline:
            counts = [pipeline.value(f"SELECT COUNT(*) FROM raw.{table}") for table in ("fees", "file_totals")]
            assert counts in ([40_000, 2], [20_000, 1])
            forget(pipeline.project, pipeline.engine, str(tmp_path / "copy"))
            assert pipeline.value("SELECT COUNT(*) FROM raw.fees") == 20_000
            assert pipeline.run().status == "published"
            assert all(found.passed for found in pipeline.check().values())


@pytest.mark.parametrize("words", [["--reload"], ["--reload", "lake/a.csv"]])
def test_nothing_is_said_to_be_read_again_where_no_source_is_named(doubled, words):
    code, _, err = doubled("ingest", *words)

    assert code == 2
    assert f"fees-etl ingest SOURCE {' '.join(words)}" in err
