"""The honest floor: the same tables by hand, in DuckDB's own SQL: ``python tests/bench/honest.py FEES.csv [FILE.duckdb]``.

One process loads a file, fills five tables and asks what the replaced project asked: its four assertions and the tests
of its columns. It keeps no books and rolls nothing back, trusts the file, and knows no second one: what `fees-etl run`
takes longer is what these cost. `test_the_honest_floor_means_the_same` compares the tables of both.
"""

from __future__ import annotations

import sys

import duckdb

MONTHS = (1, 3, 6)
FEE = ("client_id", "client_nino", "adviser_id", "fee_date", "fee_amount")

LOAD = """
CREATE TABLE fees AS
SELECT * FROM read_csv('{source}', header = true, columns = {{
    'client_id': 'VARCHAR', 'client_nino': 'VARCHAR', 'adviser_id': 'VARCHAR',
    'fee_date': 'DATE', 'fee_amount': 'DECIMAL(38, 9)'
}})
"""

STAGE = """
CREATE TABLE stg_fees AS
SELECT md5(concat_ws('|', client_id, adviser_id, fee_date, fee_amount)) AS fee_id, *
FROM fees
WHERE COLUMNS(*) IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY client_id, adviser_id, fee_date, fee_amount) = 1
"""

CLIENTS = """
CREATE TABLE dim_clients AS
SELECT
    client_id,
    min(fee_date) AS first_fee_date,
    coalesce(
        arg_min(adviser_id, (fee_date, -fee_amount, adviser_id)) FILTER (fee_amount > 0),
        arg_min(adviser_id, (fee_date, -fee_amount, adviser_id))
    ) AS first_adviser_id,
    strftime(min(fee_date), '%Y-%m') AS cohort_month
FROM stg_fees
GROUP BY client_id
"""

_WITHIN = ", ".join(
    f"sum(CASE WHEN fee_date < first_fee_date + INTERVAL {n} MONTH THEN fee_amount ELSE 0 END) AS ltv_{n}_month"
    for n in MONTHS
)
LTV = f"""
CREATE TABLE rpt_client_ltv AS
SELECT client_id, first_fee_date, {_WITHIN}, sum(fee_amount) AS ltv_total
FROM stg_fees JOIN dim_clients USING (client_id)
GROUP BY client_id, first_fee_date
"""

_SUMS = ", ".join(f"sum(ltv_{n}_month) AS total_ltv_{n}_month, avg(ltv_{n}_month) AS avg_ltv_{n}_month" for n in MONTHS)
COHORTS = f"""
CREATE TABLE rpt_cohort_ltv AS
SELECT cohort_month, count(*) AS client_count, {_SUMS}, median(ltv_6_month) AS median_ltv_6_month
FROM rpt_client_ltv JOIN dim_clients USING (client_id)
GROUP BY cohort_month
"""

ADVISERS = """
CREATE TABLE rpt_adviser_ltv AS
SELECT
    first_adviser_id AS adviser_id,
    count(*) AS client_count,
    sum(ltv_6_month) AS total_client_ltv_6_month,
    avg(ltv_6_month) AS avg_client_ltv_6_month,
    rank() OVER (ORDER BY sum(ltv_6_month) DESC) AS rank_by_ltv_6_month
FROM rpt_client_ltv JOIN dim_clients USING (client_id)
GROUP BY first_adviser_id
"""

_DIFFER = " OR ".join(f"abs(again.ltv_{n}_month - told.ltv_{n}_month) > 0.01" for n in MONTHS)
ASKED = (
    f"""
    SELECT count(*) FROM (
        SELECT client_id, {_WITHIN} FROM stg_fees JOIN dim_clients USING (client_id) GROUP BY client_id
    ) AS again JOIN rpt_client_ltv AS told USING (client_id)
    WHERE {_DIFFER}
    """,
    "SELECT count(*) FROM (SELECT 1 FROM fees GROUP BY client_id HAVING count(DISTINCT client_nino) > 1)",
    "SELECT ((SELECT count(*) FROM stg_fees) NOT BETWEEN 0.95 * count(*) AND count(*))::INT FROM fees",
    "SELECT (sum(ltv_total) IS DISTINCT FROM (SELECT sum(fee_amount) FROM stg_fees))::INT FROM rpt_client_ltv",
    f"SELECT count(*) - count(DISTINCT fee_id) + {' + '.join(f'count_if({one} IS NULL)' for one in FEE)} FROM stg_fees",
    *(
        f"SELECT count(*) - count(DISTINCT {key}) + count_if({key} IS NULL) FROM {table}"
        for table, key in {
            "dim_clients": "client_id",
            "rpt_client_ltv": "client_id",
            "rpt_cohort_ltv": "cohort_month",
            "rpt_adviser_ltv": "adviser_id",
        }.items()
    ),
)
"""Each answers 0 when all is well."""


def build(source: str, path: str) -> duckdb.DuckDBPyConnection:
    """The warehouse at ``path``, filled and asked."""
    warehouse = duckdb.connect(path)
    for sql in (LOAD.format(source=source.replace("'", "''")), STAGE, CLIENTS, LTV, COHORTS, ADVISERS):
        warehouse.execute(sql)
    for sql in ASKED:
        if warehouse.execute(sql).fetchone() != (0,):
            raise SystemExit(f"not 0: {sql}")
    return warehouse


if __name__ == "__main__":
    build(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "fees.duckdb").close()
