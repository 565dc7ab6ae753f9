"""Changed SQL never mixes with what older SQL staged: what counts as a change, and what a run does about one."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import suppress
from functools import cache, partial
from pathlib import Path

import pytest
import worlds
from hypothesis import given
from hypothesis import strategies as st
from pipeline import LENIENT, MODELS, Pipeline
from places import ROOT
from shells import fee, put
from tiers import worlds_of

from fees_etl import GuardRefused, UsageError, WarehouseBusy, load, run
from fees_etl.query import canonical
from fees_etl.runs.backfill import backfill
from fees_etl.runs.plan import fingerprints

FEES, CLEAN, BOOKS, LTV = "staging/stg_fees.sql", "macros/clean.sql", "macros/fees.sql", "reporting/rpt_client_ltv.sql"
TRIMMED = "NULLIF(TRIM({{ column }}, {{ blanks() }}), '')"
UPPER = (CLEAN, TRIMMED, "NULLIF(UPPER(TRIM({{ column }}, {{ blanks() }})), '')")
LOWER_NINO = (CLEAN, "NULLIF(UPPER(TRANSLATE", "NULLIF(LOWER(TRANSLATE")
LAST_KEPT = (BOOKS, "ORDER BY _source_file, _source_row", "ORDER BY _source_file DESC, _source_row DESC")
DAYS = {
    "reporting/adviser_days.sql": """\
{% from 'window.sql' import within with context -%}
SELECT
    fee_date,
    adviser_id,
    SUM(fee_amount) AS amount
FROM staging.stg_fees
WHERE {{ within('fee_date') }}
GROUP BY fee_date, adviser_id
""",
    "reporting/adviser_days.yml": """\
description: One row per adviser and day.
materialized: merge
key: [fee_date, adviser_id]
partition_by: fee_date
lookback: lookback_days
columns:
  - {name: fee_date, type: DATE, description: Day.}
  - {name: adviser_id, type: STRING, description: Adviser.}
  - {name: amount, type: NUMERIC, description: Pounds.}
""",
}
"""A user's own incremental model, downstream of staging."""
LARGEST = ("reporting/adviser_days.sql", "SUM(fee_amount)", "MAX(fee_amount)")
TABLES = (*MODELS, "reporting.adviser_days", "ops.left_out")


def edit(folder, *edits):
    """The project in a folder, edited: (file, old, new); an old of "" is the file's end."""
    for name, old, new in edits:
        path = folder / "sql" / name
        text = path.read_text() if path.exists() else ""
        assert old in text, (name, old)
        path.write_text(text.replace(old, new) if old else text + new)


def project_of(folder, *edits, **variables):
    if not (folder / "sql").exists():
        shutil.copytree(ROOT / "sql", folder / "sql")
    edit(folder, *edits)
    return load(folder, variables)


@cache
def variants():
    """Projects that each stage other rows of the same raw, but for the last, which differs by a comment from the first."""
    found = []
    for edits in (
        (),
        (UPPER,),
        (LOWER_NINO,),
        (LARGEST,),
        (LAST_KEPT, UPPER),
        ((FEES, "WITH cleaned", "-- c\nWITH cleaned"),),
    ):
        folder = Path(tempfile.mkdtemp())
        found.append(project_of(folder, *((name, "", text) for name, text in DAYS.items()), *edits, **LENIENT))
        shutil.rmtree(folder / "kept", ignore_errors=True)
    return found


