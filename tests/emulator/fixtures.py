"""What a test gets: a project or a bucket on an emulator, the proxy before it, and a plain client of Google's."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.proxy import Proxy
from emulator.strict_bigquery import BigQuery
from emulator.strict_storage import Storage
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Lake", "Warehouse", "bucket", "warehouse"]

LOCATION = "EU"


@dataclass(frozen=True, slots=True)
class Warehouse:
    """``proxy`` has the log and the faults, ``google`` the rules, ``client`` asks through both."""

    project: str
    proxy: Proxy
    google: BigQuery
    client: bigquery.Client

    def rows(self, sql: str) -> list[tuple]:
        return [tuple(row.values()) for row in self.client.query(sql).result()]


@dataclass(frozen=True, slots=True)
class Lake:
    """An empty bucket."""

    bucket: storage.Bucket
    proxy: Proxy

    @property
    def url(self) -> str:
        return f"gs://{self.bucket.name}"

    def put(self, name: str, content: str | bytes) -> None:
        self.bucket.blob(name).upload_from_string(content)


@contextmanager
def warehouse(upstream: str, project: str) -> Iterator[Warehouse]:
    google = BigQuery()
    with Proxy(upstream, google) as proxy, _client(bigquery.Client, proxy, project, location=LOCATION) as client:
        yield Warehouse(project, proxy, google, client)
        proxy.fail()
        for dataset in client.list_datasets():
            client.delete_dataset(dataset, delete_contents=True)


@contextmanager
def bucket(upstream: str, name: str) -> Iterator[Lake]:
    with Proxy(upstream, Storage()) as proxy, _client(storage.Client, proxy, "test") as client:
        yield Lake(client.create_bucket(name, location=LOCATION), proxy)


@contextmanager
def _client(kind: type, proxy: Proxy, project: str, **options: str) -> Iterator[bigquery.Client | storage.Client]:
    client = kind(
        project=project, credentials=AnonymousCredentials(), client_options={"api_endpoint": proxy.url}, **options
    )
    try:
        yield client
    finally:
        client.close()
