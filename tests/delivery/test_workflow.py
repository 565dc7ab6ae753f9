"""terraform/workflow.yaml, step by step: what is started, what is repeated and when, what becomes of a failure."""

from __future__ import annotations

import re

import places
import pytest
from gcs import FakeGCS
from workflow_cloud import ENVIRON, Cloud
from workflows import Raised, Unknown, Workflow

from fees_etl.ingestion.source import listing

TERRAFORM = places.ROOT / "terraform"
TEXT = (TERRAFORM / "workflow.yaml").read_text(encoding="utf-8")
POLL = 15
BOTH = {"ingest": [0], "run": [0]}


def arrived(name="landing/fees/2025-09.csv"):
    """What Eventarc gives a workflow."""
    return {"type": "google.cloud.storage.object.v1.finalized", "data": {"bucket": "lake", "name": name, "generation": "1"}}  # fmt: skip


def executed(cloud, event=None):
    """How it ends: what it returns, or what it raises."""
    try:
        return Workflow(TEXT, cloud, ENVIRON).run(event)
    except Raised as error:
        return error.value


def pauses(cloud):
    """Those between two executions."""
    return [seconds for seconds in cloud.pauses if seconds != POLL]


@pytest.mark.parametrize(
    "name",
    ["landing/fees/2025-09.csv", "landing/fees/2025-09.csv.gz", "landing/fees/2025-09.csv.control.json"],
)
def test_a_file_that_arrives_is_ingested_and_then_everything_is_run(name):
    cloud = Cloud(BOTH)
    assert executed(cloud, arrived(name)) == "Published"
    assert cloud.started == ["ingest", "run"]
    assert cloud.letters == []


@pytest.mark.parametrize("argument", [None, {}, {"data": {}}], ids=str)
def test_a_start_by_schedule_or_by_hand_needs_no_event(argument):
    cloud = Cloud(BOTH)
    assert executed(cloud, argument) == "Published"
    assert cloud.started == ["ingest", "run"]


@pytest.mark.parametrize(
    "name",
    [
        *("landing/fees/", "landing/other/2025-09.csv", "other/landing/fees/2025-09.csv", "2025-09.csv"),
        *("landing/fees/2025-09.csv.part", "landing/fees/archive/2025-09.csv", "landing/fees/2025-09.CSV.txt"),
    ],
)
def test_an_event_of_another_object_ends_quietly_and_starts_nothing(name):
    cloud = Cloud({})
    assert executed(cloud, arrived(name)) == f"Ignored {name}"
    assert cloud.calls == []


def test_the_run_begins_when_the_ingestion_is_over():
    cloud = Cloud(BOTH, looks=5)
    executed(cloud)
    called = [name.rpartition("jobs.")[2] for name, _ in cloud.calls if "cloud" in name or "run.v2" in name]
    assert called == ["run", *["executions.get"] * 5] * 2
    assert cloud.pauses == [POLL] * 10


@pytest.mark.parametrize("job", ["ingest", "run"])
def test_a_job_that_is_busy_is_started_again_after_pauses_that_grow(job):
    cloud = Cloud(BOTH | {job: [75, 75, 75, 0]})
    assert executed(cloud) == "Published"
    assert cloud.started.count(job) == 4
    assert pauses(cloud) == [30, 60, 120]
    assert cloud.letters == []


def test_a_job_that_stays_busy_is_given_up_after_eight_times_and_pauses_of_ten_minutes_at_most():
    cloud = Cloud({"ingest": [75] * 99, "run": [0]})
    failure = executed(cloud, arrived())
    assert (failure["exit_code"], cloud.started) == (75, ["ingest"] * 8)
    assert pauses(cloud) == [30, 60, 120, 240, 480, 600, 600]
    assert len(cloud.letters) == 1


@pytest.mark.parametrize("job", ["ingest", "run"])
@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 70, 130, 137, None])
def test_any_other_end_is_not_repeated_but_left_for_people_and_fails_the_execution(job, code):
    cloud = Cloud(BOTH | {job: [code, 0]})
    failure = executed(cloud, arrived())
    assert cloud.started == (["ingest"] if job == "ingest" else ["ingest", "run"])
    assert pauses(cloud) == []
    assert (failure["exit_code"], failure["job"]) == (code, f"projects/p/locations/l/jobs/fees-etl-{job}")
    assert cloud.letters == [{"event": arrived(), "error": failure, "execution": "e1"}]


