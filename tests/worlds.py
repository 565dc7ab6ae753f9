"""Worlds of fees for hypothesis: a world is the rows of raw.fees, small, shrinkable, and full of hard cases.

A row is ``(client_id, client_nino, adviser_id, fee_date, fee_amount)``, typed and as sent: ids may have spaces around
them, any value may be None. A client's NINO is always the same, so that no world fails ``assert_client_data``.

    @given(worlds())
    def test_x(rows): oracle.tables(oracle.numbered(rows))
"""

from __future__ import annotations

import csv
import gzip
import io
from datetime import date, timedelta
from decimal import Decimal
from hashlib import md5
from zlib import crc32

import oracle
from hypothesis import strategies as st

__all__ = [
    "COLUMNS",
    "FEE_ID",
    "HARD",
    "LINES",
    "SHAPES",
    "amounts",
    "as_csv",
    "charge",
    "fee_dates",
    "fees",
    "files",
    "worlds",
]

COLUMNS = ("client_id", "client_nino", "adviser_id", "fee_date", "fee_amount")

# Key parts that concatenate alike ("a" + "bc" = "ab" + "c"), also with a separator or a length before them, and whose
# order by code point is neither that of UTF-16 nor that of a dictionary.
CLIENTS = ("a", "ab", "a|b", "1", "11", "1:a", "A", "é", "\U0001f600")
ADVISERS = ("c", "bc", "b|c", "1", "11", "1:c", "B", "b", "\uff5e", "\U0001f600")
PADDING = (" ", "\t", "\N{NO-BREAK SPACE}", " \t", "\r\n")
BLANKS = ((None, "", "\t\N{NO-BREAK SPACE}"), (None, " "), (None, "", " "), (None,), (None,))

# From these days on, adding months meets the ends of months and leap days.
STARTS = tuple(
    date(year, month, day)
    for year, month, day in (
        (2024, 1, 31),
        (2024, 2, 29),
        (2023, 8, 31),
        (2023, 11, 30),
        (2024, 1, 1),
        (2024, 1, 30),
        (2023, 12, 31),
        (2024, 3, 31),
        (2024, 2, 28),
        (2024, 8, 29),
    )
)
TIES = tuple(map(Decimal, ("1", "1.00", "1.6", "1.60", "-1", "0", "2", "0.005", "-0.005")))


def charge(client, adviser, day, amount, nino=None):
    """A row of a client who has one NINO, unless another is given."""
    return (client, nino or f"QQ{crc32(client.strip().encode()) % 1000000:06}A", adviser, day, Decimal(amount))


HARD = [
    charge("month-end", "x", date(2025, 1, 31), "1"),
    charge("month-end", "x", date(2025, 2, 27), "10"),
    charge("month-end", "x", date(2025, 2, 28), "100"),
    charge("leap", "x", date(2024, 2, 29), "1"),
    charge("leap", "x", date(2024, 3, 28), "10"),
    charge("leap", "x", date(2024, 3, 29), "100"),
    charge("leap-end", "x", date(2024, 1, 31), "1"),
    charge("leap-end", "x", date(2024, 2, 28), "10"),
    charge("leap-end", "x", date(2024, 2, 29), "100"),
    charge("refund-first", "x", date(2024, 5, 1), "-5"),
    charge("refund-first", "y", date(2024, 5, 2), "3"),
    charge("refund-only", "z", date(2024, 5, 1), "-5"),
    charge("refund-only", "y", date(2024, 5, 1), "-4"),
    charge("same-day", "b", date(2024, 5, 1), "4"),
    charge("same-day", "B", date(2024, 5, 1), "4"),
    charge("larger", "a", date(2024, 5, 1), "4"),
    charge("larger", "b", date(2024, 5, 1), "4.000000001"),
    charge("a", "bc", date(2024, 6, 1), "1"),
    charge("ab", "c", date(2024, 6, 1), "1"),
    charge("a|b", "c", date(2024, 6, 1), "1"),
    charge("a", "b|c", date(2024, 6, 1), "1"),
    charge("half-1", "h", date(2023, 7, 1), "0.005"),
    charge("half-2", "k", date(2023, 8, 1), "-0.005"),
    charge("half-3", "m", date(2023, 9, 1), "0.004999999"),
    charge("huge-1", "n", date(2023, 10, 1), "1000000000000000.000000001"),
    charge("huge-2", "n", date(2023, 10, 1), "-999999999999999.005"),
    charge("duplicate", "x", date(2024, 5, 1), "1.6"),
    charge("duplicate", "x", date(2024, 5, 1), "1.60"),
    charge(" duplicate\t", "\N{NO-BREAK SPACE}x", date(2024, 5, 1), "1.600000000"),
    charge("émile \U0001f600", "ünï", date(2024, 5, 1), "2"),
    charge("", "x", date(2024, 5, 1), "7", "QQ000000A"),
    ("blank-nino", " ", "x", date(2024, 5, 1), Decimal(7)),
    ("blank-date", "QQ000000B", "x", None, Decimal(7)),
    ("blank-amount", "QQ000000C", "x", date(2024, 5, 1), None),
]
"""Every hard case of SPEC section 3 in one world."""


FEE_ID = md5(b"3:ann1:x2025-01-31:1.6").hexdigest()
"""Of ``ann``'s 1.6 to adviser ``x`` on the last of January 2025."""
LINES = [
    "client_id,client_nino,adviser_id,fee_date,fee_amount",
    "ann,QQ000001A,x,2025-01-31,1.60",
    "bob,QQ000002A,y,2025-01-31,2",
]


