"""What a run leaves: its document, its lineage, and dbt's own files, which dbt's ecosystem reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from dbt_artifacts_parser.parser import parse_manifest_v12, parse_run_results_v6
from gcs import FakeGCS, Fault
from shells import CONFLICT, GOOD, MORE, put

FILES = {"run.json", "lineage.json", "manifest.json", "run_results.json"}


@pytest.fixture
def kept(shell, monkeypatch):
    """A working folder whose runs leave their artifacts beside it, with one run."""
    monkeypatch.setenv("FEES_ETL_ARTIFACTS", "left/here")
    put("good.csv", GOOD)
    assert shell("run", "--source", "lake")[0] == 0
    return shell


def parsed(folder):
    """The files as the parser of dbt's artifacts reads them."""
    found = {path.name: json.loads(path.read_text()) for path in Path("left/here", folder).iterdir()}
    assert set(found) == FILES
    assert not re.search(r"QQ\d{6}", json.dumps(found))
    return found, parse_manifest_v12(found["manifest.json"]), parse_run_results_v6(found["run_results.json"])


def test_dbts_parser_reads_models_sources_tests_and_verdicts(kept):
    found, manifest, results = parsed("latest")

    (run_id,) = (path.name for path in Path("left/here").iterdir() if path.name != "latest")
    assert found["run.json"]["run_id"] == run_id == results.metadata.invocation_id
    model = manifest.nodes["model.fees_etl.rpt_cohort_ltv"]
    assert model.relation_name == '"fees"."reporting"."rpt_cohort_ltv"'
    assert model.depends_on.nodes == ["model.fees_etl.dim_clients", "model.fees_etl.rpt_client_ltv"]
    assert manifest.nodes["model.fees_etl.stg_fees"].config.materialized == "incremental"
    assert "model.fees_etl.stg_fees" in manifest.child_map["source.fees_etl.raw.fees"]
    assert manifest.sources["source.fees_etl.raw.fees"].columns["client_nino"].tags == ["nino"]
    became = {one.unique_id: one.status.value for one in results.results}
    assert became.keys() <= manifest.nodes.keys()
    assert set(became.values()) == {"success", "pass"}
    assert became["model.fees_etl.stg_fees"] == "success"
    assert became["test.fees_etl.freshness_fees"] == "pass"
    edges = {(one["table"], one["column"], one["from_table"]) for one in found["lineage.json"]["edges"]}
    assert ("reporting.rpt_cohort_ltv", "total_ltv_6_month", "reporting.rpt_client_ltv") in edges


def test_a_rejected_run_leaves_its_verdict_and_a_rehearsal_nothing(kept):
    put("bad.csv", CONFLICT)
    assert kept("run", "--source", "lake", "--rehearse")[0] == 1
    assert len([*Path("left/here").iterdir()]) == 2

    assert kept("run", "--source", "lake")[0] == 1

    _, _, results = parsed("latest")
    became = {one.unique_id: (one.status.value, one.failures) for one in results.results}
    assert became["test.fees_etl.assert_client_data"] == ("fail", 3)
    assert became["model.fees_etl.stg_fees"] == ("error", None)


def test_a_place_that_cannot_be_written_is_a_warning_and_changes_nothing(shell, monkeypatch):
    monkeypatch.setenv("FEES_ETL_ARTIFACTS", "good.csv/below")
    Path("good.csv").write_text("")
    put("more.csv", GOOD, MORE)

    code, out, err = shell("run", "--source", "lake")

    assert (code, "PUBLISHED" in out) == (0, True)
    assert "warning: The artifacts of this run are not in good.csv/below: Not a directory. What it did stands." in err


@pytest.mark.parametrize("place", ["s3://bucket/x", "gs://"])
def test_another_store_is_refused_before_anything_is_read(shell, monkeypatch, place):
    monkeypatch.setenv("FEES_ETL_ARTIFACTS", place)

    code, _, err = shell("run")

    assert (code, "is no place for artifacts; write a folder, or gs://bucket/path" in " ".join(err.split())) == (
        2,
        True,
    )


def test_a_bucket_holds_them_and_one_that_refuses_is_a_warning(shell, monkeypatch):
    monkeypatch.setenv("FEES_ETL_ARTIFACTS", "gs://left/fees/")
    put("good.csv", GOOD)
    with FakeGCS("left") as store:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.url)
        assert shell("run", "--source", "lake")[0] == 0
        names = {name.partition("/")[2] for name in store.objects["left"]}
        assert {name for name in names if name.startswith("latest/")} == {f"latest/{name}" for name in FILES}
        assert len(names) == 2 * len(FILES)
        parse_manifest_v12(json.loads(store.objects["left"]["fees/latest/manifest.json"][-1].data))
        store.faults.append(Fault("POST", status=403, said="no right to write"))

        code, _, err = shell("run", "--source", "lake")

    assert code == 0
    assert "The artifacts of this run are not in gs://left/fees/: " in err
    assert "cannot be written: no right to write" in err
