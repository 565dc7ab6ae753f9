"""Generate a fees CSV of any size, always the same bytes: ``python bench/generate.py 1000000 FOLDER``.

Daily fee dates over five years, a client for every 50 rows, half a percent of exact duplicates, nothing that would be
rejected or left blank: the work is the pipeline's, not quarantine's. All of it is integer arithmetic and SHA-256 on the
row's number; DuckDB only writes it down.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import duckdb

__all__ = ["generate"]

CLIENTS = """
CREATE TEMP TABLE clients AS
SELECT
    number,
    to_base64(unhex(sha256('client ' || number))) AS client_id,
    format('QQ{:06d}{}', number * 7919 % 1000000, substr('ABCD', 1 + number // 1000000 % 4, 1)) AS client_nino,
    1 + number * 31 % 7 AS adviser,
    number * 2654435761 % 4294967296 % 1500 AS starts
FROM range($clients) AS numbers(number)
"""

# Every 200th row repeats the one before it. Client, date and amount come from three different moduli, so that hardly
# any two rows are alike by accident.
FEES = """
COPY (
    WITH numbered AS (
        SELECT number - (number % 200 = 199)::BIGINT AS number
        FROM range({rows}) AS numbers(number)
    ),

    spread AS (
        SELECT
            number,
            number * 2654435761 % 4294967296 AS one,
            number * 2246822519 % 4294967291 AS two,
            number * 3266489917 % 4294967279 AS three
        FROM numbered
    )

    SELECT
        clients.client_id,
        clients.client_nino,
        IF(spread.three % 20 = 3, 1 + spread.three % 7, clients.adviser) AS adviser_id,
        DATE '2020-01-01' + ((clients.starts + spread.one % (1826 - clients.starts))::INTEGER) AS fee_date,
        (IF(spread.three % 50 = 7, -1, 1) * (1 + spread.three % 24989) / 100)::DECIMAL(18, 2) AS fee_amount
    FROM spread
    INNER JOIN clients ON spread.two % {clients} = clients.number
) TO {path} (HEADER, DELIMITER ',')
"""


def generate(rows: int, folder: Path) -> Path:
    """The CSV file of that many rows in ``folder``; one that is already there is taken as it is."""
    path = folder / f"fees_{rows}.csv"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    clients = max(1, rows // 50)
    with duckdb.connect() as connection:
        connection.execute(CLIENTS, {"clients": clients})
        literal = "'" + str(draft).replace("'", "''") + "'"
        connection.execute(FEES.format(rows=rows, clients=clients, path=literal))
    return draft.replace(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    print(generate(options.rows, options.folder))
