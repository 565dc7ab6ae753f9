"""All hard cases of section 3 in one world, through the whole pipeline, against the oracle; tests/models has each alone."""

from __future__ import annotations

from decimal import Decimal

from pipeline import LENIENT, Pipeline
from worlds import HARD


def test_the_hard_cases_equal_the_oracle_and_what_is_left_out_is_counted(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        result = pipeline.all(fees=HARD)

        assert result.status == "published"
        assert pipeline.tables() == pipeline.expected()
    assert (result.left_out.duplicate_rows, result.left_out.duplicate_amount) == (2, Decimal("3.2"))
    assert (result.left_out.blank_rows, result.left_out.blank_amount) == (4, Decimal(21))
