"""Every way in which a command ends, played on an embedded warehouse; and the fields that its last line then has."""

from __future__ import annotations

import contextlib
import io
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import log_filters

import fees_etl
from fees_etl import cli
from fees_etl.cli import exits
from fees_etl.errors import WarehouseBusy, WarehouseError
from fees_etl.project import watched
from fees_etl.results import AssertionResult
from fees_etl.script import Rows

HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount\n"
GOOD = HEADER + "".join(f"C{n},QQ1234{n:02}A,A1,2025-02-{n:02},10.00\n" for n in range(1, 29))
BAD_ROW = GOOD.replace("2025-02-28", "2025-02-30")
LATE = HEADER + "C1,QQ123401A,A1,2024-12-01,7.00\nC2,QQ123402A,A1,2024-12-02,-0.50\n"
CONFLICT = HEADER + "C1,QQ999999D,A1,2025-02-27,1.00\n"
NO_AMOUNT = "client_id,client_nino,adviser_id,fee_date\nC1,QQ123456A,A1,2025-01-01\n"
NINO = re.compile(r"QQ\s?\d")
RUN = ("run", "--source", "lake/*.csv")
SPEC = {"event", "command", "exit_code", "status", "seconds"}
FILES, LATENESS = {"new_files", "rows_loaded", "rows_rejected"}, {"late_rows", "late_pounds"}
WATCHED = {"unusual_fees", "overdue_fees"}
FRESHNESS, COST = {"newest_fee_date", "data_age_days"}, {"bytes_processed", "dollars"}
ALL = SPEC | FILES | LATENESS | FRESHNESS | COST | WATCHED | {"refused_files", "rows_staged"}


class Scene:
    """A folder, the files of its lake, and commands; what the last one logged."""

    def __init__(self, folder, patch):
        self.folder, self.patch = folder, patch
        self.code, self.lines = None, []
        (folder / "lake").mkdir(parents=True)
        patch.chdir(folder)

    def put(self, **files):
        for name, text in files.items():
            (self.folder / "lake" / f"{name}.csv").write_text(text)

    def __call__(self, *args, layout="gcp"):
        with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()) as out:
            self.code = cli.main(["--log-format", layout, *args])
        assert not NINO.search(err.getvalue() + out.getvalue())
        self.lines = err.getvalue().splitlines()
        return self

    def entries(self):
        return [log_filters.entry(line) for line in self.lines]

    def finished(self):
        (found,) = [one for one in self.entries() if one["jsonPayload"].get("event") == "finished"]
        return found


def published(scene):
    scene.put(good=GOOD)
    scene(*RUN)


def nothing(scene):
    published(scene)
    scene("ingest", "lake/*.csv")


def ingested(scene):
    scene.put(good=GOOD)
    scene("ingest", "lake/*.csv")


def late(scene):
    published(scene)
    scene.put(late=LATE)
    scene(*RUN)


def late_refused(scene):
    published(scene)
    scene.put(late=LATE)
    scene.patch.setenv("FEES_ETL_LATE_POLICY", "fail")
    scene(*RUN)


def rejected_rows(scene):
    scene.put(bad=BAD_ROW)
    scene(*RUN)


def refused_file(scene):
    published(scene)
    scene.put(odd=NO_AMOUNT)
    scene(*RUN)


def still_refused(scene):
    refused_file(scene)
    scene("run", "--from", "stg_fees")


def failing_assertion(scene):
    published(scene)
    scene.put(conflict=CONFLICT)
    scene(*RUN)


def rehearsed(scene):
    published(scene)
    scene.put(late=LATE)
    scene(*RUN, "--rehearse")


def backfilled(scene):
    published(scene)
    scene("backfill", "--start", "2025-02-01", "--end", "2025-02-28")


def asserted(scene):
    published(scene)
    scene("assert")


def tampered(scene):
    import duckdb

    published(scene)
    with duckdb.connect(str(scene.folder / "fees.duckdb")) as found:
        found.execute("UPDATE reporting.rpt_client_ltv SET ltv_total = ltv_total + 1")
    scene("assert")


