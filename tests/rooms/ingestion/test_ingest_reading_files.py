"""Files as a whole: line ends, headers, compression, odd names, and every reason to refuse one."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import stat
from datetime import date
from functools import partial

import duckdb
import pipeline
import pytest

from fees_etl.errors import WarehouseBusy
from fees_etl.ingestion.bytes import FileRefused
from fees_etl.ingestion.header import Form, scan
from fees_etl.ingestion.typing import read
from fees_etl.types import Table

LATEST = date(2025, 10, 1)
FORM = Form(pipeline.project().sources[Table("raw", "fees")], latest=LATEST)
COLUMNS = tuple(column.name for column in FORM.contract.file_columns)
HEADER = ",".join(COLUMNS).encode()
compressed = partial(gzip.compress, mtime=0)  # the same bytes, so the same test names, in every process
BOM = b"\xef\xbb\xbf"


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect(config={"threads": 2}) as connection:
        yield connection


@pytest.fixture
def clients_of(connection, tmp_path):
    """(row, client_id or the reasons it was rejected for) of each record of a file, and whether the careful reader read it."""

    def clients(content, name="fees.csv"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        with read(connection, scan(path, FORM), tmp_path) as reading:
            found = connection.execute(
                f"SELECT _source_row, COALESCE(_reasons, client_id) FROM {reading.table} ORDER BY ALL"
            ).fetchall()
            assert len(found) == reading.rows
            return found, reading.careful

    return clients


ONE_TWO = [(1, "one"), (2, "two")]


@pytest.mark.parametrize(
    ("content", "found", "careful"),
    [
        pytest.param(HEADER + b"\none,,,,\ntwo,,,,\n", ONE_TWO, False, id="lf"),
        pytest.param(HEADER + b"\none,,,,\ntwo,,,,", ONE_TWO, False, id="no newline at the end"),
        pytest.param(HEADER + b"\r\none,,,,\r\ntwo,,,,\r\n", ONE_TWO, False, id="crlf"),
        pytest.param(HEADER + b"\r\none,,,,\r\ntwo,,,,", ONE_TWO, False, id="crlf, none at the end"),
        pytest.param(BOM + HEADER + b"\none,,,,\ntwo,,,,\n", ONE_TWO, False, id="bom"),
        pytest.param(BOM + b'"client_id",' + HEADER[10:] + b"\none,,,,\ntwo,,,,\n", ONE_TWO, False, id="bom and quote"),
        pytest.param(HEADER + b'\n"one",,"",,\n"two",,,,\n', ONE_TWO, False, id="quoted"),
        pytest.param(HEADER + b'\n"one, ""1""",,,,\n', [(1, 'one, "1"')], False, id="comma and quote"),
        pytest.param(HEADER + "\nZoë,,,,\n".encode(), [(1, "Zoë")], False, id="utf-8"),
        pytest.param(HEADER, [], False, id="header alone"),
        pytest.param(HEADER + b"\r\n", [], False, id="header and line end"),
        pytest.param(HEADER + b"\n\n\n", [], True, id="header and empty lines"),
        pytest.param(HEADER + b"\rone,,,,\rtwo,,,,\r", ONE_TWO, True, id="lone cr"),
        pytest.param(HEADER + b"\r\none,,,,\ntwo,,,,\r", ONE_TWO, True, id="mixed line ends"),
        pytest.param(HEADER + b"\none,,,,\r\r\ntwo,,,,\r\r\n", ONE_TWO, True, id="cr cr lf"),
        pytest.param(b"\n\r\n" + HEADER + b"\none,,,,\ntwo,,,,\n", ONE_TWO, True, id="empty lines before the header"),
        pytest.param(HEADER + b"\none,,,,\n\n\r\ntwo,,,,\n\n", ONE_TWO, True, id="empty lines are no records"),
        pytest.param(HEADER + b'\n"one\n\n,,,,",,,,\ntwo,,,,\n', [(1, "one\n\n,,,,"), (2, "two")], True, id="quoted newlines"),
        pytest.param(HEADER + b'\r\n"one\r\n\r",,,,\r\ntwo,,,,', [(1, "one\r\n\r"), (2, "two")], True, id="quoted cr"),
        pytest.param(HEADER + b"\n  \none,,,,\n", [(1, "1 field instead of 5"), (2, "one")], True, id="a line of spaces"),
        pytest.param(HEADER + b'\n""\none,,,,\n', [(1, "1 field instead of 5"), (2, "one")], True, id="a line of quotes"),
        pytest.param(HEADER + b"\none,,,,,\n1,2,3\ntwo,,,,\n", [(1, "6 fields instead of 5"), (2, "3 fields instead of 5"), (3, "two")], True, id="field counts"),
        pytest.param(HEADER + b'\n "one",,,,\n"two" ,,,,\nth"ree,,,,\n""four,,,,\n"5""",,,,\n', [*((row, "malformed quotes") for row in range(1, 5)), (5, '5"')], True, id="malformed quotes"),
        pytest.param(HEADER + b"\n\xff,,,,\n\xed\xa0\x80,,,,\n\xc3,,,,\none,,,,\n", [*((row, "not UTF-8") for row in range(1, 4)), (4, "one")], True, id="not utf-8"),
        pytest.param(HEADER + b"\no\0ne,,,,\ntwo,,,,\n", [(1, "a NUL character"), (2, "two")], True, id="nul"),
        pytest.param(HEADER + b"\n#one,,,,\n\\,,,,\n',,,,\n", [(1, "#one"), (2, "\\"), (3, "'")], False, id="no comments, no escapes"),
        pytest.param(b' "client_id" ,\tclient_nino, adviser_id,fee_date , fee_amount\none,,,,\n', [(1, "one")], True, id="spaces around names"),
        pytest.param(HEADER.replace(b",", b" , ") + b"\none,,,,\n", [(1, "one")], False, id="spaces around plain names"),
    ],
)  # fmt: skip
def test_records_and_their_numbers(clients_of, content, found, careful):
    assert clients_of(content) == (found, careful)


