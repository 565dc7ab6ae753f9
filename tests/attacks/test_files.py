"""Kind D: files that are odd, broken, hostile, gone, or no files. What is loaded adds up; all else is named and kept out."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import shutil
import socket
import time
from decimal import Decimal
from pathlib import Path

import pytest
from attacks import odd_files as odd
from attacks.attacked import harmless, some
from shells import HEADER, put

LAKE = Path("lake")
ROWS = odd.sound()


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


def judged(attacked, *args, source="lake"):
    """A run over the lake: each file has its fate in the books, all records are counted, what is published adds up."""
    done = attacked("run", "--source", source, *args)
    assert done.code in {0, 1, 3, 4}, done.said
    attacked.left_behind()
    if done.code == 0:
        attacked.adds_up()
    if done.code in {0, 1}:
        counted = "SELECT SUM(row_count - rejected_count) FROM raw.files WHERE status = 'loaded'"
        assert attacked.ask(counted) == attacked.ask("SELECT COUNT(*) FROM raw.fees")
    return done


@pytest.mark.parametrize("value", odd.VALUES, ids=lambda value: ascii(value)[1:30])
def test_a_value_in_each_column(attacked, value):
    """Five attacks: a file for each column, with one such value among good ones."""
    for at, name in enumerate(odd.NAMES):
        fields = [f"odd{at}", f"QQ2719{at:02}A", "a1", "2025-01-05", "3"]
        fields[at] = quoted(value)
        put(f"{name}.csv", *odd.sound(1000 * (at + 1)), ",".join(fields) + "\n")
    judged(attacked)


@pytest.mark.parametrize("make", odd.HEADERS.values(), ids=odd.HEADERS)
def test_a_name_of_each_column(attacked, make):
    for at, name in enumerate(odd.NAMES):
        names = [make(one) if one == name else one for one in odd.NAMES]
        put(f"{name}.csv", *odd.sound(1000 * (at + 1)), header=",".join(one for one in names if one is not None) + "\n")
    judged(attacked)


@pytest.mark.parametrize("encoding", odd.ENCODINGS)
def test_encodings(attacked, encoding):
    LAKE.mkdir()
    for at, (name, text) in enumerate(odd.TEXTS.items()):
        whole = HEADER + "".join(odd.sound(1000 * (at + 1), text=text))
        if encoding == "utf-8 twice":
            made = whole.encode().decode("latin-1").encode()
        else:
            made = whole.encode(encoding, "replace")
        (LAKE / f"{name}.csv").write_bytes(made)
    judged(attacked)


@pytest.mark.parametrize("end", odd.ENDS, ids=ascii)
def test_ends_of_lines(attacked, end):
    LAKE.mkdir()
    for at, tail in enumerate(odd.TAILS):
        lines = [line.strip() for line in (HEADER, *odd.sound(1000 * (at + 1)))]
        last = end if tail == "end" else tail
        (LAKE / f"{at}.csv").write_bytes((end.join(lines) + last).encode())
    judged(attacked)


@pytest.mark.parametrize(
    ("record", "at"), [(name, at) for turn, name in enumerate(odd.RECORDS) for at in some([0, 12, 25], 3, turn)]
)
def test_records(attacked, record, at):
    LAKE.mkdir()
    lines = [line.encode() for line in ROWS]
    record = odd.RECORDS[record]
    lines.insert(at, (record if isinstance(record, bytes) else record.encode()) + b"\n")
    (LAKE / "a.csv").write_bytes(HEADER.encode() + b"".join(lines))
    judged(attacked)


@pytest.mark.parametrize("name", odd.NAMES_OF_FILES, ids=ascii)
def test_names(attacked, name):
    """The same in a folder and alone; traced, forgotten, withdrawn."""
    put("plain.csv", *ROWS)
    put(name, *odd.sound(2000))
    judged(attacked)
    for words in (["trace", f"lake/{name}:1"], ["ingest", f"lake/{name}"], ["ingest", "--forget", f"lake/{name}"]):
        attacked(*words)
    (LAKE / name).unlink()
    judged(attacked)


def test_packed_files(attacked):
    """A file for each way to break one: none of them is a way to load other rows than were packed."""
    LAKE.mkdir()
    made = dict(odd.packed())
    for name, content in made.items():
        (LAKE / f"{name}.csv.gz").write_bytes(content)
    assert judged(attacked).code == 3
    found = attacked.ask("SELECT uri, status, row_count, total_amount FROM raw.files WHERE uri LIKE '%.gz'")
    assert len(found) == len(made)
    assert {(rows, total) for _, status, rows, total in found if status == "loaded"} == {(25, 312.5)}


def test_control_files(attacked):
    """A file for each: loaded with what says 25 rows and 312.50, refused with all else."""
    for at, text in enumerate(odd.CONTROLS):
        put(f"{at}.csv", *ROWS)
        Path(f"lake/{at}.control.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    assert judged(attacked).code == 3
    found = dict(attacked.ask("SELECT uri, status FROM raw.files WHERE uri LIKE '%/lake/%'"))
    assert len(found) == len(odd.CONTROLS)
    loaded = {odd.CONTROLS[int(Path(uri).stem)] for uri, status in found.items() if status == "loaded"}
    said = [json.loads(text.removeprefix("\ufeff"), parse_float=Decimal) for text in loaded]
    assert {(one["rows"], Decimal(str(one["total"]))) for one in said} == {(25, Decimal("312.5"))}, loaded


SIZES = (0, 1, 2, 2047, 2048, 2049, 4096, 122_879, 122_880, 122_881)


@pytest.mark.parametrize("rows", SIZES)
def test_sizes(attacked, rows):
    lines = [f"z{n},QQ{n % 10**6:06}B,a,2025-01-0{1 + n % 9},{n % 97}.01\n" for n in range(rows)]
    put("a.csv", *lines)
    judged(attacked)
    LAKE.joinpath("a.csv").write_text(HEADER + "".join(lines[:-1]) + "".join(lines[-1:]).strip())
    judged(attacked)


STATES = {
    "same": lambda path, rows: path.write_text(HEADER + "".join(rows)), "gone": lambda path, _: path.unlink(), "changed": lambda path, rows: path.write_text(HEADER + "".join(rows).replace(".50", ".75")),
    "halved": lambda path, rows: path.write_text(HEADER + "".join(rows[::2])), "header alone": lambda path, _: path.write_text(HEADER), "empty": lambda path, _: path.write_text(""), "refused": lambda path, rows: path.write_text("x\n" + "".join(rows)),
    "refunds": lambda path, rows: path.write_text(HEADER + "".join(rows + [row.replace(",0.", ",-0.").replace(",1", ",-1") for row in rows])), "a folder": lambda path, _: (path.unlink(), path.mkdir()), "renamed": lambda path, _: path.rename(path.with_name(f"new_{path.name}")),
    "a link to nothing": lambda path, _: (path.unlink(), path.symlink_to("nowhere")), "a link to itself": lambda path, _: (path.unlink(), path.symlink_to(path.name)), "copied": lambda path, _: shutil.copy(path, path.with_name(f"copy_{path.name}")), "packed": lambda path, _: (path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes())), path.unlink()),
}  # fmt: skip


FLAGS = {"plain": (), "allowed": ("--allow-withdraw",), "rehearsed": ("--rehearse",)}
PAIRS = list(itertools.combinations_with_replacement(STATES, 2))
FATES = [(one, other, flags) for at, (one, other) in enumerate(PAIRS) for flags in some(FLAGS, 6, at)]


@pytest.mark.parametrize(("one", "other", "flags"), FATES)
def test_what_becomes_of_two_files(attacked, one, other, flags):
    """Published once, then each of them becomes something else, then both are as they were."""
    rows = {"a": odd.sound(3000), "b": odd.sound(4000)}
    for name, lines in rows.items():
        put(f"{name}.csv", *lines)
    assert judged(attacked).code == 0
    before = attacked.ask("SELECT SUM(fee_amount) FROM staging.stg_fees")
    for state, (name, lines) in zip((one, other), rows.items(), strict=True):
        STATES[state](LAKE / f"{name}.csv", lines)
    judged(attacked, *FLAGS[flags])
    shutil.rmtree(LAKE)
    for name, lines in rows.items():
        put(f"{name}.csv", *lines)
    assert judged(attacked, "--allow-withdraw").code == 0
    assert attacked("assert", "--source", "lake").code == 0
    assert attacked.ask("SELECT SUM(fee_amount) FROM staging.stg_fees") == before


def _socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


THINGS = {
    "a pipe": os.mkfifo, "a socket": _socket, "a folder": lambda path: path.mkdir(), "no right": lambda path: (path.write_text(HEADER), path.chmod(0)), "a folder without a right": lambda path: path.mkdir(mode=0), "a hard link": lambda path: (put("a.csv", *ROWS), os.link("lake/a.csv", path)),
} | {
    target: lambda path, target=target: path.symlink_to(harmless(target, Path.cwd()))
    for target in ("/dev/null", "/dev/zero", "/dev/full", "/dev/stdin", "/dev/tty", "/proc/self/mem", "/proc/self/environ", "/proc/self/fd", "/etc/passwd", "/etc", ".", "..", "/", "a.csv", "/nowhere", "../fees.duckdb", "x" * 3000)
}  # fmt: skip
PLACES = (
    "lake/b.csv",
    "lake/b.csv.gz",
    "lake/a.control.json",
    "lake/b",
    "elsewhere.csv",
    "sql",
    ".env",
    "fees_etl.toml",
    "pyproject.toml",
    "sql/variables.yml",
)


@pytest.mark.parametrize(
    ("place", "thing"),
    [(place, thing) for at, place in enumerate(PLACES) for thing in some(THINGS, 2, at)],
    ids=ascii,
)
def test_what_is_no_file(attacked, place, thing):
    put("a.csv", *ROWS)
    path = Path(place)
    path.parent.mkdir(exist_ok=True)
    try:
        THINGS[thing](path)
    except OSError as error:
        pytest.skip(f"this machine makes none: {error.strerror}")
    for words in (["ingest", "lake", "--rehearse"], ["run", "--source", place, "--rehearse"]):
        attacked(*words)


ZONES = (
    "UTC",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
    "Europe/London",
    "America/St_Johns",
    "Nowhere/Nothing",
    ":",
    "",
    "x" * 300,
    "/etc/passwd",
    "UTC-99:99",
    "\u00e9",
)
DAYS = (
    "1989-12-31",
    "1990-01-01",
    "2025-03-30",
    "2025-10-26",
    "2024-02-29",
    "today",
    "tomorrow",
    "overmorrow",
    "9999-12-31",
)


@pytest.mark.parametrize("zone", ZONES, ids=lambda zone: zone[:20])
def test_clocks(attacked, monkeypatch, zone):
    """Nine attacks: the zone of the machine changes no day."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        days = {"today": 0, "tomorrow": 1, "overmorrow": 2}
        for at, day in enumerate(DAYS):
            meant = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86_400 * days[day])) if day in days else day
            put(f"{at}.csv", *odd.sound(1000 * (at + 1)), f"x{at},QQ271801A,a,{meant},1\n")
        judged(attacked)
        rejected = {
            int(Path(uri).stem) for (uri,) in attacked.ask("SELECT DISTINCT _source_file FROM raw.fees_rejected")
        }
        assert rejected == {0, 7, 8}
        for words in (
            ["show", "rpt_client_ltv", "--as-of", "2025-01-01"],
            ["runs"],
            ["report", "--out", "-"],
            ["diff", "2025-01-01", "latest"],
        ):
            attacked(*words)
    finally:
        monkeypatch.undo()
        time.tzset()


