"""Jobs that happen once: an id of our own, answers that are waited for, errors in our words.

A request may be repeated, a job may not. A job's id is fixed before it is sent, so a repeated request meets 409, and
then the job that is there is ours. Only a job that has failed, and whose transaction is known to be rolled back, is
sent anew, under another id. No call waits for ever: each request has a timeout, its repetitions have a deadline, and a
job has one too, after which it is cancelled. While nobody knows what a job does, none is begun beside it: it would
conflict with the first, or write down what is not so.
"""

from __future__ import annotations

import logging
import os
import re
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from fees_etl.engines.bigquery.errors import NO_ANSWER, RETRY, TIMEOUT, failed, unreachable
from fees_etl.errors import UsageError, WarehouseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from fees_etl.settings import Settings

log = logging.getLogger("fees_etl")
statements = logging.getLogger("fees_etl.sql")
logging.getLogger("google.auth").setLevel(logging.ERROR)  # what it warns of before it fails is in its error
_POLLS = (0.1, 0.2, 0.4, 0.8, 1.5, 3.0)
"""Seconds between looks at a job; the last is repeated."""
_UPLOAD_TIMEOUT = 300.0
"""Seconds for one piece of an upload, which may be 100 MiB."""
_AMBIGUOUS = {404, 410, 500, 502, 503, 504}
"""The request may have been executed all the same: 404 or 410 follows an upload whose answer was lost."""
_BY_ITSELF = "Whatever that job does: it ends by itself, whole or not at all."


def job_id(run_id: str, kind: str, attempt: str) -> str:
    """The id of a job: the same request has the same one, another attempt has another.

    >>> job_id("20250131T120000-1a2b3c", "run", "1")
    'fees-etl-20250131T120000-1a2b3c-run-1'
    """
    return re.sub(r"[^A-Za-z0-9_-]", "-", f"fees-etl-{run_id}-{kind}-{attempt}")


def label(text: str) -> str:
    """What BigQuery takes as the value of a label (page "Creating and managing labels").

    >>> label("Dev/1")
    'dev_1'
    """
    return re.sub(r"[^a-z0-9_-]", "_", text.lower())[:63]


def connected(project: str, location: str) -> bigquery.Client:
    """A client of the project; nothing is asked yet. One of an emulator, which the environment names, is anonymous.

    Raises:
        UsageError: there are no credentials (Application Default Credentials).
    """
    if host := os.environ.get("BIGQUERY_EMULATOR_HOST", ""):
        return bigquery.Client(
            project,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # google-auth has no types here
            location=location,
            client_options={"api_endpoint": host if "://" in host else f"http://{host}"},
        )
    try:
        return bigquery.Client(project, location=location)
    except GoogleAuthError as error:
        raise failed(error, "connecting") from None


