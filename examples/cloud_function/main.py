"""A file has arrived in the lake: ingest it, transform, assert, publish. A Cloud Run function for bucket events.

The deployed way is the Workflow in terraform/, which starts two jobs with an account each. This is the smaller one, for
a lake whose runs end within the nine minutes that a function has for an event: no image, no job, no workflow; but its
one account reads the lake and writes every dataset. It calls the library, because a function that only started the job
would be the Workflow over again, without its pauses and its dead letters.

    gcloud functions deploy fees-etl --gen2 --runtime=python313 --region=europe-west1 --source=examples/cloud_function \
        --entry-point=arrived --trigger-bucket=LAKE --retry --timeout=540s --memory=2Gi --max-instances=1 \
        --concurrency=1 --service-account=fees-etl@PROJECT.iam.gserviceaccount.com --env-vars-file=settings.yaml

settings.yaml holds the same FEES_ETL_* as the jobs have: WAREHOUSE, SOURCE, POLICY_TAGS, MAX_COST.

An event is delivered at least once, in any order. What was done is remembered by the warehouse: raw mirrors the lake by
content, and dates that wait for a run are in the books. So an event says only that it is time to look, a repeated one
finds nothing to do, and one for an object that has gone meanwhile is as good as any other.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import functions_framework

from fees_etl import AssertionsFailed, FeesError, InputRefused, WarehouseBusy, connect, load, plan, run, state
from fees_etl.cli.logs import bind, configure
from fees_etl.ingestion import ingest
from fees_etl.script import new_run_id
from fees_etl.settings import read

if TYPE_CHECKING:
    from cloudevents.http import CloudEvent

    from fees_etl import Project
    from fees_etl.settings import Settings

PATIENCE = timedelta(hours=1)
"""How old an event may be to be delivered again; the next one, or the next schedule, looks at the whole lake anyway."""

configure("auto", 0)
logger = logging.getLogger("fees_etl")


@functions_framework.cloud_event
def arrived(event: CloudEvent) -> None:
    """Publish what has arrived; returning drops the event, raising has it delivered again.

    Raises:
        WarehouseBusy: another run is at work; that passes. Nothing else is repeated: it takes a person, or a new file.
    """
    bucket, name = event.data["bucket"], event.data["name"]
    key = f"{bucket}/{name}#{event.data['generation']}"
    run_id = new_run_id(datetime.now(UTC))
    try:
        settings = read(Path(__file__).parent)
        bind(run_id=run_id, command="function", target=settings.target)
        if concerns(settings.source or "", bucket, name):
            logger.info("%s: %s.", key, publish(settings, run_id))
        else:
            logger.info("%s: ignored, for it is no file of %s.", key, settings.source)
    except WarehouseBusy:
        if datetime.now(UTC) - datetime.fromisoformat(event["time"]) < PATIENCE:
            raise
        logger.exception("%s: given up, others were at work for more than %s.", key, PATIENCE)
    except FeesError as error:
        said = {"exit_code": error.exit_code, "published": error.published, "hint": error.hint}
        logger.error("%s: %s", key, error.message, extra=said)  # noqa: TRY400 - a traceback may quote rows


def concerns(source: str, bucket: str, name: str) -> bool:
    """Whether an object is a file that the source means, or a control file of one, which may come after it.

    >>> concerns("gs://lake/landing/fees/", "lake", "landing/fees/2025-09.csv.gz")
    True
    >>> concerns("gs://lake/landing/fees/*.csv", "lake", "landing/fees/2025-09.control.json")
    True
    >>> concerns("gs://lake/landing/fees/", "lake", "landing/fees/")
    False
    """
    place = f"/{source.removeprefix('gs://')}"
    patterns = [f"{place}*.csv", f"{place}*.csv.gz"] if source.endswith("/") else [place]
    stem = name.removesuffix(".control.json")
    files = [name] if stem == name else [stem, f"{stem}.csv", f"{stem}.csv.gz"]
    paths = [] if name.endswith("/") else [PurePosixPath("/", bucket, file) for file in files]
    return any(path.match(pattern) for path in paths for pattern in patterns)


def publish(settings: Settings, run_id: str) -> str:
    """The lake into raw, and what waits there into reporting; how that ended.

    Raises:
        FeesError: a file, an assertion, a guard or the warehouse said no.
    """
    project = _project(tuple(sorted(settings.vars.items())))
    now = datetime.now(UTC)
    with connect(settings.warehouse, settings=settings) as engine:
        engine.prepare(project.contracts)
        ingest(project, engine, settings.source or "", run_id=run_id, now=now)
        found = state(project, engine)
        if found.refused:
            raise InputRefused("; ".join(f"{uri}: {reason}" for uri, reason in found.refused))
        if not found.pending:
            return "nothing to do"
        result = run(plan(project, state=found), engine, run_id=run_id, now=now)
    if failed := [one.name for one in result.failures]:
        raise AssertionsFailed(f"not published, for rows fail {', '.join(failed)}: fees-etl runs show {run_id}")
    return result.status


@cache
def _project(variables: tuple[tuple[str, object], ...]) -> Project:
    """Proven once an instance: it takes a second, and the next event may find the instance warm."""
    return load(None, dict(variables))
