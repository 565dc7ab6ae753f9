"""What YAML may say, and the very line of what it may not."""

from __future__ import annotations

import json
import shutil

import goldens
import jsonschema
import pytest
import yaml

from fees_etl import ProjectError, Table, load
from fees_etl.project.contracts import _Assertion, _Contract, folded
from fees_etl.types import Column, Layout

SQL = load().root
BILLS = Table("raw", "bills")


@pytest.fixture
def said(tmp_path):
    """A function: a project with these files more, loaded."""

    def project(**files):
        for name, text in files.items():
            path = tmp_path / "sql" / f"{name.replace('__', '/')}.yml"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        (tmp_path / "sql" / "variables.yml").touch()
        shutil.copytree(SQL / "materializations", tmp_path / "sql" / "materializations", dirs_exist_ok=True)
        return load(tmp_path)

    return project


@pytest.fixture
def refused(said):
    """A function: what is said of a project with these files, and what to do."""

    def messages(**files):
        with pytest.raises(ProjectError) as caught:
            said(**files)
        return f"{caught.value.message} {caught.value.hint}".strip().splitlines()

    return messages


SOUND = """\
description: One row per bill.
total: pounds
key: [bill]
layouts:
  - files: "v2/**"
    delimiter: ";"
    date_format: DD/MM/YYYY
    columns: {Bill No: bill, "Billed": day}
columns:
  - {name: bill, type: STRING, required_in_file: true, aliases: [Bill Number, billno], description: Number.}
  - {name: day, type: DATE, description: Day.}
  - name: pounds
    type: NUMERIC
    minimum: 0
    maximum: 1000.10
    description: Pounds.
  - {name: billed_at, type: DATETIME, description: "When, on the wall clock."}
  - {name: paid, type: STRING, accepted: [yes, no, 0123, null], description: no}
  - {name: _row, type: INT64, required: true, unique: true, description: Row.}
"""


def test_how_files_look(said):
    found = said(raw__bills=SOUND).sources[BILLS]

    assert (found.total, found.key) == ("pounds", ("bill",))
    assert found.layouts == (Layout("v2/**", ";", "DD/MM/YYYY", {"Bill No": "bill", "Billed": "day"}),)
    assert found.columns[0] == Column(
        "bill", "STRING", description="Number.", required_in_file=True, aliases=("Bill Number", "billno")
    )
    assert found.types["billed_at"] == "DATETIME"


def test_words_are_as_written(said):
    columns = {column.name: column for column in said(raw__bills=SOUND).sources[BILLS].columns}

    assert (columns["pounds"].minimum, columns["pounds"].maximum) == ("0", "1000.10")
    assert (columns["paid"].accepted, columns["paid"].description) == (("yes", "no", "0123", "null"), "no")


def test_a_table_like_another_has_its_columns_but_those_of_the_pipeline(said):
    like = "description: On the way.\nlike: raw.bills\ncolumns:\n  - {name: _row, type: INT64, required: true, description: R.}\n"
    found = said(raw__bills=SOUND, raw__coming=like).sources[Table("raw", "coming")]

    assert list(found.types) == ["bill", "day", "pounds", "billed_at", "paid", "_row"]
    assert [column.name for column in found.columns if column.required] == ["_row"]
    assert not any(column.unique or column.required_in_file or column.aliases for column in found.columns)
    assert (
        list(said(raw__bills=SOUND, raw__coming=like[: like.index("columns")]).sources[found.table].types)[-1] == "paid"
    )


