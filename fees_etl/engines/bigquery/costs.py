"""What statements will read and cost, known beforehand; and the caps that refuse before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fees_etl.errors import GuardRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fees_etl.settings import Settings


_MIB = 2**20
_LONGEST = 1_000_000
_LEAST = 10 * _MIB
"""Billed for each table that a query refers to, at least (page "BigQuery pricing", on-demand compute)."""


def billed(bytes_read: int, tables: int) -> int:
    """The bytes that are billed: whole MiB, and at least 10 MiB for each table.

    >>> billed(1, 2), billed(25 * 2**20 + 1, 2)
    (20971520, 27262976)
    """
    return max(-(-bytes_read // _MIB) * _MIB, tables * _LEAST)


def require_short(sql: str) -> None:
    """Refuse a job whose text is longer than BigQuery takes; it names each new file (page "Quotas and limits").

    Raises:
        GuardRefused: with the way out.
    """
    if len(sql.encode()) > _LONGEST:
        raise GuardRefused(
            f"the job would be {len(sql.encode()):,} bytes of SQL; BigQuery takes {_LONGEST:,}.",
            published="Nothing was written; the published numbers are as before.",
            hint="Ingest fewer files at a time by narrower patterns: fees-etl ingest 'gs://BUCKET/PREFIX/2024-*.csv'",
        )


def allow(bytes_billed: Iterable[int], settings: Settings) -> None:
    """Refuse what is over a cap of the target.

    Raises:
        GuardRefused: with the estimate, the cap, and what raises it.
    """
    total = sum(bytes_billed)
    cost = settings.price(total)
    over = ""
    if settings.max_bytes is not None and total > settings.max_bytes:
        over = f"read about {total:,} bytes, more than max_bytes = {settings.max_bytes:,}"
    if settings.max_cost is not None and cost > settings.max_cost:
        over = f"cost about {cost:,f} US dollars, more than max_cost = {settings.max_cost:,f}"
    if over:
        raise GuardRefused(
            f"This would {over} of target {settings.target!r}.",
            published="Nothing was written by it; the published numbers are as before.",
            hint=f"See what costs it: fees-etl plan; raise the cap in [targets.{settings.target}] if it is meant.",
        )
