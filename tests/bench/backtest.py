"""How often watching is wrong, and which planted faults it finds: ``python tests/bench/backtest.py [FILE ...]``.

Each world is five years of the books of a firm: what each file brought to each fee date. Every fee date is judged as it
would have been on the day it came, against those before it. Then faults are planted, one at a time, into the newest file
of 24 months of the last four years, and judged in the same way. FILE is a CSV of fees, told of as it is.
"""

from __future__ import annotations

import argparse
import math
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from fees_etl import connect, load, plan, run
from fees_etl.ingestion import ingest
from fees_etl.project.watched import due_days
from fees_etl.runs.questions import watches
from fees_etl.types import Freshness

YEARS = range(2020, 2025)
FAULTS = {
    "40% of the usual pounds": (0.4, 0.4),
    "loaded twice under another name": (2, 2),
    "pounds times 100": (1, 100),
    "pounds times 10": (1, 10),
    "70% of the usual pounds": (0.7, 0.7),
}
"""Rows and pounds, as a share of what they should be."""
RECENT = timedelta(days=1200)
"""What is longer ago decides nothing."""


def months():
    """Their first days."""
    return [date(year, month, 1) for year in YEARS for month in range(1, 13)]


def working(year, month):
    """The working days of a month."""
    days = [date(year, month, 1) + timedelta(days=number) for number in range(31)]
    closed = {date(year, 12, 25), date(year, 12, 26), date(year, 1, 1)}
    return [one for one in days if one.month == month and one.weekday() < 5 and one not in closed]


def monthly(luck):
    """One file a month, on the 1st; growth of a tenth a year, half as much again in December, a fifth less in August."""
    for number, day in enumerate(months()):
        rows = 4000 * 1.008**number * {12: 1.5, 8: 0.8}.get(day.month, 1) * luck.gauss(1, 0.03)
        yield f"fees_{day:%Y_%m}.csv", day, rows, rows * 12.4 * luck.gauss(1, 0.02)


def waves(luck):
    """On the first working day; a quarter more in spring than on average, a quarter less in autumn."""
    for day in (working(one.year, one.month)[0] for one in months()):
        rows = 2500 * (1 + 0.25 * math.sin(math.tau * day.month / 12)) * luck.gauss(1, 0.05)
        yield f"fees_{day:%Y_%m}.csv", day, rows, rows * 20 * luck.gauss(1, 0.03)


def quarterly(luck):
    """Four times a year, on the last weekday; twice as much at the end of the tax year."""
    for number, day in enumerate(working(one.year, one.month)[-1] for one in months() if one.month % 3 == 0):
        rows = 9000 * 1.03**number * (2 if day.month == 3 else 1) * luck.gauss(1, 0.04)
        yield f"fees_{day:%Y_%m}.csv", day, rows, rows * 35 * luck.gauss(1, 0.02)


def daily(luck):
    """Every working day, four times as much on the first of a month, twice as much on the last, more on Mondays."""
    for first in months():
        days = working(first.year, first.month)
        for day in days:
            place = {days[0]: 4, days[-1]: 2}.get(day, 1.3 if day.weekday() == 0 else 1)
            wave = 1 + 0.2 * math.sin(math.tau * day.timetuple().tm_yday / 365)
            rows = 400 * place * wave * luck.gauss(1, 0.08)
            yield f"fees_{day:%Y%m%d}.csv", day, rows, rows * 9 * luck.gauss(1, 0.04)


def regions(luck):
    """Three files a month, one of each region: half, a third and a sixth of the fees."""
    for number, day in enumerate(months()):
        for name, part in (("north", 6), ("south", 4), ("west", 2)):
            rows = 600 * part * 1.01**number * luck.gauss(1, 0.04)
            yield f"{name}_{day:%Y_%m}.csv", day, rows, rows * 12.4 * luck.gauss(1, 0.02)


