"""Whatever lies in sql/ is loaded, or refused with its place: never a bug, never silence, never for long."""

from __future__ import annotations

import os
import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from broken import FOLDERS, assembled
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tiers import NIGHT

from fees_etl import ProjectError, load
from fees_etl.project.template import Templates

SQL = load().root
DIM = "reporting/dim_clients"
WAIVER = "assertion: assert_client_data, reason: x, expires: 2027-01-01"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(12)
)
COLUMNS = "  - {name: client_id, type: STRING, description: x}\n"


@pytest.fixture
def own(tmp_path):
    """A copy of the bundled project."""
    return Path(shutil.copytree(SQL, tmp_path / "sql"))


def refused(root):
    with pytest.raises(ProjectError) as caught:
        load(root.parent)
    return caught.value.message


WORDS = {
    "a bomb of aliases": (BOMB, "more than 50 levels or 200,000 words"),
    "an anchor within itself": ("a: &a [*a]\n", "1: not YAML: more than 50 levels"),
    "too deep": ("a: " + "[" * 60 + "]" * 60, "1: not YAML: more than 50 levels"),
    "a tag of Python": ("a: !!python/object/apply:os.system [x]\n", "1: not YAML: a tag (python/object/apply"),
    "a tag of a text": ("a: !!str 007\n", "1: not YAML: a tag (str); write the value alone, a text in quotes."),
    "a key twice": ("a: 1\n\na: 2\n", "3: not YAML: the key 'a' is there twice."),
    "a list as a key": ("? [a]\n: b\n", "1: not YAML: a key that is no word."),
    "a NUL in quotes": ('a: "x\\0y"\n', "1: not YAML: control characters are not allowed."),
    "a surrogate": ('a: "\\ud800"\n', "1: not YAML: "),
    "two documents": ("a: 1\n---\nb: 2\n", "2: not YAML: "),
    "half a pair of UTF-16": (b"\xff\xfe\x00\xd8\x00", "1: not YAML: "),
    "an impossible day": ("a: 2025-02-30\n", "1: not YAML: 2025-02-30 is no day or time of the calendar."),
    "a name with a blank": ("a b: 1\n", "1: 'a b' is no name: lower case letters, digits and _."),
    "a number as a name": ("7: 1\n", "1: '7' is no name: lower case letters, digits and _."),
    "a merge key": ("x: &x {y: 1}\n<<: *x\n", "2: '<<' is no name: lower case letters, digits and _."),
    "a word of SQL": ("select: 1\n", "1: 'select' is no name: lower case letters, digits and _."),
    "a list": ("- a\n", "the file must be a mapping."),
}


@pytest.mark.parametrize(("text", "said"), WORDS.values(), ids=WORDS)
def test_variables_that_cannot_be(own, text, said):
    (own / "variables.yml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert refused(own).startswith("sql/variables.yml:" + said) or f": {said}" in refused(own)


@pytest.mark.parametrize(
    "value",
    [
        "-1",
        "-0.01",
        "inf",
        ".inf",
        ".nan",
        "nan",
        "1e-2",
        '"1e-2"',
        "\u0660",
        '"\u0660"',
        "1_000",
        "0x1",
        "1:30",
        '" 1 "',
        "yes",
        "9" * 400,
        '"0.0000000001"',
        "[1]",
        "{a: 1}",
        "null",
        "2025-01-01",
        "true",
        "\"0') OR ('1'='1\"",
    ],
)
@pytest.mark.parametrize("name", ["tolerance", "max_lost", "max_rejected"])
def test_pounds_and_shares_are_digits(own, name, value):
    lines = (own / "variables.yml").read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(name))
    lines[at] = f"{name}: {value}"
    (own / "variables.yml").write_text("\n".join(lines))

    assert refused(own).startswith(f"sql/variables.yml:{at + 1}: '{name}' must be ")


def test_a_number_is_exact_and_a_text_is_a_text(own):
    text = (own / "variables.yml").read_text().replace('tolerance: "0"', "tolerance: 0.01")
    (own / "variables.yml").write_text(text + "a: 0.1\nb: 007\nc: no\nd: 12\ne: ~\nf: 2025-01-31\ng: {h: [true]}\n")
    found = load(own.parent).variables

    assert (found["tolerance"], found["a"], found["b"], found["c"]) == (Decimal("0.01"), Decimal("0.1"), "007", "no")
    assert (found["d"], found["e"], str(found["f"]), found["g"]) == (12, None, "2025-01-31", {"h": [True]})