def usage(scene):
    scene("run", "--sorce", "x")


def guarded(scene):
    scene("run")
    scene.put(good=GOOD)
    scene(*RUN)


def fresh(scene):
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    scene.put(good=f"{HEADER}C1,QQ123401A,A1,{yesterday},7.00\n")
    scene(*RUN)


def slow(scene):
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + 2700)
    scene.patch.setattr(exits, "time", later)
    published(scene)


def billed(tebibytes):
    """As if the run had been a job of BigQuery."""

    def scene_of(scene):
        real, size = fees_etl.run, int(tebibytes * 2**40)
        spent = {"bytes_processed": size, "bytes_billed": size}
        scene.patch.setattr(fees_etl, "run", lambda *args, **options: replace(real(*args, **options), **spent))
        published(scene)

    return scene_of


UNUSUAL = ("2025-02-28", "lake/good.csv", "rows", "28", "81", "151", "280.00", "1351.60", "lake/good.csv", 0)
OVERDUE = ("2025-03-01", "2025-03-06", "has not come", None, 7, "2025-02-28", "2025-03-01")


def warned(name, columns, row, rows):
    """As if so many fees had been unusual, or had not come."""

    def scene_of(scene):
        real = fees_etl.run
        more = AssertionResult(name, "warn", rows, 0, Rows(columns, (row,)), 0.0)

        def run(*args, **options):
            done = real(*args, **options)
            return replace(done, assertions=(*done.assertions, more))

        scene.patch.setattr(fees_etl, "run", run)
        published(scene)

    return scene_of


def ends_with(error):
    def scene_of(scene):
        def fail(*_, **__):
            raise error

        published(scene)
        scene.patch.setattr(fees_etl, "run", fail)
        scene(*RUN)

    return scene_of


STAGED = ALL - FILES
PLANNED = SPEC | FILES | LATENESS | FRESHNESS | COST | {"refused_files"}
SCENES = {
    "published": (published, 0, "published", ALL),
    "late": (late, 0, "published", ALL),
    "rejected_rows": (rejected_rows, 0, "published", ALL),
    "fresh": (fresh, 0, "published", ALL),
    "slow": (slow, 0, "published", ALL),
    "billed": (billed(0.001), 0, "published", ALL),
    "costly": (billed(1), 0, "published", ALL),
    "unusual": (warned("anomalies", watched.UNUSUAL, UNUSUAL, 2), 0, "published", ALL),
    "overdue": (warned("freshness_fees", watched.LATE, OVERDUE, 1), 0, "published", ALL),
    "backfilled": (backfilled, 0, "published", STAGED),
    "rehearsed": (rehearsed, 0, "rehearsed", ALL - {"rows_staged"}),
    "ingested": (ingested, 0, "ingested", SPEC | FILES | COST | {"refused_files"}),
    "nothing": (nothing, 0, "nothing", SPEC | FILES | COST | {"refused_files"}),
    "asserted": (asserted, 0, "passed", SPEC),
    "failing_assertion": (failing_assertion, 1, "rejected", ALL - {"rows_staged"}),
    "tampered": (tampered, 1, "rejected", SPEC),
    "usage": (usage, 2, "failed", SPEC),
    "refused_file": (refused_file, 3, "refused", SPEC | FILES | FRESHNESS | COST | {"refused_files"}),
    "still_refused": (still_refused, 3, "refused", SPEC | FRESHNESS | {"refused_files"}),
    "guarded": (guarded, 4, "refused", SPEC | FRESHNESS),
    "late_refused": (late_refused, 4, "refused", PLANNED),
    "warehouse": (ends_with(WarehouseError("the disk is full, for QQ123456C.")), 5, "failed", PLANNED),
    "bug": (ends_with(ValueError("QQ123456C")), 70, "failed", PLANNED),
    "busy": (ends_with(WarehouseBusy("held by process 7.")), 75, "busy", PLANNED),
    "interrupted": (ends_with(KeyboardInterrupt()), 130, "interrupted", PLANNED),
}
"""How a command ends: what happens, exit code, status, the fields that are then known."""
