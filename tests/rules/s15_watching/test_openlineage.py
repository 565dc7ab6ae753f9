"""OpenLineage events: received over HTTP, of the shape that the specification asks for, and never a reason to fail."""

from __future__ import annotations

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace

import places
import pytest
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from openlineage.client import OpenLineageClient
from shells import CONFLICT, GOOD, put

from fees_etl import watch

FACET = {"type": "object", "required": ["_producer", "_schemaURL"], "properties": {"_schemaURL": {"format": "uri"}}}
FACETS = {"type": "object", "additionalProperties": FACET}
NAMED = {
    "type": "object",
    "required": ["namespace", "name"],
    "properties": {"facets": FACETS, "inputFacets": FACETS, "outputFacets": FACETS},
}
EVENT = {
    "type": "object",
    "required": ["eventTime", "eventType", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventTime": {"format": "date-time"},
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "producer": {"format": "uri"},
        "schemaURL": {"pattern": "^https://openlineage.io/spec/2-0-2/OpenLineage.json#/[$]defs/RunEvent$"},
        "run": {
            "type": "object",
            "required": ["runId"],
            "properties": {"runId": {"format": "uuid"}, "facets": FACETS},
        },
        "job": NAMED,
        "inputs": {"type": "array", "items": NAMED},
        "outputs": {"type": "array", "items": NAMED},
    },
}
"""What the specification, 2-0-2, asks of a run's event."""
TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}


def record(needed, **rest):
    """An object that has what is needed, and nothing whose type is not told."""
    return {"type": "object", "required": [*needed], "properties": needed | rest, "additionalProperties": False}


def several(one):
    return {"type": "array", "minItems": 1, "items": one}


