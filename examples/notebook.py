"""A look at the published numbers, cell by cell: open it in Jupyter (jupytext) or VS Code, or run it as a script.

It needs `pip install 'fees-etl[arrow]'`. FEES_ETL_WAREHOUSE names the warehouse; left out, it makes one of the bundled
sample in memory.
"""

# %%
from __future__ import annotations

import os

from fees_etl import backfill, check, connect, ingest, load, plan, read, run
from fees_etl.ingestion import SAMPLE

project = load()
project

# %% The warehouse. What is missing in it is made; what a plan depends on is read from it.
url = os.environ.get("FEES_ETL_WAREHOUSE", "duckdb://")
engine = connect(url)
if url == "duckdb://":
    ingest(project, engine, SAMPLE)

# %% A plan is data: looking at it changes nothing.
planned = plan(project, engine)
planned

# %% Try it: everything happens, assertions too, and is rolled back.
rehearsed = run(planned, engine, rehearse=True)
rehearsed

# %% Publish it.
result = run(planned, engine)
result

# %% The cohorts as Arrow: exact decimals, ready for pandas, polars or DuckDB. Columns with NINOs are never among them.
cohorts = result.frame("rpt_cohort_ltv")
cohorts.select(["cohort_month", "client_count", "total_ltv_6_month"]).slice(0, 3).to_pylist()

# %% A table without a run, and what is judged of it.
advisers = read(engine, "rpt_adviser_ltv", project=project)
[one.name for one in check(project, engine) if not one.passed]

# %% Some days again, mirrored from raw.
again = backfill(project, engine, result.after.first_fee_date, result.after.first_fee_date)
engine.close()
