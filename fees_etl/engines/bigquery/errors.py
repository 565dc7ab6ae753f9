"""What Google's services complain of, in our words and with the exit code that fits; and what may be asked again."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from google.api_core.exceptions import Forbidden, GatewayTimeout, GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery
from requests.exceptions import RequestException

from fees_etl.errors import (
    DataClosed,
    DatasetClosed,
    FeesError,
    GuardRefused,
    UsageError,
    WarehouseBusy,
    WarehouseError,
)
from fees_etl.privacy import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PUBLISHED = "Nothing was written; the published numbers are as before."
TIMEOUT = 30.0
"""Seconds to wait for one answer; without it the library waits for ever."""


def _may_pass(error: Exception) -> bool:
    """The library's own rule, and 504, which it gives up at once; whatever is asked here may be asked again."""
    return isinstance(error, GatewayTimeout) or bigquery.DEFAULT_RETRY._predicate(error)  # noqa: SLF001 - the rule has no public name


RETRY = bigquery.DEFAULT_RETRY.with_timeout(120).with_predicate(_may_pass)
NO_ANSWER = (GoogleAPICallError, RetryError, RequestException, GoogleAuthError, ConnectionError, TimeoutError)
"""What the client raises when a request got no answer, or not the one that was hoped for."""
_TRANSIENT = {"backenderror", "internalerror", "ratelimitexceeded"}
"""Reasons of a failed job that may be gone the next time; jobBackendError is one, too (page "Error messages")."""
_TOO_MANY_DAYS = (
    "A table takes 10,000 partitions, fees of 27 years of days: keep the files of older ones in a place of their own, "
    "with a warehouse of their own; if they were loaded by mistake: fees-etl ingest --forget PLACE"
)
"""Of "Quotas and limits", partitions per partitioned table. No statement of ours changes more than 4,000 of them."""
_CONFLICT = ("concurrent update", "could not serialize", "aborted due to")


class JobFailed(WarehouseError):
    """A job failed; what it had not committed is rolled back."""


class TransientFailure(JobFailed):
    """A job failed for a reason that may be gone the next time."""


def failed(error: Any, doing: str, *, withheld: bool = False) -> FeesError:  # noqa: PLR0911 - one return a kind
    """An answer that is no success, or the ``error_result`` of a job, as one of our errors.

    ``withheld``: the message is not shown, because it may quote rows.
    """
    reason, message = _said(error)
    message = "its message is withheld, because it may quote rows; the job has it" if withheld else message
    if isinstance(error, GoogleAuthError):
        return UsageError(
            f"Google takes no request without credentials: {message}",
            hint="gcloud auth application-default login   (on Cloud Run the job's service account has them)",
        )
    if any(words in message.lower() for words in _CONFLICT):
        return WarehouseBusy(f"another writer changed the warehouse at the same time ({doing}).")
    if reason == "bytesBilledLimitExceeded":
        return GuardRefused(
            f"BigQuery refused to read more than max_bytes allows ({doing}): {message}",
            published="Nothing was published; statements of the job before this one are billed all the same.",
            hint="Raise max_bytes of the target if it is meant to read that much; see: fees-etl plan",
        )
    kind = JobFailed if isinstance(error, dict) else WarehouseError
    if reason == "accessDenied":  # before any commit: what follows one touches no table
        role = "roles/bigquery.dataEditor on the datasets, and Fine-Grained Reader on the policy tag of NINOs."
        role = "roles/bigquery.jobUser on the project." if "jobs.create" in message else role
        closed = WarehouseError if isinstance(error, dict) or "jobs.create" in message else DataClosed
        return closed(f"This account may not do that ({doing}): {message}", hint=f"Grant it {role}")
    if reason == "stopped":
        return kind(f"The job was cancelled by somebody ({doing}).")
    if isinstance(error, (RetryError, RequestException, ConnectionError, TimeoutError)):
        return unreachable(error, f"({doing})")
    kind = TransientFailure if reason.removeprefix("job").lower() in _TRANSIENT else kind
    hint = _TOO_MANY_DAYS if "partitions" in message.lower() else ""
    return kind(f"BigQuery refused ({doing}; {reason or type(error).__name__}): {message}", hint=hint)


@contextmanager
def permitted(doing: str, role: str) -> Iterator[None]:
    """A refusal for want of a role names what was refused and which role allows it."""
    try:
        yield
    except Forbidden as error:
        reasons = [str(one.get("reason")) for one in error.errors or ()]
        if reasons and "accessDenied" not in reasons:
            raise
        kind: type[GuardRefused] = DatasetClosed
        if "jobs.create" in str(error):
            kind, doing, role = GuardRefused, "run jobs", "roles/bigquery.jobUser on the project"
        raise kind(
            f"This account may not {doing}.", published=PUBLISHED, hint=f"Grant it {role}, then repeat the command."
        ) from None


def unreachable(error: Exception, known: str, *, published: str = "") -> WarehouseError:
    """No answer came within the deadline."""
    cause = error.cause if isinstance(error, RetryError) and error.cause else error
    return WarehouseError(
        f"BigQuery did not answer ({type(cause).__name__}); {known}.",
        published=published,
        hint="See what was done: fees-etl runs; then run the same command again.",
    )


def _said(error: Any) -> tuple[str, str]:
    """Reason and first line of the message, National Insurance numbers masked."""
    if isinstance(error, dict):
        return str(error.get("reason", "")), _line(str(error.get("message", "")))
    if isinstance(error, RetryError) and error.cause:
        return _said(error.cause)
    reasons: list[Mapping[str, Any]] = getattr(error, "errors", None) or [{}]
    first = reasons[0] if isinstance(reasons[0], dict) else {}
    said = first.get("message") or getattr(error, "message", "") or error  # the error's own begins with a URL
    return str(first.get("reason", "")), _line(str(said))


def _line(text: str) -> str:
    return redact(text).strip().splitlines()[0].split("; reason:")[0] if text.strip() else "no reason was given"
