"""More new files than one transaction takes come in several; whatever happens between them, all of them arrive once."""

from __future__ import annotations

from datetime import date

import pytest
from pipeline import LENIENT, Pipeline
from worlds import charge

from fees_etl import WarehouseError


def lake(count, start=1):
    return {f"f{n}": [charge(f"c{n}", "x", date(2025, 1, n), str(n))] for n in range(start, start + count)}


def outcomes(result):
    return [file.outcome for file in result.files]


@pytest.mark.parametrize("bounds", [{"most_files": 2}, {"most_bytes": 150}, {"most_files": 1, "most_bytes": 1}])
def test_parts_end_as_one_transaction_would(tmp_path, monkeypatch, bounds):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.put(**lake(5))
        scripts = []
        for name, bound in bounds.items():
            monkeypatch.setattr(type(pipeline.engine), name, bound)
        transact = pipeline.engine.transact
        monkeypatch.setattr(
            pipeline.engine, "transact", lambda script, *rest: scripts.append(script.name) or transact(script, *rest)
        )
        assert outcomes(pipeline.ingest()) == ["loaded"] * 5
        assert scripts[:3] == ["ingest", "ingest-2", "ingest-3"]
        assert pipeline.run().status == "published"
        assert pipeline.tables() == pipeline.expected()
        assert len(pipeline.raw()) == 5
        assert outcomes(pipeline.ingest()) == ["unchanged"] * 5
        assert all(found.passed for found in pipeline.check().values())


def test_what_changed_or_vanished_is_settled_in_the_last_part(tmp_path, monkeypatch):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.all(**lake(3))
        monkeypatch.setattr(type(pipeline.engine), "most_files", 1)
        pipeline.put(**lake(3, 10), f1=None, f2=[charge("c2", "x", date(2025, 1, 2), "20")])
        found = {file.uri.rpartition("/")[2]: file.outcome for file in pipeline.ingest().files}
        assert found == {
            "f1.csv": "withdrawn", "f2.csv": "loaded", "f3.csv": "unchanged",
            "f10.csv": "loaded", "f11.csv": "loaded", "f12.csv": "loaded",
        }  # fmt: skip
        assert pipeline.run().status == "published"
        assert pipeline.tables() == pipeline.expected()


def test_a_part_that_fails_leaves_those_before_it_and_the_next_ingestion_brings_the_rest(tmp_path, monkeypatch):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.put(**lake(4))
        monkeypatch.setattr(type(pipeline.engine), "most_files", 1)
        transact, seen = pipeline.engine.transact, []

        def failing(script, *rest):
            seen.append(script.name)
            if len(seen) == 3:
                raise WarehouseError("the line is cut.")
            return transact(script, *rest)

        monkeypatch.setattr(pipeline.engine, "transact", failing)
        with pytest.raises(WarehouseError) as caught:
            pipeline.ingest()
        assert "those before this one are in raw" in caught.value.published
        assert len(pipeline.raw()) == 2
        assert sorted(outcomes(pipeline.ingest())) == ["loaded", "loaded", "unchanged", "unchanged"]
        assert pipeline.run().status == "published"
        assert pipeline.tables() == pipeline.expected()


def test_a_rehearsal_reads_all_parts_and_keeps_none(tmp_path, monkeypatch):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.put(**lake(3))
        monkeypatch.setattr(type(pipeline.engine), "most_files", 1)
        with pipeline.engine.rehearsal():
            assert outcomes(pipeline.ingest()) == ["loaded"] * 3
            assert len(pipeline.raw()) == 3
        assert pipeline.raw() == []
