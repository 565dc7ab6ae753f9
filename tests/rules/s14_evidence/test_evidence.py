"""SPEC 14: what an auditor asks of a run is one file; it is checked with nothing but itself, and no byte of it is free."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import struct
import warnings
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import places
import pytest
from pipeline import forget_settings
from shells import GOOD, change, put, waive

from fees_etl import cli
from fees_etl.errors import AssertionsFailed
from fees_etl.evidence import archive, seals
from fees_etl.privacy import redact_lines
from fees_etl.project.watched import ANOMALIES

ANN, BEN = "client-of-ann", "client-of-ben"
HEADER_SIZE = 30
LENIENT = json.dumps({"max_lost": "1", "max_rejected": "1"})
FEES = [
    f"{ANN},QQ123456A,A1,2025-01-01,100.00\n",
    f"{ANN},QQ123456A,A1,2025-01-01,100.00\n",  # again
    f"{ANN},QQ123456A,A2,2025-08-01,7.505\n",
    f"{BEN},QQ123456B,A2,2025-02-01,50.50\n",
    ",QQ123456B,A2,2025-02-01,3\n",  # blank
    f"{BEN},QQ123456B,A2,soon,3\n",  # cannot be typed
]
LATE = f"{BEN},QQ123456B,A2,2025-01-15,20.00\n"


@pytest.fixture(scope="module")
def story():
    """A folder of evidence of three runs, and the warehouse as the first and as the last left it."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        patch.setenv("FEES_ETL_VARS", LENIENT)
        patch.chdir(folder)
        put("a.csv", *FEES)
        run(0)
        made("1.zip")
        made("same.zip")
        made("clients.zip", "--clients")
        shutil.copy("fees.duckdb", "first.duckdb")
        put("conflict.csv", f"{ANN},QQ999999D,A1,2025-01-02,1.00\n")
        run(1)
        Path("lake/conflict.csv").unlink()
        put("late.csv", LATE)
        run(0)
        made("2.zip", "--follows", "1.zip")
        put("a.csv", *FEES[2:], LATE)
        run(0)
        made("3.zip")
        made("whole.zip", "--follows", "1.zip")
        first = said("runs", "--output", "json")[1]
        made("old.zip", of_run=json.loads(first)["runs"][-1]["run_id"])
        yield Path(folder)


@pytest.fixture
def world(story, shell, monkeypatch):
    """A copy of it, with the warehouse as the first run left it."""
    monkeypatch.setenv("FEES_ETL_VARS", LENIENT)
    shutil.copytree(story, ".", dirs_exist_ok=True)
    shutil.copy("first.duckdb", "fees.duckdb")
    return shell


def said(*args):
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        return cli.main(list(args)), out.getvalue(), err.getvalue()


def run(expected):
    assert said("run", "--source", "lake/*.csv", "--allow-withdraw")[0] == expected


def made(name, *args, of_run="latest"):
    code, out, err = said("evidence", of_run, "--out", name, *args)
    assert code == 0, err
    Path(f"{name}.txt").write_text(out)


def members(name="1.zip"):
    with zipfile.ZipFile(name) as found:
        return {one: found.read(one) for one in found.namelist()}


def document(name, member):
    return json.loads(members(name)[member])


def test_a_run_in_one_file_and_every_claim_of_it(world):
    assert zipfile.ZipFile("1.zip").testzip() is None
    assert Path("1.zip").stat().st_mode & 0o077 == 0
    found = members()
    assert {"run.json", "ledger.json", "files.json", "assertions.json", "published.json", "traces.json"} < found.keys()
    (file,) = document("1.zip", "files.json")["files"]
    assert (file["row_count"], file["loaded_count"], file["rejected_count"]) == ("6", "5", "1")
    assert found["sql/model/reporting.rpt_client_ltv.sql"]
    assert ("report.html" in found) == (find_spec("vl_convert") is not None)
    asked = {one["name"]: one["sql"] for one in document("1.zip", "assertions.json")}
    assert {name for name, sql in asked.items() if sql is None} == {
        ANOMALIES,
        "freshness_fees",
    }  # of its fee dates alone
    assert {*asked.values()} - {None} <= found.keys()
    Path("fees.duckdb").unlink()
    code, out, err = world("evidence", "verify", "1.zip", "--output", "json")
    (told,) = json.loads(out)["files"]
    assert (code, err) == (0, "")
    assert {one["subject"] for one in told["claims"]} == {
        "source", "completeness", "accuracy", "change control", "parameters",
    }  # fmt: skip
    assert [one["said"] for one in told["claims"] if not one["holds"]] == ["the bridge from the run before adds up"]
    assert told["digest"] in Path("1.zip.txt").read_text()


