"""OpenLineage events: received over HTTP, of the shape that the specification asks for, and never a reason to fail."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from shells import CONFLICT, GOOD, put

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
FACETS_KNOWN = {
    "ColumnLineageDatasetFacet",
    "DataQualityAssertionsDatasetFacet",
    "DataQualityMetricsInputDatasetFacet",
    "ErrorMessageRunFacet",
    "OutputStatisticsOutputDatasetFacet",
    "ParentRunFacet",
    "SchemaDatasetFacet",
}
"""Those of the specification that events have."""


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
    validator = Draft202012Validator(EVENT, format_checker=FormatChecker())
    return [one.message for one in validator.iter_errors(event)]


def facets(value):
    """Every facet in an event, with the schema it names."""
    if isinstance(value, dict):
        if "_schemaURL" in value:
            yield value
        value = list(value.values())
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
    named = {one["_schemaURL"].rpartition("/")[2] for event in told for one in facets(event)}
    assert named >= FACETS_KNOWN - {"ErrorMessageRunFacet"}
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
    put("bad.csv", GOOD)
    receiver.status = 403

    code, out, err = shell("run", "--source", "lake")

    assert (code, "PUBLISHED" in out) == (0, True)
    assert "warning: OpenLineage was not told of this run: " in err
    assert "What it did stands." in err
