"""DuckDB macros for what GoogleSQL does and DuckDB has no function for.

NUMERIC is DECIMAL(38, 9). Its arithmetic is done on billionths in 128-bit integers: DuckDB divides decimals as DOUBLE,
and a DOUBLE has lost the digits before anything can be rounded. ``error`` where BigQuery stops too.
"""

from __future__ import annotations

__all__ = ["MACROS"]

_N = "DECIMAL(38, 9)"
_BODIES = {
    # A non-negative number's billionths, and back.
    "bq_units(x)": "CAST(TRUNC(x) AS HUGEINT) * 1000000000 + CAST((x - TRUNC(x)) * 1000000000 AS HUGEINT)",
    "bq_numeric(u)": f"CAST(u // 1000000000 AS {_N})"
    f" + CAST(CAST(u % 1000000000 AS DECIMAL(18, 0)) * 0.000000001 AS {_N})",
    "bq_sign(x)": "CASE WHEN x < 0 THEN -1 ELSE 1 END",
    "bq_half(r, n)": "CASE WHEN r >= n - r THEN 1 ELSE 0 END",
    # NUMERIC / INT64, and means: one division of integers.
    "bq_split(x, n)": f"""CASE
        WHEN n = 0 AND x IS NOT NULL THEN CAST(error('division by zero') AS {_N})
        ELSE bq_sign(x) * bq_sign(n) * bq_numeric(
            bq_units(ABS(x)) // ABS(CAST(n AS HUGEINT))
            + bq_half(bq_units(ABS(x)) % ABS(CAST(n AS HUGEINT)), ABS(CAST(n AS HUGEINT))))
        END""",
    # NUMERIC / NUMERIC: whole part first; nine more digits are guessed as DOUBLE and corrected exactly, because the
    # remainder times a billion does not fit 128 bits.
    "bq_guess(r, d)": "CAST(ROUND(CAST(r AS DOUBLE) / CAST(d AS DOUBLE) * 1000000000) AS HUGEINT)",
    "bq_rest(r, d, q)": """(r // 10000000000000000000 * 1000000000 - q * (d // 10000000000000000000))
        * 10000000000000000000 + (r % 10000000000000000000 * 1000000000 - q * (d % 10000000000000000000))""",
    "bq_nudge(m, d)": "CASE WHEN m >= d - m THEN 1 WHEN -m > d + m THEN -1 ELSE 0 END",
    "bq_ninth(r, d)": "bq_guess(r, d) + bq_nudge(bq_rest(r, d, bq_guess(r, d)), d)",
    "bq_ratio(u, d)": f"CAST(u // d AS {_N}) + bq_numeric(bq_ninth(u % d, d))",
    "bq_div(x, y)": f"""CASE
        WHEN y = 0 AND x IS NOT NULL THEN CAST(error('division by zero') AS {_N})
        ELSE bq_sign(x) * bq_sign(y) * bq_ratio(bq_units(ABS(x)), bq_units(ABS(y)))
        END""",
    "bq_div_float(x, y)": "CASE WHEN y = 0 AND x IS NOT NULL THEN error('division by zero')::DOUBLE ELSE x / y END",
    # NUMERIC * NUMERIC: whole and fractional parts apart, so that nothing in between is larger than the result.
    "bq_frac(x)": "CAST((x - TRUNC(x)) * 1000000000 AS HUGEINT)",
    "bq_whole(x)": "CAST(TRUNC(x) AS HUGEINT)",
    "bq_product(x, y)": """bq_numeric(
        bq_whole(x) * bq_whole(y) * 1000000000 + bq_whole(x) * bq_frac(y) + bq_frac(x) * bq_whole(y)
        + (bq_frac(x) * bq_frac(y) + 500000000) // 1000000000)""",
    "bq_mul(x, y)": "bq_sign(x) * bq_sign(y) * bq_product(ABS(x), ABS(y))",
    # DIV and MOD cut towards zero.
    "bq_cut(x, y)": f"""CASE
        WHEN y = 0 AND x IS NOT NULL THEN CAST(error('division by zero') AS {_N})
        ELSE bq_sign(x) * bq_sign(y) * CAST(bq_units(ABS(x)) // bq_units(ABS(y)) AS {_N})
        END""",
    "bq_cut_int(x, y)": "CASE WHEN y = 0 AND x IS NOT NULL THEN error('division by zero')::BIGINT ELSE x // y END",
    "bq_mod(x, y)": f"CASE WHEN y = 0 AND x IS NOT NULL THEN CAST(error('division by zero') AS {_N}) ELSE x % y END",
    "bq_mod_int(x, y)": "CASE WHEN y = 0 AND x IS NOT NULL THEN error('division by zero')::BIGINT ELSE x % y END",
    # Text.
    "bq_text(x)": "RTRIM(RTRIM(CAST(x AS VARCHAR), '0'), '.')",
    "bq_int_text(s)": r"CASE WHEN regexp_full_match(s, '\s*[+-]?([0-9]+|0[xX][0-9a-fA-F]+)\s*') THEN s"
    " WHEN s IS NOT NULL THEN '?' END",
    "bq_date_text(s)": "CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') AND s[1:4] <> '0000' THEN s"
    " WHEN s IS NOT NULL THEN '?' END",
    "bq_bool_text(s)": "CASE WHEN LOWER(s) IN ('true', 'false') THEN s WHEN s IS NOT NULL THEN '?' END",
    # Dates: DuckDB's calendar has no last year.
    "bq_date(d)": "CASE WHEN d < TIMESTAMP '0001-01-01' OR d >= TIMESTAMP '10000-01-01'"
    " THEN error('date out of range')::DATE ELSE CAST(d AS DATE) END",
}
MACROS: tuple[str, ...] = tuple(f"CREATE OR REPLACE TEMP MACRO {head} AS ({body})" for head, body in _BODIES.items())