FILES = {
    "a folder": lambda path: path.mkdir(),
    "a pipe": os.mkfifo,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("/nowhere"),
    "an endless device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("make", FILES.values(), ids=FILES)
@pytest.mark.parametrize("name", ["waivers.yml", "variables.yml", "reporting/x.sql", "raw/x.yml", "macros/money.sql"])
def test_what_is_no_file_is_named(own, name, make):
    (own / name).unlink(missing_ok=True)
    make(own / name)
    assert refused(own).startswith((f"sql/{name}: this is no plain file", f"sql/{name}: cannot be read"))


NAMES = {
    "reporting/my-model.sql": "'my-model' is no name",
    "reporting/My.yml": "'My' is no name",
    "reporting/1st.sql": "'1st' is no name",
    "reporting/a b.sql": "'a b' is no name",
    "reporting/été.sql": r"'\xe9t\xe9' is no name",
    "reporting/select.sql": "'select' is no name",
    "my-layer/x.sql": "'my-layer' is no name",
    "information_schema/x.yml": "'information_schema' is no name",
    "assertions/assert'x.sql": '"assert\'x"',
    "reporting/x.yaml": "files end in .sql and .yml: rename it to x.yml.",
    "reporting/x.SQL": "files end in .sql and .yml: rename it to x.sql.",
    "waivers.yaml": "files end in .sql and .yml: rename it to waivers.yml.",
    "x.sql": "nothing is read from here",
    "ops/runs.sql": "models do not go into ops",
    "raw/fees.sql": "models do not go into raw",
    "history/dim_clients.yml": "models do not go into history",
    "reporting/deep/x.sql": "nothing is read from here",
    "assertions/published_before.sql": "the name 'published_before' is taken",
    "assertions/contract_stg_fees.sql": "the name 'contract_stg_fees' is taken",
    "assertions/matches_stg_fees.sql": "the name 'matches_stg_fees' is taken",
}


@pytest.mark.parametrize(("name", "said"), NAMES.items(), ids=NAMES)
def test_a_file_that_would_be_passed_over_is_named(own, name, said):
    (own / name).parent.mkdir(exist_ok=True)
    (own / name).write_text("SELECT client_id FROM staging.stg_fees\n" if name.endswith("sql") else "a: b\n")
    if name.startswith("assertions"):
        (own / name).with_suffix(".yml").write_text("description: x\nseverity: warn\nkey: [client_id]\n")
    assert said.replace('"assert\'x"', "assert'x") in refused(own)


def test_two_tables_of_one_name_are_refused(own):
    (own / "reporting/stg_fees.sql").write_text("SELECT client_id FROM staging.stg_fees\n")
    (own / "reporting/stg_fees.yml").write_text(
        f"description: x\nmaterialized: rebuild\nkey: [client_id]\ncolumns:\n{COLUMNS}"
    )
    assert "the name 'stg_fees' is taken: another table or check is called so." in refused(own)


@pytest.mark.parametrize("name", ["_from_run_id", "_x"])
def test_columns_of_ours_are_no_models(own, name):
    """History puts two of its own beside each column of a model: a run failed on the doubled name."""
    model = own / "reporting/rpt_client_ltv"
    for path in (model.with_suffix(".sql"), model.with_suffix(".yml")):
        path.write_text(path.read_text().replace("ltv_total", name))
    assert f"'{name}' begins with _, as only columns of fees-etl do." in refused(own)


def test_bytes_that_are_no_name(own):
    (own / os.fsdecode(b"reporting/\xff.sql")).write_text("SELECT 1")
    assert refused(own).startswith(r"sql/reporting/\udcff.sql: ")


@pytest.mark.parametrize("text", ["sql/ is a file", "sql/ is a loop"])
def test_a_project_folder_whose_sql_is_none_does_not_mean_the_bundled_one(shell, text):
    Path("own").mkdir()
    if "loop" in text:
        Path("own/sql").symlink_to("sql")
    else:
        Path("own/sql").touch()
    code, _, err = shell("--project-dir", "own", "ls")
    assert (code, "there is no sql/variables.yml here" in " ".join(err.split())) == (2, True)


VALUES = [
    ("STRING", "accepted: [\"O'Brien\", 'a\\b', \"two\\nlines\", '{{ 1 }}', '%']", ""),
    ("DATE", "accepted: [2025-01-31]", ""),
    ("INT64", "accepted: [1, 2]", ""),
    ("NUMERIC", "minimum: -0.10", ""),
    ("NUMERIC", "minimum: 1e3", "'1e3' is no NUMERIC."),
    ("NUMERIC", "maximum: ٣", "'٣' is no NUMERIC."),
    ("INT64", "accepted: [1, one]", "'one' is no INT64."),
    ("DATE", "minimum: 2025-02-30", "'2025-02-30' is no DATE."),
    ("DATE", "maximum: 20250131", "'20250131' is no DATE."),
    ("DATE", "maximum: \"x' OR '1\"", "'x' OR '1' is no DATE."),
    ("BOOL", "accepted: [yes]", "'yes' is no BOOL."),
    ("TIMESTAMP", "minimum: soon", "'soon' is no TIMESTAMP."),
]


@pytest.mark.parametrize(("kind", "test", "said"), VALUES, ids=[f"{kind} {test}" for kind, test, _ in VALUES])
def test_a_column_is_tested_with_values_of_its_type(own, kind, test, said):
    (own / "raw/bills.yml").write_text(
        f"description: x\nkey: [bill]\ncolumns:\n  - {{name: bill, type: {kind}, {test}, description: x}}\n"
    )
    if said:
        assert refused(own) == f"sql/raw/bills.yml:4: {said}"
        return
    (found,) = [one for one in load(own.parent).assertions if one.name == "contract_bills"]
    assert "bill" in found.sql


def test_every_waiver_of_many_has_its_line_at_once(own):
    lines = [f"- {{{WAIVER}, key: [c{number}]}}\n" for number in range(300)]
    (own / "waivers.yml").write_text("".join(lines))
    assert [one.line for one in load(own.parent).waivers] == list(range(1, 301))
    (own / "waivers.yml").write_text("".join(lines) + lines[0])
    assert refused(own) == "sql/waivers.yml:301: there are more than 300 waivers."


TEMPLATES = {
    "itself": ("{% include 'x.sql' %}", "templates include each other in a circle."),
    "a macro of itself": (
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "templates include each other in a circle.",
    ),
    "a power": ("{{ (9 ** 9) ** (9 ** 9) }}", "** makes too much of it."),
    "a product": ("{{ 'x' * 10 ** 11 }}", "* makes too much of it."),
    "a range": ("{% for i in range(10 ** 9) %}{% endfor %}", "Range too big."),
    "ranges": ("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}", "its ranges make more"),
    "much text": ("{% for i in range(99999) %}{{ 'x' * 999 }}{% endfor %}", "it writes more than 16 MiB."),
    "chance": ("{{ [1, 2] | random }}", "No filter named 'random'."),
    "an index": ("\n{{ [][0] }}", "2: list object has no element 0."),
    "another encoding": ("{{ 'é'.encode('ascii') }}", "'ascii' codec can't encode"),
    "nothing called": ("{{ none() }}", "'NoneType' object is not callable."),
    "a folder above": ("{% include '../secret.sql' %}", "template '../secret.sql' does not exist."),
    "a place": ("{% include '/etc/passwd' %}", "template '/etc/passwd' does not exist."),
    "a NUL": ("{% include 'a\\0b' %}", "does not exist."),
    "parentheses": ("{{ " + "(" * 2000 + ")" * 2000 + " }}", ""),
    "tags": ("{% if true %}" * 500 + "{% endif %}" * 500, ""),
}


@pytest.mark.parametrize(("text", "said"), TEMPLATES.values(), ids=TEMPLATES)
def test_a_template_ends_and_says_what_is_wrong(tmp_path, text, said):
    (tmp_path / "sql").mkdir()
    (tmp_path / "secret.sql").write_text("SELECT 1")
    (tmp_path / "sql" / "x.sql").write_text(text)
    with pytest.raises(ProjectError) as caught:
        Templates(tmp_path / "sql", {}).render("x.sql")
    assert caught.value.message.startswith("sql/x.sql")
    assert said in caught.value.message


def test_a_byte_order_mark_is_none_of_the_query(tmp_path):
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "x.sql").write_bytes(b"\xef\xbb\xbfSELECT {{ 1 }}")
    assert Templates(tmp_path / "sql", {}).render("x.sql") == "SELECT 1"