def test_incoming_fees_are_like_fees():
    sources = load().sources
    fees, incoming = (sources[Table("raw", name)] for name in ("fees", "fees_incoming"))

    assert (fees.total, [one.name for one in fees.columns if one.required_in_file]) == (
        "fee_amount",
        [one.name for one in fees.columns if not one.name.startswith("_")],
    )
    assert [(one.name, one.type, one.policy_tag) for one in incoming.columns[:5]] == [
        (one.name, one.type, one.policy_tag) for one in fees.columns[:5]
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("type: NUMERIC", "type: FLOAT64", "13: column 'pounds' has type 'FLOAT64'; known are BOOL, DATE, DATETIME"),
        ("minimum: 0", "minimum: [0]", "14: 'minimum' should be a valid string. Inclusive."),
        ("    type: NUMERIC\n", "", "12: a column needs 'type'."),
        ("    minimum: 0", "    minimun: 0", "14: unknown key 'minimun'. Did you mean minimum?"),
        ("name: bill,", "name: Bill,", "10: 'name' should match pattern '^[a-z_][a-z0-9_]*$'. Lower case letters,"),
        ("name: day,", "name: bill,", "11: a column is there twice."),
        ("required: true", "required: maybe", "19: 'required' should be a valid boolean, unable to interpret input."),
        ("- {name: day, type: DATE, description: Day.}", "- day", "11: a column must be a mapping."),
        ("key: [bill]", "key: bill", "3: 'key' must be a list."),
        ("key: [bill]", "key: [bil]", "3: 'key' names a column that is not there, or one twice."),
        ("total: pounds", "total: bill", "2: 'total' names no NUMERIC column."),
        ("total: pounds", "partition_by: days", "2: 'partition_by' names no DATE column."),
        ("key: [bill]", "key: [bill, bill]", "3: 'key' names a column that is not there, or one twice."),
        ("total: pounds", "partition_by: bill", "2: 'partition_by' names no DATE column."),
        ("total: pounds", "cluster_by: [days]", "2: 'cluster_by' names a column that is not there."),
        ("total: pounds", "like: raw.fees", "2: 'like' names 'raw.fees', which is no other table with columns of its own."),
        ("total: pounds", "like: raw.bills", "2: 'like' names 'raw.bills', which is no other table with columns of its own."),
        ("[Bill Number, billno]", "[bill, 'DA Y']", "10: the alias 'DA Y' of column 'bill' is a name of column 'day', too."),
        ("minimum: 0", "aliases: [BILL_no]", "14: the alias 'BILL_no' of column 'pounds' is a name of column 'bill', too."),
        ('";"', '";;"', "6: 'delimiter' should match pattern"),
        ('";"', '"7"', "6: 'delimiter' should match pattern"),
        ('";"', "'\"'", "6: 'delimiter' should match pattern"),
        ("DD/MM/YYYY", "DD/MM/YY", "7: 'date_format' should match pattern"),
        ('"Billed": day', '"Billed": bill', "8: column 'bill' is there twice."),
        ('"Billed": day', '"Billed": _row', "8: a file has no column '_row'. Known are: bill, billed_at, day, paid, pounds."),
        ('    columns: {Bill No: bill, "Billed": day}', "    columns: [bill]", "8: 'columns' should be a valid dictionary."),
        ('files: "v2/**"', 'file: "v2/**"', "5: unknown key 'file'. Did you mean files?"),
        ("description: Day.", "description: Day., description: Two.", "11: not YAML: the key 'description' is there twice."),
        ("total: pounds", "? [a]\n: b", "2: not YAML: a key that is no word."),
        ("total: pounds", "total: &a [*a]", "2: not YAML: more than 50 levels or 200,000 words; an anchor may hold itself."),
        ("One row per bill.", "", "1: a contract needs 'description'."),
    ],
)  # fmt: skip
def test_the_line_is_the_very_one(refused, old, new, message):
    assert old in SOUND
    assert refused(raw__bills=SOUND.replace(old, new))[0].startswith(
        f"sql/raw/bills.yml:{message}".replace(":not", ": not")
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"description: x\nkey: \x07\n", 2),
        ("description: £\nkey: ££\n".encode("cp1252"), 1),
        ("description: ££\n\n\nkey: \x07\n".encode(), 4),
    ],
)
def test_bytes_that_are_no_text(refused, text, line):
    (said,) = refused(raw__bills=text)

    assert said.startswith(f"sql/raw/bills.yml:{line}: not YAML: ")
    assert said.endswith("Save the file as UTF-8, without control characters.")


@pytest.mark.parametrize("value", ["2025-02-30", "2025-13-01", "2025-01-01 25:00:00"])
def test_an_impossible_day_among_the_variables(refused, value):
    (said,) = refused(variables=f"a: 1\nb: [{value}]\n")

    assert said.startswith("sql/variables.yml:2: not YAML: ")


