"""The lake in a bucket: the real client over HTTP against a strict fake of the store."""

from __future__ import annotations

import gzip
import os
import re
import stat
import subprocess
import sys
import time
from decimal import Decimal
from itertools import islice

import pytest
from gcs import FIRST_GENERATION, FakeGCS, Fault
from pipeline import LENIENT, Pipeline

from fees_etl.errors import GuardRefused, InputRefused, UsageError, WarehouseBusy, WarehouseError
from fees_etl.ingestion import bucket as gcs
from fees_etl.ingestion.source import listing, opened

HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount\n"
LISTING, CONTENT = r"/b/lake/o\?", r"alt=media"


def csv(*amounts, day="2025-01-01", nino="QQ000001A"):
    lines = (f"C{number},{nino},A1,{day},{amount}\n" for number, amount in enumerate(amounts, 1))
    return (HEADER + "".join(lines)).encode()


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")  # never looked at
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    monkeypatch.setattr(gcs, "RETRY", gcs.RETRY.with_timeout(0.5).with_delay(0.01, 0.02))
    with FakeGCS("lake", page=2) as store:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.url)
        yield store


@pytest.fixture
def pipeline(store, tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        yield pipeline


def names(source, known=()):
    return [file.uri.removeprefix("gs://lake/") for file in listing(source, known).files]


def outcomes(pipeline, source="gs://lake/fees/*.csv*", **options):
    found = pipeline.ingest(source, **options).files
    return {file.uri.rpartition("/")[2]: (file.outcome, file.note) for file in found}


def read(file, folder):
    with file.local(folder) as path:
        return path.read_bytes()


# What a source means

TREE = ("a.csv", "b.csv.gz", "b.csv.gz.control.json", "c.txt", ".d.csv", "e/f.csv", "e/.g.csv", "e/h/i.csv", ".j/k.csv", "l[1].csv", "m n#o?.csv", "p.csv/q.csv")  # fmt: skip
EVERY = ("a.csv", "e/f.csv", "e/h/i.csv", "l[1].csv", "m n#o?.csv", "p.csv/q.csv")


@pytest.mark.parametrize("pattern", ["*", "*.csv", "?.csv", "[!a].csv*", "**/*.csv", "e/**", "*/*.csv", "e?f.csv", "e[/]f.csv", "[l]*", "[", ".*", "**", "e/**/i.csv", "m n#o?.csv"])  # fmt: skip
def test_a_pattern_means_the_same_here_and_in_a_bucket(store, tmp_path, pattern):
    for name in TREE:
        path = tmp_path / "lake" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        store.put("lake", f"lake/{name}", b"")
    here, there = listing(f"{tmp_path}/lake/{pattern}"), listing(f"gs://lake/lake/{pattern}")

    found = [file.uri.removeprefix("gs://lake/lake/") for file in there.files]
    assert found == sorted(str(file.place.relative_to(tmp_path / "lake")) for file in here.files)
    for name in TREE:
        assert there.covers(f"gs://lake/lake/{name}") == here.covers((tmp_path / "lake" / name).as_uri())


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("gs://lake", ["a.csv", "b.csv.gz", "l[1].csv", "m n#o?.csv"]),
        ("gs://lake/", ["a.csv", "b.csv.gz", "l[1].csv", "m n#o?.csv"]),
        ("gs://lake/e", ["e/f.csv"]),
        ("gs://lake/e/", ["e/f.csv"]),
        ("gs://lake/p.csv/", ["p.csv/q.csv"]),
        ("gs://lake/p.csv", []),
        ("gs://lake/a.csv", ["a.csv"]),
        ("gs://lake/b.csv.gz", ["b.csv.gz"]),
        ("gs://lake/l[1].csv", ["l[1].csv"]),
        ("gs://lake/m n#o?.csv", ["m n#o?.csv"]),
        ("gs://lake/**/*.csv", sorted(EVERY)),
        ("gs://lake/no/such", []),
    ],
)
def test_a_source_is_a_folder_a_pattern_or_an_object(store, source, found):
    for name in (*TREE, "e/"):
        store.put("lake", name, b"")
    assert names(source) == found


