"""What is too large, packed to be, or hopeless is refused early, with the reason; and the numbers that make it so."""

from __future__ import annotations

import gzip
import io
import os
import time
from pathlib import Path

import pytest
from shells import HEADER, fee, put

from fees_etl.ingestion import bytes as stored
from fees_etl.ingestion import typing

ROW = b"C1,QQ123456A,A1,2025-01-01,1.00\n"


def packed(name, chunks, level=9):
    path = Path("lake", name)
    path.parent.mkdir(exist_ok=True)
    with gzip.open(path, "wb", level) as file:
        for chunk in chunks:
            file.write(chunk)
    return path


@pytest.mark.parametrize(
    "body", [ROW * 10_000, b"x\n" * 160_000, b"," * 320_000, b"\0" * 320_000, b'"' + b"a" * 320_000]
)
def test_a_bomb_is_refused_before_it_has_gone_off(shell, body):
    packed("a.csv.gz", [HEADER.encode(), *[body] * 300])  # a hundred megabytes
    put("b.csv", fee(1))
    began = time.monotonic()
    code, out, err = shell("ingest", "lake")
    assert (code, time.monotonic() - began < 60) == (3, True), err
    assert "it unpacks to more than 250 times its size" in err or "does not end within 1 MiB" in err
    assert "loaded" in out
    assert shell.ask("SELECT COUNT(*) FROM raw.fees") == [(1,)]


def test_what_is_small_when_unpacked_may_be_packed_well(shell):
    packed("a.csv.gz", [HEADER.encode(), ROW * 100_000])
    assert shell("ingest", "lake")[0] == 0


def test_gzip_within_gzip_is_named(shell):
    inner = io.BytesIO()
    with gzip.GzipFile(fileobj=inner, mode="wb") as file:
        file.write(HEADER.encode() + ROW)
    packed("a.csv.gz", [inner.getvalue()])
    code, _, err = shell("ingest", "lake")
    assert code == 3
    assert "it was packed twice, so unpack it once" in err


def test_a_file_over_the_limit_is_not_read(shell):
    path = put("a.csv", fee(1))
    os.truncate(path, 17 << 30)  # a hole: it takes no room
    began = time.monotonic()
    code, _, err = shell("ingest", "lake")
    assert (code, time.monotonic() - began < 20) == (3, True)
    assert "it is over 16 GiB, unpacked: send it in parts" in err


def test_unpacked_it_may_not_be_over_the_limit_either(shell, monkeypatch):
    monkeypatch.setattr(stored, "SIZE_LIMIT", 1 << 20)
    packed("a.csv.gz", [HEADER.encode(), ROW * 100_000])
    code, _, err = shell("ingest", "lake")
    assert code == 3
    assert "unpacked: send it in parts" in err


@pytest.mark.parametrize(("line", "said"), [("x\n", "1 field instead of 5"), ("a,b,c,d,e\n", "is not a date")])
def test_a_hopeless_file_is_not_read_to_its_end(shell, line, said):
    put("a.csv", line * 2_000_000)
    began = time.monotonic()
    code, _, err = shell("ingest", "lake")
    assert (code, time.monotonic() - began < 60) == (3, True)
    assert " of its first " in err
    assert said in err
    assert "a.csv:1, a.csv:2" in err
    assert shell.ask("SELECT COUNT(*) FROM raw.fees_rejected") == [(1000,)]
    rows = shell.ask("SELECT row_count, rejected_count, loaded_count FROM raw.files")[0]
    assert rows[0] == rows[1] < 2_000_000
    assert rows[2] == 0


@pytest.mark.parametrize("quoted", [False, True])
def test_a_file_that_can_still_be_good_is_read_to_its_end(shell, quoted):
    bad = 4 * 3000
    lines = ["x\n"] * bad + [fee(1) if not quoted else fee(1).replace("a1", '"a\n1"')] * (25 * bad)
    put("a.csv", *lines)
    code, out, err = shell("ingest", "lake")
    assert code == 0, err
    assert f"{bad:,}" in out


def test_more_than_one_in_twenty_is_counted_over_all_of_it(shell, monkeypatch):
    monkeypatch.setattr(typing, "_MANY", 10)
    put("a.csv", *[fee(1, "x")] * 500, *[fee(2)] * 9500)
    assert shell("ingest", "lake")[0] == 0
    put("b.csv", *[fee(1, "x")] * 501, *[fee(2)] * 9499)
    code, _, err = shell("ingest", "lake")
    assert code == 3
    assert "501 of its first 1,001 rows cannot be typed" in err


def test_sums_that_would_not_fit_name_file_and_row(shell):
    put("a.csv", fee(1), fee(2, "9" * 29))
    put("b.csv", fee(3), fee(4, "99000000000000000000"))
    put("c.csv", fee(5, "60000000000000000000"), fee(6, "-60000000000000000000"))
    code, out, err = shell("run", "--source", "lake")
    assert code == 3
    assert "a.csv:2: from here on its amounts add up to" in err
    assert "c.csv:2: from here on its amounts add up to" in err
    assert "b.csv" not in err
    assert "99,000,000,000,000,000,005" in out
    for name in "ac":
        Path("lake", f"{name}.csv").unlink()
    assert shell("run", "--source", "lake", "--allow-withdraw")[0] == 0  # and what is loaded can be added up


@pytest.mark.parametrize(
    "content",
    ['{"rows": 1, "total": 1e999999999}', '{"rows": 1, "total": "-1e999999"}', '{"rows": 1, "total": 1e-999999999}', '{"rows": true, "total": "5"}',
     "[" * 60_000, '{"rows": 1' + "0" * 5000 + ', "total": "5"}', " " * 70_000, '{"rows": 1, "total": "' + "5" * 50_000 + '"}', '{"rows": 1, "total": "NaN"}',
     '{"rows": 9, "rows": 1, "total": "5"}'],
)  # fmt: skip
def test_a_control_file_is_bounded_too(shell, content):
    put("a.csv", fee(1))
    Path("lake/a.csv.control.json").write_text(content)
    code, _, err = shell("ingest", "lake")
    assert code == 3, err
    assert "control file a.csv.control.json: it is" in err
    assert len(err) < 2000


@pytest.mark.parametrize(
    "header", ["x" * 200_000, '"' + "x" * 200_000 + '",client_id', "," * 200_000, "client_id," * 20_000]
)
def test_a_header_beyond_measure_is_refused(shell, header):
    put("a.csv", fee(1), header=f"{header}\n")
    code, _, err = shell("ingest", "lake")
    assert code == 3, err
    assert len(err) < 3000
