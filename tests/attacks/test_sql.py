"""Kinds B, C and E: functions with what they were not made for, models, macros and assertions that people write."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from attacks import functions, queries
from attacks.attacked import PLANTED, SHOWN, in_time, some

from fees_etl import connect, load
from fees_etl.errors import FeesError
from fees_etl.project.template import Templates
from fees_etl.query import columns, parse

STAGED = "staging.stg_fees"
TOO_SHORT = 10


@pytest.fixture(scope="module")
def asked():
    """A function: what is wrong with what a query comes to, which is rows or an error of ours that shows no number."""
    project = load()
    schema = {table: made.types for table, made in project.contracts.items()}
    with connect("duckdb://") as engine:
        engine.prepare(project.contracts)
        rows = ", ".join(
            f"('{line.split(',')[0]}', '{line.split(',')[1]}', DATE '2025-01-01', 1.5)" for line in PLANTED
        )
        engine.native.execute(f"INSERT INTO raw.fees (client_id, client_nino, fee_date, fee_amount) VALUES {rows}")

        def ask(expression):
            sql = f"SELECT {expression} AS x FROM raw.fees"
            try:
                columns(parse(sql, "x.sql"), schema)
                found = f"{len(engine.query(sql).rows)} rows, or none"
            except FeesError as error:
                found = str(error)
            except Exception as error:  # noqa: BLE001 - what a command would call a bug
                return f"{sql}: {error!r}"
            return f"{sql}: {found}" if SHOWN.search(found) or len(found) < TOO_SHORT else None

        yield ask


def bugs(asked, expressions):
    with in_time(120):
        return [found for found in map(asked, expressions) if found]


@pytest.mark.parametrize("name", functions.FUNCTIONS.split())
def test_functions(asked, name):
    plain = [f"{name}({arguments})" for arguments in functions.ARGUMENTS]
    over = [f"{name}({arguments}) OVER ({window})" for arguments in ("", "fee_amount", "client_id, 1", "client_nino")
            for window in ("PARTITION BY client_id ORDER BY fee_date", "ORDER BY 1 ROWS BETWEEN 1 FOLLOWING AND 2 PRECEDING", "nowhere")]  # fmt: skip
    assert not bugs(asked, [*plain, *over])


@pytest.mark.parametrize("operator", functions.OPERATORS)
def test_operators(asked, operator):
    pairs = itertools.product(functions.KINDS, functions.KINDS)
    assert not bugs(asked, [f"{left} {operator} {right}" for left, right in pairs])


@pytest.mark.parametrize("kind", functions.TYPES)
def test_casts(asked, kind):
    values = (*functions.KINDS, "client_nino", "fee_amount")
    assert not bugs(asked, [f"{word}({value} AS {kind})" for value in values for word in ("CAST", "SAFE_CAST")])


@pytest.mark.parametrize("part", functions.PARTS)
def test_calendars(asked, part):
    shapes = ("EXTRACT({part} FROM {value})", "DATE_TRUNC({value}, {part})", "DATE_DIFF({value}, DATE '2025-01-01', {part})",
              "DATE_ADD({value}, INTERVAL 2 {part})", "TIMESTAMP_SUB({value}, INTERVAL -9223372036854775807 {part})", "LAST_DAY({value}, {part})")  # fmt: skip
    assert not bugs(asked, [shape.format(part=part, value=value) for shape in shapes for value in functions.KINDS])


@pytest.mark.parametrize("sql", queries.STATEMENTS.values(), ids=queries.STATEMENTS)
def test_what_is_no_query_of_a_model(attacked, own, sql):
    (own / "reporting/rpt_odd.sql").write_bytes(
        sql if isinstance(sql, bytes) else sql.encode("utf-8", "surrogateescape")
    )
    told(attacked)


@pytest.mark.parametrize("sql", queries.MODELS.values(), ids=queries.MODELS)
def test_models(attacked, own, sql):
    (own / "reporting/rpt_odd.sql").write_text(sql)
    told(attacked)


def told(attacked):
    """From SQL alone to a contract, a run, and all that is told of it; or a refusal on the way."""
    project = ("--project-dir", "project")
    if attacked("init", "project", "--model", "rpt_odd").code:
        attacked(*project, "render", "rpt_odd")
        return
    done = attacked(*project, "run", "--skip-ingest")
    for words in (("ls", "--lineage", "rpt_odd", "--output", "mermaid"), ("docs", "--out", "docs")):
        attacked(*project, *words)
    if not done.code:
        rows = attacked.ask("FROM reporting.rpt_odd ORDER BY ALL LIMIT 1")
        names = [row[0] for row in attacked.ask("SELECT column_name FROM (DESCRIBE reporting.rpt_odd)")]
        assert not SHOWN.search(str(attacked.ask("FROM reporting.rpt_odd")))
        attacked(*project, "show", "rpt_odd")
        keys = [f"{name}={value}" for name, value in zip(names, rows[0], strict=True)][:2] if rows else ["client_id=C1"]
        for name in names[1:3]:
            attacked(*project, "trace", "rpt_odd", keys[0], "--column", name)
    attacked.left_behind()


@pytest.mark.parametrize("expression", queries.SMUGGLED)
def test_numbers_are_not_smuggled_into_reporting(attacked, own, expression):
    """Refused where it is loaded; what only compares the number, where the project is checked."""
    (own / "reporting/rpt_odd.sql").write_text(
        f"SELECT client_id, {expression} AS odd FROM {STAGED} GROUP BY client_id\n"
    )
    (own / "reporting/rpt_odd.yml").write_text(
        "description: One row per client.\nmaterialized: rebuild\nkey: [client_id]\ncolumns:\n"
        "  - {name: client_id, type: STRING, required: true, description: x}\n  - {name: odd, type: STRING, description: x}\n"
    )
    done = attacked("--project-dir", "project", "run", "--skip-ingest")
    assert done.code == 2 or attacked("--project-dir", "project", "check").code == 1, done.said


@pytest.mark.parametrize("sql", queries.SMUGGLERS)
def test_numbers_are_not_smuggled_by_whole_queries(attacked, own, sql):
    (own / "reporting/rpt_odd.sql").write_text(sql)
    done = attacked("init", "project", "--model", "rpt_odd")
    assert done.code == 2 or attacked("--project-dir", "project", "check").code == 1, done.said


@pytest.mark.parametrize(
    ("name", "severity"),
    [(name, one) for at, name in enumerate(queries.ASSERTIONS) for one in some(["error", "warn"], 2, at)],
)
def test_assertions(attacked, own, name, severity):
    (own / "assertions/assert_odd.sql").write_text(queries.ASSERTIONS[name])
    (own / "assertions/assert_odd.yml").write_text(f"description: Odd.\nseverity: {severity}\nkey: [x]\n")
    for words in (["run", "--skip-ingest"], ["runs", "show", "latest"], ["check"]):
        attacked("--project-dir", "project", *words)
    attacked.left_behind()


@pytest.mark.parametrize("text", queries.TEMPLATES)
def test_templates(tmp_path, text):
    """Whatever a template does, it is text or an error with its place, soon."""
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql/x.sql").write_bytes(text.encode("utf-8", "surrogatepass"))
    with in_time(30):
        try:
            said = Templates(tmp_path / "sql", {"contracts": {}}).render("x.sql")
        except FeesError as error:
            said = str(error) if str(error).startswith("sql/x.sql") else None
    assert isinstance(said, str)


@pytest.mark.parametrize("text", some(queries.TEMPLATES, 5))
def test_templates_in_a_model(attacked, own, text):
    (own / "reporting/rpt_odd.sql").write_bytes(
        f"SELECT client_id, '{text}' AS x FROM {STAGED}".encode("utf-8", "surrogatepass")
    )
    attacked("init", "project", "--model", "rpt_odd")


NAMES = sorted(path.name for path in (load().root / "macros").glob("*.sql"))


@pytest.mark.parametrize(
    ("name", "what"), [(name, what) for at, name in enumerate(NAMES) for what in some(queries.MACROS, 2, at)]
)
def test_macros(attacked, own, name, what):
    text = queries.MACROS[what]
    before = (own / "macros" / name).read_text()
    (own / "macros" / name).write_text(text.format(before=before) if "{before}" in text else text)
    assert Path("project").is_dir()
    attacked("--project-dir", "project", "run", "--skip-ingest", "--rehearse")