SHAPES = {
    "bom": b"\xef\xbb\xbf" + "\n".join(LINES).encode(),
    "crlf": "\r\n".join(LINES).encode(),
    "lone-cr": "\r".join(LINES).encode(),
    "gz": gzip.compress("\n".join(LINES).encode()),
    "empty-lines": "\n\n".join(LINES).encode(),
    "other-order": b"fee_amount,fee_date,client_id,adviser_id,client_nino\n1.60,2025-01-31,ann,x,QQ000001A\n2,2025-01-31,bob,y,QQ000002A",
    "quoted": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in LINES).encode(),
    "spaces": "\n".join(LINES).replace("ann", " ann\t").replace("1.60", " 1.60 ").encode(),
}
"""The same two fees, however their file is written."""


def fee_dates(start=STARTS[0]):
    """Mostly ``start`` and the days on which its windows end, begin to be over, or would end if not clamped."""
    ends = [oracle.add_months(start, months) for months in (1, 3, 6)]
    beside = [end + timedelta(days=days) for end in ends for days in (-1, 0, 1)]
    near = st.sampled_from([start, *beside])
    return near | near | st.sampled_from(STARTS) | st.dates(date(2023, 8, 1), date(2025, 3, 31))


def amounts(*, huge=True):
    """Ties, pennies, half pennies on both sides of zero, a billionth away from one, 9 decimals, and sums above 1e15."""
    kinds = [
        st.sampled_from(TIES),
        st.integers(-5_000, 5_000).map(lambda pennies: Decimal(pennies).scaleb(-2)),
        st.integers(-999, 999).map(lambda half_pennies: half_pennies * Decimal("0.005")),
        st.builds(_beside_half_a_penny, st.integers(-9, 9), st.sampled_from((-1, 1))),
        st.integers(-(10**12), 10**12).map(lambda billionths: Decimal(billionths).scaleb(-9)),
    ]
    if huge:
        kinds.append(st.builds(_huge, st.integers(10**15, 10**16), st.integers(-5, 5), st.sampled_from((1, -1))))
    return st.one_of(kinds)


@st.composite
def fees(draw, *, clients=CLIENTS, advisers=ADVISERS, start=STARTS[0], amount=None, blanks=True):
    """One row; one in four has a blank value, and as many have spaces around an id."""
    client = draw(st.sampled_from(clients))
    row = (
        draw(_padded(client)),
        draw(_typed(_nino(client))),
        draw(st.sampled_from(advisers).flatmap(_padded)),
        draw(fee_dates(start)),
        draw(amounts() if amount is None else amount),
    )
    blank = draw(st.integers(0, 19)) if blanks else 0
    return _with(row, blank - 1, draw(st.sampled_from(BLANKS[blank - 1]))) if 1 <= blank <= len(BLANKS) else row


@st.composite
def worlds(draw, *, min_size=0, max_size=12, huge=True, lossless=False):
    """Rows in the order they are sent, some of them more than once: of a few clients and advisers, mostly near one day.

    ``lossless``: no duplicates and no blanks, so that the whole pipeline accepts the world however small it is.
    """
    few = {"min_size": 1, "max_size": 3, "unique": True}
    row = fees(
        clients=draw(st.lists(st.sampled_from(CLIENTS), **few)),
        advisers=draw(st.lists(st.sampled_from(ADVISERS), **few)),
        start=draw(st.sampled_from(STARTS)),
        amount=draw(st.sampled_from((st.sampled_from(TIES[:2]), st.sampled_from(TIES), amounts(huge=huge)))),
        blanks=not lossless,
    )
    rows = draw(st.lists(row, min_size=min_size, max_size=max_size, unique_by=_key if lossless else None))
    if lossless or not rows:
        return rows
    again = draw(st.lists(st.sampled_from(rows).flatmap(_resent), max_size=3))
    return draw(st.permutations(rows + again)) if again else rows


@st.composite
def files(draw, *, names=("a.csv", "b.csv", "c.csv"), max_size=12, huge=True, lossless=False):
    """A world dealt out to files: name to rows. A file may be empty; a duplicate may be in another file."""
    dealt = {name: [] for name in names}
    for row in draw(worlds(max_size=max_size, huge=huge, lossless=lossless)):
        dealt[draw(st.sampled_from(names))].append(row)
    return dealt


def as_csv(rows):
    """The text of a file that holds these rows; amounts keep the zeros at their ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for *ids, day, amount in rows:
        writer.writerow([*ids, day, None if amount is None else f"{amount:f}"])
    return text.getvalue()


def _beside_half_a_penny(half_pennies, sign):
    return half_pennies * Decimal("0.005") + sign * Decimal("1e-9")


def _huge(pounds, billionths, sign):
    return sign * (pounds + billionths * Decimal("1e-9"))


def _padded(text):
    padding = st.sampled_from(("",) * 30 + PADDING)
    return st.builds(lambda left, right: left + text + right, padding, padding)


def _nino(client):
    return f"QQ{CLIENTS.index(client):06}A"


def _typed(nino):
    return st.sampled_from((nino, nino, nino, nino.lower(), f" {nino} ", f"{nino[:2]} {nino[2:4]} {nino[4:]}"))


def _resent(row):
    """The same fee, typed differently: 1.6 as 1.60, other spaces."""
    if None in row or row[4].as_tuple().exponent <= -9:
        return st.just(row)
    retyped = _with(row, 4, row[4].quantize(Decimal("1e-9"), context=oracle.EXACT))
    return st.sampled_from((row, retyped, _with(row, 2, f" {row[2]}")))


def _with(row, place, value):
    return (*row[:place], value, *row[place + 1 :])


def _key(row):
    return oracle.clean_id(row[0]), oracle.clean_id(row[2]), row[3], row[4]
