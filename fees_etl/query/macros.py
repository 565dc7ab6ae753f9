"""DuckDB macros for what GoogleSQL does and DuckDB has no function for.

NUMERIC is DECIMAL(38, 9). Its arithmetic is done on billionths in 128-bit integers: DuckDB divides decimals as DOUBLE,
and a DOUBLE has lost the digits before anything can be rounded. ``error`` where BigQuery stops too. DuckDB may compute
a common part of two CASE branches for every row: what could overflow in a branch not taken is given 0 instead.

A macro is pasted where it is called, so an argument named five times is bound five times: ``_let`` names it once.
"""

from __future__ import annotations

_N = "DECIMAL(38, 9)"
_G = "1000000000"
_TWO_WHEN_UPPER = "".join(char for char in map(chr, range(0x80, 0x10000)) if len(char.upper()) > 1)
_BY_ZERO = "y = 0 AND x IS NOT NULL THEN error('division by zero')"


def _let(body: str, **values: str) -> str:
    """``body`` with its names bound to values, each computed once: a list of one struct, mapped.

    >>> _let("v.a * v.a", a="1 + 1")
    "list_transform([{'a': 1 + 1}], lambda v: v.a * v.a)[1]"
    """
    named = ", ".join(f"{name!r}: {value}" for name, value in values.items())
    return f"list_transform([{{{named}}}], lambda v: {body})[1]"