def test_what_is_known_says_what_a_name_means(store):
    store.put("lake", "a[1]/b.csv", b"")
    assert names("gs://lake/a[1]", {"gs://lake/a[1]/gone.csv"}) == ["a[1]/b.csv"]
    assert names("gs://lake/a[1]") == []

    assert listing("gs://lake/x", {"gs://lake/x"}).covers("gs://lake/x")
    assert not listing("gs://lake/x").covers("gs://lake/x")
    assert listing("gs://lake/x.csv", {"gs://lake/x.csv/part.csv"}).covers("gs://lake/x.csv/other.csv")


def test_a_listing_covers_its_own_bucket_and_kind_only(store):
    found = listing("gs://lake/fees/*.csv")
    assert [found.covers(uri) for uri in ("gs://lake/fees/a.csv", "gs://pond/fees/a.csv", "file:///lake/fees/a.csv", "sample://a.csv")] == [True, False, False, False]  # fmt: skip


def test_one_listing_with_what_is_needed_and_no_folder_below(store):
    for name in ("fees/1.csv", "fees/2.csv", "fees/3.csv", "fees/old/0.csv", "other/4.csv"):
        store.put("lake", name, csv(1))
    (first, *_) = listing("gs://lake/fees/*.csv").files

    assert (first.version, first.place.size, first.place.crc32c) == (
        str(FIRST_GENERATION),
        len(csv(1)),
        store.live("lake")[0].crc32c,
    )
    assert len(store.requests) == 2  # pages
    asked = "prefix=fees/&delimiter=/&fields=items(name,generation,size,crc32c,contentEncoding),nextPageToken"
    assert all(asked in request for request in store.requests)


@pytest.mark.parametrize("name", ["fees/a.csv.control.json", "fees/a.control.json"])
@pytest.mark.parametrize("source", ["gs://lake/fees", "gs://lake/fees/a.csv", "gs://lake/fees/a.c*", "gs://lake/**"])
def test_control_files_come_with_the_same_listing(store, source, name):
    store.put("lake", "fees/a.csv", csv(1))
    store.put("lake", name, b"{}")
    (file,) = listing(source).files

    assert file.control.name == name
    assert len(store.requests) == 1


@pytest.mark.parametrize("source", ["gs://", "gs:///fees", "gs://la*e/fees.csv", "s3://lake/fees.csv", "gs://l"])
def test_a_source_of_another_kind_is_refused(source):
    with pytest.raises(UsageError, match=re.escape(source)):
        listing(source)


# Not visible is not gone

FAILURES = [
    (Fault(LISTING, 9, 404, "The specified bucket does not exist."), InputRefused, "bucket does not exist"),
    (Fault(LISTING, 9, 403, "x does not have storage.objects.list access"), GuardRefused, "storage.objects.list"),
    (Fault(LISTING, 9, 400, "Invalid bucket name"), InputRefused, "Invalid bucket name"),
    (Fault(LISTING, 9, 401), UsageError, "credentials"),
    (Fault(LISTING, 999, 503), WarehouseError, "tried for 0 s, at last injected"),
    (Fault(LISTING, 999, reset=True), WarehouseError, "does not answer"),
    (Fault(LISTING, 999, cut=20), WarehouseError, "20 bytes read"),
    (Fault(r"pageToken", 999, 500), WarehouseError, "does not answer"),
    (Fault(r"pageToken", 9, 403), GuardRefused, "injected"),
]


@pytest.mark.parametrize(("fault", "error", "words"), FAILURES, ids=lambda value: getattr(value, "status", None))
def test_a_store_that_cannot_be_seen_withdraws_nothing(store, pipeline, fault, error, words):
    for name in "abc":
        store.put("lake", f"fees/{name}.csv", csv(1))
    pipeline.ingest("gs://lake/fees")
    store.faults.append(fault)

    with pytest.raises(error, match=words) as raised:
        pipeline.ingest("gs://lake/fees", allow_withdraw=True)
    assert "gs://lake/" in raised.value.message
    assert raised.value.published
    assert raised.value.hint
    assert pipeline.value("SELECT COUNT(*) FROM raw.fees") == 3


