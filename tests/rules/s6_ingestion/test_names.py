"""Names of files: in any case, long and odd; and what a source leaves out is named."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from shells import HEADER, fee, put
from tiers import part

from fees_etl import UsageError
from fees_etl.ingestion.source import listing, meant


@pytest.mark.parametrize("source", ["lake", "lake/**", "lake/[!x]*"])
def test_suffixes_are_read_in_any_case(shell, source):
    import gzip

    put("a.csv", fee(1))
    put("B.CSV", fee(2))
    Path("lake/c.csv.GZ").write_bytes(gzip.compress((HEADER + fee(3)).encode()))
    Path("lake/B.control.json").write_text('{"rows": 1, "total": "5"}')
    code, _, err = shell("ingest", source)
    assert code == 0, err
    assert shell.ask("SELECT COUNT(*) FROM raw.fees") == [(3,)]
    Path("lake/B.CSV.control.json").write_text('{"rows": 2, "total": "5"}')
    assert shell("ingest", source)[0] == 3


def test_what_is_left_out_is_named(shell):
    put("a.csv", fee(1))
    for name in ("notes.txt", "b.csv.bak", ".hidden.csv", "c.csv.control.json"):
        put(name)
    Path("lake/old").mkdir()
    _, out, _ = shell("run", "--source", "lake")
    said = " ".join(out.split())
    assert "left out: 4 names that the source does not mean (.hidden.csv, b.csv.bak, notes.txt, ...)" in said
    assert "c.csv.control.json belongs to no data file that is there" in said
    _, out, _ = shell("ingest", "lake", "--output", "json")
    assert len(json.loads(out)["ingest"]["notes"]) == 2
    assert shell("ingest", "lake/a.csv", "--output", "json")[1].count("left out") == 0
    assert "4 names that the source does not mean (.hidden.csv, a.csv," in listing("lake/**/*.txt").notes[0]


def test_a_name_of_255_bytes_is_a_name(shell):
    put("a" * 251 + ".csv", fee(1))
    assert shell("run", "--source", "lake")[0] == 0


@pytest.mark.parametrize("source", ["x" * 300 + ".csv", "x/" * 3000 + "a.csv", "x" * 300 + "*.csv", "a\0b.csv", "a\0*"])
def test_a_name_that_no_file_can_have_is_refused_in_a_sentence(shell, source):
    code, _, err = shell("ingest", source)
    assert code in {2, 3}, err
    assert shell("ingest", "--forget", source)[0] in {2, 3}


NAMES = [
    "a\nb",
    "a\x1b[31m",
    "'a'",
    'a"b"',
    "a#b",
    "a%41b",
    "a?b",
    "a;b",
    "a b",
    " a",
    "[a]",
    "{a}",
    "ä",
    "a\\b",
    "-a",
    "~a",
    "\u202ea",
]


@pytest.mark.parametrize("name", part(NAMES, 3))
def test_odd_names_are_kept_apart_corrected_withdrawn_and_forgotten(shell, name):
    path = put(f"{name}.csv", fee(1))
    put("plain.csv", fee(2))
    assert shell("ingest", "lake")[0] == 0
    assert shell("ingest", f"lake/{name}.csv")[0] == 0
    assert shell.ask("SELECT COUNT(*), COUNT(DISTINCT _source_file) FROM raw.fees") == [(2, 2)]
    path.write_text(HEADER + fee(3))
    assert shell("ingest", "lake")[0] == 0
    assert shell("ingest", "--forget", f"lake/{name}.csv")[0] == 0
    assert shell("ingest", "lake")[0] == 0
    path.unlink()
    assert shell("ingest", "lake")[0] == 0
    assert shell.ask("SELECT client_id FROM raw.fees") == [("c2",)]


def test_a_name_that_is_not_utf8_is_refused_until_it_goes(shell):
    put("plain.csv", fee(2))
    path = put(os.fsdecode(b"a\xff.csv"), fee(1))
    assert shell("ingest", "lake", "-q")[0] == 3
    path.unlink()
    assert shell("run", "--source", "lake")[0] == 0


def test_a_null_character_is_no_name():
    with pytest.raises(UsageError):
        meant("a\0b", ())


@pytest.mark.parametrize(
    "words",
    [
        ["run", "--source", "lake", "--source", "other"],
        ["run", "--source=lake", "--source=lake"],
        ["backfill", "--start", "2025-01-01", "--end", "2025-01-02", "--end", "2025-01-03"],
        ["ingest", "lake", "other"],
    ],
)
def test_an_option_that_is_given_twice_is_refused(shell, words):
    code, _, err = shell(*words)
    assert code == 2
    assert ("twice" in err) or ("unexpected" in err)


def test_what_may_be_repeated_may_be_repeated(shell):
    put("a.csv", fee(1))
    assert shell("run", "--source", "lake", "--select", "stg_fees+", "--select", "rpt_*")[0] == 0


def test_a_clock_that_is_wrong_is_named_by_the_refusal(shell):
    put("a.csv", fee(1, day="2099-01-01"))
    _, out, _ = shell("ingest", "lake")
    assert "by the clock of this machine today is " in " ".join(out.split())


@pytest.mark.parametrize("source", ["x/" * 1900, "*/" * 1900, "**/x/" * 700])
def test_a_source_of_thousands_of_folders_is_none_that_is_there(shell, source):
    put("a.csv", fee(1))
    code, _, err = shell("ingest", source)
    assert code == 3, err
    assert "matches no file" in " ".join(err.split())
