"""The line that ends a command, for every way in which one ends; and the metrics and alerts that are made of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime

import log_filters
import places
import pytest
import yaml
from ends import COST, FRESHNESS, SCENES, Scene
from pipeline import forget_settings, project, without_settings

import fees_etl
from fees_etl.cli.exits import facts
from fees_etl.cli.session import Session
from fees_etl.results import IngestResult
from fees_etl.settings import Settings
from fees_etl.types import State

SIGNALS = places.ROOT / "terraform" / "signals.yaml"
KINDS = {
    "event": str, "command": str, "status": str, "exit_code": int, "seconds": float, "new_files": int,
    "refused_files": int, "rows_loaded": int, "rows_rejected": int, "late_rows": int, "late_pounds": str,
    "rows_staged": int, "unusual_fees": int, "overdue_fees": int, "newest_fee_date": str, "data_age_days": int, "bytes_processed": int, "dollars": float,
}  # fmt: skip
NULLABLE = {"rows_staged", *FRESHNESS, *COST}


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    """Every scene, played once."""
    found = {}
    for name, (play, *_) in SCENES.items():
        with pytest.MonkeyPatch.context() as patch:
            forget_settings(patch)
            patch.setattr(fees_etl, "load", lambda *_, **__: project())
            play(scene := Scene(tmp_path_factory.mktemp(name), patch))
            found[name] = scene
    return found


def test_every_end_leaves_exactly_one_line_with_what_is_known_and_nothing_else(ends):
    for name, (_, code, status, known) in SCENES.items():
        payload = ends[name].finished()["jsonPayload"]
        assert (ends[name].code, payload["exit_code"], payload["status"]) == (code, code, status), name
        assert payload.keys() - {"message"} == known, name
        for field, value in payload.items():
            if field != "message" and not (value is None and field in NULLABLE):
                assert type(value) is KINDS[field], (name, field)


def test_it_is_the_last_line_and_an_error_is_of_that_severity(ends):
    for name, (_, code, _, _) in SCENES.items():
        *_, last = ends[name].entries()
        assert last == ends[name].finished(), name
        assert last["severity"] == ("ERROR" if code else "INFO"), name


def test_every_line_is_one_that_cloud_logging_understands(ends):
    for name, scene in ends.items():
        for found in scene.entries():
            assert found["severity"] in log_filters.SEVERITIES, name
            assert datetime.fromisoformat(found["timestamp"]).utcoffset() is not None
            assert found["jsonPayload"]["message"]
            assert all(isinstance(text, str) for text in found["labels"].values())
            assert found["labels"]["command"] == scene.finished()["jsonPayload"]["command"]


def test_the_lines_of_a_run_are_one_operation_with_a_first_and_a_last(ends):
    for name in SCENES.keys() - {"usage", "asserted", "tampered"}:
        operations = [one["operation"] for one in ends[name].entries()]
        assert {one["id"] for one in operations} == {ends[name].finished()["labels"]["run_id"]}, name
        assert [one.get("first", False) for one in operations] == [True] + [False] * (len(operations) - 1), name
        assert [one.get("last", False) for one in operations] == [False] * (len(operations) - 1) + [True], name


def figures(ends, name, *fields):
    payload = ends[name].finished()["jsonPayload"]
    return tuple(payload[field] for field in fields)


def test_the_figures_are_those_of_the_report(ends):
    assert figures(ends, "published", "new_files", "rows_loaded", "rows_rejected", "rows_staged") == (1, 28, 0, 28)
    assert figures(ends, "rejected_rows", "rows_loaded", "rows_rejected") == (27, 1)
    assert figures(ends, "late", "new_files", "late_rows", "late_pounds") == (1, 2, "6.50")
    assert figures(ends, "published", "late_rows", "late_pounds") == (0, "0.00")
    assert figures(ends, "nothing", "new_files", "rows_loaded") == (0, 0)
    assert figures(ends, "refused_file", "new_files", "refused_files") == (0, 1)
    assert figures(ends, "still_refused", "refused_files") == (1,)
    assert figures(ends, "published", "bytes_processed", "dollars") == (None, None)


def test_freshness_is_of_what_readers_see(ends):
    today = datetime.now(UTC).date()
    assert figures(ends, "published", "newest_fee_date") == ("2025-02-28",)
    age = figures(ends, "published", "data_age_days")[0]
    assert age in {(day - date(2025, 2, 28)).days for day in (today, date.fromordinal(today.toordinal() - 1))}
    assert figures(ends, "failing_assertion", "newest_fee_date") == ("2025-02-28",)


def test_a_warehouse_without_a_fee_has_no_age():
    said = facts(Session("fees-etl run", "fees-etl", "run", state=State()), 3, date(2025, 3, 1))
    assert (said["newest_fee_date"], said["data_age_days"]) == (None, None)


def test_people_and_the_quiet_are_spared_it(tmp_path, monkeypatch):
    monkeypatch.setattr(fees_etl, "load", lambda *_, **__: project())
    scene = Scene(tmp_path / "scene", monkeypatch)
    assert "ended" not in "\n".join(scene("run", layout="text").lines)
    assert scene("run", "-q").lines == []
    assert json.loads(scene("run", layout="json").lines[-1])["event"] == "finished"


def test_help_and_commands_that_only_look_leave_no_line(tmp_path, monkeypatch):
    scene = Scene(tmp_path / "scene", monkeypatch)
    for args in (["run", "--help"], ["--version"], ["ls"], ["render", "stg_fees"]):
        assert "finished" not in "".join(scene(*args).lines)


def test_bigquery_counts_the_jobs_that_wrote_and_prices_what_was_billed():
    found = Session("fees-etl ingest", "fees-etl", "ingest")
    found.settings = Settings(warehouse="bigquery://p?location=EU", price_per_tib="5")
    found.ingested = IngestResult("r", "gs://x/*.csv", (), 1.0, bytes_processed=100, bytes_billed=2**38)
    said = facts(found, 0, date(2025, 3, 1))
    assert (said["bytes_processed"], said["dollars"]) == (100, 1.25)


EARLY = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *_):
        if name == WHEN:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.argv = ["fees-etl", "run"]
from fees_etl.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["fees_etl.cli", "typer", "pydantic", "sqlglot", "duckdb", "fees_etl.ingestion"])
def test_ctrl_c_while_something_is_imported_is_a_sentence(tmp_path, module):
    """The first tenth of a second, and what is imported later."""
    environment = without_settings()
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", EARLY.replace("WHEN", repr(module))],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (130, False), done.stderr
    assert "Error (exit 130): Interrupted." in done.stderr


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_sigterm_and_a_terminal_that_went_are_ctrl_c(tmp_path, name):
    """Cloud Run sends the first ten seconds before it kills; the run is rolled back and recorded."""
    code = (
        "import os, signal, sys\n"
        "import fees_etl\n"
        "from fees_etl.__main__ import main\n"
        "real = fees_etl.run\n"
        "def execute(*args, on_step, **options):\n"
        "    return real(*args, on_step=lambda _: os.kill(os.getpid(), signal.NAME), **options)\n"
        "fees_etl.run = execute\n"
        "sys.argv = ['fees-etl', '--log-format', 'gcp', 'run']\n"
        "main()\n"
    )
    environment = without_settings()
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", code.replace("NAME", name)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    last = log_filters.entry(done.stderr.splitlines()[-1])
    assert (done.returncode, last["jsonPayload"]["exit_code"], last["jsonPayload"]["status"]) == (
        130,
        130,
        "interrupted",
    )
    history = subprocess.run(
        [sys.executable, "-m", "fees_etl", "runs", "--output", "json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (run,) = json.loads(history.stdout)["runs"]
    assert (run["status"], run["error"]) == ("failed", "interrupted")


# terraform/signals.yaml

PUBLISHED = {"unusual", "overdue", "published", "late", "rejected_rows", "fresh", "slow", "billed", "costly"}
LATE = {"late", "late_refused", "rehearsed"}
DATED = SCENES.keys() - {"ingested", "nothing", "asserted", "tampered", "usage"}
BILLED = {"billed", "costly"}
MEANT = {
    "failed_runs": {name for name, (_, code, _, _) in SCENES.items() if code not in {0, 3, 75}},
    "ended": {*SCENES},
    "busy_runs": {"busy"},
    "good_runs": PUBLISHED,
    "runs_with_late_rows": LATE,
    "runs_with_rejected_rows": {"rejected_rows"},
    "runs_with_refused_files": {"refused_file", "still_refused"},
    "runs_near_deadline": {"slow"},
    "runs_on_old_data": DATED - {"fresh"},
    "costly_runs": {"costly"},
    "late_rows": LATE,
    "rejected_rows": {"rejected_rows"},
    "duration": {*SCENES},
    "staged_rows": PUBLISHED,
    "data_age": DATED,
    "cost": BILLED,
    "runs_with_unusual_fees": {"unusual"},
    "runs_with_overdue_fees": {"overdue"},
}
"""The scenes whose last line each metric counts or measures."""


@pytest.fixture(scope="module")
def signals():
    return yaml.safe_load(SIGNALS.read_text(encoding="utf-8"))


def test_each_metric_counts_the_lines_it_means_and_no_others(signals, ends):
    assert signals["metrics"].keys() == MEANT.keys()
    for name, metric in signals["metrics"].items():
        counted = {
            scene: [log_filters.matches(metric["filter"], one) for one in ends[scene].entries()] for scene in SCENES
        }
        assert {scene for scene, found in counted.items() if any(found)} == MEANT[name], name
        assert all(sum(found) <= 1 for found in counted.values()), f"{name} counts a command twice"


def test_signals_read_fields_that_exist_and_figures_that_are_numbers(signals, ends):
    for name, metric in signals["metrics"].items():
        assert log_filters.fields(metric["filter"] + metric.get("value", "")) <= KINDS.keys(), name
        for field in log_filters.fields(metric.get("value", "")):
            measured = [ends[scene].finished()["jsonPayload"].get(field) for scene in MEANT[name]]
            assert all(isinstance(value, int | float) for value in measured), (name, field)


def test_what_tells_distributions_apart_is_in_every_line(ends):
    signals_tf = (SIGNALS.parent / "signals.tf").read_text(encoding="utf-8")
    told = re.search(r"^  _told\s+= \{(.*)\}$", signals_tf, re.MULTILINE)
    labels = set(re.findall(r"(\w+) =", told[1]))
    assert labels == {"command", "status"}
    for name, scene in ends.items():
        assert all(scene.finished()["jsonPayload"][label] for label in labels), name


# the evaluator itself


def test_a_filter_is_read_as_cloud_logging_reads_it():
    line = '{"severity": "ERROR", "logging.googleapis.com/labels": {"target": "prod"}, "exit_code": 5, "rows": null, "status": "failed"}'
    found = log_filters.entry(line)
    held = {
        "jsonPayload.exit_code>0": True,
        "jsonPayload.exit_code=5 AND jsonPayload.exit_code!=75": True,
        "jsonPayload.exit_code>=6": False,
        "jsonPayload.absent!=1": False,
        "jsonPayload.rows!=1": False,
        'jsonPayload.status="failed" AND labels.target="prod"': True,
        "severity>=WARNING": True,
        "severity<WARNING": False,
        'resource.type="gce_instance"': False,
    }
    assert {text: log_filters.matches(text, found) for text in held} == held
    for odd in ("NOT jsonPayload.exit_code=5", 'jsonPayload.status=~"f"', "jsonPayload.a=1 OR jsonPayload.b=2"):
        with pytest.raises(AssertionError):
            log_filters.matches(odd, found)