@pytest.mark.parametrize("request_line", [LISTING, CONTENT], ids=["listing", "content"])
@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 500}, {"status": 502}, {"status": 503}, {"status": 504}, {"status": 408}, {"reset": True}, {"cut": 7}, {"cut": 0}], ids=str)  # fmt: skip
def test_what_passes_is_tried_again(store, pipeline, request_line, fault):
    store.put("lake", "fees/a.csv", csv(1, 2))
    store.faults.append(Fault(request_line, 2, **fault))

    assert outcomes(pipeline) == {"a.csv": ("loaded", "")}
    assert pipeline.value("SELECT SUM(fee_amount) FROM raw.fees") == 3


@pytest.mark.parametrize("request_line", [LISTING, CONTENT], ids=["listing", "content"])
def test_no_call_waits_for_ever(store, pipeline, monkeypatch, request_line):
    monkeypatch.setattr(gcs, "TIMEOUT", (0.2, 0.2))
    store.put("lake", "fees/a.csv", csv(1))
    store.faults.append(Fault(request_line, 99, delay=1))
    began = time.monotonic()

    with pytest.raises(WarehouseError, match="timed out"):
        pipeline.ingest("gs://lake/fees")
    assert time.monotonic() - began < 2


def test_the_defaults_have_an_end():
    assert gcs.TIMEOUT == (10, 60)
    assert gcs.RETRY.timeout == 120


def test_nobody_is_there(pipeline, monkeypatch):
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    with pytest.raises(WarehouseError, match=r"gs://lake/ cannot be read: .* Connection refused"):
        pipeline.ingest("gs://lake/fees")


def test_no_credentials(monkeypatch):
    monkeypatch.delenv("STORAGE_EMULATOR_HOST", raising=False)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    with pytest.raises(UsageError, match=r"no valid Google credentials \(File /nowhere.json was not found") as raised:
        listing("gs://lake/fees")
    assert "gcloud auth application-default login" in raised.value.hint


def test_a_bucket_that_is_empty_or_mostly_so(store, pipeline):
    with pytest.raises(InputRefused, match="matches no file"):
        pipeline.ingest("gs://lake/fees")
    for name in "abc":
        store.put("lake", f"fees/{name}.csv", csv(1, day=f"2025-01-0{ord(name) - 96}"))
    pipeline.ingest("gs://lake/fees")
    store.delete("lake", "fees/a.csv")
    store.delete("lake", "fees/b.csv")

    with pytest.raises(
        GuardRefused, match=r"2 of the 3 files known under 'gs://lake/fees' are gone: gs://lake/fees/a.csv"
    ):
        pipeline.ingest("gs://lake/fees")
    assert outcomes(pipeline, "gs://lake/fees", allow_withdraw=True) == {"a.csv": ("withdrawn", ""), "b.csv": ("withdrawn", ""), "c.csv": ("unchanged", "")}  # fmt: skip


def test_a_refused_object_of_another_place_stops_no_run_of_the_right_one(store, pipeline):
    store.put("lake", "bad.csv", b"not a header\n")
    store.put("lake", "fees/a.csv", csv(1))
    assert outcomes(pipeline, "gs://lake/bad.csv")["bad.csv"][0] == "refused"
    found = pipeline.ingest("gs://lake/fees")
    assert [one for one in found.notes if "bad.csv" in one]
    assert pipeline.value("SELECT list(status ORDER BY uri) FROM raw.files") == ["withdrawn", "loaded"]
    assert outcomes(pipeline, "gs://lake/bad.csv")["bad.csv"][0] == "refused"  # and again, when it is the source


