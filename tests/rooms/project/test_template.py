from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fees_etl.errors import ProjectError
from fees_etl.project.template import Templates, literal, source_line, statements
from fees_etl.query import to_duckdb

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(deadline=None)
@given(TEXT | st.sampled_from(["'; DROP TABLE x --", "\\", "\\'", "a\nb", "{{ x }}", "'''", "\u00a0", "\U0001f600"]))
def test_a_text_literal_is_one_literal_and_survives(value):
    with duckdb.connect() as connection:
        found = connection.execute(to_duckdb(f"SELECT {literal(value)} AS value", {})).fetchone()[0]

    assert found == value


@given(st.decimals(-(10**28), 10**28, places=9))
def test_a_number_keeps_its_digits(value):
    with duckdb.connect() as connection:
        found = connection.execute(to_duckdb(f"SELECT {literal(value)} AS value", {})).fetchone()[0]

    assert found == value


def test_a_moment_is_in_utc():
    summer = datetime(2025, 7, 1, 13, 0, tzinfo=timezone(timedelta(hours=1)))

    assert literal(summer) == "TIMESTAMP '2025-07-01 12:00:00.000000+00:00'"
    assert literal(datetime(2025, 7, 1, 12, tzinfo=UTC)) == literal(summer)
    assert literal(summer.replace(tzinfo=None)) == "DATETIME '2025-07-01 13:00:00.000000'"
    with duckdb.connect() as connection:
        sql = to_duckdb(f"SELECT {literal(summer.replace(tzinfo=None))} AS value", {})
        assert connection.execute(sql).fetchone() == (summer.replace(tzinfo=None),)
    assert literal(Decimal("1E+3")) == "NUMERIC '1000'"
    assert literal(value=False) == "FALSE"
    assert literal(7) == "7"


def test_statements_are_split_at_lines_of_one_semicolon():
    assert statements("SELECT ';'\n  ;  \n\nSELECT 2\n;\n") == ("SELECT ';'", "SELECT 2")


def test_a_line_is_traced_back_through_jinja():
    template = "{% for i in [1, 2, 3] %}\n-- {{ i }}\n{% endfor %}\nSELECT\n    a,\n    b\nFROM t"
    rendered = "-- 1\n-- 2\n-- 3\n\nSELECT\n    a,\n    b\nFROM t"
    line = source_line(template, rendered)

    assert line(6) == 5
    assert line(8) == 7
    assert line(1) in (1, 2, 3)
    assert source_line("a", "a\nb\nc")(3) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT {{ nothing }}", "sql/x.sql:1: 'nothing' is undefined."),
        ("SELECT\n{{ 1 / 0 }}", "sql/x.sql:2: division by zero."),
        ("{% import 'none.sql' as macros %}", "template 'none.sql' does not exist."),
        ("{{ ''.__class__.__mro__ }}", "access to attribute '__class__' of 'str' object is unsafe."),
        ("{{ range(10) | nothing }}", "No filter named 'nothing'."),
    ],
)
def test_what_a_template_may_not_do(tmp_path, text, message):
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "x.sql").write_text(text)
    with pytest.raises(ProjectError) as caught:
        Templates(tmp_path / "sql", {}).render("x.sql")

    assert message in caught.value.message