def test_the_same_is_the_same_to_the_byte_and_no_file_is_replaced(world):
    assert Path("1.zip").read_bytes() == Path("same.zip").read_bytes()
    code, _, err = world("evidence", "latest", "--out", "1.zip")
    assert (code, "there already" in err) == (2, True)


def test_evidence_is_there_whole_or_not_at_all(world, monkeypatch):
    """Once a command that was killed while it wrote left a part under the name, and the next one would not replace that."""

    def stopped(draft, path):
        assert draft.read_bytes() == Path("1.zip").read_bytes()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", stopped)
        assert world("evidence", "latest", "--out", "new.zip")[0] == 130
    assert not Path("new.zip").exists()
    assert world("evidence", "latest", "--out", "new.zip")[0] == 0
    assert Path("new.zip").read_bytes() == Path("1.zip").read_bytes()
    assert Path("new.zip").stat().st_mode & 0o077 == 0
    assert not [*Path().glob(".*.tmp")]


def test_a_client_whom_history_has_in_one_table_alone_is_a_claim_that_is_not_so(world):
    change("UPDATE history.rpt_client_ltv SET client_id = 'nobody' WHERE rowid = 0")
    code, _, err = world("evidence", "latest", "--out", "new.zip", "--clients")
    assert (code, "is the sum of its clients" in " ".join(err.split())) == (1, True), err


@pytest.mark.parametrize("taken", [False, True])
def test_evidence_is_written_where_a_file_system_has_no_links(world, monkeypatch, taken):
    def no_link(*_):
        if taken:
            Path("new.zip").write_text("another's")
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    code, _, err = world("evidence", "latest", "--out", "new.zip")
    assert (code, "File exists" in err) == ((2, True) if taken else (0, False))
    assert Path("new.zip").read_bytes() == (b"another's" if taken else Path("1.zip").read_bytes())


def test_neither_ninos_nor_clients_are_in_it_but_where_clients_are_asked_for(world):
    for name in ("1.zip", "2.zip", "clients.zip"):
        for member, content in members(name).items():
            assert member == "report.html" or redact_lines(content.decode()) == content.decode(), member
            assert not re.search(rb"QQ\d{6}", content)
    assert not any(ANN.encode() in content for content in members().values())
    assert "client ids are left out" in " ".join(document("1.zip", "manifest.json")["limits"])
    assert ANN.encode() in members("clients.zip")["published/reporting.dim_clients.csv"]
    assert "each row of reporting.rpt_adviser_ltv is the sum of its clients" in Path("clients.zip.txt").read_text()
    assert world("evidence", "verify", "clients.zip")[0] == 0


def test_a_traced_number_is_that_of_its_lines(world):
    (adviser, *_) = document("1.zip", "traces.json")
    lines = list(csv.DictReader(io.StringIO(members()[adviser["member"]].decode())))
    assert (adviser["key"], adviser["numbers"]["total_client_ltv_all_time"]) == ({"adviser_id": "A1"}, "107.505")
    numbers = ("source_row", "adds_to_total_client_ltv_6_month", "adds_to_total_client_ltv_all_time")
    assert [tuple(line[name] for name in numbers) for line in lines] == [("1", "100.00", "100.00"), ("3", "", "7.505")]


def test_evidence_follows_the_evidence_of_the_run_before(world):
    code, out, _ = world("evidence", "verify", "1.zip", "2.zip", "3.zip")
    assert (code, "Each of the 3 follows the one before." in out) == (0, True)
    assert world("evidence", "verify", "1.zip", "whole.zip")[0] == 0
    assert [one["status"] for one in document("2.zip", "ledger.json")["attempts"]] == ["published", "rejected"]
    causes = {line["cause"] for one in document("2.zip", "bridge.json")["bridge"] for line in one["lines"]}
    assert "late" in causes
    for names in (("1.zip", "3.zip"), ("2.zip", "1.zip"), ("old.zip", "2.zip")):
        code, _, err = world("evidence", "verify", *names)
        assert (code, "does not follow" in err) == (1, True), names
    code, _, err = world("evidence", "latest", "--out", "x.zip", "--follows", "3.zip")
    assert (code, "did not publish before" in err) == (2, True)