SOURCES = (
    "", " ", ".", "..", "/", "//", "///", "~", "~nobody", "*", "**", "***", "**/**", "[", "[]", "[a", "[!]", "{a,b}", "lake/", "lake//", "lake/.", "lake/..", "lake/*", "lake/**/*", "lake/[a-z].csv", "lake/[z-a].csv", "lake/\\*.csv", "file:///etc/passwd", "file://lake", "http://x/y.csv", "s3://x/y", "gs://", "gs:///x", "GS://x", "data:text/csv,x",
    "-", "--", "/dev/stdin", "/proc/self/fd/0", "/etc/passwd", "/root", "a.csv,b.csv", "a.csv b.csv", "a.csv\nb.csv", "a.csv:1", "a.csv#1", "a.csv?x", "%2e%2e", "\u202e", "\udcff", "QQ271801A", "x" * 5000, "x/" * 2000, "*" * 500, "**/" * 200 + "*.csv", "[" * 500, "lake/a.csv/b.csv", "LAKE", "C:\\x", "\\\\x\\y", "$HOME", "`x`", "fees.duckdb", "lake/a.csv.gz", "(", "?", "???",
)  # fmt: skip


@pytest.mark.parametrize("source", SOURCES, ids=lambda text: ascii(text)[:30])
def test_sources(attacked, source):
    put("a.csv", *ROWS)
    for words in (["run", "--source", source, "--rehearse"], ["ingest", "--forget", source, "--rehearse"]):
        attacked(*words)