SOUND = next(folder for folder in FOLDERS if folder.name == "sound")
PIECES = st.sampled_from(
    [
        "[",
        "]",
        "{",
        "}",
        ":",
        "- ",
        "? ",
        "&a ",
        "*a",
        "!!int ",
        "!x ",
        "<<: ",
        "---\n",
        "...\n",
        "'",
        '"',
        "\\",
        "\t",
        "\n",
        "|",
        ">-",
        "# ",
        "%",
        "@",
        "`",
        "\ufeff",
        "\x00",
        "\x07",
        "é",
        "\u2028",
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "null",
        "~",
        "yes",
        "010",
        "1e9",
        ".inf",
        "2025-02-30",
        "description",
        "columns",
        "key",
        "type",
        "STRING",
        "SELECT",
        "FROM",
        ";",
        "--",
        "/*",
        "raw.fees",
        "range(9)",
        "*",
        "**",
    ]
)
EDITS = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 12), PIECES | st.text(max_size=4)), min_size=1, max_size=5
)


@settings(max_examples=150 if NIGHT else 50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 99), EDITS, st.binary(max_size=2))
@example(0, [(0, 0, "&a [*a]")], b"")
def test_any_edit_of_any_file_is_loaded_or_refused(tmp_path, which, edits, tail):
    shutil.rmtree(tmp_path / SOUND.name, ignore_errors=True)
    root = assembled(SOUND, tmp_path)
    files = sorted(path for path in root.rglob("*") if path.suffix in {".sql", ".yml"})
    path = files[which % len(files)]
    text = path.read_text()
    for at, gone, piece in edits:
        text = text[:at] + piece + text[at + gone :]
    path.write_bytes(text.encode("utf-8", "surrogatepass") + tail)
    try:
        assert load(root)
    except ProjectError as error:
        assert error.message.startswith("sql/")  # noqa: PT017