def test_an_older_run_says_what_can_no_longer_be_told(world):
    _, out, _ = world("evidence", "verify", "old.zip", "--output", "json")
    holds = {one["said"]: one["holds"] for one in json.loads(out)["files"][0]["claims"]}
    assert holds["what the files loaded is what the run found in raw"] is True
    assert holds["raw = staged + duplicates + blank"] is True
    assert holds["headline numbers are traced to lines of files"] is None
    assert False not in holds.values()


def test_files_that_wait_are_said_and_nothing_is_traced(world):
    put("more.csv", LATE)
    assert world("ingest", "lake/*.csv", "--allow-withdraw")[0] == 0

    said = world("evidence", "latest", "--out", "waiting.zip")[1]
    assert "files have arrived that no run has staged" in " ".join(said.split())


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE ops.runs SET git_sha = 'another'", "as the ledger sealed it"),
        ("UPDATE ops.changes SET amount_added = amount_added + 1", "as the ledger sealed it"),
        ("UPDATE raw.files SET total_amount = total_amount + 1", "control totals"),
        ("UPDATE history.rpt_client_ltv SET ltv_total = ltv_total + 1", "add up to the headline"),
    ],
)
def test_no_evidence_is_written_of_a_warehouse_that_was_written_to_by_hand(world, sql, said):
    change(sql)

    code, _, err = world("evidence", "latest", "--out", "e.zip")
    assert (code, said in " ".join(err.split()), Path("e.zip").exists()) == (1, True, False), err


@pytest.mark.parametrize(
    "args",
    [("latest",), ("nobody", "--out", "e.zip"), ("verify",), ("verify", "1.zip", "--out", "x.zip"), ("verify", "no.zip"),
     ("latest", "--out", "no/folder/e.zip"), ("latest", "--out", "e.zip", "--follows", "no.zip"), ("latest", "--out", ".")],
    ids=" ".join,
)  # fmt: skip
def test_what_cannot_be_meant_is_a_sentence(world, args):
    code, out, err = world("evidence", *args)
    assert (code, out, "Next:" in err) == (2, "", True)


# Tamperings: bytes of the file, members put back by another program, and whole files whose every sum was made again.


def flipped(at, bit=0):
    def tampered(data):
        place = at(data) if callable(at) else at
        return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :]

    return tampered


def zipped(edit, **options):
    """Written anew by another program, with everything in order but what was edited."""

    def tampered(data):
        with zipfile.ZipFile(io.BytesIO(data)) as found:
            content = [(one, found.read(one)) for one in found.namelist()]
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", **options) as written, warnings.catch_warnings(action="ignore"):
            for name, text in edit(content):
                written.writestr(zipfile.ZipInfo(name), text)
        return out.getvalue()

    return tampered


def edited(name, old, new):
    return zipped(lambda content: [(one, text.replace(old, new) if one == name else text) for one, text in content])


def resummed(member, edit, about=lambda found: found):
    """Every sum of the manifest is made again: only what members say of each other is left."""

    def tampered(data):
        content, manifest = archive.unpack(data)
        document = json.loads(content[member]) if member.endswith(".json") else content[member].decode()
        document = edit(document)
        written = json.dumps(document) if member.endswith(".json") else document
        return archive.pack(content | {member: written.encode()}, about(kept(manifest)))[0]

    return tampered


def put_in(*path):
    """A document with another value at a path."""
    *above, last, value = path

    def edit(document):
        at = document
        for step in above:
            at = at[step]
        at[last] = value(at[last]) if callable(value) else value
        return document

    return edit


def kept(manifest):
    """What a manifest says besides its sums."""
    return {name: manifest[name] for name in manifest.keys() - {"members", "archive", "digest"}}


def without(name):
    def tampered(data):
        content, manifest = archive.unpack(data)
        return archive.pack({one: text for one, text in content.items() if one != name}, kept(manifest))[0]

    return tampered


