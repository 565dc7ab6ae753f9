"""Somebody with a SQL prompt at every column of every table, then commands: a sentence each time, and `assert` finds what is sealed.

By night it is one of 15 parts of the attacks; `TESTS=night ATTACKS=2/15 pytest tests/attacks/test_tampering.py` is the second,
1/1 are all. Each attack meets `assert`, three of the commands that read, and one that writes, in turn.
"""

from __future__ import annotations

import io
import re
import shutil
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import duckdb
import pytest
from attacks.attacked import share
from faults import HEADER
from pipeline import forget_settings, project
from tiers import NIGHT

from fees_etl import cli
from fees_etl.engines.duckdb.values import TYPES

PART, PARTS = share("1/15")
NINO = re.compile(r"\b[A-Z]{2} ?\d\d ?\d\d ?\d\d ?[A-D]\b")
CODES = {0, 1, 2, 3, 4, 5}

# what is written by hand

ENDS = ("'0001-01-01'", "'9999-12-31'", "'0044-03-15 (BC)'", "'infinity'", "'-infinity'", "'200000-01-01'")
CELLS = {
    "STRING": (
        "'x'", "''", "'QQ 12 34 56 C'", "chr(27) || '[2J' || chr(10) || '=1+1<b>'", "repeat('x ', 100000)", "'[[{\"a\": [1e999]}]]'",
        "repeat('[', 100000)", "'file:///x/%00%zz?a=b'", "'file://[x'", "'a' || chr(0) || 'b'", "'{\"before\": [[\"NaN\"]], \"after\": [[]], \"left_out\": [7]}'",
    ),
    "DATE": ENDS,
    "TIMESTAMP": ENDS,
    "INT64": ("-1", "9223372036854775807", "-9223372036854775808", "7"),
    "NUMERIC": ("99999999999999999999999999999.999999999", "-99999999999999999999999999999.999999999", "0.000000001"),
    "BOOL": ("NOT {}",),
}  # fmt: skip
COLUMNS = (
    'ALTER TABLE {table} DROP COLUMN "{column}"',
    'ALTER TABLE {table} RENAME COLUMN "{column}" TO "{column}_"',
    'ALTER TABLE {table} ALTER COLUMN "{column}" TYPE {other} USING NULL',
)
TABLES = (
    "DELETE FROM {table}",
    "DELETE FROM {table} WHERE rowid = (SELECT MIN(rowid) FROM {table})",
    "DELETE FROM {table} WHERE rowid = (SELECT MAX(rowid) FROM {table})",
    "INSERT INTO {table} SELECT * FROM {table}",
    "INSERT INTO {table} SELECT * FROM {table} LIMIT 1",
    "INSERT INTO {table} ({first}) VALUES (NULL)",
    "DROP TABLE {table}",
    "ALTER TABLE {table} RENAME TO {name}_",
    "CREATE TABLE aside AS FROM {table}; DROP TABLE {table}; CREATE VIEW {table} AS FROM aside",
    "ALTER TABLE {table} ADD COLUMN bonus DECIMAL(38, 9) DEFAULT 1",
    'ALTER TABLE {table} ADD COLUMN "QQ123456C""; DROP" VARCHAR DEFAULT \'QQ123456C\'',
    "DROP SCHEMA {dataset} CASCADE",
)
LOOSE = {
    **dict.fromkeys(("raw.fees_incoming", "ops.built", "ops.sql", "ops.removed")),
    "ops.writer": ("job_id", "run_id", "began_at"),
    **{str(table): None for table in project().contracts if table.dataset == "history"},
}
"""What docs/TAMPERING.md says is not sealed: whole tables, or columns."""


def attacks():
    """Table, column if it is one's, and SQL."""
    for table, contract in project().contracts.items():
        for column, kind in contract.types.items():
            other = "VARCHAR" if kind != "STRING" else "BIGINT"
            for value in ("NULL", *CELLS[kind]):
                cell = value.replace("{}", f'"{column}"')
                for where in ("", f" WHERE rowid = (SELECT MAX(rowid) FROM {table})"):
                    yield str(table), column, f'UPDATE {table} SET "{column}" = {cell}{where}'
            yield from ((str(table), column, sql.format(table=table, column=column, other=other)) for sql in COLUMNS)
        words = {"table": table, "name": table.name, "dataset": table.dataset, "first": next(iter(contract.types))}
        yield from ((str(table), None, sql.format(**words)) for sql in TABLES)