class Jobs:
    """The jobs of one client for one target."""

    def __init__(self, client: bigquery.Client, settings: Settings) -> None:
        self.client, self.settings = client, settings
        self._at_large = ""

    def ask(self, sql: str, config: bigquery.QueryJobConfig, seconds: float) -> list[Any]:
        """The rows of a query in the client's own words; to repeat one is harmless, a short one is a single request."""
        found = self.client.query_and_wait(
            sql,
            job_config=config,
            api_timeout=TIMEOUT,
            wait_timeout=seconds,
            retry=RETRY,
            job_retry=None,  # type: ignore[arg-type]  # documented to be allowed; with one no deadline holds
        )
        if not found.schema:
            raise WarehouseError("The warehouse did not answer a query.")
        return list(found)

    def read(self, sql: str) -> list[Any]:
        """The rows of a query."""
        with self.translated("reading"):
            return self.ask(sql, self._config({"kind": "read"}), self.settings.deadline)

    def bytes_of(self, sql: str) -> int:
        """The bytes that a statement would read, by a dry run."""
        config = self._config({"kind": "estimate"})
        config.dry_run, config.use_query_cache = True, False
        with self.translated("estimating"):
            job = self.client.query(sql, config, retry=RETRY, timeout=TIMEOUT, job_retry=None)
        return int(job.total_bytes_processed or 0)

    def run(self, sql: str, identity: str, labels: Mapping[str, str]) -> Any:
        """Run a script to its end.

        Raises:
            FeesError: it failed, was cancelled, or nobody knows.
            UsageError: the job of this id is another one.
        """
        config = self._config(labels)
        statements.debug("%s", sql)
        send = partial(self.client.query, sql, config, job_id=identity, retry=RETRY, timeout=TIMEOUT, job_retry=None)
        ended = self._ended(send, identity)
        if ended.query != sql:  # a repeated request is word for word the same
            raise UsageError(
                f"the job {identity} was begun by another command: its run id was used before.",
                published="Nothing of this command; the published numbers are as before.",
                hint="Give each ingestion and each run a run id of its own.",
            )
        return ended

    def load(self, path: Path, table: str, identity: str, labels: Mapping[str, str]) -> None:
        """Append a Parquet file to a table that is there.

        Raises:
            FeesError: it failed, was cancelled, or nobody knows.
        """
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            labels=self.labels(labels),
        )

        def send() -> Any:
            with path.open("rb") as file:
                return self.client.load_table_from_file(  # without a size the upload is one that can be resumed
                    file, table, job_id=identity, job_config=config, timeout=_UPLOAD_TIMEOUT
                )

        self._ended(send, identity)

    def row(self, ended: Any) -> Any:
        """The one row that a script ends with."""
        try:
            (row,) = ended.result(retry=RETRY, timeout=TIMEOUT, job_retry=None)
        except NO_ANSWER as error:
            known = f"what the job {ended.job_id} brought back is not known"
            published = "What that job did: it has ended, whole or not at all."
            raise unreachable(error, known, published=published) from None
        return row

    def spent(self, ended: Any) -> dict[str, tuple[int, float]]:
        """Bytes read and seconds of each labelled step of a script, from the jobs that its statements became."""
        spent: dict[str, tuple[int, float]] = {}
        try:
            children = list(self.client.list_jobs(parent_job=ended.job_id, retry=RETRY, timeout=TIMEOUT))
        except NO_ANSWER:
            log.debug("the child jobs of %s cannot be listed", ended.job_id)
            return spent
        for child in children:
            if child.parent_job_id == ended.job_id and (step := (child.labels or {}).get("step")):
                read, seconds = spent.get(step, (0, 0.0))
                lasted = (child.ended - child.started).total_seconds() if child.started and child.ended else 0.0
                spent[step] = (read + int(child.total_bytes_processed or 0), seconds + lasted)
        return spent

    @contextmanager
    def translated(self, doing: str) -> Iterator[None]:
        """Errors of the client become ours."""
        try:
            yield
        except NO_ANSWER as error:
            raise failed(error, doing) from None

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """What every job of ours is found by, and these."""
        named = {"tool": "fees-etl", "target": self.settings.target, **labels}
        return {name: label(text) for name, text in named.items() if text}

    def _config(self, labels: Mapping[str, str]) -> bigquery.QueryJobConfig:
        config = bigquery.QueryJobConfig(labels=self.labels(labels))
        if self.settings.max_bytes is not None:
            config.maximum_bytes_billed = self.settings.max_bytes
        return config

    def _ended(self, send: Callable[[], Any], identity: str) -> Any:
        """The job when it is over and has not failed; Ctrl-C cancels it."""
        if self._at_large:
            raise WarehouseError(f"the job {self._at_large} may still be at work.", published=_BY_ITSELF)
        try:
            job = self._awaited(self._sent(send, identity))
        except KeyboardInterrupt:
            self._cancelled(identity)  # which says how it went: a job that is done stays so, and the signal counts
            raise
        if job.error_result:
            raise failed(job.error_result, f"job {identity}", withheld=job.job_type == "load")
        return job

    def _sent(self, send: Callable[[], Any], identity: str) -> Any:
        """The job, whether this request began it or an earlier one whose answer was lost."""
        try:
            return send()
        except Conflict:
            log.debug("the job %s is there already: an earlier request began it", identity)
        except NO_ANSWER as error:
            if isinstance(error, GoogleAPICallError) and error.code not in _AMBIGUOUS:
                raise failed(error, f"job {identity}") from None
            return self._begun(identity, error)
        return self._found(identity)

    def _begun(self, identity: str, error: Exception) -> Any:
        """The job if it was begun although no answer came."""
        try:
            return self.client.get_job(identity, retry=RETRY, timeout=TIMEOUT)
        except NotFound:
            if isinstance(error, NotFound):  # then the request was understood, and what it names is not there
                raise failed(error, f"job {identity}") from None
            raise unreachable(error, "no job was begun") from None
        except NO_ANSWER:
            self._at_large = identity
            known = f"nobody knows whether the job {identity} was begun"
            raise unreachable(error, known, published=_BY_ITSELF) from None

    def _found(self, identity: str) -> Any:
        try:
            return self.client.get_job(identity, retry=RETRY, timeout=TIMEOUT)
        except NO_ANSWER as error:
            self._at_large = identity
            raise unreachable(error, f"nobody knows how the job {identity} went", published=_BY_ITSELF) from None

    def _awaited(self, job: Any) -> Any:
        """The job when it is over; one that runs for longer than its deadline is cancelled."""
        identity = job.job_id
        until = time.monotonic() + self.settings.deadline
        looks = iter(_POLLS)
        while job.state != "DONE" and time.monotonic() <= until:
            time.sleep(next(looks, _POLLS[-1]))
            job = self._found(identity)
        if job.state == "DONE" or _is_done(job := self._cancelled(identity)):
            return job
        is_over = job is not None and job.state == "DONE"
        raise WarehouseError(
            f"the job {identity} ran for more than {self.settings.deadline:,} seconds"
            + (", and was cancelled." if is_over else "."),
            published="" if is_over else _BY_ITSELF,
            hint="Raise the target's deadline (FEES_ETL_DEADLINE=seconds), then run the same command again.",
        )

    def _cancelled(self, identity: str) -> Any:
        """Cancel a job and say how it went; the job as it was seen last, or None if it was not seen."""
        try:
            self.client.cancel_job(identity, retry=RETRY, timeout=TIMEOUT)
            job = self._found(identity)
            for pause in _POLLS:
                if job.state == "DONE":
                    break
                time.sleep(pause)
                job = self._found(identity)
        except NotFound:
            log.warning("The job %s was not begun.", identity)
            return None
        except (WarehouseError, *NO_ANSWER):
            self._at_large = identity
            log.warning("The job %s could not be cancelled: it ends by itself, whole or not at all.", identity)
            return None
        if _is_done(job):
            log.warning("The job %s had ended before it could be cancelled: what it did stays.", identity)
        elif job.state == "DONE":
            log.warning("The job %s is cancelled: what it had not committed is rolled back.", identity)
        else:
            self._at_large = identity
            log.warning("The job %s does not stop at once: it ends by itself, whole or not at all.", identity)
        return job


def _is_done(job: Any) -> bool:
    """Whether a job did all that it was to do."""
    return job is not None and job.state == "DONE" and not job.error_result