def test_what_a_bucket_leaves_out_is_named(store):
    for name in ("a.csv", "B.CSV", "c.csv.GZ", "README.md", "d.csv.control.json", "a.control.json", "old/"):
        store.put("lake", f"fees/{name}", csv(1))
    found = listing("gs://lake/fees")
    assert [file.uri.rpartition("/")[2] for file in found.files] == ["B.CSV", "a.csv", "c.csv.GZ"]
    assert found.notes == (
        "left out: 1 name that the source does not mean (README.md)",
        "d.csv.control.json belongs to no data file that is there",
    )
    assert names("gs://lake/fees/*.csv") == ["fees/B.CSV", "fees/a.csv"]
    assert listing("gs://lake/fees/a.csv").notes == ()


# The bytes


def test_a_copy_is_private_and_goes_with_its_block(store, tmp_path):
    store.put("lake", "a.csv", csv(1))
    (file,) = listing("gs://lake/a.csv").files

    with file.local(tmp_path) as path:
        assert path.read_bytes() == csv(1)
        assert path.parent.parent == tmp_path
        assert path.parent.name.startswith("reading-")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(tmp_path.iterdir()) == []


def test_a_large_object_comes_in_blocks_and_goes_on_where_it_broke(store, tmp_path, monkeypatch):
    monkeypatch.setattr(gcs, "BLOCK", 1 << 20)
    content = os.urandom((2 << 20) + 5)
    generation = store.put("lake", "a.csv", content)
    store.faults.append(Fault(r"\[bytes=1048576-", cut=300_000))
    (file,) = listing("gs://lake/a.csv").files

    assert read(file, tmp_path) == content
    spans = [request.partition(f"generation={generation} ")[2] for request in store.requests[1:]]
    assert spans[::3] == ["[bytes=0-1048575]", "[bytes=2097152-2097156]"]
    assert re.fullmatch(r"\[bytes=(1[1-3]\d{5})-2097151]", spans[2])  # not from the start of the block


def test_an_empty_object_needs_no_request(store, tmp_path):
    store.put("lake", "a.csv", b"")
    (file,) = listing("gs://lake/a.csv").files
    assert read(file, tmp_path) == b""
    assert len(store.requests) == 1


@pytest.mark.parametrize("name", ["fees/a.csv", "fees/a.csv.gz"])
def test_content_encoding_is_taken_off_once_and_by_the_reader(store, pipeline, name):
    content = gzip.compress(csv(1, 2))
    store.put("lake", name, content, encoding="gzip")
    (file,) = listing("gs://lake/fees").files
    with file.local(pipeline.folder) as path:
        assert (path.read_bytes(), path.name[-3:]) == (content, ".gz")

    pipeline.ingest("gs://lake/fees")
    assert pipeline.value("SELECT SUM(fee_amount) FROM raw.fees") == 3
    assert pipeline.value("SELECT bytes FROM raw.files") == len(content)


@pytest.mark.parametrize("versioned", [False, True])
def test_an_object_that_is_overwritten_between_listing_and_reading(store, pipeline, versioned):
    store.versioned = versioned
    store.put("lake", "fees/a.csv", csv(1))
    store.faults.append(Fault(CONTENT, before=lambda: store.put("lake", "fees/a.csv", csv(2))))

    if versioned:  # what was listed can still be had
        assert outcomes(pipeline) == {"a.csv": ("loaded", "")}
        assert pipeline.value("SELECT SUM(fee_amount) FROM raw.fees") == 1
        return
    with pytest.raises(WarehouseBusy, match=r"^gs://lake/fees/a.csv changed while it was read"):
        pipeline.ingest("gs://lake/fees")
    assert pipeline.value("SELECT COUNT(*) FROM raw.files") == 0
    assert outcomes(pipeline) == {"a.csv": ("loaded", "")}


@pytest.mark.parametrize("fault", [{"corrupt": True}, {"status": 404}, {"status": 412}, {"status": 416}], ids=str)
def test_bytes_that_are_not_those_of_the_listing(store, pipeline, fault):
    store.put("lake", "fees/a.csv", csv(1))
    store.put("lake", "fees/b.csv", csv(2))
    store.faults.append(Fault(r"b\.csv\?alt=media", **fault))

    with pytest.raises(WarehouseBusy, match=r"gs://lake/fees/b.csv changed while it was read"):
        pipeline.ingest("gs://lake/fees")
    assert pipeline.value("SELECT COUNT(*) FROM raw.fees") == 0
    assert list(pipeline.folder.glob("reading-*")) == []