BUNDLED = load()
SAME = {
    "comment": (FEES, "ranked AS (", "/* once */ ranked AS ( -- each\n"),
    "jinja-comment": (FEES, "ranked AS (", "{# once #}ranked AS ("),
    "layout": (FEES, "    client_id,\n    client_nino,", "  client_id ,client_nino,"),
    "keyword-case": (FEES, "FROM ranked", "from ranked"),
    "function-case": ("macros/money.sql", "DIV(", "div("),
    "quotes": (CLEAN, "), '')", '), "")'),
    "backquotes": (FEES, "FROM raw.fees", "FROM `raw`.`fees`"),
    "cte-name": ("reporting/rpt_adviser_ltv.sql", "advisers", "each_adviser"),
    "cte-name-that-qualifies": ("reporting/rpt_cohort_ltv.sql", "members", "people"),
    "unused-variable": ("variables.yml", "", "colour: blue\n"),
    "variable-of-ingestion": ("variables.yml", 'max_rejected: "0.05"', 'max_rejected: "0.5"'),
    "variable-of-assertions": ("variables.yml", 'tolerance: "0" ', 'tolerance: "0.01" '),
    "lookback": ("variables.yml", "lookback_days: 3", "lookback_days: 5"),
    "unused-macro": (CLEAN, "", "{%- macro other(x) -%} {{ x }} {%- endmacro -%}\n"),
    "macro-of-assertions": ("macros/judged.sql", "IS NULL OR", "IS NULL  OR NOT TRUE OR"),
    "table-description": ("staging/stg_fees.yml", "One row per distinct fee.", "One row per fee."),
    "column-description": ("staging/stg_fees.yml", "Pounds, negative for a refund.", "Pounds."),
    "column-test": ("staging/stg_fees.yml", 'minimum: "1990-01-01"', 'minimum: "1991-01-01"'),
    "assertion": ("assertions/assert_ltv_matches_raw.yml", "severity: error", "severity: warn"),
    "raw-description": ("raw/fees.yml", "Pounds,", "All pounds,"),
    "raw-alias": ("raw/fees.yml", "{name: adviser_id, type: STRING", "{name: adviser_id, aliases: [ifa], type: STRING"),
}
STAGED = {
    "macro": UPPER,
    "macro-of-the-books": ("operations/staged.sql", "COUNT(*),", "COUNT(*) + 0,"),
    "macro-of-order": LAST_KEPT,
    "materialization": ("materializations/merge.sql", "IS DISTINCT FROM source", "!= source"),
    "filter": (FEES, "WHERE {{ within('fee_date') }}", "WHERE {{ within('fee_date') }} AND fee_amount > 0"),
    "literal-case": (CLEAN, r"' \t\r\n\u00a0'", r"' \t\r\n\u00a0x'"),
    "window": (BOOKS, "IS NULL, client_id, adviser_id,", "IS NULL, client_id, client_nino, adviser_id,"),
    "key": ("staging/stg_fees.yml", "key: [fee_date, fee_id]", "key: [fee_id, fee_date]"),
    "cluster": ("staging/stg_fees.yml", "cluster_by: [client_id]", "cluster_by: [adviser_id]"),
}
REPORTED = {
    "join": (LTV, "INNER JOIN", "LEFT OUTER JOIN"),
    "interval": (LTV, "MONTH)", "WEEK)"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_what_changes_no_row_is_no_change(tmp_path, name):
    assert fingerprints(project_of(tmp_path, SAME[name])) == fingerprints(BUNDLED)


@pytest.mark.parametrize("name", STAGED)
def test_what_may_change_staged_rows_changes_staging_and_all_that_reads_it(tmp_path, name):
    was, now = fingerprints(BUNDLED), fingerprints(project_of(tmp_path, STAGED[name]))
    assert [table for table, one in now.items() if one != was[table]] == list(MODELS[:1] + tuple(list(was)[1:]))


@pytest.mark.parametrize("name", REPORTED)
def test_a_report_that_changed_leaves_what_it_reads_alone(tmp_path, name):
    was, now = fingerprints(BUNDLED), fingerprints(project_of(tmp_path, REPORTED[name]))
    same = {table for table, one in now.items() if one == was[table]}
    assert same == {"staging.stg_fees", "reporting.dim_clients"}


def contents(pipeline):
    return {name: pipeline.rows(name) for name in TABLES}


@worlds_of(4)
@given(st.lists(worlds.files(names=("a.csv", "b.csv"), max_size=6), min_size=2, max_size=4), st.data())
def test_any_order_of_arrivals_sql_changes_and_runs_ends_as_one_full_refresh_by_the_last_sql(versions, data):
    asked = [
        {}, {"select": ["stg_fees"]}, {"select": ["stg_fees", "adviser_days"]}, {"select": ["rpt_*"]},
        {"exclude": ["adviser_days"]}, {"full_refresh": True}, {"full_refresh": True, "select": ["stg_fees+1"]},
        {"rehearse": True}, {"select": ["adviser_days"]},
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder), **LENIENT) as pipeline:
        for world in versions:
            pipeline.put(**{name.removesuffix(".csv"): rows for name, rows in world.items()})
            if data.draw(st.booleans(), label="withdraw b"):
                pipeline.put(b=None)
            pipeline.ingest(allow_withdraw=True)
            for options in data.draw(st.lists(st.sampled_from(asked), max_size=3), label="runs"):
                pipeline.project = variants()[data.draw(st.integers(0, 5), label="SQL")]
                attempt(partial(pipeline.run, **options))
            if data.draw(st.booleans(), label="backfill"):
                pipeline.project = variants()[data.draw(st.integers(0, 5), label="SQL")]
                start, end = sorted(data.draw(st.tuples(worlds.fee_dates(), worlds.fee_dates()), label="range"))
                stop = data.draw(st.sampled_from([None, 1, 2]), label="stopped after")
                months(pipeline, start, end, stop)
                if stop and data.draw(st.booleans(), label="other SQL meanwhile"):
                    pipeline.project = variants()[data.draw(st.integers(0, 5), label="SQL")]
                    pipeline.run()
                if stop and data.draw(st.booleans(), label="resume"):
                    attempt(partial(months, pipeline, start, end, None, resume=True))
        pipeline.project = variants()[data.draw(st.integers(0, 5), label="last SQL")]
        assert pipeline.run().status == "published"
        found = contents(pipeline)
        assert all(one.passed for one in pipeline.check().values())
        assert pipeline.plan().restated == ()
        assert pipeline.run(full_refresh=True).status == "published"
        assert found == contents(pipeline)


def attempt(act):
    """A run that may be refused, for it would mix; or there is nothing to resume."""
    with suppress(UsageError):
        try:
            act()
        except GuardRefused as refused:
            assert "SQL" in refused.message  # noqa: PT017 - any other refusal is wrong


def months(pipeline, start, end, stop, **options):
    """A backfill month by month that somebody stops."""

    def watch(number, *_):
        if number == stop:
            raise KeyboardInterrupt

    try:
        backfill(pipeline.project, pipeline.engine, start, end, chunk="month", on_chunk=watch, **options)
    except KeyboardInterrupt:
        assert stop


# as a user sees it


@pytest.fixture
def changed(shell):
    """Published with lower-case ids; then a macro makes them upper case, and another file arrives."""
    put("a.csv", *A_FILE)
    project = Path("project")
    project_of(project)
    assert shell(*AT, "run", "--source", "lake")[0] == 0
    edit(project, UPPER)
    put("b.csv", *B_FILE)
    return shell


AT = ("--project-dir", "project")
A_FILE = [fee(number, day=f"2025-01-0{number}") for number in range(1, 9)]
B_FILE = [fee(number, day=f"2025-03-0{number}").upper() for number in range(1, 9)]
CLIENTS = "SELECT COUNT(*), COUNTIF(client_id = upper(client_id)) FROM reporting.dim_clients"
BUILT = "SELECT fingerprint, run_id FROM ops.built ORDER BY table_name"


def restated(told):
    return json.loads(told)["restated"]


def test_a_changed_macro_restates_every_fee_date_and_says_so_first(changed):
    plan = changed(*AT, "plan", "--output", "json")[1]
    code, out, err = changed(*AT, "run", "--source", "lake")

    assert restated(plan) == ["staging.stg_fees"]
    assert code == 0
    said = "Every fee date is staged again: staging.stg_fees (other SQL built it)."
    assert err.startswith(f"warning: {said}\n")
    assert out.splitlines()[1] == said
    assert changed.ask(CLIENTS) == [(8, 8)]
    assert restated(changed(*AT, "run", "--source", "lake", "--output", "json")[1]) == []
    assert changed(*AT, "assert")[0] == 0


def test_a_target_that_wants_to_be_asked_refuses_before_it_reads_a_file(changed, monkeypatch):
    monkeypatch.setenv("FEES_ETL_SQL_POLICY", "fail")
    before = changed.ask("SELECT COUNT(*) FROM raw.fees")
    for args in (["run", "--source", "lake"], ["backfill", "--start", "2025-01-01", "--end", "2025-01-31"]):
        code, _, err = changed(*AT, *args)
        assert code == 4
        assert "--full-refresh" in err
        assert changed.ask(CLIENTS) == [(8, 0)]
        assert before == changed.ask("SELECT COUNT(*) FROM raw.fees")
    (hint,) = [line for line in err.splitlines() if "Next:" in line]
    assert changed(*hint.partition("fees-etl ")[2].split())[0] == 0
    assert changed.ask(CLIENTS) == [(8, 8)]
    assert changed(*AT, "run", "--source", "lake")[0] == 0


@pytest.mark.parametrize("args", [["run", "--source", "lake"], ["run", "--from", "stg_fees"]])
def test_given_dates_do_not_keep_older_rows(changed, args):
    assert changed(*AT, *args, "--start", "2025-01-02", "--end", "2025-01-02")[0] == 0
    assert changed.ask(CLIENTS) == [(8, 8)]


@pytest.mark.parametrize("chunk", ["none", "month"])
def test_a_backfill_of_some_dates_stages_all(changed, chunk):
    assert changed(*AT, "ingest", "lake")[0] == 0
    assert changed(*AT, "backfill", "--start", "2025-03-02", "--end", "2025-03-02", "--chunk", chunk)[0] == 0
    assert changed.ask(CLIENTS) == [(8, 8)]
    assert not changed(*AT, "plan")[1].splitlines()[1].startswith("Every")


def test_reports_alone_are_not_built_on_what_older_sql_staged(changed):
    for asked in (["--select", "rpt_*"], ["--from", "dim_clients"], ["--exclude", "stg_fees"]):
        code, _, err = changed(*AT, "run", "--skip-ingest", *asked)
        assert (code, "which is not selected and which other SQL than today's has built" in " ".join(err.split())) == (
            *(4, True),
        )
    (hint,) = [line for line in err.splitlines() if "Next:" in line]
    assert changed(*hint.partition("fees-etl ")[2].split())[0] == 0
    assert changed(*AT, "run", "--skip-ingest", "--select", "rpt_*")[0] == 0


def test_a_rehearsal_a_rejected_and_a_failed_run_are_not_remembered(changed):
    before = changed.ask(BUILT)
    put("b.csv", fee(1, nino="QQ999999D", day="2025-03-01"))
    assert changed(*AT, "run", "--source", "lake", "--rehearse")[0] == 1
    assert changed(*AT, "run", "--source", "lake")[0] == 1
    put("b.csv", *B_FILE)
    assert changed(*AT, "run", "--source", "lake", "--rehearse")[0] == 0
    assert before == changed.ask(BUILT)
    assert changed(*AT, "run", "--source", "lake")[1].splitlines()[1].startswith("Every fee date")
    assert changed.ask(CLIENTS) == [(8, 8)]


def test_two_checkouts_that_take_turns_never_mix(changed):
    project_of(Path("other"))
    for place, upper in (("project", 8), ("other", 0), ("project", 8)):
        code, out, _ = changed("--project-dir", place, "run", "--source", "lake", "--output", "json")
        assert (code, restated(out)) == (0, ["staging.stg_fees"])
        assert changed.ask(CLIENTS)[0][1] >= upper


def test_a_warehouse_of_before_is_staged_once_again(fed):
    import duckdb

    with duckdb.connect("fees.duckdb") as warehouse:
        warehouse.execute("DROP TABLE ops.built")
    code, out, _ = fed("run", "--source", "lake/*.csv")
    assert code == 0
    assert out.splitlines()[1].startswith(
        "Every fee date is staged again: staging.stg_fees (no run has recorded the SQL that built it)."
    )
    assert restated(fed("run", "--source", "lake/*.csv", "--output", "json")[1]) == []


def test_a_full_refresh_remembers_and_a_daily_run_writes_nothing_of_it(changed):
    assert changed(*AT, "run", "--source", "lake", "--full-refresh")[0] == 0
    before = changed.ask(BUILT)
    put("c.csv", fee(9, day="2025-03-09"))
    assert changed(*AT, "run", "--source", "lake")[0] == 0
    assert before == changed.ask(BUILT)


def test_a_run_of_other_sql_in_between_makes_a_plan_busy(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(a=worlds.HARD)
        planned = pipeline.plan()
        pipeline.project = variants()[1]
        pipeline.run()
        with pytest.raises(WarehouseBusy):
            run(planned, pipeline.engine)


def test_a_new_column_is_filled_in_every_row(shell):
    header = "client_id,client_nino,adviser_id,fee_date,fee_amount,branch\n"
    put("a.csv", *(line.replace("\n", ",north\n") for line in A_FILE), header=header)
    column = "  - {name: branch, type: STRING, description: Branch.}\n"
    project_of(Path("project"), ("raw/fees.yml", "  - {name: _source_file", column + "  - {name: _source_file"))
    assert shell(*AT, "run", "--source", "lake")[0] == 0
    edit(
        Path("project"),
        (
            FEES,
            "    fee_date,\n    fee_amount\nFROM ranked",
            "    fee_date,\n    fee_amount,\n    branch\nFROM ranked",
        ),
        (FEES, "        _source_file,", "        branch,\n        _source_file,"),
        ("staging/stg_fees.yml", "", column),
    )
    assert shell(*AT, "run", "--source", "lake")[0] == 0
    assert shell.ask("SELECT COUNT(*), COUNT(branch) FROM staging.stg_fees") == [(8, 8)]


def test_a_merged_model_that_was_away_while_fees_were_staged_is_staged_whole(tmp_path):
    with Pipeline(tmp_path / "lake", **LENIENT) as pipeline:
        pipeline.folder.mkdir()
        pipeline.project = variants()[0]
        pipeline.all(a=worlds.HARD)
        pipeline.put(late=[worlds.charge("late", "x", worlds.HARD[0][3], "7")])
        pipeline.ingest()
        pipeline.project = load(None, LENIENT)
        assert pipeline.run().status == "published"
        pipeline.project = variants()[0]
        assert pipeline.plan().restated == ("reporting.adviser_days",)
        assert pipeline.run().status == "published"
        found = contents(pipeline)
        pipeline.run(full_refresh=True)
        assert found == contents(pipeline)


def test_sql_that_sqlglot_reads_and_cannot_write_counts_by_the_letter():
    sql = "SELECT REGEXP_REPLACE(client_id, r'x') AS x FROM raw.fees"
    assert canonical(sql) == sql
