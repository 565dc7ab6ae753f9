"""Faults, and what must be true after one: the words of test_faults, test_backfill and test_crashes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path

from pipeline import MODELS

from fees_etl.errors import WarehouseError

START = {
    "a": [
        ("C1", "2025-01-01", "100.00"),
        ("C2", "2025-01-15", "50.50"),
        ("C1", "2025-02-03", "7"),
        ("C2", "2025-02-27", "1"),
    ],
    "b": [("C3", "2025-02-10", "12.345678901"), ("C1", "2025-02-10", "-3.10")],
    "c": [("C4", "2024-12-20", "9"), ("C3", "2024-12-31", "4")],
}
NEXT = {
    "a": [
        ("C1", "2025-01-01", "100.00"),
        ("C2", "2025-01-15", "55.50"),
        ("C1", "2025-02-03", "7"),
        ("C2", "2025-02-27", "1"),
    ],
    "b": None,
    "c copy": START["c"],
    "d": [("C5", "2025-03-01", "8.20"), ("C4", "2024-12-05", "6.40"), ("C5\n", "2025-03-02", "1")],
}
"""A correction, a withdrawal, a copy, and a new file with a late row that takes the careful reader."""
HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount\n"
TABLES = (
    *MODELS,
    *("raw.fees", "raw.fees_rejected", "raw.files", "raw.file_totals", "ops.pending", "ops.changes", "ops.left_out"),
    *("ops.causes", "ops.removed"),
    *(f"history.{name.partition('.')[2]}" for name in MODELS[1:]),
)
VOLATILE = (
    *("seal", "digest", "run_id", "_run_id", "_from_run_id", "_to_run_id"),
    *("ingested_at", "_ingested_at", "ended_at", "noted_at"),
)

BEFORE, AFTER, FROM_THEN_ON = "before it runs", "after it has run", "and every one from then on"


def deal(folder, files):
    """Write the files of a world; None removes one."""
    folder.mkdir(exist_ok=True)
    for name, rows in files.items():
        path = folder / f"{name}.csv"
        if rows is None:
            path.unlink()
        elif isinstance(rows, str):
            path.write_text(rows)
        else:
            lines = (f'"{client}",QQ00000{client[1]}A,A{client[1]},{day},{amount}\n' for client, day, amount in rows)
            path.write_text(HEADER + "".join(lines))


class Fault:
    """Fails the n-th native statement of an engine; 0 fails none and counts them."""

    def __init__(self, number, how):
        self.number, self.how, self.count, self.fired = number, how, 0, ""
        self.begins, self.commits = [], []

    def around(self, run):
        def native(*args):
            self.count += 1
            self.begins += [self.count] if args[-1] == "BEGIN TRANSACTION" else []
            self.commits += [self.count] if args[-1] == "COMMIT" else []
            dead = self.fired and self.how == FROM_THEN_ON
            if self.count != self.number and not dead:
                return run(*args)
            self.fired = self.fired or args[-1]
            if self.how == AFTER:
                run(*args)
                raise KeyboardInterrupt
            raise WarehouseError("injected")

        return native


@contextmanager
def fault(engine, number=0, how=BEFORE):
    """Within, the engine fails; the error ends here."""
    found = Fault(number, how)
    engine._native = found.around(engine._native)
    try:
        yield found
    except (WarehouseError, KeyboardInterrupt):
        assert found.fired
    finally:
        del engine._native


def contents(pipeline, *without):
    """Every table but the ledger, without what differs from one attempt to the next, and these columns."""
    columns = f"COLUMNS(lambda name: name NOT IN {(*VOLATILE, *without)})"
    native = pipeline.engine.native
    return {table: native.execute(f"SELECT {columns} FROM {table} ORDER BY ALL").fetchall() for table in TABLES}


def ledger(pipeline, *columns):
    """The ledger, oldest first."""
    found = pipeline.engine.native.execute(f"SELECT {', '.join(columns)} FROM ops.runs ORDER BY started_at, run_id")
    return [row[0] if len(columns) == 1 else row for row in found.fetchall()]


def truth(pipeline):
    """The ledger says what happened: every commit links to the one before, and the change log to a commit."""
    rows = ledger(pipeline, "run_id", "status", "rows_before", "amount_before", "rows_after", "amount_after")
    committed = [row for row in rows if row[1] in ("published", "staged")]
    now = pipeline.engine.native.execute(
        "SELECT COUNT(*), COALESCE(SUM(fee_amount), 0) FROM staging.stg_fees"
    ).fetchone()
    changed = pipeline.engine.native.execute("SELECT DISTINCT run_id FROM ops.changes").fetchall()

    assert len({row[0] for row in rows}) == len(rows)
    assert [row[2:4] for row in committed] == [(0, 0), *(row[4:] for row in committed[:-1])]
    assert committed[-1][4:] == now
    assert {row[0] for row in changed} <= {row[0] for row in committed}
    assert all(row[2:4] == row[4:] for row in rows if row not in committed)


def story(folder, lines):
    """Command lines in a process of their own; its exit code is the first that is not 0."""
    from fees_etl import cli

    os.chdir(Path(folder))
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
        codes = [cli.main(["-q", *line]) for line in lines]
    raise SystemExit(next((code for code in codes if code), 0))