def test_rejected_records_are_kept_as_text(connection, tmp_path):
    path = tmp_path / "fees.csv"
    path.write_bytes(HEADER + b'\n\xffa"b\0\n"x\r\ny",2\n')
    with read(connection, scan(path, FORM), tmp_path) as reading:
        found = connection.execute(f"SELECT _record FROM {reading.table} ORDER BY _source_row").fetchall()
    assert found == [('\ufffda"b\ufffd',), ('"x\r\ny",2',)]


ZIPPED = [compressed(HEADER + b"\none,,"), compressed(b",,\ntwo,,,,\n")]


@pytest.mark.parametrize("name", ["fees.csv.gz", "FEES.CSV.GZ"])
@pytest.mark.parametrize(
    "content",
    [compressed(BOM + HEADER + b"\none,,,,\ntwo,,,,"), b"".join(ZIPPED), b"".join(ZIPPED) + b"\0" * 512],
    ids=["one member", "two members", "padded"],
)
def test_gzip(clients_of, tmp_path, content, name):
    assert clients_of(content, name)[0] == ONE_TWO
    scanned = scan(tmp_path / name, FORM)
    assert (scanned.sha256, scanned.size) == (hashlib.sha256(content).hexdigest(), len(content))


@pytest.mark.parametrize("name", ["a*.csv", "a?.csv", "[a].csv", "a[!b].csv", "it's.csv", 'a"b.csv', "a\\b.csv", "é ü.csv", "{a,b}.csv", "year=2025/x[1]*/a.csv", "%20.csv", "a\nb.csv", "**/a.csv", "~.csv", "no suffix", "$x;--.csv"])  # fmt: skip
@pytest.mark.parametrize(
    "content", [HEADER + b"\none,,,,\ntwo,,,,\n", HEADER + b"\none,,,,\n\ntwo,,,,\n"], ids=["native", "careful"]
)
def test_odd_names_stand_for_themselves(clients_of, tmp_path, name, content):
    for other in ("a1.csv", "a.csv", "aa.csv", "b.csv"):
        (tmp_path / other).write_bytes(HEADER + b"\nother,,,,\n")
    assert clients_of(content, name)[0] == ONE_TWO


