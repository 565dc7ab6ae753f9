"""The client: whose credentials, which project, which endpoint."""

from __future__ import annotations

import logging
import os

from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from fees_etl.engines.bigquery.errors import failed

logging.getLogger("google.auth").setLevel(logging.ERROR)  # what it warns of before it fails is in its error

_HOST = "BIGQUERY_EMULATOR_HOST"


def is_emulated() -> bool:
    """Whether an emulator stands in for BigQuery: it needs no credentials, and knows less."""
    return bool(os.environ.get(_HOST))


def connected(project: str, location: str) -> bigquery.Client:
    """A client of the project; nothing is asked yet.

    Raises:
        UsageError: there are no credentials (Application Default Credentials).
    """
    host = os.environ.get(_HOST, "")
    if host:
        endpoint = host if "://" in host else f"http://{host}"
        return bigquery.Client(
            project,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # google-auth has no types here
            location=location,
            client_options={"api_endpoint": endpoint},
        )
    try:
        return bigquery.Client(project, location=location)
    except GoogleAuthError as error:
        raise failed(error, "connecting") from error
