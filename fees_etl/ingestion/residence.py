"""Whether files may be carried to where a warehouse is: data of the EU stays in the EU."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fees_etl.errors import GuardRefused
from fees_etl.ingestion.lake import bucket_location

if TYPE_CHECKING:
    from fees_etl.engines import Engine


_INSIDE = {
    "EU": {
        *("EUR4", "EUR5", "EUR7", "EUR8"),
        *(f"EUROPE-WEST{number}" for number in (1, 3, 4, 8, 9, 10, 12)),
        *("EUROPE-CENTRAL2", "EUROPE-NORTH1", "EUROPE-NORTH2", "EUROPE-SOUTHWEST1"),
    },
    "US": {
        "NAM4",
        "US-CENTRAL1",
        "US-EAST1",
        "US-EAST4",
        "US-EAST5",
        "US-SOUTH1",
        "US-WEST1",
        "US-WEST2",
        "US-WEST3",
        "US-WEST4",
    },
}
"""Bucket locations inside of a multi-region (pages "Bucket locations" and "BigQuery locations").

London (EUROPE-WEST2) and Zurich (EUROPE-WEST6) are in Europe and not in the EU.
"""


def require_nearby(source: str, engine: Engine) -> None:
    """Refuse a bucket that lies elsewhere than the datasets; one whose location may not be seen is taken as it is.

    Raises:
        GuardRefused: the bucket is in another location.
    """
    where = bucket_location(source) if engine.location else ""
    if where and where != engine.location.upper() and where not in _INSIDE.get(engine.location.upper(), ()):
        raise GuardRefused(
            f"the bucket of {source} is in {where}, but the datasets are in {engine.location}.",
            published="Nothing was read or written; the published numbers are as before.",
            hint=f"Use a bucket in {engine.location}, or name where the datasets shall be: "
            f"bigquery://PROJECT?location={where}.",
        )
