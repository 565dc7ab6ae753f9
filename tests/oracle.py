"""SPEC section 3 once more, in plain Python: what every table must hold, computed without SQL, DuckDB or fees_etl.

    raw rows --stage--> fees --dim_clients, rpt_client_ltv, rpt_cohort_ltv, rpt_adviser_ltv--> rows of the tables

Each table is a tuple of named tuples whose fields are the table's columns, sorted by the first of them; stg_fees is
without fee_id and sorted by what that hashes. Money is exact: Decimals with room for all digits, Fractions for means.
"""

from __future__ import annotations

import csv
import re
from calendar import monthrange
from collections import defaultdict
from datetime import date, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = [
    "AdviserLtv",
    "Client",
    "ClientLtv",
    "CohortLtv",
    "Fee",
    "LeftOut",
    "Raw",
    "add_months",
    "clean_id",
    "clean_nino",
    "dim_clients",
    "left_out",
    "mean",
    "median",
    "numbered",
    "read_csv",
    "rpt_adviser_ltv",
    "rpt_client_ltv",
    "rpt_cohort_ltv",
    "stage",
    "tables",
    "total",
]

EXACT = Context(prec=100)
TRIMMED = " \t\r\n\N{NO-BREAK SPACE}"


class Raw(NamedTuple):
    """A row of raw.fees: what was sent, and where it came from."""

    client_id: str | None
    client_nino: str | None
    adviser_id: str | None
    fee_date: date | None
    fee_amount: Decimal | None
    source_file: str = "fees.csv"
    source_row: int = 1


class Fee(NamedTuple):
    """A row of staging.stg_fees, without fee_id."""

    client_id: str
    client_nino: str
    adviser_id: str
    fee_date: date
    fee_amount: Decimal

    @property
    def key(self):
        """What makes two rows the same fee; 1.6 = 1.60, and the NINO does not matter."""
        return self.client_id, self.adviser_id, self.fee_date, self.fee_amount


class LeftOut(NamedTuple):
    """Rows of raw that are not staged, each kind counted from its own rows."""

    duplicate_rows: int
    duplicate_amount: Decimal
    blank_rows: int
    blank_amount: Decimal


class Client(NamedTuple):
    """A row of reporting.dim_clients."""

    client_id: str
    first_fee_date: date
    first_adviser_id: str
    cohort_month: str


class ClientLtv(NamedTuple):
    """A row of reporting.rpt_client_ltv."""

    client_id: str
    first_fee_date: date
    ltv_1_month: Decimal
    ltv_3_month: Decimal
    ltv_6_month: Decimal
    ltv_total: Decimal
    is_complete_1_month: bool
    is_complete_3_month: bool
    is_complete_6_month: bool


class CohortLtv(NamedTuple):
    """A row of reporting.rpt_cohort_ltv."""

    cohort_month: str
    client_count: int
    avg_ltv_1_month: Decimal
    avg_ltv_3_month: Decimal
    avg_ltv_6_month: Decimal
    total_ltv_1_month: Decimal
    total_ltv_3_month: Decimal
    total_ltv_6_month: Decimal
    median_ltv_6_month: Decimal
    is_complete_1_month: bool
    is_complete_3_month: bool
    is_complete_6_month: bool


class AdviserLtv(NamedTuple):
    """A row of reporting.rpt_adviser_ltv."""

    adviser_id: str
    client_count: int
    total_client_ltv_1_month: Decimal
    total_client_ltv_3_month: Decimal
    total_client_ltv_6_month: Decimal
    total_client_ltv_all_time: Decimal
    avg_client_ltv_6_month: Decimal
    rank_by_ltv_6_month: int
    complete_client_count_6_month: int


def tables(rows: Iterable[Raw]) -> dict[str, tuple]:
    """All five tables of these raw rows, by name."""
    fees, _, _ = _sorted_out(rows)
    return {
        "staging.stg_fees": fees,
        "reporting.dim_clients": dim_clients(fees),
        "reporting.rpt_client_ltv": rpt_client_ltv(fees),
        "reporting.rpt_cohort_ltv": rpt_cohort_ltv(fees),
        "reporting.rpt_adviser_ltv": rpt_adviser_ltv(fees),
    }


