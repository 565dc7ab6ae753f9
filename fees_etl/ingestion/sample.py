"""The bundled sample: fourteen months of made-up fees, as messy as real ones, so that the first run shows something.

Nothing in it is anybody's: clients are numbered, and their NINOs have the prefix QQ, which is never issued. The bytes
are the same on every machine and Python: all of it is integer arithmetic on one linear congruential generator.
"""

from __future__ import annotations

import os
from calendar import monthrange
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Dice = Callable[[int], int]
    """``dice(6)`` is one of 0..5."""


class _Fee(NamedTuple):
    """One fee as it was charged; ``amount`` counts hundredths of a penny."""

    day: date
    client: int
    adviser: int
    amount: int


class _Record(NamedTuple):
    """One line of a file, as sent; ``extra`` is a sixth field that should not be there."""

    client_id: str
    client_nino: str
    adviser_id: str
    fee_date: str
    fee_amount: str
    extra: str | None = None


_SEED = 20240131
_CLIENTS = 600
_FIRST_DAY = date(2024, 1, 31)
_LAST_DAY = date(2025, 3, 31)
_FILES = (
    ("fees_2024_h1.csv", date(2024, 6, 30)),
    ("fees_2024_q3.csv", date(2024, 9, 30)),
    ("fees_2024_q4.csv", date(2024, 12, 31)),
    ("fees_2025_q1.csv", _LAST_DAY),
)
_RESENT = 10
"""How many of a file's last records are sent once more at the top of the next file."""

_MONTH_ENDS = (
    *(_FIRST_DAY for _ in range(24)),
    *(date(2024, 2, 29) for _ in range(12)),
    *(date(2024, month, monthrange(2024, month)[1]) for month in range(3, 13) for _ in range(2)),
)
"""First fee dates at the ends of months, where adding calendar months is hard."""

_CASES = (
    # Two advisers on the first day: the larger fee is the first touch, then the lower adviser_id.
    _Fee(date(2024, 5, 31), 601, 5, 80_0000),
    _Fee(date(2024, 5, 31), 601, 2, 120_0000),
    _Fee(date(2024, 4, 30), 602, 4, 60_0050),
    _Fee(date(2024, 4, 30), 602, 3, 60_0050),
    # A refund first: it starts the windows, but the first touch is the first fee above zero.
    _Fee(date(2024, 3, 15), 603, 6, -45_1250),
    _Fee(date(2024, 3, 31), 603, 1, 90_2500),
    # Nothing but refunds, with half pennies.
    _Fee(date(2024, 8, 31), 604, 2, -15_0050),
    _Fee(date(2024, 9, 30), 604, 2, -7_5000),
    # One month after 31 January is 29 February, six months after it 31 July: those days are outside.
    _Fee(date(2024, 1, 31), 605, 1, 100_0000),
    _Fee(date(2024, 2, 28), 605, 1, 10_1234),
    _Fee(date(2024, 2, 29), 605, 1, 10_0150),
    _Fee(date(2024, 7, 30), 605, 1, 10_0050),
    _Fee(date(2024, 7, 31), 605, 1, 10_0001),
    # Three months after a leap day is 29 May.
    _Fee(date(2024, 2, 29), 606, 3, 200_0000),
    _Fee(date(2024, 5, 28), 606, 3, 20_0000),
    _Fee(date(2024, 5, 29), 606, 3, 20_0000),
    # Two different fees on one day are both fees.
    _Fee(date(2024, 11, 30), 607, 4, 1_6000),
    _Fee(date(2024, 11, 30), 607, 4, 1_6050),
)


def write_sample(folder: Path) -> tuple[Path, ...]:
    """Write the sample's files into ``folder``: always the same bytes, readable by their owner only.

    Each file appears complete or not at all.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return tuple(_write(folder / name, records) for name, records in _files(_dice(_SEED)))


def _write(path: Path, records: list[_Record]) -> Path:
    lines = [_Record._fields[:5], *([field for field in record if field is not None] for record in records)]
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_bytes("".join(f"{','.join(line)}\n" for line in lines).encode())
    return draft.replace(path)


def _files(dice: Dice) -> Iterator[tuple[str, list[_Record]]]:
    """Each file holds the fees of its months, and first of all the last few of the file before, sent again."""
    fees = sorted([*_CASES, *_ordinary_fees(dice)])
    resent: list[_Record] = []
    start = date.min
    for name, end in _FILES:
        records = [_record(fee, dice) for fee in fees if start < fee.day <= end]
        yield name, resent + _soiled(records, dice)
        resent, start = records[-_RESENT:], end


def _dice(seed: int) -> Dice:
    """Knuth's 64-bit generator; the low bits of such a generator are not random, so only the high ones are used."""
    state = seed

    def roll(sides: int) -> int:
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 32) % sides

    return roll