def test_an_object_that_may_not_be_read_is_not_gone(store, pipeline):
    store.put("lake", "fees/a.csv", csv(1))
    store.put("lake", "fees/b.csv", csv(2))
    store.faults.append(
        Fault(r"b\.csv\?alt=media", status=403, said="x does not have storage.objects.get access to QQ123456C")
    )

    with pytest.raises(GuardRefused, match=r"gs://lake/fees/b.csv is there, but cannot be read: .* to \[NINO\]"):
        pipeline.ingest("gs://lake/fees", allow_withdraw=True)
    assert pipeline.value("SELECT COUNT(*) FROM raw.files") == 0
    assert outcomes(pipeline) == {"a.csv": ("loaded", ""), "b.csv": ("loaded", "")}


def test_no_room_for_the_copy_is_said_as_such(store, tmp_path, monkeypatch):
    store.put("lake", "a.csv", csv(1))
    (file,) = listing("gs://lake/a.csv").files
    with pytest.raises(FileNotFoundError), file.local(tmp_path / "no folder"):
        pass


def test_a_block_that_is_too_short(store, monkeypatch):
    store.put("lake", "a.csv", csv(1))
    (file,) = listing("gs://lake/a.csv").files
    monkeypatch.setattr(gcs.Object, "_range", lambda *_: b"")
    with pytest.raises(WarehouseBusy):
        list(islice(file.place.blocks(), 2))


# Ingestion


def test_versions_are_generations_and_nothing_known_is_read_again(store, pipeline):
    generation = store.put("lake", "fees/it's.csv", csv(1, 2))
    store.put("lake", "fees/bad.csv", b"client_id,oops\n")
    assert outcomes(pipeline)["it's.csv"] == ("loaded", "")
    rows = pipeline.value("SELECT list((_source_file, _source_version, _source_row) ORDER BY ALL) FROM raw.fees")
    assert rows == [("gs://lake/fees/it's.csv", str(generation), row) for row in (1, 2)]
    before = pipeline.rows("raw.files")

    store.requests.clear()
    again = outcomes(pipeline)
    assert again["it's.csv"] == ("unchanged", "")
    assert again["bad.csv"][0] == "refused"
    assert len(store.requests) == 1
    assert pipeline.rows("raw.files") == before


def test_a_correction_a_withdrawal_a_rename_and_a_copy(store, pipeline):
    for name, amount in (("a", 1), ("b", 2), ("c", 3), ("d", 4)):
        store.put("lake", f"fees/{name}.csv", csv(amount, day=f"2025-01-0{amount}"))
    pipeline.ingest("gs://lake/fees")
    store.put("lake", "fees/a.csv", csv(10, day="2025-01-01"))
    store.delete("lake", "fees/b.csv")
    store.put("lake", "fees/e.csv", csv(2, day="2025-01-02"))
    store.put("lake", "fees/f.csv", csv(3, day="2025-01-03"))
    store.delete("lake", "fees/d.csv")

    assert outcomes(pipeline, "gs://lake/fees", allow_withdraw=True) == {
        "a.csv": ("loaded", ""),
        "b.csv": ("withdrawn", ""),
        "c.csv": ("unchanged", ""),
        "d.csv": ("withdrawn", ""),
        "e.csv": ("loaded", "renamed from gs://lake/fees/b.csv"),
        "f.csv": ("loaded", "a copy of gs://lake/fees/c.csv"),
    }
    assert pipeline.value("SELECT SUM(fee_amount) FROM raw.fees") == Decimal(18)


