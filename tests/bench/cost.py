"""What BigQuery would read and bill, by arithmetic on the statements: ``python tests/bench/cost.py``.

The GoogleSQL of a first build and of a day with one new fee date is taken as the embedded engine is given it. Of each
statement the columns that it names are added up, each table once: rows, times the bytes of a value by BigQuery's rules
(INT64, DATE and TIMESTAMP 8, NUMERIC 16, BOOL 1, STRING 2 and its length), at least 10 MiB a table. Where fee dates are
asked for by literals, only their partitions count; of a table that is changed, all columns of those. Rows grow as fees
do, but for advisers, cohorts, fee dates, files and runs.

A model: nothing here was billed. What BigQuery prunes or shares by itself makes it less.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from fees_etl.cli import main
from fees_etl.engines.duckdb import DuckDB

GENERATE = str(Path(__file__).with_name("generate.py"))
SIZES = (1_000_000, 100_000_000, 1_000_000_000)
MODELLED, DAYS = 200_000, 1_826
"""Fees of the warehouse whose statements are counted, a client for every 50; and its fee dates, a partition each."""
DOLLARS = Decimal("6.25") / 2**40
LEAST = 10 * 2**20
WHOLE, DAY = dict.fromkeys(("all", "dates", "files"), 1.0), {"all": 1.0, "dates": 4 / DAYS, "files": 1 / DAYS}
"""What a run reads of a table by what it asks for: a new day is staged with the three before it."""
FIXED = {"DECIMAL": 16, "BOOLEAN": 1}
GROWING = ("fees", "fees_rejected", "stg_fees", "stg_fees_ranked", "dim_clients", "rpt_client_ltv", "causes", "removed")
DATES = re.compile(r"fee_date (?:=|BETWEEN) (?:CAST\(|DATE )'")
FILES = re.compile(r"(?:_source_file|uri) IN \('|fee_date IS NULL")
KINDS = {
    "assertions": re.compile("offending"),
    "reports": re.compile(r"(?:INSERT INTO|DELETE FROM) reporting\."),
    "history": re.compile(r"history\."),
    "staging": re.compile(r"(?:INTO|FROM|TABLE) (?:staging|_SESSION)\.stg_fees"),
}
"""What a statement is for, by how it begins; the others are of raw and the books."""


class Sent:
    """The statements of one run, each with the tables that were there only for it."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.temporary: dict[str, dict[str, float]] = {}

    def keep(self, engine: Any, sql: str) -> None:
        """Once it was run."""
        self.statements.append(sql)
        if made := re.match(r"CREATE TEMP TABLE (\S+)", sql):
            name = made[1].rpartition(".")[2]
            self.temporary[name] = sizes(engine.native, name)


def sizes(connection: Any, table: str) -> dict[str, float]:
    """Bytes of each column of a table in all."""
    columns = connection.execute(f"DESCRIBE {table}").fetchall()
    texts = {name for name, kind, *_ in columns if kind == "VARCHAR"}
    measured = ", ".join(
        f'COALESCE(SUM(2 + STRLEN("{name}")), 0)' if name in texts else f'COUNT("{name}") * {size(kind)}'
        for name, kind, *_ in columns
    )
    row = connection.execute(f"SELECT {measured} FROM {table}").fetchone()
    return dict(zip((name for name, *_ in columns), map(float, row), strict=True))


def size(kind: str) -> int:
    """Bytes of a value."""
    return FIXED.get(kind.partition("(")[0], 8)


def read(tree: exp.Expr, columns: dict[str, set[str]]) -> dict[str, tuple[set[str], str]]:
    """The columns that a statement reads of each table, and whether of all, of some fee dates or of some files."""
    found: dict[str, tuple[set[str], str]] = {}
    target = tree.this if isinstance(tree, (exp.Insert, exp.Create)) else None
    for table in tree.find_all(exp.Table):
        name = f"{table.db}.{table.name}" if table.db else table.name
        if name not in columns or (target and any(node is table for node in target.walk())):
            continue
        within = table.find_ancestor(exp.Select, exp.Merge, exp.Delete, exp.Update) or tree
        if isinstance(within, (exp.Merge, exp.Delete, exp.Update)):
            named, asks = columns[name], within.args.get("where") or within.args.get("on")
        else:
            said = {one.name for one in within.find_all(exp.Column) if one.table in ("", table.alias_or_name)}
            stars = any(isinstance(one, exp.Star) or isinstance(one.this, exp.Star) for one in within.expressions)
            named, asks = columns[name] if stars else columns[name] & said, within.args.get("where")
        text = asks.sql("bigquery") if asks else ""
        part = "files" if FILES.search(text) else "dates" if DATES.search(text) else "all"
        before = found.get(name, (set(), "files"))
        found[name] = before[0] | named, max(before[1], part, key=("files", "dates", "all").index)
    return found


