"""SPEC 11: from a number to its lines, and back; lines that differ from their files are named."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import places
import pytest
from pipeline import LENIENT, Pipeline
from shells import put
from worlds import HARD

from fees_etl import GuardRefused
from fees_etl.explain.fate import fate
from fees_etl.explain.trace import trace
from fees_etl.ingestion import compare

ADVISER = ("trace", "rpt_adviser_ltv", "adviser_id=1", "--column", "total_client_ltv_6_month")
HEADER = [
    "fee_id", "client_id", "adviser_id", "fee_date", "fee_amount", "contribution", "source_file", "source_version", "source_row",
]  # fmt: skip
LINES = [
    "C1,QQ123456A,A1,2025-01-01,100.00\n",  # 1: the first
    "C1,QQ123456A,A1,2025-01-01,100.00\n",  # 2: again
    "C1,QQ123456A,A2,2025-08-01,7.50\n",  # 3: outside of six months
    "C2,QQ123456B,A1,2025-01-15,-5\n",  # 4: a refund
    ",QQ123456B,A1,2025-01-15,3\n",  # 5: blank
    "C2,QQ123456B,A1,soon,3\n",  # 6: cannot be typed
    "C3,QQ123456C,A2,2025-02-01,0.000000001\n",  # 7
    *(f"D{number},QQ{200000 + number}A,A3,2025-03-01,1\n" for number in range(60)),
]


@pytest.fixture
def world(shell):
    put("fees.csv", *LINES)
    assert shell("run", "--source", "lake/*.csv")[0] == 0
    return shell


def lines_of(out):
    return list(csv.DictReader(io.StringIO(out)))


@pytest.mark.skipif(places.REAL is None, reason="the real file is not here")
def test_the_leader_of_the_real_file(shell):
    assert shell("run", "--source", str(places.REAL))[0] == 0
    code, out, _ = shell(*ADVISER, "--output", "csv")
    found = lines_of(out)
    assert (code, list(found[0])) == (0, HEADER)
    assert sum(Decimal(one["contribution"]) for one in found) == Decimal("103588.52")
    inside = shell.ask(
        "SELECT f.fee_id FROM reporting.dim_clients c JOIN staging.stg_fees f USING (client_id)"
        " WHERE c.first_adviser_id = '1' AND f.fee_date < c.first_fee_date + INTERVAL 6 MONTH"
    )
    assert sorted(one["fee_id"] for one in found) == sorted(fee for (fee,) in inside)


def test_a_tree_whose_pounds_add_up(world):
    code, out, _ = world("trace", "rpt_adviser_ltv", "adviser_id=A1", "--column", "total_client_ltv_6_month")
    assert code == 0
    file = world.folder.resolve() / "lake/fees.csv"
    assert out.splitlines() == [
        "reporting.rpt_adviser_ltv, adviser_id A1: total_client_ltv_6_month is 95.00",
        "the sum of 2 fees",
        "  reporting.rpt_client_ltv C1: 100.00",
        f"    100.00  {file}:1",
        "  reporting.rpt_client_ltv C2: -5.00",
        f"    -5.00  {file}:4",
    ]


def test_a_document_and_a_file(world):
    asked = ("trace", "rpt_client_ltv", "client_id=C1", "--column", "ltv_total")
    document = json.loads(world(*asked, "--output", "json")[1])
    assert [document[name] for name in ("schema", "table", "key", "column", "value", "additive", "total")] == [
        "fees-etl/trace/1", "reporting.rpt_client_ltv", {"client_id": "C1"}, "ltv_total", "107.50", True, "107.50",
    ]  # fmt: skip
    assert [list(one) for one in document["fees"]] == [HEADER, HEADER]
    assert [(one["contribution"], one["source_row"]) for one in document["fees"]] == [("100.00", 1), ("7.50", 3)]
    assert [one["source_row"] for one in lines_of(world(*asked, "--output", "csv")[1])] == ["1", "3"]


def test_what_is_no_sum_has_operands(world):
    asked = ("trace", "rpt_adviser_ltv", "adviser_id=A1", "--output", "json", "--column")
    mean = json.loads(world(*asked, "avg_client_ltv_6_month")[1])
    assert (mean["value"], mean["additive"], mean["total"], mean["fees"]) == ("47.50", False, None, [])
    assert mean["operands"] == [{"total_client_ltv_6_month": "95.00", "client_count": 2}]
    rank = json.loads(world(*asked, "rank_by_ltv_6_month")[1])
    assert [one["total_client_ltv_6_month"] for one in rank["operands"]] == ["95.00", "0.000000001", "60.00"]
    members = json.loads(world(*asked, "complete_client_count_6_month")[1])
    assert [one["is_complete_6_month"] for one in members["operands"]] == [True, True]


def test_a_number_of_rows_beyond_any_table_is_a_misuse(world):
    for line in (["show", "rpt_client_ltv"], ["files"]):
        assert world(*line, "--limit", "9" * 20)[0] == 2


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["rpt_adviser"], "no table is called 'rpt_adviser'"),
        (["lake/a.csv"], "lake/a.csv is a file, and its lines are traced one by one"),
        (["rpt_adviser_ltv", "adviser_id=A9", "--column", "client_count"], "no row of reporting.rpt_adviser_ltv is so"),
        (["rpt_adviser_ltv", "--column", "client_count"], "more than one row of reporting.rpt_adviser_ltv is so"),
        (["rpt_adviser_ltv", "adviser_id=A1"], "reporting.rpt_adviser_ltv has 5 columns of pounds"),
        (["rpt_adviser_ltv", "adviser_id=A1", "--column", "clients"], "has no column 'clients'"),
        (["rpt_adviser_ltv", "adviser=A1", "--column", "client_count"], "has no column 'adviser'"),
        (["stg_fees", "client_id=C3", "--column", "client_nino"], "client_nino has a policy tag"),
        (["raw.fees", "client_id=C3"], "raw.fees is written by no model"),
        (["fees.csv:68"], "has no record 68: it has 67"),
        (["fees.csv:0"], "has no record 0: it has 67"),
        (["gone.csv:1"], "no file 'gone.csv' was ever seen"),
    ],
)
def test_what_is_not_there_is_said(world, args, said):
    code, out, err = world("trace", *args)
    assert (code, out) == (2, "")
    assert said.casefold() in " ".join(err.split()).casefold()


def test_what_became_of_each_line(world):
    def told(row, file="fees.csv"):
        return json.loads(world("trace", f"{file}:{row}", "--output", "json")[1])

    ends = {row: told(row)["fate"] for row in range(1, 8)}
    assert ends == {1: "staged", 2: "duplicate", 3: "staged", 4: "staged", 5: "blank", 6: "rejected", 7: "staged"}
    assert told(2)["kept"].endswith("lake/fees.csv:1")
    assert "fee_date" in told(6)["why"]
    assert {(one["table"], *one["key"].values(), one["column"]): one["pounds"] for one in told(3)["numbers"]} == {
        ("reporting.rpt_client_ltv", "C1", "ltv_total"): "7.50",
        ("reporting.rpt_adviser_ltv", "A1", "total_client_ltv_all_time"): "7.50",
    }
    put("late.csv", "C9,QQ123459A,A1,2025-05-01,1\n")
    assert world("ingest", "lake/*.csv")[0] == 0
    assert told(1, "late.csv")["fate"] == "pending"
    put("fees.csv", *LINES[:-1])
    assert world("run", "--source", "lake/*.csv")[0] == 0
    assert told(67)["fate"] == "superseded"
    put("bad.csv", "x\n", header="nothing\n")
    assert world("ingest", "lake/*.csv")[0] == 3
    assert told(1, "bad.csv")["fate"] == "refused"
    (world.folder / "lake/late.csv").unlink()
    (world.folder / "lake/bad.csv").unlink()
    assert world("run", "--source", "lake/*.csv", "--allow-withdraw")[0] == 0
    assert told(1, "late.csv")["fate"] == "withdrawn"


def test_verify_reads_the_lines_again(world):
    asked = ("trace", "rpt_adviser_ltv", "adviser_id=A1", "--column", "total_client_ltv_6_month", "--verify")
    code, out, _ = world(*asked)
    assert (code, out.splitlines()[-1]) == (0, "Verified: the files say the same.")
    put("fees.csv", LINES[0].replace("100.00", "100.01"), *LINES[1:])
    code, out, err = world(*asked)
    assert (code, "lake/fees.csv:1: fee_amount is 100.00 in raw and 100.01 in the file" in out) == (1, True)
    assert "fees.csv:1: fee_amount" in " ".join(err.split())
    assert "is gone: its rows are compared with those of now" in out
    assert world("trace", "fees.csv:1", "--verify")[0] == 1
    assert world("trace", "fees.csv:4", "--verify")[0] == 1  # that version is gone
    (world.folder / "lake/fees.csv").unlink()
    code, out, _ = world(*asked, "--output", "json")
    assert (code, [one.split(" is gone")[0].rpartition("/")[2] for one in json.loads(out)["gone"]]) == (1, ["fees.csv"])


def test_files_that_may_not_be_read_are_not_said_to_be_gone(world, monkeypatch):
    def closed(*_):
        raise GuardRefused("gs://lake/ cannot be read: 403.", hint="Grant it, then run the same command again.")

    monkeypatch.setattr(compare, "ingest", closed)
    code, out, err = world("trace", "fees.csv:1", "--verify")
    assert (code, "gone" in out + err) == (4, False)


def test_a_table_that_was_written_to_by_hand_is_no_sum_of_its_fees(world):
    import duckdb

    with duckdb.connect("fees.duckdb") as warehouse:
        warehouse.execute("UPDATE reporting.rpt_client_ltv SET ltv_total = 108 WHERE client_id = 'C1'")
    code, out, err = world("trace", "rpt_client_ltv", "client_id=C1", "--column", "ltv_total")
    assert (code, out) == (1, "")
    assert "add up to 107.5" in " ".join(err.split())


OWN = """
WITH monthly AS (
    SELECT fees.adviser_id, DATE_TRUNC(fees.fee_date, MONTH) AS month, SUM(fees.fee_amount) AS pounds
    FROM staging.stg_fees AS fees
    GROUP BY fees.adviser_id, month
),