# the commands that then come

RANGE = ("--start", "2024-12-01", "--end", "2025-03-31")
LTV = ("rpt_client_ltv", "client_id=C1", "--column", "ltv_total")
READ = [
    ("runs",), ("runs", "--output", "json"), ("runs", "show", "latest"), ("runs", "--html", "--out", "-"), ("files",),
    ("files", "--output", "json"), ("plan",), ("plan", "--full-refresh", "--output", "json"), ("ls",), ("ls", "--output", "json"),
    ("ls", "--select", "state:modified+", "--state", "latest"), ("assert", "--source", "lake"), ("assert", "--output", "json"),
    ("show", "rpt_client_ltv"), ("show", "rpt_cohort_ltv", "--output", "csv"), ("show", "rpt_adviser_ltv", "--output", "json"),
    ("show", "dim_clients"), ("show", "stg_fees"), ("show", "raw.fees"), ("show", "rpt_client_ltv", "--as-of", "previous"),
    ("show", "rpt_adviser_ltv", "--as-of", "latest"), ("diff",), ("diff", "previous", "latest", "--output", "json"),
    ("diff", "previous", "--output", "md"), ("diff", "--project", "project"), ("trace", *LTV), ("trace", *LTV, "--verify"),
    ("trace", *LTV, "--output", "json"), ("trace", "rpt_adviser_ltv", "adviser_id=A1", "--column", "rank_by_ltv_6_month"),
    ("trace", "rpt_cohort_ltv", "cohort_month=2025-01", "--column", "median_ltv_6_month"), ("trace", "lake/a.csv:1"),
    ("trace", "lake/b.csv:1"), ("trace", "lake/e.csv:1"), ("report", "--out", "-", "--clients"), ("report", "--run", "previous", "--out", "-"),
    ("docs", "--out", "-"), ("evidence", "latest", "--out", "evidence.zip", "--clients"), ("evidence", "previous", "--out", "old.zip"),
]  # fmt: skip
WRITE = [
    ("run", "--source", "lake"), ("run", "--skip-ingest"), ("run", "--full-refresh", "--skip-ingest"), ("ingest", "lake", "--reload"),
    ("run", "--source", "lake", "--rehearse"), ("backfill", *RANGE), ("backfill", *RANGE, "--chunk", "month"), ("ingest", "lake"),
    ("backfill", *RANGE, "--chunk", "month", "--resume"), ("ingest", "--forget", "lake/e.csv"), ("run", "--from", "rpt_client_ltv"),
]  # fmt: skip
LAKE = {
    "a": "C1,QQ123456A,A1,2025-01-01,100\nC2,QQ123456B,A2,2025-01-15,50.50\nC1,QQ123456A,A1,2025-02-03,7\nC1,QQ123456A,A1,2025-02-03,7\n",
    "b": "C3,QQ123456C,A2,2025-02-10,12.345678901\nC1,QQ123456A,A2,2025-02-10,-3.10\nC3,QQ123456C,A2,2025-02-30,1\n",
    "c": "C4,QQ123456D,A1,2024-12-20,9\nC5,QQ123457A,A1,2024-12-31,4\n,QQ123457A,A1,2024-12-31,4\n",
}
STORY = [  # files that come, change and go; the command; how it ends
    (LAKE, ("run", "--source", "lake"), 0),
    ({"a": LAKE["a"].replace("50.50", "55.50"), "c": None, "d": "C6,QQ123457B,A1,2024-12-05,6\n"}, ("run", "--source", "lake", "--allow-withdraw"), 0),
    ({"z": "C1,QQ999999D,A1,2025-01-02,1\n"}, ("run", "--source", "lake"), 1),
    ({"z": None, "c": LAKE["c"]}, ("run", "--source", "lake"), 0),
    ({}, ("backfill", *RANGE, "--chunk", "month"), 0),
    ({"d": "C6,QQ123457B,A1,2024-12-05,7\n", "e": "C7,QQ123457C,A2,2025-03-05,2\n"}, ("ingest", "lake"), 0),
]  # fmt: skip


