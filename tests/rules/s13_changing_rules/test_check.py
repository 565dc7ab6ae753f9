"""``check``: one edit a rule, what it finds, where, and how it is waived."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import places
import pytest

from fees_etl.project import check
from fees_etl.project.files import Document

MODEL = "description: One row per client.\nmaterialized: rebuild\nowner: us\nkey: [client_id]\ncolumns:\n  - {name: client_id, type: STRING, required: true, description: A client.}\n"
STAGED = "SELECT client_id FROM staging.stg_fees GROUP BY client_id\n"
RAW = "SELECT CONCAT(client_id, 'x') AS client_id FROM raw.fees GROUP BY client_id\n"


@pytest.fixture
def own(shell):
    shutil.copytree(places.ROOT / "sql", "sql")
    shutil.copytree(places.ROOT / "tests/models", "tests/models")
    return shell


def add(**files):
    for name, text in files.items():
        path = Path("sql", name.replace("__", "/").replace("_yml", ".yml").replace("_sql", ".sql"))
        path.write_text(text)


def edit(name, old, new, count=-1):
    path = Path("sql", name)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def findings(shell, *args):
    code, out, err = shell("check", "--output", "json", *args)
    told = [
        (one["rule"], one["subject"], f"{one['path']}:{one['line']}" if one["line"] else one["path"])
        for one in json.loads(out)["findings"]
        if not one["waived"]
    ]
    return code, told, err


def test_to_count_numbers_and_to_ask_whether_there_is_one_is_no_finding(own):
    sql = "SELECT client_id, COUNT(DISTINCT n) AS total, COUNTIF(n IS NULL) AS missing FROM (SELECT client_id, client_nino AS n FROM staging.stg_fees WHERE client_nino IS NOT NULL) GROUP BY client_id\n"
    columns = "".join(f"  - {{name: {one}, type: INT64, description: How many.}}\n" for one in ("total", "missing"))
    add(reporting__rpt_x_sql=sql, reporting__rpt_x_yml=MODEL + columns)
    assert not [one for one in findings(own)[1] if one[0] == "privacy"]


def test_the_bundled_project_keeps_its_own_rules(shell):
    code, told, err = findings(shell)
    assert (code, told, err) == (0, [], "")


def looks_at(sql):
    """A report whose client_id comes of looking at NINOs."""
    return (
        lambda: add(reporting__rpt_x_sql=f"{sql}\n", reporting__rpt_x_yml=MODEL),
        ("privacy", "reporting.rpt_x.client_id", "sql/reporting/rpt_x.yml:6"),
    )


FOUND = {
    "a reporting model of another name": (
        lambda: add(reporting__kpi_sql=STAGED, reporting__kpi_yml=MODEL),
        ("names", "reporting.kpi", "sql/reporting/kpi.yml:1"),
    ),
    "a staging model that reads staging": (
        lambda: add(staging__stg_more_sql=STAGED, staging__stg_more_yml=MODEL, reporting__rpt_more_sql="SELECT client_id FROM staging.stg_more", reporting__rpt_more_yml=MODEL),
        ("layers", "staging.stg_more", "sql/staging/stg_more.sql"),
    ),
    "a BOOL that does not say so": (
        lambda: add(reporting__rpt_x_sql="SELECT client_id, COUNT(*) > 1 AS more FROM staging.stg_fees GROUP BY client_id\n", reporting__rpt_x_yml=MODEL + "  - {name: more, type: BOOL, description: Whether.}\n"),
        ("names", "reporting.rpt_x.more", "sql/reporting/rpt_x.yml:7"),
    ),
    "a NINO that is rebuilt by a join": looks_at("SELECT n AS client_id FROM staging.stg_fees AS s JOIN UNNEST(['A', 'B']) AS n ON s.client_nino = n GROUP BY n"),
    "a NINO that is rebuilt place by place": looks_at("SELECT CASE SUBSTR(client_nino, 1, 1) WHEN 'A' THEN 'A' ELSE 'B' END AS client_id FROM staging.stg_fees GROUP BY client_id"),
    "a rank of NINOs": looks_at("SELECT CAST(ROW_NUMBER() OVER (ORDER BY client_nino) AS STRING) AS client_id FROM staging.stg_fees"),
    "a row for each NINO": looks_at("SELECT client_id FROM staging.stg_fees GROUP BY client_id, client_nino"),
    "the first of the NINOs": looks_at("SELECT client_id FROM staging.stg_fees ORDER BY client_nino LIMIT 1"),
    "a NINO told by a comparison": looks_at("SELECT MAX(CAST(client_nino LIKE 'QQ1%' AS STRING)) AS client_id FROM staging.stg_fees"),
    "no grain": (
        lambda: edit("reporting/dim_clients.yml", "One row per client.", "Clients."),
        ("descriptions", "reporting.dim_clients", "sql/reporting/dim_clients.yml:2"),
    ),
    "a description that says the name": (
        lambda: edit("reporting/dim_clients.yml", "Month of the first fee as YYYY-MM.", "Cohort month."),
        ("descriptions", "reporting.dim_clients.cohort_month", "sql/reporting/dim_clients.yml:11"),
    ),
    "a description still to be written": (
        lambda: edit("reporting/dim_clients.yml", "Month of the first fee as YYYY-MM.", '"TODO: say what it is."'),
        ("descriptions", "reporting.dim_clients.cohort_month", "sql/reporting/dim_clients.yml:11"),
    ),
    "a key that may be NULL": (
        lambda: edit("reporting/dim_clients.yml", "type: STRING, required: true, unique", "type: STRING, unique"),
        ("keys", "reporting.dim_clients.client_id", "sql/reporting/dim_clients.yml:8"),
    ),
    "no case": (
        lambda: shutil.rmtree("tests/models/dim_clients"),
        ("cases", "reporting.dim_clients", "sql/reporting/dim_clients.sql"),
    ),
    "no owner": (
        lambda: edit("reporting/dim_clients.yml", "owner: fee-data\n", ""),
        ("owner", "reporting.dim_clients", "sql/reporting/dim_clients.yml:1"),
    ),
    "a macro that nothing uses": (
        lambda: add(macros__more_sql="{# idle() is not used. -#}\n{% macro idle(x) -%}\n{{ x }}\n{%- endmacro %}\n"),
        ("macros", "idle", "sql/macros/more.sql:2"),
    ),
    "a variable that nothing uses": (
        lambda: edit("variables.yml", "tolerance:", "max_age: 12\ntolerance:"),
        ("variables", "max_age", "sql/variables.yml:3"),
    ),
    "a variable that only a comment names": (
        lambda: (edit("variables.yml", "tolerance:", "max_age: 12\ntolerance:"), edit("reporting/dim_clients.sql", "SELECT", "-- max_age\nSELECT", 1)),
        ("variables", "max_age", "sql/variables.yml:3"),
    ),
    "a column of files that nothing reads": (
        lambda: edit("raw/fees.yml", "  - {name: _source_file", "  - {name: note, type: STRING, description: Free text.}\n  - {name: _source_file"),
        ("dead_columns", "raw.fees.note", "sql/raw/fees.yml:13"),
    ),
    "a staged column that nothing reads": (
        lambda: (edit("staging/stg_fees.sql", "    fee_amount\nFROM ranked", "    fee_amount,\n    place AS nth\nFROM ranked"), edit("staging/stg_fees.yml", "  - {name: fee_amount,", "  - {name: nth, type: INT64, description: Place.}\n  - {name: fee_amount,"), edit("staging/stg_fees.sql", "    fee_amount,\n    place AS nth\nFROM", "    place AS nth,\n    fee_amount\nFROM")),
        ("dead_columns", "staging.stg_fees.nth", "sql/staging/stg_fees.yml:18"),
    ),
    "a staged table that no report reads": (
        lambda: add(staging__stg_more_sql=RAW, staging__stg_more_yml=MODEL),
        ("dead_tables", "staging.stg_more", "sql/staging/stg_more.sql"),
    ),
}  # fmt: skip
WARNED = {"descriptions", "cases", "owner", "dead_tables"}


@pytest.mark.parametrize("name", FOUND)
def test_what_a_rule_finds_and_how_it_is_waived(own, name):
    change, wanted = FOUND[name]
    change()
    rule, subject, place = wanted

    code, told, err = findings(own)

    assert wanted in told
    assert {one for one, *_ in told} <= {rule, "cases"}, "nothing else but that a new model has no case"
    assert code == (0 if rule in WARNED else 1)
    assert not err or place in err.replace("\n             ", "")
    add(waivers_yml=f"- {{assertion: check_{rule}, key: ['{subject}'], reason: known, expires: 2099-01-01}}\n")
    code, told, _ = findings(own)
    assert (code, wanted in told) == (0, False)
    assert "known (until 2099-01-01)" in " ".join(own("check")[1].split())
    edit("waivers.yml", "2099", "2009")
    assert findings(own)[1].count(wanted) == 1


def test_waivers_that_waive_nothing_are_named_and_runs_do_not_mind_them(own):
    add(waivers_yml="- {assertion: check_names, key: [reporting.x], reason: known, expires: 2099-01-01}\n")
    code, out, _ = own("check")
    assert (code, "unused waiver: sql/waivers.yml:1 waives nothing: reporting.x" in out) == (0, True)
    code, out, _ = own("run")
    assert (code, "waiver" in out) == (0, False)


def test_machines_are_told_too(own):
    FOUND["a macro that nothing uses"][0]()
    FOUND["no owner"][0]()
    code, out, _ = own("check", "--output", "sarif", "--junit", "check.xml")
    told = json.loads(out)

    assert (code, told["version"]) == (1, "2.1.0")
    (run,) = told["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rule["fullDescription"]["text"].endswith(".") for rule in rules)
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
    assert {(one["ruleId"], one["level"], one["locations"][0]["physicalLocation"]["region"]["startLine"]) for one in run["results"]} == {
        ("owner", "warning", 1), ("macros", "error", 2),
    }  # fmt: skip
    (suite,) = ET.parse("check.xml").getroot()
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "1")


def test_rules_are_data(own):
    FOUND["a macro that nothing uses"][0]()
    edit("checks.yml", "macros:\n  severity: error", "macros:\n  severity: off")
    assert findings(own)[:2] == (0, [])
    edit("checks.yml", "(dim|fct|rpt)_.+", "fact_.+")
    assert {one[0] for one in findings(own)[1]} == {"names"}
    Path("sql/checks.yml").unlink()
    assert {one[0] for one in findings(own)[1]} == {"macros"}, "those of the bundled project"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("layers:", "layer:", "sql/checks.yml:3: there is no rule 'layer'. Did you mean layers?"),
        ("severity: error", "severity: fatal", "sql/checks.yml:4: severity is"),
        ("(dim|fct|rpt)_.+", "(dim_.+", "sql/checks.yml:10: no pattern"),
        ("  reason: Somebody", "  reson: Somebody", "sql/checks.yml:23: unknown key 'reson'"),
    ],
)  # fmt: skip
def test_rules_that_are_wrong_are_refused_with_their_line(own, old, new, said):
    edit("checks.yml", old, new, 1)
    code, _, err = own("check")
    assert (code, said in " ".join(err.split())) == (2, True), err


def test_only_what_is_selected_is_checked_but_for_what_has_no_table(own):
    for name in ("no owner", "a macro that nothing uses", "no case"):
        FOUND[name][0]()
    assert {one[0] for one in findings(own, "--select", "rpt_client_ltv")[1]} == {"macros"}
    assert {one[0] for one in findings(own, "--select", "dim_clients")[1]} == {"macros", "owner", "cases"}


def test_a_contract_is_read_once_whatever_is_found_in_it(own, monkeypatch):
    """A table of thousands of columns without a description took minutes: it was read again for each."""
    names = [f"c{number}" for number in range(200)]
    listed = "".join(f"  - {{name: {name}, type: INT64, description: TODO}}\n" for name in names)
    add(
        reporting__rpt_wide_sql=f"SELECT client_id, {', '.join(f'COUNT(*) AS {name}' for name in names)} FROM staging.stg_fees GROUP BY client_id\n"
    )
    add(
        reporting__rpt_wide_yml=MODEL.replace("per client", "per client, wide")
        + listed.replace("TODO", '"TODO: say what it is."')
    )
    read = []
    monkeypatch.setattr(check, "Document", lambda root, name: read.append(name) or Document(root, name))
    code, told, _ = findings(own)
    assert code == 0
    assert [subject for rule, subject, _ in told if rule == "descriptions"] == [
        f"reporting.rpt_wide.{name}" for name in names
    ]
    assert len(read) < len(names)