def _ordinary_fees(dice: Dice) -> Iterator[_Fee]:
    """The clients, numbered by the day of their first fee."""
    days = (_LAST_DAY - _FIRST_DAY).days
    random_days = (_FIRST_DAY + timedelta(days=dice(days)) for _ in range(_CLIENTS - len(_MONTH_ENDS)))
    for client, start in enumerate(sorted([*_MONTH_ENDS, *random_days]), 1):
        yield from _fees_of(client, start, dice)


def _fees_of(client: int, start: date, dice: Dice) -> Iterator[_Fee]:
    """A large fee, then one a month while the client stays; some are refunded, some clients change adviser."""
    adviser = 1 + min(dice(6), dice(6))
    stays = 3 + dice(8) if dice(6) == 0 else 99
    for months in range(stays):
        day = _add_months(start, months)
        if day > _LAST_DAY:
            return
        if months and dice(60) == 0:
            adviser = adviser % 6 + 1
        amount = _amount(40, 250, dice) if months == 0 else _amount(3, 57, dice)
        yield _Fee(day, client, adviser, amount)
        refund_day = day + timedelta(days=1 + dice(5))
        if dice(40) == 0 and refund_day <= _LAST_DAY:
            yield _Fee(refund_day, client, adviser, -amount // (1 + dice(2)))


def _add_months(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _amount(low: int, spread: int, dice: Dice) -> int:
    """Mostly whole pennies; some half pennies, tenths of a pound and hundredths of a penny."""
    step = (100, 100, 100, 100, 100, 100, 50, 50, 1000, 1)[dice(10)]
    return low * 10_000 + dice(spread * 10_000 // step) * step


def _record(fee: _Fee, dice: Dice) -> _Record:
    """The fee as somebody typed it: now and then with spaces around an id, or a NINO in lower case with spaces."""
    client_id, nino = f"client-{fee.client:04}", _nino(fee.client)
    if dice(80) == 0:
        client_id = f"  {client_id} "
    if dice(80) == 0:
        nino = " ".join((nino[:2], nino[2:4], nino[4:6], nino[6:8], nino[8:])).lower()
    return _Record(client_id, nino, f"adviser-{fee.adviser}", fee.day.isoformat(), _pounds(fee.amount))


def _nino(client: int) -> str:
    """One for each client: 7919 has no factor in common with a million."""
    return f"QQ{(client * 7919 + 104729) % 1_000_000:06}{'ABCD'[client % 4]}"


def _pounds(amount: int) -> str:
    """Without trailing zeros, as spreadsheets write it.

    >>> _pounds(1_6000), _pounds(-15_0050), _pounds(20_0000)
    ('1.6', '-15.005', '20')
    """
    pounds, rest = divmod(abs(amount), 10_000)
    return f"{'-' if amount < 0 else ''}{pounds}.{rest:04}".rstrip("0").rstrip(".")


def _soiled(records: list[_Record], dice: Dice) -> list[_Record]:
    """The same records, with copies of a few of them after the originals: repeated, blanked or broken."""
    copies: dict[int, list[_Record]] = {}
    for copy in (*(_repeat for _ in range(len(records) // 100)), *_BLANK, *_BROKEN):
        place = dice(len(records))
        copies.setdefault(place, []).append(copy(records[place]))
    return [line for place, record in enumerate(records) for line in (record, *copies.get(place, ()))]


def _repeat(record: _Record) -> _Record:
    """The same fee once more; 1.6 is sent as 1.60."""
    _, dot, decimals = record.fee_amount.partition(".")
    return record._replace(fee_amount=record.fee_amount + "0" if dot and len(decimals) == 1 else record.fee_amount)


_BLANK: tuple[Callable[[_Record], _Record], ...] = (
    lambda record: record._replace(client_id=""),
    lambda record: record._replace(client_nino=""),
    lambda record: record._replace(adviser_id="   "),
    lambda record: record._replace(fee_date=""),
    lambda record: record._replace(fee_amount=""),
)
"""Rows with a blank field: kept in raw, not staged."""

_BROKEN: tuple[Callable[[_Record], _Record], ...] = (
    lambda record: record._replace(fee_date=record.fee_date[:5] + "02-30"),
    lambda record: record._replace(fee_date="2052" + record.fee_date[4:]),
    lambda record: record._replace(fee_amount="£5"),
    lambda record: record._replace(fee_amount="1e3"),
    lambda record: record._replace(fee_amount="12.3456789012"),
    lambda record: record._replace(extra="checked"),
)
"""Rows that cannot be typed: they go to quarantine."""
