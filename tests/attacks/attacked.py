"""What is attacked, and the judge of what becomes of it."""

from __future__ import annotations

import os
import re
import signal
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import duckdb

from fees_etl import cli

DOCUMENTED = {0, 1, 2, 3, 4, 5, 75, 130}
"""SPEC 7; 70, a bug, is never an answer to an attack."""
SECONDS = 60
SYSTEM = re.compile(r"(^|=|//|://)(/(?:dev/(?:null|zero|full)|etc|nowhere|root|sys|proc/x)\b|/$)")
"""Places that are not the sandbox's."""
SHOWN = re.compile(r"(?i)q\W*q\W*2\W*7\W*1\W*8\W*(?:\d\W*){2}")
"""A planted National Insurance number, however it is written."""
PLANTED = [
    f"C{number},QQ2718{number:02}A,A{number % 3},2025-0{1 + number % 3}-01,{number}.25\n" for number in range(30)
]
KEPT = {
    "published": ("staging.stg_fees", "reporting.rpt_client_ltv", "reporting.rpt_adviser_ltv", "reporting.rpt_cohort_ltv"),
    "raw": ("raw.fees", "raw.files", "raw.file_totals", "raw.fees_rejected", "ops.pending"),
    "runs": ("ops.runs",),
}  # fmt: skip
WRITERS = {"run", "backfill", "ingest"}
UNTOUCHED = {1: ("published",), 2: ("published",), 3: ("published",), 4: ("published", "raw"), 5: ("published",)}  # fmt: skip
"""What an exit code promises to leave as it was; the ledger keeps refused attempts."""


def some(every, n, first=0):
    """Each n-th, from the first or another one on: what is left out is tried with ATTACKS=all."""
    return list(every) if os.environ.get("ATTACKS") == "all" else list(every)[first % n :: n]


def share(usually):
    """Which part of how many is tried, of what is alike: ATTACKS=2/15 is the second of fifteen, ATTACKS=all the whole."""
    said = os.environ.get("ATTACKS", usually)
    return (1, 1) if said == "all" else tuple(map(int, said.split("/")))


def judge(code, said, *, stderr=True):
    """What holds of every command, whatever was done to it."""
    assert code in DOCUMENTED, said
    assert "Traceback (most recent call last)" not in said
    assert "Exception ignored" not in said
    assert not SHOWN.search(said), SHOWN.search(said)
    if code and stderr:
        assert re.search(r"(?m)^  Next: +\S|\"(hint|next)\": ?\"\S", said), said


@contextmanager
def sandbox():
    """A folder to be attacked in, two levels deep; for root with devices of its own beside it: those of the system stay."""
    with TemporaryDirectory(prefix="attacked-", ignore_cleanup_errors=True) as name:
        inner = Path(name, "a", "b")
        inner.mkdir(parents=True)
        for device, minor in {"null": 3, "zero": 5, "full": 7}.items() if os.geteuid() == 0 else ():
            Path(name, "dev").mkdir(exist_ok=True)
            os.mknod(Path(name, "dev", device), 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        yield inner


def harmless(text, folder):
    """The same words; where root would say them, of devices and folders that are the sandbox's."""
    if os.geteuid():
        return text
    return SYSTEM.sub(lambda found: f"{found[1]}{folder.parents[1]}{found[2]}", text)


@contextmanager
def in_time(seconds=SECONDS):
    """A block that hangs is stopped; what it then does with that is judged, too."""

    def late(*_):
        raise TimeoutError(seconds)

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


class Attacked:
    """``fees-etl`` in a folder with a published warehouse; every call is judged."""

    def __init__(self, capsys, folder):
        self._capsys, self.folder = capsys, folder
        self.before = self.kept()

    def __call__(self, *args):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="backslashreplace")  # as a process has them
        with in_time():
            code = cli.main([harmless(word, self.folder) for word in args])
        shown = self._capsys.readouterr()
        judge(code, shown.out + shown.err)
        reads = "--rehearse" in args or WRITERS.isdisjoint(args) or "Nothing was touched" in shown.err
        self.untouched(code, reads=reads)
        return SimpleNamespace(code=code, out=shown.out, err=shown.err, said=" ".join((shown.out + shown.err).split()))

    def untouched(self, code, *, reads=False):
        """What the exit code promises; then what is there now is what comes before the next attack."""
        after = self.kept()
        for kind in KEPT if reads else UNTOUCHED.get(code, ()):
            assert after[kind] == self.before[kind], (code, kind)
        assert [row for row in after["runs"] if row in self.before["runs"]] == self.before["runs"]
        self.before = after

    def kept(self):
        """All rows of the tables that count."""
        with duckdb.connect(str(self.folder / "fees.duckdb"), read_only=True) as found:
            return {
                kind: [row for table in tables for row in found.execute(f"FROM {table} ORDER BY ALL").fetchall()]
                for kind, tables in KEPT.items()
            }

    def ask(self, sql):
        with duckdb.connect(str(self.folder / "fees.duckdb"), read_only=True) as found:
            return found.execute(sql).fetchall()

    def adds_up(self):
        """Staging and reports have the same pounds, by a sum that the product does not make."""
        totals = {self.ask(f"SELECT SUM({column}) FROM {table}")[0][0] for table, column in (
            ("staging.stg_fees", "fee_amount"), ("reporting.rpt_client_ltv", "ltv_total"),
            ("reporting.rpt_adviser_ltv", "total_client_ltv_all_time"),
        )}  # fmt: skip
        assert len(totals) == 1

    def left_behind(self, *but):
        """No file that the command made shows a planted number, but for the warehouse and what the attack put there."""
        for path in Path().rglob("*"):
            if (
                path.is_file()
                and not path.is_symlink()
                and path.parts[0] not in {"lake", "project", *but}
                and not path.name.startswith("fees.duckdb")
            ):
                assert not SHOWN.search(path.read_bytes().decode("utf-8", "replace")), path