def ramp(luck):
    """A young firm: from nothing to as much as it likes, a straight line."""
    for number, day in enumerate(months(), 1):
        rows = 800 * number * luck.gauss(1, 0.03)
        yield f"fees_{day:%Y_%m}.csv", day, rows, rows * 13 * luck.gauss(1, 0.03)


WORLDS = {"monthly": monthly, "waves": waves, "quarterly": quarterly, "daily": daily, "regions": regions, "ramp": ramp}


class Books:
    """The books of a warehouse in memory, written without files, and what watching says of them."""

    def __init__(self):
        self.project, self.engine = load(), connect("duckdb://")
        self.engine.prepare(self.project.contracts)

    def write(self, found):
        """(file, fee date, rows, pounds), in the order in which they came."""
        ask = self.engine.native
        ask.execute("DELETE FROM raw.files; DELETE FROM raw.file_totals")
        rows = [
            (name, f"{name} {number}", day, max(1, round(count)), Decimal(f"{pounds:.2f}"))
            for number, (name, day, count, pounds) in enumerate(found)
        ]
        ask.executemany("INSERT INTO raw.file_totals VALUES (?, ?, ?, ?, ?, NULL)", rows)
        ask.execute(
            "INSERT INTO raw.files SELECT uri, version, '', 0, row_count, row_count, 0, amount, fee_date, fee_date,"
            " 'loaded', NULL, fee_date::TIMESTAMPTZ, NULL, '', NULL FROM raw.file_totals"
        )

    def named(self, days=None):
        """The fee dates that are not as usual, each with its file and measure."""
        one = watches(self.project, date(2025, 1, 1), days)[0]
        return self.engine.query(one.sql).rows


def alarms(books, found):
    """How many fee dates of the first year, and how many a year of the others, are named without a fault."""
    books.write(found)
    years = Counter(day.year for day in {row[0] for row in books.named()})
    first = years.pop(YEARS[0], 0)
    return first, sum(years.values()) / (len(YEARS) - 1)


def planted(books, found, rows, pounds):
    """The share of faulty files that are named, one planted into each of 24 months of the last four years."""
    newest = {day.replace(day=1): number for number, (_, day, *_) in enumerate(found) if day.year > YEARS[0]}
    seen = 0
    chosen = random.Random(24).sample(sorted(newest.values()), min(24, len(newest)))
    for at in chosen:
        name, day, count, amount = found[at]
        until = [one for one in found if day - RECENT <= one[1] <= day and one[0] != name]
        books.write([*until, (name, day, count * rows, amount * pounds)])
        seen += bool(books.named([day]))
    return seen / len(chosen)


def late():
    """Of the months in which a file comes a week after its fee date: how many it is late in."""
    days = due_days(Freshness("1st of month", "3 working days", "GB"), date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31))
    return sum(day + timedelta(days=7) > deadline for day, deadline in days) / len(days)


def of_file(path):
    """How many warnings the fee dates of one file raise, loaded and run as it is."""
    project = load()
    with connect("duckdb://") as engine:
        engine.prepare(project.contracts)
        ingest(project, engine, str(path), run_id="backtest", now=datetime.now(UTC))
        result = run(plan(project, engine), engine)
        return sum(one.failing for one in result.assertions if one.severity == "warn")


def main():
    """The table of docs/WATCHING.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", action="append", choices=WORLDS)
    parser.add_argument("files", nargs="*", type=Path)
    asked = parser.parse_args()
    books = Books()
    print("| Fees | first year | a year after |", *(f"{one} |" for one in FAULTS))
    print("|---" * (3 + len(FAULTS)) + "|")
    for name in asked.world or WORLDS:
        found = [*WORLDS[name](random.Random(17))]
        first, after = alarms(books, found)
        shares = [planted(books, found, *fault) for fault in FAULTS.values()]
        print(f"| {name} | {first} | {after:.1f} |", *(f"{share:.0%} |" for share in shares), flush=True)
    print(f"\nOf files a week late {late():.0%} are named.")
    for path in asked.files:
        print(f"{path.name}: {of_file(path)} warnings.")


if __name__ == "__main__":
    main()