def numbered(rows: Iterable[tuple], source_file: str = "fees.csv") -> list[Raw]:
    """Raw rows of one file from their five values, in the file's order."""
    return [Raw(*row, source_file, number) for number, row in enumerate(rows, 1)]


# Staging: rules 1 and 2


def stage(rows: Iterable[Raw]) -> tuple[Fee, ...]:
    """Cleaned rows without blanks, each fee once: as its lowest (source_file, source_row) has it."""
    return _sorted_out(rows)[0]


def left_out(rows: Iterable[Raw]) -> LeftOut:
    """How many rows, and pounds, are duplicates or have a blank."""
    _, duplicates, blanks = _sorted_out(rows)
    return LeftOut(
        len(duplicates),
        total(fee.fee_amount for fee in duplicates),
        len(blanks),
        total(row.fee_amount for row in blanks if row.fee_amount is not None),
    )


def clean_id(text: str | None) -> str | None:
    """Trimmed; nothing left is nothing."""
    return (text or "").strip(TRIMMED) or None


def clean_nino(text: str | None) -> str | None:
    """Upper case, without spaces."""
    return re.sub(f"[{TRIMMED}]", "", text or "").upper() or None


def _sorted_out(rows: Iterable[Raw]) -> tuple[tuple[Fee, ...], list[Fee], list[Raw]]:
    """Every row is exactly one of: a fee, a duplicate of a fee, a row with a blank."""
    fees: dict[tuple, Fee] = {}
    duplicates, blanks = [], []
    for row in sorted(rows, key=attrgetter("source_file", "source_row")):
        fee = Fee(clean_id(row[0]), clean_nino(row[1]), clean_id(row[2]), row.fee_date, row.fee_amount)
        if None in fee:
            blanks.append(row)
        elif fee.key in fees:
            duplicates.append(fee)
        else:
            fees[fee.key] = fee
    return tuple(fees[key] for key in sorted(fees)), duplicates, blanks


# Reporting: rules 5 to 9


def dim_clients(fees: Sequence[Fee]) -> tuple[Client, ...]:
    """Each client's first fee date, first-touch adviser and cohort."""
    return tuple(
        Client(client_id, first, _first_adviser(own), first.strftime("%Y-%m"))
        for client_id, first, own in _by_client(fees)
    )


def rpt_client_ltv(fees: Sequence[Fee]) -> tuple[ClientLtv, ...]:
    """Each client's fees within 1, 3 and 6 months, and whether the data reaches the ends of those windows."""
    last = max((fee.fee_date for fee in fees), default=None)
    return tuple(_ltv(client_id, first, own, last) for client_id, first, own in _by_client(fees))


def rpt_cohort_ltv(fees: Sequence[Fee]) -> tuple[CohortLtv, ...]:
    """The clients who came in the same month."""
    return tuple(_cohort(month, ltvs) for month, ltvs in _grouped(fees, "cohort_month"))


def rpt_adviser_ltv(fees: Sequence[Fee]) -> tuple[AdviserLtv, ...]:
    """The clients whom the same adviser touched first; the others of their advisers get nothing."""
    unranked = [_adviser(adviser_id, ltvs) for adviser_id, ltvs in _grouped(fees, "first_adviser_id")]
    sums = [row.total_client_ltv_6_month for row in unranked]
    return tuple(
        row._replace(rank_by_ltv_6_month=1 + sum(other > own for other in sums))
        for row, own in zip(unranked, sums, strict=True)
    )


def _by_client(fees: Sequence[Fee]) -> Iterator[tuple[str, date, list[Fee]]]:
    for client_id, group in groupby(sorted(fees), attrgetter("client_id")):
        own = list(group)
        yield client_id, min(fee.fee_date for fee in own), own


def _first_adviser(fees: list[Fee]) -> str:
    """Of the earliest fee above zero, or else of the earliest; the larger amount, then the lower adviser_id, comes first.

    Python orders text by code point, which is the order of its UTF-8 bytes.
    """
    candidates = [fee for fee in fees if fee.fee_amount > 0] or fees
    return min(candidates, key=lambda fee: (fee.fee_date, -Fraction(fee.fee_amount), fee.adviser_id)).adviser_id