def kind(sql: str) -> str:
    """What a statement is for."""
    head = " ".join(sql.split())[:400]
    return next((name for name, mark in KINDS.items() if mark.search(head)), "books")


def billed(sent: Sent, tables: dict[str, dict[str, float]], rows: int, parts: dict[str, float]) -> Counter[str]:
    """Bytes by kind for so many fees; ``parts`` are the shares of the fee dates and files that the run stages."""
    known = tables | sent.temporary
    columns = {name: set(of) for name, of in known.items()}
    total: Counter[str] = Counter()
    for sql in sent.statements:
        for name, (named, of) in read(sqlglot.parse_one(sql, dialect="bigquery"), columns).items():
            grown = rows / MODELLED if name.rpartition(".")[2] in GROWING else 1
            part = 1 if name in sent.temporary else parts[of]
            total[kind(sql)] += max(LEAST, int(sum(known[name][one] for one in named) * grown * part))
    return total


def run(sent: Sent) -> None:
    """One run, whose statements are kept."""
    before = {name: getattr(DuckDB, name) for name in ("_write", "query")}
    for name, of in before.items():

        def kept(self: Any, sql: str, of: Any = of) -> Any:
            done = of(self, sql)
            sent.keep(self, sql)
            return done

        setattr(DuckDB, name, kept)
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()) as said:
        code = main(["run", "--source", "lake"])
    for name, of in before.items():
        setattr(DuckDB, name, of)
    if code:
        raise SystemExit(said.getvalue())


def tell() -> None:
    """Print the table of docs/BENCHMARKS.md."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.chdir(folder)
        os.environ["FEES_ETL_WAREHOUSE"] = f"duckdb:///{folder}/fees.duckdb"
        subprocess.run((sys.executable, GENERATE, str(MODELLED), "lake"), check=True, capture_output=True)
        first, daily = Sent(), Sent()
        run(first)
        fees = "".join(f"new-{n},QQ{n:06}A,{n % 7},2024-12-31,{n}.25\n" for n in range(MODELLED // DAYS))
        Path("lake/day.csv").write_text(
            f"client_id,client_nino,adviser_id,fee_date,fee_amount\n{fees}", encoding="utf-8"
        )
        run(daily)
        with duckdb.connect(f"{folder}/fees.duckdb", read_only=True) as connection:
            names = connection.execute("SELECT table_schema || '.' || table_name FROM information_schema.tables")
            tables = {name: sizes(connection, name) for (name,) in names.fetchall()}
    print("| fees | run | raw and books | staging | reports | history | assertions | GiB | dollars |")
    print("|---:|---|---:|---:|---:|---:|---:|---:|---:|")
    for rows in SIZES:
        for name, sent, parts in (("first build", first, WHOLE), ("one new day", daily, DAY)):
            found = billed(sent, tables, rows, parts)
            total = sum(found.values())
            kinds = ("books", "staging", "reports", "history", "assertions")
            cells = [f"{found[one] / 2**30:,.2f}" for one in kinds]
            print(f"| {rows:,} | {name} | {' | '.join(cells)} | {total / 2**30:,.2f} | {total * DOLLARS:.4f} |")
    for name, sent in (("first build", first), ("one new day", daily)):
        named = Counter(table for sql in sent.statements for table in ("raw.fees", "staging.stg_fees")
                        if re.search(rf"(?:FROM|JOIN|INTO) {re.escape(table)}\b", sql))  # fmt: skip
        print(f"{name}: {len(sent.statements)} statements; name {dict(named)}")


if __name__ == "__main__":
    tell()