def _drift(*names):
    return ",".join(names).encode() + b"\n1,2,3,4,5\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty: not even a header"),
        (BOM, "the file is empty: not even a header"),
        (b"\n\r\n\n", "the file is empty: not even a header"),
        (b"C1,QQ123456C,7,2025-01-31,1.5\n", "no header: the first record names none of client_id, client_nino, adviser_id, fee_date, fee_amount"),
        (b"a" * 2_000_000, "a record does not end within 1 MiB: a quote is not closed, or this is not a CSV file"),
        (_drift(*COLUMNS[:4]), "header drift: fee_amount is missing"),
        (_drift(*COLUMNS[:3]), "header drift: fee_date and fee_amount are missing"),
        (_drift(*COLUMNS, "fee_date", "client_id"), "header drift: client_id and fee_date are doubled"),
        (_drift(*COLUMNS[:4], "Fee_Amount"), "header drift: fee_amount is missing; 'Fee_Amount' is unknown (did you mean fee_amount?)"),
        (_drift(*COLUMNS[:4], "amount"), "header drift: fee_amount is missing; 'amount' is unknown (did you mean fee_amount?)"),
        (_drift(*COLUMNS, "region"), "header drift: 'region' is unknown"),
        (_drift(*COLUMNS, ""), "header drift: a column has no name"),
        (_drift(*COLUMNS, "QQ123456C", "x_QQ 12 34 56 C_" + "y" * 50), "header drift: '[NINO]' is unknown; 'x_[NINO]_" + "y" * 31 + "' is unknown"),
        (_drift(*COLUMNS, "Zoë O'Hara"), "header drift: a column has a name that is none"),
        (_drift("client_id", *"abcdefg"), "header drift: client_nino, adviser_id, fee_date and fee_amount are missing; 'a' is unknown; 'b' is unknown; 'c' is unknown; 'd' is unknown; 'e' is unknown; 2 more are unknown"),
        (HEADER + b'\n1,2,3,4,"5\n6,7,8,9,0\n', "a quote is not closed"),
        (HEADER + b'\n1,2,3,4,"5', "a quote is not closed"),
        (HEADER + b'\na"b,2,3,4,"5\n6,7,8,9,0\n', "a quote is not closed"),
        (HEADER + b'\n1,2,3,4,"5\n"6,7,8,9,0\n', "a quote is not closed"),
        (b'client_id,"client_nino\n', "a quote is not closed"),
        (HEADER + b'\n1,2,3,4,"5' + b"\n6,7,8,9,0" * 200_000, "a record does not end within 1 MiB: a quote is not closed, or this is not a CSV file"),
        ((HEADER + b"\n1,2,3,4,5\n").decode().encode("utf-16"), "it looks like UTF-16: export it as UTF-8"),
        ((HEADER + b"\n1,2,3,4,5\n").decode().encode("utf-16-le"), "it looks like UTF-16: export it as UTF-8"),
        (compressed(HEADER), "it is gzip data: its name must end in .gz"),
        (b"PK\x03\x04....", "it is a zip archive or a spreadsheet, not a CSV file"),
    ],
)  # fmt: skip
def test_refused(connection, tmp_path, content, reason):
    path = tmp_path / "fees.csv"
    path.write_bytes(content)
    scanned = scan(path, FORM)
    assert (scanned.sha256, scanned.size) == (hashlib.sha256(content).hexdigest(), len(content))
    with pytest.raises(FileRefused) as refused, read(connection, scanned, tmp_path):
        pass
    assert refused.value.reason == reason
    assert [entry.name for entry in tmp_path.iterdir()] == ["fees.csv"]