def test_the_same_bytes_sent_again_are_a_new_version_of_no_consequence(store, pipeline):
    store.put("lake", "fees/a.csv", csv(1))
    pipeline.ingest("gs://lake/fees")
    pipeline.run()
    generation = store.put("lake", "fees/a.csv", csv(1))

    assert outcomes(pipeline)["a.csv"][0] == "loaded"
    assert pipeline.value("SELECT list(version) FROM raw.files WHERE status = 'loaded'") == [str(generation)]
    assert pipeline.value("SELECT COUNT(*) FROM ops.pending") == 0
    assert pipeline.value("SELECT COUNT(*) FROM raw.fees") == 1


def test_a_control_file_is_read_pinned_and_alone(store, pipeline):
    store.put("lake", "fees/a.csv", csv(1, 2))
    store.put("lake", "fees/a.control.json", b'{"rows": 2, "total": "3"}')
    assert outcomes(pipeline) == {"a.csv": ("loaded", "")}
    assert outcomes(pipeline) == {"a.csv": ("unchanged", "")}

    store.requests.clear()
    generation = store.put("lake", "fees/a.control.json", b'{"rows": 3, "total": "3"}')
    assert outcomes(pipeline) == {"a.csv": ("refused", "control file a.control.json: it says 3 rows, the file has 2")}
    assert [request for request in store.requests if "alt=media" in request] == [f"GET /download/storage/v1/b/lake/o/fees/a.control.json?alt=media&generation={generation} [bytes=0-24]"]  # fmt: skip


def test_what_a_control_file_refused_is_judged_anew(store, pipeline):
    store.put("lake", "fees/a.csv", csv(1, 2))
    store.put("lake", "fees/a.csv.control.json", b'{"rows": 3, "total": "3"}')
    assert outcomes(pipeline)["a.csv"][0] == "refused"
    store.put("lake", "fees/a.csv.control.json", b'{"rows": 2, "total": "3"}')
    assert outcomes(pipeline) == {"a.csv": ("loaded", "")}


@pytest.mark.parametrize(
    ("content", "fault", "reason"),
    [
        (b" " * (64 << 10) + b"{}", {}, "it is over 64 KiB"),
        (b"", {}, 'it is not {"rows": n, "total": "x"}'),
        (b'{"rows": 2, "total": "3"}', {"status": 403}, "it cannot be read: injected"),
    ],
    ids=["too large", "empty", "forbidden"],
)
def test_a_control_file_that_is_none(store, pipeline, content, fault, reason):
    store.put("lake", "fees/a.csv", csv(1, 2))
    store.put("lake", "fees/a.control.json", content)
    if fault:
        store.faults.append(Fault(r"control\.json\?alt=media", 9, **fault))
    assert outcomes(pipeline) == {"a.csv": ("refused", f"control file a.control.json: {reason}")}


def test_a_control_file_that_vanishes_meanwhile(store, pipeline):
    store.put("lake", "fees/a.csv", csv(1))
    store.put("lake", "fees/a.control.json", b"{}")
    store.faults.append(Fault(r"control\.json\?alt=media", before=lambda: store.delete("lake", "fees/a.control.json")))
    with pytest.raises(WarehouseBusy, match=r"gs://lake/fees/a.control.json changed while it was read"):
        pipeline.ingest("gs://lake/fees")


def test_rejected_rows_of_an_object_are_kept_with_their_file(store, pipeline):
    store.put("lake", "fees/a.csv", csv(1, "£5", 2))
    pipeline.ingest("gs://lake/fees")
    assert pipeline.value("SELECT (_source_file, _source_row, reasons) FROM raw.fees_rejected") == (
        "gs://lake/fees/a.csv",
        2,
        "fee_amount is not a number",
    )


# Around it


def test_where_a_bucket_lies(store):
    store.location = "europe-west2"
    assert opened("gs://lake/fees/*.csv").location() == "EUROPE-WEST2"
    assert len(store.requests) == 1
    store.faults.append(Fault(r"/b/lake\?", status=403))
    assert opened("gs://lake").location() == ""
    with pytest.raises(InputRefused, match="gs://pond/"):
        opened("gs://pond").location()


def test_only_a_bucket_costs_the_import_of_its_client():
    script = "import sys, fees_etl, fees_etl.ingestion; fees_etl.ingestion.source.listing('.'); sys.exit('google' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