def test_a_job_that_is_busy_once_and_fails_then_is_left_for_people():
    cloud = Cloud({"ingest": [75, 3, 0]})
    assert executed(cloud, arrived())["exit_code"] == 3
    assert cloud.started == ["ingest", "ingest"]


def test_a_start_that_google_refuses_is_left_for_people():
    cloud = Cloud({"ingest": [-403]})
    assert executed(cloud, arrived())["code"] == 403
    assert [letter["error"]["code"] for letter in cloud.letters] == [403]


def test_a_letter_of_a_start_without_event_says_so():
    cloud = Cloud({"ingest": [5]})
    executed(cloud)
    assert cloud.letters[0]["event"] is None


# the interpreter itself


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ("exit_code == 75 and", "exit_code != 0 and"),
        ("math.min(pause * 2, longest_pause)", "pause"),
        ("attempt < attempts", "true"),
        ("- attempts: 8", "- attempts: 3"),
        ("raise: ${error}", "return: null"),
        ('"^" + sys.get_env("LANDING")', 'sys.get_env("LANDING")'),
        ("next: wait", "next: list_tasks"),
        ('call: run_job\n                args:\n                  job: ${sys.get_env("RUN_JOB")}', 'return: "x"'),
    ],
)
def test_a_workflow_with_another_rule_ends_otherwise(was, is_now):
    """Each rule is one that a test above would miss."""
    assert was in TEXT
    changed = TEXT.replace(was, is_now)
    scripts = [(BOTH, arrived()), (BOTH, arrived("other/landing/fees/a.csv")), ({"ingest": [75] * 9 + [0], "run": [3, 0]}, None), ({"ingest": [75, 3, 0], "run": [0]}, None)]  # fmt: skip
    assert [story(TEXT, *script) for script in scripts] != [story(changed, *script) for script in scripts]


def story(text, codes, event):
    cloud = Cloud(codes)
    try:
        ending = Workflow(text, cloud, ENVIRON).run(event)
    except (Raised, IndexError) as error:
        ending = type(error).__name__
    return ending, cloud.started, cloud.pauses, len(cloud.letters)


@pytest.mark.parametrize(
    "steps",
    [
        "[{a: {call: http.get}}]",
        "[{a: {for: {value: x, in: [1]}}}]",
        "[{a: {next: nowhere}}]",
        "[{a: {return: 1}}, {a: {return: 2}}]",
        "[{a: {call: sys.sleep, retry: {}}}]",
        "[{a: {return: '${unheard.of(1)}'}}]",
        "[{a: {return: '${1 if true else 2}'}}]",
        "[{a: {call: main}}]",
    ],
)
def test_syntax_that_is_not_proven_here_is_an_error(steps):
    with pytest.raises((Unknown, Raised)) as caught:
        Workflow(f"main: {{params: [event], steps: {steps}}}", Cloud({}), {}).run()
    assert caught.type is Unknown


@pytest.mark.parametrize(
    "expression", ["${nothing}", "${event.data}", "${1 + null}", "${not(1)}", "${sys.get_env('NO')}"]
)
def test_what_google_raises_is_raised(expression):
    with pytest.raises(Raised):
        Workflow(f'main: {{params: [event], steps: [{{a: {{return: "{expression}"}}}}]}}', Cloud({}), {}).run()


def test_every_variable_that_it_asks_for_is_one_that_it_is_given():
    given = re.search(r"user_env_vars = {(.*?)}", (TERRAFORM / "workflow.tf").read_text(encoding="utf-8"), re.DOTALL)[1]
    own = {"GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID"}
    assert set(re.findall(r'sys\.get_env\("(\w+)"\)', TEXT)) - own == set(re.findall(r"(\w+) +=", given))
    assert set(ENVIRON) - own == set(re.findall(r"(\w+) +=", given))


def test_no_file_of_the_source_is_ignored(monkeypatch):
    """The source that the jobs are given is the folder whose objects the workflow does not ignore."""
    names = ["a.csv", "b.csv.gz", "c d.csv", "e[1].csv", "f.txt", "g/h.csv", "i.csv.control.json", "j.csv/"]
    with FakeGCS("lake") as store:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.url)
        source = listing(f"gs://lake/{ENVIRON['LANDING']}")
    covered = [name for name in names if source.covers(f"gs://lake/{ENVIRON['LANDING']}{name}")]
    assert covered == ["a.csv", "b.csv.gz", "c d.csv", "e[1].csv"]
    assert [executed(Cloud(BOTH), arrived(ENVIRON["LANDING"] + name)) for name in covered] == ["Published"] * 4
