"""Objects of Google Cloud Storage: listed, and read pinned to one generation. The only door to google.cloud.storage.

Importing this module costs more than half a second, so only a source that begins with gs:// does it. Credentials are
Google's own (ADC); an emulator, where STORAGE_EMULATOR_HOST is set, needs none. Reading takes
``roles/storage.objectViewer`` on the bucket.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import google_crc32c
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.cloud.storage import Client  # type: ignore[import-untyped]  # it has no types of its own
from google.cloud.storage.retry import DEFAULT_RETRY  # type: ignore[import-untyped]  # likewise

from fees_etl.errors import GuardRefused, InputRefused, UsageError, WarehouseError
from fees_etl.ingestion.bytes import FileUnreadable, changed, private
from fees_etl.privacy import redact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


# Else each client asks for its bucket in a thread of its own: a request more, and for those who may read objects only a
# refusal in the audit log.
os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")


def _may_pass(error: Exception) -> bool:
    """The client's own rule; it leaves the body of such an answer unread, and with it the connection open."""
    again = bool(DEFAULT_RETRY._predicate(error))  # noqa: SLF001 - the rule has no public name
    if again and (response := getattr(error, "response", None)) is not None:
        response.close()
    return again


TIMEOUT: Final = (10.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes of an answer."""
RETRY: Final = DEFAULT_RETRY.with_timeout(120.0).with_predicate(_may_pass)
"""A request is repeated for two minutes: 408, 429, 500, 502, 503, 504, broken connections, answers that do not come."""
BLOCK: Final = 8 << 20
"""Bytes of one request for content: what is in memory at a time, and what has two minutes of its own to arrive."""
_INSIDE: Final = {
    "EU": "EUR[4578]|EUROPE-(WEST([13489]|10|12)|CENTRAL2|NORTH[12]|SOUTHWEST1)",
    "US": "NAM4|US-(CENTRAL1|SOUTH1|EAST[145]|WEST[1-4])",
}
"""Bucket locations inside of a multi-region (pages "Bucket locations" and "BigQuery locations").

London (EUROPE-WEST2) and Zurich (EUROPE-WEST6) are in Europe and not in the EU.
"""
_FIELDS: Final = "items(name,generation,size,crc32c,contentEncoding),nextPageToken"


@dataclass(frozen=True, slots=True)
class Object:
    """One generation of an object, as a listing shows it; ``crc32c`` is base64, ``encoding`` the Content-Encoding."""

    bucket: Bucket = field(repr=False)
    name: str
    generation: int
    size: int
    crc32c: str
    encoding: str = ""

    @property
    def uri(self) -> str:
        """Its name for people and books, as Google writes it: nothing is percent-encoded."""
        return self.bucket.uri + self.name

    @property
    def is_gzip(self) -> bool:
        """Whether the bytes as stored are to be decompressed, by name or Content-Encoding."""
        return self.encoding.casefold() == "gzip" or self.name.casefold().endswith(".gz")

    def copy_to(self, path: Path) -> None:
        """Write the bytes as stored to a new private file; see :meth:`blocks` for the errors."""
        with private(path) as file:
            file.writelines(self.blocks())

    def read_bytes(self) -> bytes:
        """The bytes as stored, of a small object; see :meth:`blocks` for the errors."""
        return b"".join(self.blocks())

    def blocks(self) -> Iterator[bytes]:
        """The bytes of this generation as stored, never decompressed, and verified when the last block has come.

        Raises:
            FileUnreadable: this object may not be read.
            WarehouseBusy: the generation is no more, or its bytes are not those that were listed.
            WarehouseError: the store does not answer.
        """
        blob = self.bucket.client.bucket(self.bucket.name).blob(self.name, generation=self.generation)
        checksum = 0
        for start in range(0, self.size, BLOCK):
            wanted = min(BLOCK, self.size - start)
            block = self._range(blob, start, start + wanted - 1)
            if len(block) != wanted:
                raise changed(self.uri)
            checksum = google_crc32c.extend(checksum, block)
            yield block
        if base64.b64encode(checksum.to_bytes(4, "big")).decode() != self.crc32c:
            raise changed(self.uri)

    def _range(self, blob: Any, first: int, last: int) -> bytes:
        with _translated(self.uri):
            try:
                # Without raw_download the client would decompress, and what was verified would not be what is kept.
                found = blob.download_as_bytes(
                    start=first, end=last, raw_download=True, checksum=None, timeout=TIMEOUT, retry=RETRY
                )
            except (api.NotFound, api.PreconditionFailed, api.RequestRangeNotSatisfiable) as gone:
                raise changed(self.uri) from gone
            except (api.BadRequest, api.Forbidden) as error:
                raise FileUnreadable(f"it cannot be read: {_said(error)}") from None
        return bytes(found)


class Bucket:
    """A bucket, and a client to read it with."""

    def __init__(self, name: str) -> None:
        """Find credentials; the bucket itself is not asked for.

        Raises:
            UsageError: there are no credentials.
        """
        self.name = name
        self.uri = f"gs://{name}/"
        with _translated(self.uri):
            self.client = Client(project=None)  # reading needs no project, and to look for one may fail

    def objects(self, prefix: str, *, below: bool) -> Iterator[Object]:
        """The current generation of each object whose name begins with ``prefix``, in order of their names.

        Args:
            prefix: literal text; it may end within a part of a name.
            below: also those in folders below that of the prefix.

        Raises:
            InputRefused: there is no such bucket.
            GuardRefused: it may not be listed, or not to its end.
            WarehouseError: the store does not answer. A listing is whole or an error: never a part of it.
        """
        delimiter = None if below else "/"
        with _translated(self.uri):
            for blob in self.client.list_blobs(
                self.name, prefix=prefix, delimiter=delimiter, fields=_FIELDS, timeout=TIMEOUT, retry=RETRY
            ):
                encoding = blob.content_encoding or ""
                yield Object(self, blob.name, blob.generation, blob.size, blob.crc32c or "", encoding)

    def location(self) -> str:
        """Where it lies, as the store writes it ("EU", "EUROPE-WEST2"); "" for those who may read objects only.

        Raises what :meth:`objects` raises.
        """
        with _translated(self.uri):
            try:
                return str(self.client.get_bucket(self.name, timeout=TIMEOUT, retry=RETRY).location or "").upper()
            except api.Forbidden:
                return ""

    def write(self, name: str, data: bytes) -> None:
        """Put an object of JSON there, in the place of one that is called so.

        Raises what :meth:`objects` raises.
        """
        with _translated(self.uri + name, "written", "Storage Object User"):
            blob = self.client.bucket(self.name).blob(name)
            blob.upload_from_string(data, content_type="application/json", timeout=TIMEOUT, retry=RETRY)

    def require_near(self, location: str, source: str) -> None:
        """Refuse a bucket that lies elsewhere than the datasets; one whose location may not be seen is taken as it is.

        Raises:
            GuardRefused: data of the EU stays in the EU.
        """
        where = self.location()
        if where and where != location.upper() and not re.fullmatch(_INSIDE.get(location.upper(), ""), where):
            raise GuardRefused(
                f"the bucket of {source} is in {where}, but the datasets are in {location}.",
                published="Nothing was read or written; the published numbers are as before.",
                hint=f"Use a bucket in {location}, or name where the datasets shall be: "
                f"bigquery://PROJECT?location={where}.",
            )


@contextmanager
def _translated(place: str, done: str = "read", role: str = "Storage Object Viewer") -> Iterator[None]:
    """Errors of the client become ours."""
    published = "Nothing of this ingestion was kept; raw and the published numbers are as before."
    try:
        yield
    except (auth.DefaultCredentialsError, auth.RefreshError, api.Unauthorized) as error:
        raise UsageError(
            f"{place} cannot be {done}: there are no valid Google credentials ({_said(error)}).",
            published=published,
            hint="Run `gcloud auth application-default login` (a job in the cloud: give it a service account), "
            "then the same command again.",
        ) from None
    except api.ClientError as error:
        kind = GuardRefused if isinstance(error, api.Forbidden) else InputRefused  # what may not be seen is not gone
        raise kind(
            f"{place} cannot be {done}: {_said(error)}.",
            published=published,
            hint=f"Check its name, and that your account has the role {role} on it: "
            f"gcloud storage ls {shlex.quote(place)}",
        ) from None
    except (api.GoogleAPIError, auth.GoogleAuthError, OSError) as error:
        raise WarehouseError(
            f"{place} cannot be {done}: Cloud Storage does not answer ({_said(error)}).",
            published=published,
            hint="Check the network (and STORAGE_EMULATOR_HOST, if it is set), then run the same command again.",
        ) from None


def _said(error: BaseException | None) -> str:
    """What the store, or the way to it, said: one line."""
    if isinstance(error, api.RetryError):
        return f"tried for {RETRY.timeout:.0f} s, at last {_said(error.cause)}"
    if (response := getattr(error, "response", None)) is not None:
        text = f"HTTP {response.status_code} {response.reason}"
        if isinstance(error, api.GoogleAPICallError):  # of others the body may be unread, and must not be waited for
            try:
                text = str(response.json()["error"]["message"]) or text
            except (ValueError, KeyError, TypeError):  # where content was asked for, it is plain text
                text = str(response.text) or text
    elif isinstance(error, auth.GoogleAuthError) and error.args:
        text = str(error.args[0])
    else:
        while error is not None and error.__context__ is not None:
            error = error.__context__  # a refused connection is wrapped four times, with the URL each time
        text = str(error) or type(error).__name__
    return redact(" ".join(text.split()))[:300].rstrip(".")