_BODIES = {
    "bq_sign(x)": "CASE WHEN x < 0 THEN -1 ELSE 1 END",
    "bq_units(x)": f"CAST(TRUNC(x) AS HUGEINT) * {_G} + CAST((x - TRUNC(x)) * {_G} AS HUGEINT)",
    "bq_billionths(u)": f"CAST(CAST(u AS DECIMAL(18, 0)) * 0.000000001 AS {_N})",
    # Whole part, then nine decimals of the remainder; a remainder times a billion fits 128 bits below 10^20.
    "bq_quotient(u, d)": f"""CASE
        WHEN d = 0 AND u IS NOT NULL THEN error('division by zero')::{_N}
        WHEN d >= 1e29::HUGEINT THEN error('on DuckDB a NUMERIC divisor must be below 10^20')::{_N}
        ELSE CAST(u // d AS {_N}) + bq_billionths((u % d * {_G} + d // 2) // d) END""",
    "bq_signed(x, y)": "bq_sign(x) * bq_sign(y) * "
    + _let("bq_quotient(v.u, v.d)", u="bq_units(ABS(x))", d="bq_units(ABS(y))"),
    "bq_div(x, y)": _let("bq_signed(v.x, v.y)", x=f"CAST(x AS {_N})", y=f"CAST(y AS {_N})"),
    "bq_div_float(x, y)": f"CASE WHEN {_BY_ZERO}::DOUBLE ELSE x / y END",
    # NUMERIC * NUMERIC beyond 10^10: whole and fraction apart, so that nothing in between is larger than the result.
    "bq_whole(x)": "CAST(TRUNC(x) AS HUGEINT)",
    "bq_frac(x)": f"CAST((x - TRUNC(x)) * {_G} AS HUGEINT)",
    "bq_carry(u)": f"CAST(u // {_G} AS {_N}) + bq_billionths(u % {_G})",
    "bq_product(x, y)": f"""CAST(bq_whole(x) * bq_whole(y) AS {_N}) + bq_carry(bq_whole(x) * bq_frac(y)
        + bq_frac(x) * bq_whole(y) + (bq_frac(x) * bq_frac(y) + 500000000) // {_G})""",
    "bq_small(x, y)": "ABS(x) < 1e10::DOUBLE AND ABS(y) < 1e10::DOUBLE",
    "bq_times(x, y)": f"""CASE WHEN bq_small(x, y) THEN CAST(CASE WHEN bq_small(x, y) THEN x ELSE 0 END * y AS {_N})
        ELSE bq_sign(x) * bq_sign(y) * bq_product(ABS(x), ABS(y)) END""",
    "bq_mul(x, y)": _let("bq_times(v.x, v.y)", x=f"CAST(x AS {_N})", y=f"CAST(y AS {_N})"),
    # DIV and MOD cut towards zero.
    "bq_mod(x, y)": f"CASE WHEN {_BY_ZERO}::{_N} ELSE CAST(x AS {_N}) % CAST(y AS {_N}) END",
    "bq_whole_quotient(x, y)": f"CASE WHEN {_BY_ZERO}::{_N} ELSE bq_sign(x) * bq_sign(y)"
    f" * CAST(bq_units(ABS(x)) // bq_units(ABS(y)) AS {_N}) END",
    "bq_cut(x, y)": _let("bq_whole_quotient(v.x, v.y)", x=f"CAST(x AS {_N})", y=f"CAST(y AS {_N})"),
    "bq_mod_int(x, y)": f"CASE WHEN {_BY_ZERO}::BIGINT ELSE x % y END",
    "bq_cut_int(x, y)": f"CASE WHEN {_BY_ZERO}::BIGINT ELSE x // y END",
    # Text.
    "bq_text(x)": "RTRIM(RTRIM(CAST(x AS VARCHAR), '0'), '.')",
    "bq_int_text(s)": r"CASE WHEN regexp_full_match(s, '\s*[+-]?([0-9]+|0[xX][0-9a-fA-F]+)\s*') THEN s"
    " WHEN s IS NOT NULL THEN '?' END",
    "bq_date_text(s)": "CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}') AND s[1:4] <> '0000' THEN s"
    " WHEN s IS NOT NULL THEN '?' END",
    "bq_bool_text(s)": "CASE WHEN LOWER(s) IN ('true', 'false') THEN s WHEN s IS NOT NULL THEN '?' END",
    # TRIM is slow, and few texts need it: only their ends tell.
    "bq_trim(s, blanks)": "CASE WHEN CONTAINS(blanks, LEFT(s, 1)) OR CONTAINS(blanks, RIGHT(s, 1))"
    " THEN TRIM(s, blanks) ELSE s END",
    # Letters that become two, where the engines differ.
    "bq_upper(s)": f"CASE WHEN regexp_matches(s, '[{_TWO_WHEN_UPPER}]')"
    " THEN CAST(error('on DuckDB UPPER knows no letter that becomes two') AS VARCHAR) ELSE UPPER(s) END",
    "bq_lower(s)": "CASE WHEN regexp_matches(s, '[İΣ]')"
    " THEN CAST(error('on DuckDB LOWER knows no İ and no Σ') AS VARCHAR) ELSE LOWER(s) END",
    "bq_stamp(t)": """STRFTIME(t AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%S') || CASE
        WHEN EPOCH_US(t) % 1000000 = 0 THEN ''
        WHEN EPOCH_US(t) % 1000 = 0 THEN STRFTIME(t AT TIME ZONE 'UTC', '.%g')
        ELSE STRFTIME(t AT TIME ZONE 'UTC', '.%f') END || '+00'""",
    "bq_json_value(x, path)": """CASE json_type(x, path) WHEN 'ARRAY' THEN NULL WHEN 'OBJECT' THEN NULL
        WHEN 'DOUBLE' THEN error('on DuckDB JSON_VALUE writes fractions in its own way')::VARCHAR
        ELSE json_extract_string(x, path) END""",
    "bq_json_array(x)": "CAST(CAST(x AS JSON[]) AS VARCHAR[])",
    # Dates: DuckDB's calendar has no last year, and it writes the year 99 as 0099.
    "bq_modern(d)": "CASE WHEN d < DATE '1000-01-01' THEN error('year before 1000')::DATE ELSE d END",
    "bq_date(d)": "CASE WHEN d < TIMESTAMP '0001-01-01' OR d >= TIMESTAMP '10000-01-01'"
    " THEN error('date out of range')::DATE ELSE CAST(d AS DATE) END",
}
MACROS: tuple[str, ...] = tuple(f"CREATE OR REPLACE TEMP MACRO {head} AS ({body})" for head, body in _BODIES.items())
