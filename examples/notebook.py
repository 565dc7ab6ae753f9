"""Lifetime values in a notebook: open it as one (Jupytext, VS Code), or run it: ``pip install 'fees-etl[arrow]'``."""

# %% The pipeline on a warehouse in memory. A file's: connect("duckdb:////srv/fees/fees.duckdb", read_only=True).
from fees_etl import backfill, connect, ingest, load, plan, read, run
from fees_etl.ingestion import SAMPLE

project = load()
engine = connect("duckdb://")
files = ingest(project, engine, SAMPLE)
result = run(plan(project, engine), engine)
result

# %% A published table, as Arrow: pounds are decimal128(38, 9), exact to the penny and beyond.
cohorts = result.frame("rpt_cohort_ltv")
cohorts.select(["cohort_month", "client_count", "avg_ltv_6_month", "is_complete_6_month"]).to_pylist()[:3]

# %% Any other table, too. What has a policy tag (National Insurance numbers) stays in the warehouse.
fees = read(engine, "stg_fees")
fees.column_names

# %% Some fee dates staged again: nothing moves, for staging mirrors raw.
first, last = result.after.first_fee_date, result.after.last_fee_date
again = backfill(project, engine, first, last)
assert (again.changes, again.after) == ((), result.after)
engine.close()