def listed(edit):
    """The manifest names its members otherwise, and every sum is made again."""

    def tampered(data):
        content, manifest = archive.unpack(data)
        said = manifest | {"members": edit(manifest["members"]), "digest": ""}
        said["digest"] = sha256(archive.text(said)).hexdigest()
        out, parts = bytearray(), []
        for name in sorted(content):
            archive._append(out, parts, name, content[name], level=9)
        archive._append(out, parts, archive.MANIFEST, archive.text(said), level=0)
        return bytes(out + archive._directory(parts, len(out)))

    return tampered


def second(data):
    """Where the second member begins."""
    packed, _, named = struct.unpack_from("<2IH", data, 18)
    return HEADER_SIZE + named + packed


def end(data):
    return data.rindex(b"PK\x05\x06")


def directory(data):
    return data.index(b"PK\x01\x02")


def manifest(data):
    return data.index(b'"schema"')


def swapped(content):
    first, *rest = content
    return [*rest[:-1], first, rest[-1]]


def plus(text):
    return str(int(text) + 1)


BYTES = {
    "nothing": lambda _: b"",
    "no zip": lambda _: b"client_id,client_nino\n",
    "another zip": zipped(lambda _: [("a.txt", b"a")]),
    "an empty zip": zipped(lambda _: []),
    "one byte before": lambda data: b"\n" + data,
    "a script before": lambda data: b"#!/bin/sh\n" * 9 + data,
    "one byte after": lambda data: data + b"\0",
    "twice": lambda data: data + data,
    "a comment": lambda data: data[:-2] + b"\x02\0hi",
    "cut by one": lambda data: data[:-1],
    "cut in the directory": lambda data: data[: directory(data) + 50],
    "cut before the directory": lambda data: data[: directory(data)],
    "cut in the manifest": lambda data: data[: manifest(data)],
    "cut in half": lambda data: data[: len(data) // 2],
    "cut in the first head": lambda data: data[:20],
    "the first byte": flipped(0),
    "a version needed": flipped(4),
    "a flag": flipped(6),
    "a method": flipped(8),
    "a time": flipped(10),
    "a day": flipped(12),
    "a CRC": flipped(14),
    "a packed size": flipped(18),
    "a size": flipped(22),
    "a name's length": flipped(26),
    "an extra field": flipped(28),
    "a name": flipped(HEADER_SIZE),
    "a packed byte": flipped(60),
    "the last bit of a packed member": flipped(lambda data: second(data) - 1, 7),
    "the second member": flipped(second),
    "the manifest": flipped(manifest),
    "its last byte": flipped(lambda data: directory(data) - 1),
    "the directory": flipped(directory),
    "an attribute of a file": flipped(lambda data: directory(data) + 38),
    "an offset": flipped(lambda data: directory(data) + 42),
    "the end": flipped(end),
    "a disk": flipped(lambda data: end(data) + 4),
    "a count": flipped(lambda data: end(data) + 8),
    "a directory's place": flipped(lambda data: end(data) + 16),
    "the very last": flipped(lambda data: len(data) - 1),
    "written anew": zipped(lambda content: content),
    "a member's text": edited("run.json", b"published", b"rejected_"),
    "the read-me": edited("README.txt", b"no warehouse", b"a warehouse"),
    "blanks of the manifest": edited("manifest.json", b"\n ", b"\n  "),
    "a sum of the manifest": edited("manifest.json", b'"sha256": "', b'"sha256": "0'),
    "a member less": zipped(lambda content: content[1:]),
    "a member more": zipped(lambda content: [("a.txt", b"a"), *content]),
    "a member twice": zipped(lambda content: [content[0], *content]),
    "another order": zipped(swapped),
    "no manifest": zipped(lambda content: content[:-1]),
    "compressed otherwise": zipped(lambda content: content, compression=zipfile.ZIP_DEFLATED),
}  # fmt: skip
SUMS = {
    "the run": resummed("run.json", put_in("runs", 0, "amount_after", "999.00")),
    "its commit": resummed("run.json", put_in("runs", 0, "git_sha", "another")),
    "a change of a fee date": resummed("run.json", put_in("runs", 0, "changes", 0, "amount", 1, "1")),
    "a failure that was not": resummed("run.json", put_in("runs", 0, "assertions", 0, "failing", 1)),
    "an answer": resummed("assertions.json", put_in(0, "waived", 7)),
    "the ledger": resummed("ledger.json", put_in("attempts", 0, "amount_after", "999")),
    "a seal": resummed("ledger.json", put_in("attempts", 0, "seal", "0" * 64)),
    "an arrival": resummed("ledger.json", put_in("changes", 0, "rows_added", plus)),
    "no arrivals": resummed("ledger.json", put_in("changes", [])),
    "a file's rows": resummed("files.json", put_in("files", 0, "row_count", plus)),
    "a file's pounds": resummed("files.json", put_in("files", 0, "total_amount", "1")),
    "a control total": resummed("files.json", put_in("totals", 0, "amount", "1")),
    "what was staged": resummed("files.json", put_in("staged", 0, "amount", "1.00")),
    "what was left out": resummed("files.json", put_in("left_out", 0, "row_count", 9)),
    "no file": resummed("files.json", put_in("files", [])),
    "a published sum": resummed("published.json", put_in(3, "sums", "ltv_total", "1.00")),
    "a traced number": resummed("traces.json", put_in(0, "numbers", "total_client_ltv_all_time", "1.00")),
    "a published row": resummed("published/reporting.rpt_adviser_ltv.csv", lambda text: text.replace("107.505", "107.515")),
    "a traced fee": resummed("traces/reporting.rpt_adviser_ltv.csv", lambda text: text.replace("7.505", "7.515")),
    "a line that is none": resummed("traces/reporting.rpt_adviser_ltv.csv", lambda text: re.sub(r",3,(?=,)", ",33,", text)),
    "a variable": resummed("sql/variables/variables.json", put_in("tolerance", "1")),
    "a contract": resummed("sql/source/raw.fees.yml", lambda text: text + "\nowner: me\n"),
    "the chain": resummed("run.json", lambda found: found, lambda found: found | {"chain": {"seal": "0", "after": None, "pack": None}}),
    "the run it is of": resummed("run.json", lambda found: found, lambda found: found | {"run_id": "20250101T000000-abcdef"}),
    "no ledger": without("ledger.json"),
    "another schema": resummed("run.json", lambda found: found, lambda found: found | {"schema": "fees-etl/evidence/2"}),
    "no limits": resummed("run.json", lambda found: found, lambda found: {name: found[name] for name in found if name != "limits"}),
    "limits that are none": resummed("run.json", lambda found: found, lambda found: found | {"limits": 5}),
    "a limit that is none": resummed("run.json", lambda found: found, lambda found: found | {"limits": [1]}),
    "a chain that is none": resummed("run.json", lambda found: found, put_in("chain", "pack", 5)),
    "members that are none": listed(lambda _: 5),
    "a member that is none": listed(lambda found: [*found, 5]),
    "a member without a sum": listed(lambda found: [{"name": one["name"]} for one in found]),
    "members named twice": listed(lambda found: found * 2),
    "members in another order": listed(lambda found: found[::-1]),
    "no document": resummed("run.json", lambda _: []),
    "figures that are none": resummed("run.json", put_in("runs", 0, "amount_after", "much")),
}  # fmt: skip


def test_no_tampering_is_passed_over(world):
    whole, passed = Path("1.zip").read_bytes(), []
    assert len(BYTES) > 50

    for name, tampered in (BYTES | SUMS).items():
        data = tampered(whole)
        assert data != whole, name
        Path("t.zip").write_bytes(data)
        code, out, err = world("evidence", "verify", "t.zip")
        if (code, out) != (1, "") or "Traceback" in err or "  Next:" not in err:
            passed.append(name)
    assert passed == []


def test_members_that_are_checked_against_nothing_else_are_missed(world):
    Path("t.zip").write_bytes(without("bridge.json")(Path("2.zip").read_bytes()))
    code, _, err = world("evidence", "verify", "t.zip")
    assert (code, "the bridge from the run before adds up (it is missing)" in " ".join(err.split())) == (1, True)


def test_a_bomb_is_refused_before_it_is_unpacked():
    data, _ = archive.pack({"a.txt": b"0" * (archive._SMALL + 1)}, {"schema": "x"})
    with pytest.raises(AssertionsFailed, match="unpacks to more than 250 times its size"):
        archive.unpack(data)


@pytest.mark.parametrize("args", [("verify", "e.zip"), ("latest", "--out", "new.zip", "--follows", "e.zip")])
def test_what_has_no_end_is_not_read(world, args):
    os.mkfifo("e.zip")
    code, out, err = world("evidence", *args)
    assert (code, out, "e.zip is no file." in err) == (2, "", True)


def test_every_byte_counts():
    data, _ = archive.pack({"b.txt": b"hello " * 40, "a/x.json": b"{}\n", "empty": b""}, {"schema": "x"})
    passed = []
    for place in range(len(data)):
        try:
            archive.unpack(flipped(place, place % 8)(data))
        except AssertionsFailed:
            continue
        passed.append(place)
    assert passed == []


def test_who_makes_every_sum_and_seal_again_is_found_by_what_was_noted_and_what_follows(world):
    noted = re.search(r"Digest: +(\w{64})", Path("1.zip.txt").read_text())[1]
    content, about = archive.unpack(Path("1.zip").read_bytes())
    ledger, record = json.loads(content["ledger.json"]), json.loads(content["run.json"])
    ledger["attempts"][0]["git_sha"] = record["runs"][0]["git_sha"] = "another"
    ledger["attempts"][0]["seal"] = seals.seal(ledger["attempts"][0], ledger["types"])
    about["chain"]["seal"] = ledger["attempts"][0]["seal"]
    content |= {"ledger.json": json.dumps(ledger).encode(), "run.json": json.dumps(record).encode()}
    Path("1.zip").write_bytes(archive.pack(content, kept(about))[0])

    assert world("evidence", "verify", "1.zip")[0] == 0
    code, _, err = world("evidence", "verify", "1.zip", "--digest", noted)
    assert (code, "not the evidence that was noted" in err) == (1, True)
    code, _, err = world("evidence", "verify", "1.zip", "2.zip")
    assert (code, "does not follow" in err) == (1, True)
    assert world("evidence", "verify", "old.zip", "--digest", noted)[0] == 1


MONTHS = """SELECT
    FORMAT_DATE('%Y-%m', fee_date) AS fee_month,
    SUM(fee_amount) AS fee_amount
FROM staging.stg_fees
GROUP BY fee_month
"""
CONTRACT = """description: One row per month with fees.
materialized: rebuild
key: [fee_month]
columns:
  - {name: fee_month, type: STRING, required: true, description: Month.}
  - {name: fee_amount, type: NUMERIC, required: true, description: Pounds.}
"""


def test_a_table_of_ones_own_is_in_it_and_traced(shell):
    put("good.csv", GOOD)
    options = waive("C9")
    Path("project/sql/reporting/rpt_month_fees.sql").write_text(MONTHS)
    Path("project/sql/reporting/rpt_month_fees.yml").write_text(CONTRACT)
    assert shell(*options, "run", "--source", "lake/*.csv")[0] == 0

    code, out, err = shell(*options, "evidence", "latest", "--out", "own.zip")

    assert (code, "the fees of reporting.rpt_month_fees, fee_month 2025-01, add up" in " ".join(out.split())) == (
        0,
        True,
    ), err
    assert members("own.zip")["sql/model/reporting.rpt_month_fees.sql"].decode() == MONTHS.rstrip()
    assert shell("evidence", "verify", "own.zip")[0] == 0


@pytest.mark.skipif(places.REAL is None, reason="the real file is not here")
def test_the_real_file_and_none_of_its_ninos(shell):
    assert shell("run", "--source", str(places.REAL))[0] == 0
    made("e.zip")

    told = " ".join(Path("e.zip.txt").read_text().split())
    for figure in ("650,123.37 of 5,200 clients", "119 fees of 57.66", "103,588.52"):
        assert figure in told
    with places.REAL.open() as lines:
        ninos = {row["client_nino"].encode() for row in csv.DictReader(lines)}
    everything = b"\n".join(members("e.zip").values())
    assert not ninos & {*re.findall(rb"[A-Za-z]{2}\d{6}[A-Za-z]", everything)}
    assert shell("evidence", "verify", "e.zip")[0] == 0