def fees_etl(*line):
    """Exit code and all that was said; a sentence with a next step, never a traceback, never a NINO."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.main(list(line))
    said = out.getvalue() + err.getvalue()
    for path in Path().glob("*.zip"):
        with zipfile.ZipFile(path) as found:
            said += "".join(found.read(name).decode(errors="replace") for name in found.namelist())
        path.unlink()
    assert code in CODES, (line, code, err.getvalue()[-1500:])
    assert "Traceback" not in said, line
    assert not (code and "Next:" not in err.getvalue()), (line, code, err.getvalue()[-1500:])
    assert not NINO.search(said), (
        line,
        NINO.search(said),
        said[max(0, NINO.search(said).start() - 300) : NINO.search(said).end() + 20],
    )
    return code, said


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A warehouse whose every book has rows, the lake that it came from, and a project that is another."""
    folder = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        forget_settings(patch)
        patch.setenv("FEES_ETL_VARS", '{"max_lost": "1", "max_rejected": "1"}')
        patch.chdir(folder)
        assert cli.main(["-q", "init", "project"]) == 0
        model = Path("project/sql/reporting/dim_clients.sql")
        model.write_text(model.read_text().replace("fee_date ASC", "fee_date DESC"))
        for files, line, code in STORY:
            Path("lake").mkdir(exist_ok=True)
            for name, lines in files.items():
                path = Path(f"lake/{name}.csv")
                path.unlink() if lines is None else path.write_text(HEADER + lines)
            assert fees_etl(*line)[0] == code, line
        assert fees_etl("assert")[0] == 0
        with duckdb.connect("fees.duckdb", read_only=True) as found:
            bare = [
                str(one)
                for one in project().contracts
                if not found.execute(f"SELECT COUNT(*) FROM {one}").fetchone()[0]
            ]
        assert bare == ["raw.fees_incoming"]
        Path("fees.duckdb").rename("kept.duckdb")
        yield folder


@pytest.fixture
def fresh(kept, monkeypatch):
    """That warehouse as it was, here."""
    forget_settings(monkeypatch)
    monkeypatch.setenv("FEES_ETL_VARS", '{"max_lost": "1", "max_rejected": "1"}')
    monkeypatch.chdir(kept)
    for path in kept.glob("*fees.duckdb*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copy("kept.duckdb", "fees.duckdb")


def changed(table, sql):
    """Do it; whether a row of that table is another then, or cannot be read as it was."""
    rows = f"SELECT md5(string_agg(t::VARCHAR, chr(10) ORDER BY t::VARCHAR)) FROM {table} AS t"
    with duckdb.connect("fees.duckdb") as warehouse:
        before = warehouse.execute(rows).fetchone()
        warehouse.execute(sql)
        try:
            return warehouse.execute(rows).fetchone() != before
        except duckdb.Error:
            return True


def is_sealed(table, column, sql):
    """Whether `assert` is to find it; a column more is looked for in published tables alone."""
    loose = LOOSE.get(table, ())
    return loose is not None and column not in loose and not ("ADD COLUMN" in sql and table.startswith(("raw", "ops")))


EVERY = [(number, *one) for number, one in enumerate(attacks())]


@pytest.mark.parametrize(
    ("number", "table", "column", "sql"), EVERY[PART - 1 :: PARTS] if NIGHT else [], ids=lambda part: str(part)[:60]
)
def test_whatever_is_written_by_hand_is_told_in_sentences(fresh, number, table, column, sql):
    differs = changed(table, sql)
    code, _ = fees_etl("assert")
    if differs and is_sealed(table, column, sql):
        assert code, "nobody would know"
    turn = number // PARTS
    for place in range(3):
        fees_etl(*READ[(turn * 3 + place) % len(READ)])
    fees_etl(*WRITE[turn % len(WRITE)])
    fees_etl("assert")


def test_in_all_attacks_each_command_has_its_turn():
    assert len(EVERY) // PARTS * 3 > 3 * len(READ)
    assert {*TYPES} - {"DATETIME"} == CELLS.keys()
