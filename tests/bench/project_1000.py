"""Generate a project of many models in our layout: ``python bench/project_1000.py FOLDER [--models 1000]``.

The project is ours with as many models beside: one in ten stages a source of events, the others summarize, compare or
join one to three models before them. Every model is 15 to 40 lines in two or three CTEs, with a contract; the SQL is
plain GoogleSQL without Jinja, so that the floor can parse the same files.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

__all__ = ["generate"]

SOURCES = 20
OURS = Path(__file__).parents[2] / "sql"

SOURCE_COLUMNS = """\
  - {name: event_id, type: STRING, description: Event as sent.}
  - {name: account_id, type: STRING, description: Account as sent.}
  - {name: event_date, type: DATE, description: Day of the event.}
  - {name: amount, type: NUMERIC, description: "Pounds, negative for a correction."}
  - {name: _source_row, type: INT64, required: true, description: Record within the file.}
"""

STAGED_COLUMNS = """\
  - {name: event_id, type: STRING, required: true, unique: true, description: Event.}
  - {name: account_id, type: STRING, required: true, description: Account of the event.}
  - {name: event_date, type: DATE, required: true, description: Day of the event.}
  - {name: amount, type: NUMERIC, required: true, description: Pounds.}
"""

SUMMARY_COLUMNS = """\
  - {name: account_id, type: STRING, required: true, unique: true, description: Account.}
  - {name: first_date, type: DATE, required: true, description: Day of the first event.}
  - {name: last_date, type: DATE, required: true, description: Day of the last event.}
  - {name: event_count, type: INT64, required: true, minimum: "0", description: How many events.}
  - {name: total_amount, type: NUMERIC, required: true, description: Pounds of all events.}
  - {name: is_large, type: BOOL, required: true, description: Whether the events add up to much.}
"""

STAGE = """\
WITH cleaned AS (
    SELECT
        TRIM(event_id) AS event_id,
        TRIM(account_id) AS account_id,
        event_date,
        amount,
        _source_row
    FROM raw.events_{source:02}
    WHERE event_date >= DATE '2020-{month:02}-01'
),

distinct_events AS (
    SELECT
        event_id,
        account_id,
        event_date,
        amount
    FROM cleaned
    WHERE
        event_id IS NOT NULL
        AND account_id IS NOT NULL
        AND event_date IS NOT NULL
        AND amount IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (
        PARTITION BY event_id
        ORDER BY _source_row
    ) = 1
)

SELECT
    event_id,
    account_id,
    event_date,
    amount
FROM distinct_events
"""

SUMMARIZE = """\
WITH recent AS (
    SELECT
        account_id,
        event_date,
        amount
    FROM {first}
    WHERE event_date < DATE_ADD(DATE '2024-{month:02}-28', INTERVAL {months} MONTH)
),

per_account AS (
    SELECT
        account_id,
        MIN(event_date) AS first_date,
        MAX(event_date) AS last_date,
        COUNT(*) AS event_count,
        SUM(amount) AS total_amount
    FROM recent
    GROUP BY account_id
)

SELECT
    account_id,
    first_date,
    last_date,
    event_count,
    total_amount,
    total_amount > NUMERIC '{limit}' AS is_large
FROM per_account
"""

COMPARE = """\
WITH ranked AS (
    SELECT
        account_id,
        first_date,
        last_date,
        event_count,
        total_amount,
        RANK() OVER (ORDER BY total_amount DESC) AS place
    FROM {first}
    WHERE NOT is_large OR event_count > {months}
),

leading AS (
    SELECT
        account_id,
        first_date,
        last_date,
        event_count,
        CASE
            WHEN place <= {limit} THEN total_amount
            WHEN total_amount < NUMERIC '0' THEN NUMERIC '0'
            ELSE ROUND(total_amount, 2)
        END AS total_amount
    FROM ranked
)

SELECT
    account_id,
    first_date,
    last_date,
    event_count,
    total_amount,
    COALESCE(total_amount > NUMERIC '{limit}', FALSE) AS is_large
FROM leading
"""

JOIN = """\
WITH pairs AS (
    SELECT
        ones.account_id,
        LEAST(ones.first_date, others.first_date) AS first_date,
        GREATEST(ones.last_date, others.last_date) AS last_date,
        ones.event_count + others.event_count AS event_count,
        ones.total_amount + others.total_amount AS total_amount
    FROM {first} AS ones
    INNER JOIN {second} AS others
        ON ones.account_id = others.account_id
),

large AS (
    SELECT account_id
    FROM {third}
    WHERE is_large AND total_amount > NUMERIC '{limit}'
)

SELECT
    pairs.account_id,
    pairs.first_date,
    pairs.last_date,
    pairs.event_count,
    pairs.total_amount,
    large.account_id IS NOT NULL AS is_large
FROM pairs
LEFT JOIN large
    ON pairs.account_id = large.account_id
WHERE pairs.event_count >= {months}
"""


def generate(folder: Path, models: int = 1000) -> Path:
    """Write the project into ``folder``, which must be empty or not there yet, and return it."""
    shutil.copytree(OURS, folder / "sql")
    for source in range(SOURCES):
        _write(folder, f"raw/events_{source:02}", _contract("One row per event as sent.", SOURCE_COLUMNS))
    staged = models // 10
    for number in range(staged):
        query = STAGE.format(source=number % SOURCES, month=1 + number % 12)
        contract = _contract("One row per event.", STAGED_COLUMNS, key="event_id")
        _write(folder, f"staging/{_staged(number)}", contract, query)
    for number in range(models - staged):
        contract = _contract("One row per account.", SUMMARY_COLUMNS, key="account_id")
        _write(folder, f"reporting/{_summary(number)}", contract, _reporting(number, staged))
    return folder


def _write(folder: Path, name: str, contract: str, query: str | None = None) -> None:
    path = folder / "sql" / name
    path.with_suffix(".yml").write_text(contract, encoding="utf-8")
    if query is not None:
        path.with_suffix(".sql").write_text(query, encoding="utf-8")


def _contract(grain: str, columns: str, key: str | None = None) -> str:
    head = (
        f"# yaml-language-server: $schema=../contract.schema.json\ndescription: {grain} Generated for the benchmark.\n"
    )
    model = f"materialized: rebuild\nkey: [{key}]\ncluster_by: [{key}]\n" if key else ""
    return f"{head}{model}columns:\n{columns}"


def _staged(number: int) -> str:
    return f"stg_events_{number:04}"


def _summary(number: int) -> str:
    return f"rpt_accounts_{number:04}"


def _reporting(number: int, staged: int) -> str:
    """The first ones summarize a staged model each; the others read up to three models at about a half of their number.

    So a model's chain of ancestors grows with the logarithm of its number, as deep as real projects are.
    """
    values = {"month": 1 + number % 12, "months": 1 + number % 6, "limit": 10 + number % 90}
    if number < 2 * staged:
        return SUMMARIZE.format(first=f"staging.{_staged(number % staged)}", **values)
    first, second, third = (f"reporting.{_summary(number * part // 7)}" for part in (3, 4, 5))
    template = COMPARE if number % 3 == 0 else JOIN
    return template.format(first=first, second=second, third=third, **values)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, default=1000)
    options = parser.parse_args()
    print(generate(options.folder, options.models))