def _ltv(client_id: str, first: date, fees: list[Fee], last: date) -> ClientLtv:
    ends = [add_months(first, months) for months in (1, 3, 6)]
    return ClientLtv(
        client_id,
        first,
        *(total(fee.fee_amount for fee in fees if fee.fee_date < end) for end in ends),
        total(fee.fee_amount for fee in fees),
        *(last >= end - timedelta(days=1) for end in ends),
    )


def _grouped(fees: Sequence[Fee], column: str) -> list[tuple[str, list[ClientLtv]]]:
    """Clients' LTVs by a column of dim_clients, in its order."""
    groups = defaultdict(list)
    for client, ltv in zip(dim_clients(fees), rpt_client_ltv(fees), strict=True):
        groups[getattr(client, column)].append(ltv)
    return sorted(groups.items())


def _cohort(month: str, ltvs: list[ClientLtv]) -> CohortLtv:
    windows = [[ltv[place] for ltv in ltvs] for place in (2, 3, 4)]
    complete = [all(ltv[place] for ltv in ltvs) for place in (6, 7, 8)]
    return CohortLtv(month, len(ltvs), *map(mean, windows), *map(total, windows), median(windows[2]), *complete)


def _adviser(adviser_id: str, ltvs: list[ClientLtv]) -> AdviserLtv:
    windows = [[ltv[place] for ltv in ltvs] for place in (2, 3, 4, 5)]
    complete = sum(ltv.is_complete_6_month for ltv in ltvs)
    return AdviserLtv(adviser_id, len(ltvs), *map(total, windows), mean(windows[2]), 0, complete)


# Arithmetic: rules 4, 5 and 7


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, with all its digits."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def mean(amounts: Sequence[Decimal]) -> Decimal:
    """Exact, then rounded once to 2 decimals, half away from zero."""
    return _pennies(sum(map(Fraction, amounts)) / len(amounts))


def median(amounts: Sequence[Decimal]) -> Decimal:
    """The middle one, or the exact mean of the two in the middle, rounded once."""
    ordered = sorted(amounts)
    return mean([ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]])


def _pennies(value: Fraction) -> Decimal:
    whole = int(abs(value) * 100 + Fraction(1, 2))
    return Decimal(whole if value >= 0 else -whole).scaleb(-2, EXACT)


def add_months(day: date, months: int) -> date:
    """Calendar months later; a day that month does not have is its last."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


# Typing a file: as much of section 6 as the sample needs


def read_csv(path: Path, today: date) -> tuple[list[Raw], list[int]]:
    """The rows of a file that can be typed, and the numbers of those that cannot."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *records = filter(None, csv.reader(file))
    loaded, rejected = [], []
    for number, record in enumerate(records, 1):
        try:
            row = _typed(dict(zip(header, record, strict=True)), today)
        except ValueError:
            rejected.append(number)
        else:
            loaded.append(Raw(**row, source_file=path.name, source_row=number))
    return loaded, rejected


def _typed(record: dict[str, str], today: date) -> dict:
    if not record["client_nino"].isascii():
        raise ValueError(record["client_nino"])
    blank_as_null = {name: value if clean_id(value) else None for name, value in record.items()}
    return blank_as_null | {
        "fee_date": _date(blank_as_null["fee_date"], today),
        "fee_amount": _amount(blank_as_null["fee_amount"]),
    }


def _date(text: str | None, today: date) -> date | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    day = date.fromisoformat(text)
    if not date(1990, 1, 1) <= day <= today + timedelta(days=1):
        raise ValueError(text)
    return day


def _amount(text: str | None) -> Decimal | None:
    if text is None:
        return None
    if not re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", text.strip(TRIMMED)):
        raise ValueError(text)
    amount = EXACT.create_decimal(text.strip(TRIMMED))
    if amount.copy_abs() >= 10**29 or amount != amount.quantize(Decimal("1e-9"), context=EXACT):
        raise ValueError(text)
    return amount
