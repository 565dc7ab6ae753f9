"""Changed SQL never mixes with what older SQL staged: what counts as a change, and what a run does about one."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import suppress
from datetime import date
from functools import cache
from pathlib import Path

import pytest
import worlds
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import validate
from pipeline import LENIENT, MODELS, Pipeline
from places import ROOT
from shells import fee, put

from fees_etl import GuardRefused, UsageError, WarehouseBusy, load, run
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
    for edits in ((), (UPPER,), (LOWER_NINO,), (LARGEST,), (LAST_KEPT, UPPER), ((FEES, "WITH cleaned", "-- c\nWITH cleaned"),)):
        folder = Path(tempfile.mkdtemp())
        found.append(project_of(folder, *((name, "", text) for name, text in DAYS.items()), *edits, **LENIENT))
        shutil.rmtree(folder / "kept", ignore_errors=True)
    return found


BUNDLED = load()
SAME = {
    "comment": (FEES, "distinct_fees AS (", "/* once */ distinct_fees AS ( -- each\n"),
    "jinja-comment": (FEES, "distinct_fees AS (", "{# once #}distinct_fees AS ("),
    "layout": (FEES, "        client_id,\n        client_nino,", "  client_id ,client_nino,"),
    "keyword-case": (FEES, "FROM distinct_fees", "from distinct_fees"),
    "function-case": ("macros/money.sql", "DIV(", "div("),
    "quotes": (CLEAN, "), '')", '), "")'),
    "backquotes": (FEES, "FROM raw.fees", "FROM `raw`.`fees`"),
    "cte-name": (FEES, "distinct_fees", "each_fee"),
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
    "macro-of-the-books": (BOOKS, "COUNT(*),", "COUNT(*) + 0,"),
    "macro-of-order": LAST_KEPT,
    "materialization": ("materializations/merge.sql", "IS DISTINCT FROM source", "!= source"),
    "filter": (FEES, "WHERE {{ within('fee_date') }}", "WHERE {{ within('fee_date') }} AND fee_amount > 0"),
    "literal-case": (CLEAN, r"' \t\r\n\u00a0'", r"' \t\r\n\u00a0x'"),
    "window": (BOOKS, "PARTITION BY client_id, adviser_id,", "PARTITION BY client_id, client_nino, adviser_id,"),
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


@settings(max_examples=settings().max_examples // 8, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
                attempt(lambda options=options: pipeline.run(**options))
            if data.draw(st.booleans(), label="backfill"):
                pipeline.project = variants()[data.draw(st.integers(0, 5), label="SQL")]
                start, end = sorted(data.draw(st.tuples(worlds.fee_dates(), worlds.fee_dates()), label="range"))
                stop = data.draw(st.sampled_from([None, 1, 2]), label="stopped after")
                months(pipeline, start, end, stop)
                if stop and data.draw(st.booleans(), label="other SQL meanwhile"):
                    pipeline.project = variants()[data.draw(st.integers(0, 5), label="SQL")]
                    pipeline.run()
                if stop and data.draw(st.booleans(), label="resume"):
                    attempt(lambda: months(pipeline, start, end, None, resume=True))
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