BOTH = {"_producer": {"format": "uri"}, "_schemaURL": {"format": "uri"}}
HOW = record({"type": {"enum": ["DIRECT", "INDIRECT"]}}, subtype=TEXT, description=TEXT, masking={"type": "boolean"})
SOURCE = record({"namespace": TEXT, "name": TEXT, "field": TEXT}, transformations=several(HOW))
ASSERTED = record(
    {"assertion": TEXT, "success": {"type": "boolean"}},
    severity={"enum": ["error", "warn"]}, name=TEXT, description=TEXT, expected=TEXT, actual=TEXT,
)  # fmt: skip
FACETS_KNOWN = {
    "ColumnLineageDatasetFacet": (
        "facets.columnLineage",
        {"fields": {"type": "object", "additionalProperties": record({"inputFields": several(SOURCE)})}},
    ),
    "DataQualityAssertionsDatasetFacet": ("inputFacets.dataQualityAssertions", {"assertions": several(ASSERTED)}),
    "DataQualityMetricsInputDatasetFacet": (
        "inputFacets.dataQualityMetrics",
        {
            "rowCount": COUNT,
            "columnMetrics": {"type": "object", "additionalProperties": record({"sum": {"type": "number"}})},
        },
    ),
    "ErrorMessageRunFacet": ("facets.errorMessage", {"message": TEXT, "programmingLanguage": TEXT}),
    "OutputStatisticsOutputDatasetFacet": ("outputFacets.outputStatistics", {"rowCount": COUNT}),
    "ParentRunFacet": (
        "facets.parent",
        {"run": record({"runId": {"format": "uuid"}}), "job": record({"namespace": TEXT, "name": TEXT})},
    ),
    "SchemaDatasetFacet": (
        "facets.schema",
        {"fields": several(record({"name": TEXT, "type": TEXT}, description=TEXT))},
    ),
    "TagsRunFacet": ("facets.tags", {"tags": several(record({"key": TEXT, "value": TEXT}, source=TEXT))}),
}
"""Those of the specification that events have: where each stands, and what it holds."""


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.events.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver(monkeypatch):
    """A server of OpenLineage that the environment names."""
    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.events, server.status = [], 201
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("OPENLINEAGE_URL", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()
        thread.join()


def problems(event):
    """What the specification asks of an event, and of each facet in it, and is not so."""
    found = invalid(EVENT, event)
    for where, facet in facets(event):
        place, holds = FACETS_KNOWN[facet["_schemaURL"].rpartition("/")[2]]
        found += [f"{place} in {where}"] if place != where else []
        found += invalid(record(BOTH | holds), filled(facet))
    return found


def filled(value):
    """Without the empty lists and objects that the client writes for what is not told."""
    if isinstance(value, dict):
        return {name: filled(one) for name, one in value.items() if one not in ({}, [])}
    return [filled(one) for one in value] if isinstance(value, list) else value


def invalid(schema, value):
    return [one.message for one in Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(value)]


def facets(value, where=""):
    """Every facet in an event, with where it stands."""
    if isinstance(value, dict):
        if "_schemaURL" in value:
            yield where, value
        for name, one in value.items():
            yield from facets(one, f"{where.rpartition('.')[2]}.{name}".removeprefix("."))
    if isinstance(value, list):
        for one in value:
            yield from facets(one)


def test_a_run_is_told_by_valid_events_with_columns_assertions_rows_and_pounds(shell, receiver):
    put("good.csv", GOOD)

    code, _, err = shell("run", "--source", "lake")

    told = receiver.events
    assert (code, "OpenLineage" in err) == (0, False)
    assert not re.search(r"QQ\d{6}", json.dumps(told))
    assert [problem for one in told for problem in problems(one)] == []
    named = {one["_schemaURL"].rpartition("/")[2] for event in told for _, one in facets(event)}
    assert named == FACETS_KNOWN.keys() - {"ErrorMessageRunFacet"}
    states = [(one["job"]["name"], one["eventType"]) for one in told]
    assert states[0] == ("run", "START")
    assert states[-1] == ("run", "COMPLETE")
    assert ("run.staging.stg_fees", "COMPLETE") in states
    (cohorts,) = [
        one["outputs"][0] for one in told if one["job"]["name"] == "run.reporting.rpt_cohort_ltv" and one["outputs"]
    ]
    field = cohorts["facets"]["columnLineage"]["fields"]["total_ltv_6_month"]["inputFields"]
    assert {"reporting.rpt_client_ltv"} <= {one["name"] for one in field}
    assert {"type": "DIRECT", "subtype": "AGGREGATION", "masking": False} in [
        how for one in field for how in one["transformations"]
    ]
    assert cohorts["outputFacets"]["outputStatistics"]["rowCount"] == 2
    staged = next(one for one in told[-1]["inputs"] if one["name"] == "staging.stg_fees")["inputFacets"]
    assert staged["dataQualityMetrics"]["rowCount"] == 2
    assert staged["dataQualityMetrics"]["columnMetrics"]["fee_amount"]["sum"] == 150.5
    asserted = [
        one
        for table in told[-1]["inputs"]
        for one in table["inputFacets"].get("dataQualityAssertions", {}).get("assertions", ())
    ]
    assert {one["name"]: one["success"] for one in asserted}["assert_client_data"] is True


def test_a_rejected_run_has_failed_and_a_receiver_that_refuses_is_a_warning(shell, receiver):
    put("bad.csv", GOOD, CONFLICT)
    assert shell("run", "--source", "lake")[0] == 1
    assert {one["eventType"] for one in receiver.events} == {"START", "FAIL"}
    assert [problem for one in receiver.events for problem in problems(one)] == []
    assert receiver.events[-1]["run"]["facets"]["errorMessage"]["message"]
    put("bad.csv", GOOD)
    receiver.status = 403

    code, out, err = shell("run", "--source", "lake")

    assert (code, "PUBLISHED" in out) == (0, True)
    assert "warning: OpenLineage was not told of this run: " in err
    assert "What it did stands." in err


# Google's Data Lineage

PAGE = (places.ROOT / "docs" / "WATCHING.md").read_text(encoding="utf-8")
(SET_UP,) = re.findall(r"^```yaml\n(transport:\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EU = "projects/wealth-fees-prod/locations/eu"


def as_file(_):
    Path("openlineage.yml").write_text(SET_UP)


def as_variables(patch):
    for name, value in yaml.safe_load(SET_UP)["transport"].items():
        patch.setenv(f"OPENLINEAGE__TRANSPORT__{name.upper()}", value)


@pytest.fixture
def lineage(monkeypatch):
    """Google's client in name: what it is called with. It is not installed here."""
    told = []

    class LineageClient:
        transport = SimpleNamespace(close=lambda: None)

        def process_open_lineage_run_event(self, *, parent, open_lineage):
            told.append((parent, open_lineage))

    module = ModuleType("google.cloud.datacatalog_lineage_v1")
    module.LineageClient = module.LineageAsyncClient = LineageClient
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return told


@pytest.mark.parametrize("set_up", [as_file, as_variables])
def test_the_documented_set_up_sends_to_data_lineage_in_the_eu(shell, lineage, monkeypatch, set_up):
    set_up(monkeypatch)
    put("good.csv", GOOD)

    code, _, err = shell("run", "--source", "lake")

    assert (code, "OpenLineage" in err) == (0, False)
    assert {parent for parent, _ in lineage} == {EU}
    assert [problem for _, one in lineage for problem in problems(json.loads(json.dumps(one)))] == []
    assert [one["job"]["name"] for _, one in lineage][:: len(lineage) - 1] == ["run", "run"]


def test_terraform_names_the_variables_that_the_page_does():
    text = (places.ROOT / "terraform" / "jobs.tf").read_text(encoding="utf-8")
    named = set(re.findall(r"OPENLINEAGE__TRANSPORT__\w+", text))
    assert named == set(re.findall(r"OPENLINEAGE__TRANSPORT__\w+", PAGE))
    assert named == {f"OPENLINEAGE__TRANSPORT__{name.upper()}" for name in yaml.safe_load(SET_UP)["transport"]}


def test_without_a_location_the_client_would_send_to_the_united_states(shell, monkeypatch):
    as_variables(monkeypatch)
    monkeypatch.delenv("OPENLINEAGE__TRANSPORT__LOCATION")
    assert OpenLineageClient().transport.parent == EU.replace("eu", "us-central1")


def test_where_googles_client_is_not_installed_that_is_a_warning(shell, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.cloud.datacatalog_lineage_v1", None)
    as_variables(monkeypatch)
    put("good.csv", GOOD)

    code, out, err = shell("run", "--source", "lake")

    assert (code, "PUBLISHED" in out) == (0, True)
    assert (
        "warning: OpenLineage was not told of this run: its transport takes google.cloud.datacatalog_lineage_v1; "
        in err
    )
    assert "pip install 'openlineage-python[gcplineage]'" in err
    assert "Traceback" not in err


def test_where_the_client_is_not_installed_that_is_a_warning_with_our_extra(shell, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "openlineage"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "fees_etl.watch.events", raising=False)
    monkeypatch.delattr(watch, "events", raising=False)
    monkeypatch.setitem(sys.modules, "openlineage", None)
    as_variables(monkeypatch)
    put("good.csv", GOOD)

    code, _, err = shell("run", "--source", "lake")

    assert (code, "pip install 'fees-etl[openlineage]'. What it did stands." in err) == (0, True)