best AS (
    SELECT monthly.adviser_id, monthly.pounds
    FROM monthly
    QUALIFY ROW_NUMBER() OVER (PARTITION BY monthly.adviser_id ORDER BY monthly.pounds DESC, monthly.month) <= 2
),

both AS (
    SELECT best.adviser_id, best.pounds FROM best
    UNION ALL
    SELECT ltv.adviser_id, -ltv.total_client_ltv_1_month FROM reporting.rpt_adviser_ltv AS ltv
)

SELECT both.adviser_id, SUM(both.pounds) AS best_pounds FROM both GROUP BY both.adviser_id
"""


def test_a_model_of_ones_own(shell):
    assert shell("init", "own")[0] == 0
    folder = shell.folder / "own/sql/reporting"
    (folder / "rpt_best.sql").write_text(OWN)
    (folder / "rpt_best.yml").write_text(
        "description: One row per adviser. The two best months without the first ones.\n"
        "materialized: rebuild\nkey: [adviser_id]\ncolumns:\n"
        "  - {name: adviser_id, type: STRING, required: true, description: Adviser.}\n"
        "  - {name: best_pounds, type: NUMERIC, description: Pounds.}\n"
    )
    put("fees.csv", *LINES)
    own = ("--project-dir", "own")
    assert shell(*own, "run", "--source", str(shell.folder / "lake/*.csv"))[0] == 0
    code, out, err = shell(*own, "trace", "rpt_best", "adviser_id=A2", "--output", "json")
    assert code == 0, err
    found = json.loads(out)
    assert (found["value"], found["total"]) == ("7.50", "7.50")
    added = sorted((one["source_row"], one["contribution"]) for one in found["fees"])
    assert added == [(3, "7.50"), (7, "-0.000000001"), (7, "0.000000001")]


def numbers(pipeline):
    """Every cell of every published table that is a sum of fees, with its trace."""
    project, engine = pipeline.project, pipeline.engine
    for model in project.models.values():
        made = model.contract
        for row in engine.query(f"SELECT {', '.join(made.key)} FROM {made.table}").rows:
            where = {name: str(value) for name, value in zip(made.key, row, strict=True)}
            for column in made.columns:
                if not column.policy_tag:
                    yield trace(project, engine, made, where, column.name)


def test_every_cell_of_every_table(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        rows = HARD[:6]
        pipeline.all(fees=[*rows, *rows[:2]])
        found = list(numbers(pipeline))
    sums = [one for one in found if one.additive]
    assert all(one.total == one.value == sum(line.contribution for line in one.fees) for one in sums)
    assert {(one.table.name, one.column) for one in sums} == {
        ("stg_fees", "fee_amount"),
        *(("rpt_client_ltv", name) for name in ("ltv_1_month", "ltv_3_month", "ltv_6_month", "ltv_total")),
        *(("rpt_adviser_ltv", f"total_client_ltv_{name}") for name in ("1_month", "3_month", "6_month", "all_time")),
        *(("rpt_cohort_ltv", f"total_ltv_{name}_month") for name in (1, 3, 6)),
    }
    assert all(one.operands.rows for one in found if not one.additive)


def test_the_sums_named_for_a_line_are_those_that_change_without_it(tmp_path):
    """Fees whose removal moves no first date and no adviser: the pounds are the difference, and nothing else moves."""
    rows = HARD[:9]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with Pipeline(tmp_path / "a", **LENIENT) as pipeline:
        pipeline.all(fees=rows)
        before = _sums(pipeline)
        named = {}
        for row in (3, 6, 9):
            said = fate(pipeline.project, pipeline.engine, "fees.csv", row)
            named[row] = {(one.table, tuple(one.key.values()), one.column): one.pounds for one in said.numbers}
    for row, wanted in named.items():
        with Pipeline(tmp_path / "b", **LENIENT) as pipeline:
            pipeline.all(fees=[one for at, one in enumerate(rows, 1) if at != row])
            after = _sums(pipeline)
        assert wanted == {place: before[place] - after[place] for place in before if before[place] != after.get(place)}


def _sums(pipeline):
    found = {}
    for model in pipeline.project.models.values():
        names = [one for one in model.contract.types if one.startswith(("ltv_", "total_"))]
        for name in names:
            sql = f"SELECT {', '.join(model.contract.key)}, {name} FROM {model.table}"
            found |= {(str(model.table), tuple(row[:-1]), name): row[-1] for row in pipeline.engine.query(sql).rows}
    return found