def test_all_that_is_wrong_is_told_at_once(refused):
    bills = SOUND.replace("NUMERIC", "FLOAT64").replace("type: DATE,", "type: DAY,")
    other = "descripton: x\ncolumns: []\n"

    assert [line.split(": ")[0] for line in refused(raw__bills=bills, raw__other=other, raw__empty="")] == [
        "sql/raw/bills.yml:11", "sql/raw/bills.yml:13", "sql/raw/empty.yml", "sql/raw/other.yml:1", "sql/raw/other.yml",
    ]  # fmt: skip


def test_only_a_source_says_how_files_look(refused, tmp_path):
    shutil.copytree(SQL, tmp_path / "sql")
    path = tmp_path / "sql/staging/stg_fees.yml"
    text = path.read_text().replace("key: [", "total: fee_amount\nlike: raw.fees\nkey: [")
    path.write_text(text.replace("name: fee_date,", "name: fee_date, required_in_file: true, aliases: [x],"))
    found = [line.split(": ")[1] for line in refused() if "is for sources" in line]

    assert [found[0], found[1], *sorted(found[2:])] == [
        f"'{name}' is for sources" for name in ("like", "total", "aliases", "required_in_file")
    ]


WAIVER = '- {assertion: assert_client_data, key: ["0123"], reason: "x", expires: 2027-01-01}\n'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("01-01", "02-30", "2: 'expires' must be a date (YYYY-MM-DD)."),
        ("2027-01-01", "soon", "2: 'expires' must be a date (YYYY-MM-DD)."),
        ('"x"', '"x\x07"', "2: not YAML: control characters are not allowed."),
        ('"x"', '"£500"', "2: not YAML: invalid leading UTF-8 octet."),
        ('"x"', '""', "2: a waiver needs 'reason'."),
        ("0123", '0123", "4', "2: 'key' has 2 values, but 'assert_client_data' needs client_id."),
    ],
)
def test_a_wrong_waiver_has_its_line(refused, tmp_path, old, new, message):
    shutil.copytree(SQL, tmp_path / "sql")
    assert refused(waivers=(WAIVER + WAIVER.replace(old, new)).encode("cp1252"))[0].startswith(
        f"sql/waivers.yml:{message}"
    )


def test_a_waiver_is_as_written(said, tmp_path):
    shutil.copytree(SQL, tmp_path / "sql")
    found = said(waivers=WAIVER + WAIVER.replace('["0123"]', "0123")).waivers

    assert [(one.key, one.line) for one in found] == [(("0123",), 1), (("0123",), 2)]
    with pytest.raises(ProjectError, match=r"sql/waivers.yml: expected a list."):
        said(waivers="assertion: x\n")


def schemas():
    """The JSON schemas by which editors complete and check, by the names of their files."""
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    models = {"assertion.schema.json": _Assertion, "contract.schema.json": _Contract}
    return {name: json.dumps(draft | model.model_json_schema(), indent=2) + "\n" for name, model in models.items()}


@pytest.mark.parametrize("name", schemas())
def test_editors_have_the_schema_of_the_models(name):
    goldens.check(f"../../sql/{name}", schemas()[name])


def test_bundled_files_keep_their_schemas():
    for path in SQL.glob("*/*.yml"):
        schema = schemas()["assertion.schema.json" if path.parent.name == "assertions" else "contract.schema.json"]
        jsonschema.validate(yaml.safe_load(path.read_text()), yaml.safe_load(schema))


def test_sql_that_is_no_text(tmp_path):
    shutil.copytree(SQL, tmp_path / "sql")
    (tmp_path / "sql/reporting/dim_clients.sql").write_bytes(b"SELECT 1\n-- \xa3\n")

    with pytest.raises(ProjectError, match=r"sql/reporting/dim_clients.sql:2: not UTF-8."):
        load(tmp_path)


def test_names_are_compared_without_case_blanks_and_underscores():
    assert {folded(name) for name in ("Fee Date", "fee_date", "FEEDATE", " fee__date ")} == {"feedate"}
