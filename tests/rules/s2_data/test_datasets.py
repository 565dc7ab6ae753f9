"""The names of datasets and tables are those of SPEC 2; a target may add a suffix to every dataset."""

from __future__ import annotations

from datetime import date

from pipeline import Pipeline
from worlds import charge

DAY = date(2025, 1, 31)


def test_the_whole_pipeline_runs_in_datasets_with_a_suffix(tmp_path):
    with Pipeline(tmp_path, suffix="_ci") as pipeline:
        assert pipeline.all(fees=[charge("ann", "x", DAY, "1")]).status == "published"
        assert pipeline.all(fees=[charge("ann", "x", DAY, "1"), charge("it's", "x", DAY, "1")]).status == "published"
        assert all(found.passed for found in pipeline.check().values())
        datasets = pipeline.engine.native.execute("SELECT DISTINCT schema_name FROM duckdb_tables()").fetchall()

    assert {name for (name,) in datasets} == {"history_ci", "ops_ci", "raw_ci", "reporting_ci", "staging_ci"}
