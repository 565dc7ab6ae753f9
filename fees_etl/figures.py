"""Figures, exact, and as text: pounds, signed differences, counted nouns."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Context, Decimal
from functools import reduce
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXACT = Context(prec=80)
"""The default context would round a NUMERIC(38, 9) to 28 digits."""


def pounds(amount: Decimal) -> str:
    """All of its decimals, at least two, never an exponent.

    >>> pounds(Decimal("1234567.500000000")), pounds(Decimal("1E+3")), pounds(Decimal("-0.000000001"))
    ('1,234,567.50', '1,000.00', '-0.000000001')
    """
    whole, _, decimals = f"{amount or Decimal(0):,f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def exact(amount: Decimal) -> str:
    """The same for machines: no thousands separators."""
    return pounds(amount).replace(",", "")


def net(before: Decimal, after: Decimal) -> Decimal:
    """What was added, exactly."""
    return EXACT.subtract(after, before)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    return reduce(EXACT.add, amounts, Decimal(0))


def summed(counts: Iterable[int | None]) -> int | None:
    """The sum of what was counted; None where nothing was.

    >>> summed([None, 2, 3]), summed([None])
    (5, None)
    """
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def count(number: int | None) -> str:
    """With thousands separators; a dash for what was not counted."""
    return "-" if number is None else f"{number:,}"


def change(before: Decimal | int, after: Decimal | int, same: str = "") -> str:
    """The signed difference; ``same`` when there is none.

    >>> change(1, 3), change(Decimal("2.50"), Decimal("1.50")), change(4, 4)
    ('+2', '-1.00', '')
    """
    if before == after:
        return same
    if isinstance(before, int) and isinstance(after, int):
        return f"{after - before:+,}"
    difference = net(Decimal(before), Decimal(after))
    return f"{'+' if difference > 0 else ''}{pounds(difference)}"


def plural(number: int | None, noun: str) -> str:
    """One noun, counted.

    >>> plural(1, "row"), plural(2000, "row"), plural(2, "copy"), plural(2, "day")
    ('1 row', '2,000 rows', '2 copies', '2 days')
    """
    many = f"{noun[:-1]}ies" if noun.endswith("y") and not noun.endswith("ay") else f"{noun}s"
    return f"{count(number)} {noun if number == 1 else many}"


def few(names: Sequence[str]) -> str:
    """The first three of them, and dots for the others."""
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")  # noqa: PLR2004 - a few


def cell(value: Any) -> str:
    """One value of a query as text."""
    if value is None:
        return "NULL"
    if isinstance(value, Decimal):
        return pounds(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return count(value) if isinstance(value, int) and not isinstance(value, bool) else str(value)


def plain(value: Any) -> str:
    """One value as machines read it: money exact, dates and moments ISO, booleans true and false.

    >>> plain(Decimal("1E+3")), plain(True), plain(date(2025, 9, 1))
    ('1000.00', 'true', '2025-09-01')
    """
    if isinstance(value, Decimal):
        return exact(value)
    if isinstance(value, date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)


def shown(uri: str) -> str:
    """A URI as people write it: a local file by its path.

    >>> shown("file:///data/fees%20one.csv"), shown("gs://lake/fees%20one.csv")
    ('/data/fees one.csv', 'gs://lake/fees%20one.csv')
    """
    return unquote(uri.removeprefix("file://")) if uri.startswith("file://") else uri
