"""Each model on DuckDB equals the reference execution of the same GoogleSQL by Google's library, fee_id included."""

from __future__ import annotations

import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import worlds
from hypothesis import given, settings
from pipeline import LENIENT, MODELS, Pipeline

from fees_etl import Table
from fees_etl.runs.plan import render

EXAMPLES = settings(max_examples=25, deadline=None)


def differences(reference, pipeline):
    """Per model: rows that only one of DuckDB and Google's reference implementation yields."""
    contents = {}
    for table, contract in pipeline.project.contracts.items():
        if table.dataset in ("raw", "staging", "reporting"):
            contents[str(table)] = (contract.types, pipeline.engine.query(f"SELECT * FROM {table}").rows)
    found = {}
    for name in MODELS:
        model = pipeline.project.models[Table.parse(name)]
        reads = {str(read): contents[str(read)] for read in model.reads}
        columns, rows = reference.execute(render(pipeline.project, name), reads)
        assert columns == tuple(model.contract.types)
        found[name] = set(rows) ^ set(contents[name][1])
        assert len(rows) == len(contents[name][1])
    return found


NOTHING = {key: set() for key in MODELS}


@EXAMPLES
@given(world=worlds.files())
def test_generated_worlds(reference, world):
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder), **LENIENT) as pipeline:
        assert pipeline.all(**{name.removesuffix(".csv"): rows for name, rows in world.items()}).status == "published"

        assert differences(reference, pipeline) == NOTHING


def test_means_within_a_billionth_of_half_a_penny_and_huge_sums(reference, tmp_path):
    day = date(2025, 1, 31)
    near = [Decimal(cents) / 200 + Decimal(sign).scaleb(-9) for cents in range(-9, 10) for sign in (-1, 0, 1)]
    fees = [(f"c{number}", f"QQ{number:06}A", f"a{number % 7}", day, amount) for number, amount in enumerate(near)]
    fees += [
        (f"h{number}\t", f"QQ{500 + number:06}A", "\N{NO-BREAK SPACE}a1", date(2024, 2, 29), Decimal(amount))
        for number, amount in enumerate(["1234567890123456.789012345", "-999999999999999.005", "0.000000001"])
    ]
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        assert pipeline.all(fees=fees).status == "published"

        assert differences(reference, pipeline) == NOTHING


def test_the_bundled_sample(reference, tmp_path):
    from fees_etl.ingestion import SAMPLE

    with Pipeline(tmp_path) as pipeline:
        pipeline.ingest(SAMPLE)
        assert pipeline.run().status == "published"

        assert differences(reference, pipeline) == NOTHING


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[3].glob("*/data/synthetic_fees_1024_0925.csv")))
def test_the_real_file(reference, tmp_path, path):
    """On as much of it as the reference implementation can take in a minute."""
    lines = path.read_text().splitlines(keepends=True)
    (tmp_path / "fees.csv").write_text(lines[0] + "".join(lines[1::10]))
    with Pipeline(tmp_path) as pipeline:
        pipeline.ingest()
        assert pipeline.run().status == "published"

        assert differences(reference, pipeline) == NOTHING