LONG = compressed(HEADER + b"\n" + b"\n".join(b"%d,,,," % row for row in range(300_000)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty: not even a header"),
        (HEADER, "the gzip data is corrupt, or the file is no gzip file"),
        (ZIPPED[0][:-1], "the gzip data ends too early: the file is truncated"),
        (ZIPPED[0][:20], "the gzip data ends too early: the file is truncated"),
        (ZIPPED[0][:-8] + b"12345678", "the gzip data is corrupt, or the file is no gzip file"),
        (ZIPPED[0] + b"trailing", "the gzip data is corrupt, or the file is no gzip file"),
        (LONG[: len(LONG) // 2], "the gzip data ends too early: the file is truncated"),
    ],
)
def test_refused_gzip(connection, tmp_path, content, reason):
    path = tmp_path / "fees.csv.gz"
    path.write_bytes(content)
    scanned = scan(path, FORM)
    assert (scanned.sha256, scanned.size) == (hashlib.sha256(content).hexdigest(), len(content))
    with pytest.raises(FileRefused) as refused, read(connection, scanned, tmp_path):
        pass
    assert refused.value.reason == reason


def keeping_its_time(path):
    """As many other bytes, and the time of the ones before."""
    found = path.stat()
    path.write_bytes(path.read_bytes().replace(b"o", b"O"))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_unreadable(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    reasons = {}
    for name in (".", "pipe.csv"):
        with pytest.raises(FileRefused) as refused:
            scan(tmp_path / name, FORM)
        reasons[name] = refused.value.reason
    assert reasons == {".": "it is not a regular file", "pipe.csv": "it is not a regular file"}
    with pytest.raises(WarehouseBusy, match=r"/missing.csv changed while it was read\."):
        scan(tmp_path / "missing.csv", FORM)


@pytest.mark.parametrize("body", [b"\none,,,,\n", b"\none\n"], ids=["native", "careful"])
def test_changed_or_gone_since_the_scan(connection, tmp_path, body):
    path = tmp_path / "fees.csv"
    path.write_bytes(HEADER + body)
    scanned = scan(path, FORM)
    assert scanned.still_holds()
    for change in (
        lambda: path.write_bytes(HEADER + body + b"two,,,,\n"),
        lambda: path.write_bytes(HEADER + b'\n"'),
        lambda: keeping_its_time(path),
        path.unlink,
    ):
        change()
        assert not scanned.still_holds()
        with (
            pytest.raises(WarehouseBusy, match=f"^{path} changed while it was read"),
            read(connection, scanned, tmp_path),
        ):
            pass


def test_the_careful_copy_is_private_and_removed(connection, tmp_path):
    path = tmp_path / "fees.csv"
    path.write_bytes(HEADER + b"\none\n")
    seen = []

    class Watched:
        def execute(self, query, /):
            folders = [entry for entry in tmp_path.iterdir() if entry.is_dir()]
            seen.extend([stat.S_IMODE(one.stat().st_mode) for one in (folder, *folder.iterdir())] for folder in folders)
            return connection.execute(query)

    before = os.umask(0)
    try:
        with read(Watched(), scan(path, FORM), tmp_path) as reading:
            assert reading.careful
            assert [entry.name for entry in tmp_path.iterdir()] == ["fees.csv"]
    finally:
        os.umask(before)
    assert seen
    assert all(modes == [0o700, 0o600, 0o600] for modes in seen)


def test_the_engines_own_troubles_are_not_the_files(tmp_path):
    path = tmp_path / "fees.csv"
    path.write_bytes(HEADER + b"\none,,,,\n")

    class Broken:
        def __init__(self, *answers):
            self.answers = list(answers)

        def execute(self, query, /):
            if not re.match("ATTACH|DETACH", query):
                raise self.answers.pop(0)

    with (
        pytest.raises(RuntimeError, match="interrupted"),
        read(Broken(RuntimeError("Query interrupted")), scan(path, FORM), tmp_path),
    ):
        pass
    with (
        pytest.raises(ValueError, match="second"),
        read(Broken(ValueError("first"), ValueError("second")), scan(path, FORM), tmp_path),
    ):
        pass
