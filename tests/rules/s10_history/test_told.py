"""What changed is told: diff, show and runs show on a screen of any width, as documents, as a notice and as CSV."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest
from pipeline import Pipeline
from shells import CONFLICT, MORE, change, put
from worlds import charge

from fees_etl.cli import diff as screens
from fees_etl.cli.runs import recorded
from fees_etl.cli.session import emit
from fees_etl.cli.text import grid, table, width
from fees_etl.runs import ledger

BUNDLED = Path(__file__).parents[3] / "sql"
TOUCH = Path("sql/reporting/dim_clients.sql")


def document(shell, *args, schema=None):
    code, out, err = shell(*args, "--output", "json")
    assert code == 0, err
    found = json.loads(out)
    if schema:
        jsonschema.validate(found, json.loads((Path(screens.__file__).parent / f"{schema}.schema.json").read_text()))
    return found


@pytest.fixture
def edited(fed):
    """Two runs: the second has another file, and the rule of the first touch is another."""
    shutil.copytree(BUNDLED, "sql")
    put("good.csv", "C1,QQ123456A,A1,2025-01-01,100.00\nC1,QQ123456A,A2,2025-02-01,50.50\n")
    assert fed("run", "--source", "lake/*.csv", "--allow-withdraw")[0] == 0
    TOUCH.write_text(TOUCH.read_text().replace("fee_date ASC", "fee_date DESC"))
    return fed


def test_one_edited_line_is_named_by_plan_rehearsal_run_diff_and_the_ledger_alike(edited):
    planned = document(edited, "plan")
    rehearsed = document(edited, "run", "--skip-ingest", "--rehearse", schema="run")
    assert planned["sql"] == rehearsed["sql"] == ["reporting.dim_clients"]
    published = document(edited, "run", "--skip-ingest", schema="run")
    assert published["status"] == "published"
    assert published["tables"] == rehearsed["tables"]
    found = document(edited, "diff", "previous", "latest", schema="diff")
    (kept,) = document(edited, "runs", "show", "latest", schema="runs")["runs"]
    assert found["sql"] == kept["sql"] == ["reporting.dim_clients"]
    assert found["tables"] == kept["tables"] == published["tables"]
    assert kept["published"] == published["published"]
    assert kept["left_out"] == published["left_out"]
    assert {one["name"] for one in kept["assertions"] if one["failing"]} == {"assert_attribution"}
    assert document(edited, "plan")["sql"] == []
    queries = edited.ask(
        "SELECT query FROM ops.sql WHERE name = 'reporting.dim_clients' ORDER BY _to_run_id NULLS LAST"
    )
    assert ["fee_date DESC" in query for (query,) in queries] == [False, True]


def test_of_what_a_first_run_has_changed_a_warehouse_is_asked_nothing(tmp_path):
    class Asked(SimpleNamespace):
        def __getattr__(self, name):
            return getattr(self.engine, name)

        def answers(self, asks, watch=None):
            asks = list(asks)
            assert asks, "BigQuery would be sent no query at all"
            return self.engine.answers(asks, watch)

    with Pipeline(tmp_path) as pipeline:
        ran = pipeline.all(good=[charge("C1", "A1", date(2025, 1, 1), 100)])
        assert recorded(pipeline.project, Asked(engine=pipeline.engine), ran.run_id)[0]["tables"] == []


def test_comments_and_layout_are_no_other_sql_and_a_kept_text_is_not_kept_again(edited):
    TOUCH.write_text("-- a word\n" + TOUCH.read_text().replace("fee_date DESC", "fee_date   ASC"))
    before = edited.ask("SELECT COUNT(*) FROM ops.sql")
    assert document(edited, "run", "--skip-ingest")["sql"] == []
    assert edited.ask("SELECT COUNT(*) FROM ops.sql") == before


def test_a_model_that_was_not_selected_keeps_the_sql_it_was_published_by(edited):
    edited("run", "--skip-ingest")
    cohorts = Path("sql/reporting/rpt_cohort_ltv.sql")
    cohorts.write_text(cohorts.read_text().replace("COUNT(*) AS client_count", "COUNT(cohort_month) AS client_count"))
    assert document(edited, "run", "--skip-ingest", "--select", "rpt_adviser_ltv")["sql"] == []
    assert document(edited, "run", "--skip-ingest")["sql"] == ["reporting.rpt_cohort_ltv"]


def test_a_rejected_run_keeps_its_rows_masked_and_tells_them_again(fed):
    put("conflict.csv", CONFLICT)
    code, live, _ = fed("run", "--source", "lake/*.csv")
    assert code == 1
    (kept,) = document(fed, "runs", "show", "latest", schema="runs")["runs"]
    (failed,) = [one for one in kept["assertions"] if one["failing"]]
    assert [one["client_nino"] for one in failed["rows"]] == ["QQ******A", "QQ******D", None]
    assert not re.search(r"QQ\d{6}", str(fed.ask("SELECT * FROM ops.runs")))
    told = fed("runs", "show", "latest")[1]
    for section in ("From the files to staging", "If it were published"):
        wanted = live[live.index(section) :].split("\n\n")[0]
        assert wanted in told
    assert "FAIL assert_client_data: 3 rows" in told


def test_a_refused_attempt_is_told_with_its_reason(fed):
    put("odd.csv", "x\n", header="a,b\n")
    assert fed("run", "--source", "lake/*.csv")[0] == 3
    (kept,) = document(fed, "runs", "show", "latest", schema="runs")["runs"]
    assert (kept["status"], kept["tables"], kept["sql"]) == ("refused", [], [])
    assert "odd.csv" in kept["error"]


def test_runs_show_asks_for_one_row_of_the_ledger(fed, monkeypatch):
    put("more.csv", MORE)
    fed("run", "--source", "lake/*.csv")
    asked, history = [], ledger.history
    monkeypatch.setattr(ledger, "history", lambda *args, **more: asked.append(more) or history(*args, **more))
    (newest,), (before,) = (document(fed, "runs", "show", word)["runs"] for word in ("latest", "previous"))
    assert [one["run_id"] for one in asked] == [newest["run_id"], before["run_id"]]
    assert [cause["rows_added"] for cause in newest["causes"]] == [1, 1]
    assert document(fed, "runs", schema="runs")["runs"][0].keys() <= newest.keys()
    code, _, err = fed("runs", "show", "2")
    assert (code, "2 runs begin with '2'" in err) == (2, True)


def test_a_notice_for_finance_has_totals_what_moved_and_the_rules(edited):
    edited("run", "--skip-ingest")
    code, out, _ = edited("diff", "previous", "latest", "--output", "md")
    assert code == 0
    assert out.startswith("# Restatement of published fee numbers\n")
    assert "| Lifetime value, pounds | 150.50 | 150.50 | unchanged |" in out
    assert "The SQL of `reporting.dim_clients` changed" in out
    assert "| client_id C1 | first_adviser_id | A1 | A2 |  |" in out
    assert "no number is restated" in edited("diff", "latest", "latest", "--output", "md")[1]


def test_diff_as_csv_has_a_line_a_cell(edited):
    edited("run", "--skip-ingest")
    _, out, _ = edited("diff", "previous", "--output", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    told = {name: text for name, text in rows[0].items() if text}  # the others are of causes
    assert told == {
        "table": "reporting.dim_clients", "key": "client_id C1", "column": "first_adviser_id",
        "before": "A1", "after": "A2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("diff previous", "only 1 runs have published"),
        ("diff yesterday", "no run 'yesterday' has published"),
        ("diff 2025-02-30", "no day of the calendar"),
        ("show nothing", "no table is called 'nothing'"),
        ("show dim_clients client=C1", "no column 'client'"),
        ("show dim_clients client_id", "no KEY=VALUE"),
        ("show rpt_client_ltv ltv_total=ten", "no NUMERIC"),
        ("show raw.files ingested_at=0001-01-01T00:00:00+14:00", "no TIMESTAMP"),
        ("show raw.files ingested_at=9999-12-31T23:59:59-14:00", "no TIMESTAMP"),
        ("show stg_fees --as-of latest", "has no history"),
        ("show dim_clients --column no_such", "no column 'no_such'"),
    ],
)
def test_what_cannot_be_shown_is_a_sentence(fed, line, sentence):
    code, out, err = fed(*line.split())
    assert (code, out) == (2, "")
    assert sentence.lower() in err.lower()


def test_show_reads_a_table_now_and_then_and_masks(edited):
    edited("run", "--skip-ingest")
    now = document(edited, "show", "dim_clients", "client_id=C1", schema="show")
    then = document(edited, "show", "dim_clients", "client_id=C1", "--as-of", "previous", schema="show")
    assert [one["rows"][0]["first_adviser_id"] for one in (now, then)] == ["A2", "A1"]
    staged = document(edited, "show", "stg_fees", "--limit", "1", schema="show")
    assert staged["rows"][0]["client_nino"] == "QQ******A"
    assert edited("show", "rpt_client_ltv", "--column", "ltv_total", "--output", "csv")[1] == (
        "client_id,ltv_total\nC1,150.50\n"
    )


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of a width."""

    def make(columns):
        for module in ("text", "ls"):
            monkeypatch.setattr(f"fees_etl.cli.{module}.width", lambda: columns)

    return make


@pytest.mark.parametrize(("columns", "taken"), [(10, 60), (72, 72), (500, 200)])
def test_a_terminal_has_60_to_200_columns_and_a_pipe_100(monkeypatch, columns, taken):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert width() == 100
    monkeypatch.setattr("fees_etl.cli.text.sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    assert width() == taken


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
def test_every_screen_fits_the_terminal(edited, terminal, columns):
    edited("run", "--skip-ingest")
    terminal(columns)
    for line in ("runs", "runs show latest", "diff previous", "show rpt_cohort_ltv", "show stg_fees", "ls", "plan"):
        out = re.sub("\x1b\\[[0-9;]*m", "", edited(*line.split())[1])
        assert max(map(len, out.split("\n"))) <= columns, line


def test_a_wide_table_goes_on_in_pages_with_its_key(terminal):
    terminal(60)
    lines = table(["key", *(f"a_long_name_{n}" for n in range(6))], [["k", *range(6)]], 0, keys=1)
    pages = "\n".join(lines).split("\n\n")
    assert len(pages) > 1
    assert all(page.startswith("key") and "\nk" in page for page in pages)


def test_a_cut_text_keeps_its_head_and_its_end_and_a_number_is_whole(terminal):
    terminal(60)
    (line,) = grid([("client-" + "x" * 80 + "-end", "1,234,567.89")], "<>")
    assert re.fullmatch(r"  client-x+…x+-end  1,234,567.89", line)


def test_headings_alone_are_bold_and_differences_have_colours(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    paragraph = ["A sentence that goes on and", "on over two lines."]
    emit("text", {}, [*paragraph, "", "Heading  n", "  a     +1", "  b  -2.50", "", *paragraph, "", "PUBLISHED in 1 s"])
    out = capsys.readouterr().out
    assert re.findall("\x1b\\[1m(.*?)\x1b", out) == ["Heading"]
    assert re.findall("\x1b\\[32m(.*?)\x1b", out) == ["+1", "PUBLISHED"]
    assert re.findall("\x1b\\[31m(.*?)\x1b", out) == ["-2.50"]


def test_a_checkout_that_is_not_as_committed_is_named_dirty(tmp_path, monkeypatch):
    monkeypatch.delenv("FEES_ETL_GIT_SHA", raising=False)

    def git(*words):
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        return subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "a.sql").write_text("SELECT 1\n")

    def sha():
        ledger._checked_out.cache_clear()
        return ledger.git_sha(tmp_path / "sql")

    git("init", "-q")
    assert sha() is None  # there is no commit yet
    git("add", ".")
    git("commit", "-qm", "a")
    head = git("rev-parse", "HEAD").strip()
    (tmp_path / "fees.duckdb").touch()
    assert sha() == head  # what lies about outside of the folder is not its content
    (tmp_path / "sql" / "b.sql").write_text("SELECT 2\n")
    assert sha() == f"{head}-dirty"
    git("add", ".")
    git("commit", "-qm", "b")
    assert sha() == git("rev-parse", "HEAD").strip()
    (tmp_path / "sql" / "a.sql").write_text("SELECT 3\n")
    assert sha() == f"{git('rev-parse', 'HEAD').strip()}-dirty"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("changes", text) for text in ("'junk'", "'5'", "'[5]'", "NULL", '\'[{"fee_date": "never"}]\'')),
        ("changes", """'[{"fee_date": "2025-01-01", "rows": [0], "amount": ["0", "x"]}]'"""),
        ("steps", """'[{"name": 5, "rows": "many", "seconds": null}]'"""),
        ("assertions", """'[{"name": "a", "severity": "loud", "failing": 0, "waived": 0, "waivers": ""}]'"""),
        ("assertions", """'[{"name": "a"}]'"""),
        ("steps", """'[{"name": "a", "rows": 1, "seconds": 1, "more": 1}, {"name": "a", "rows": 1, "seconds": 1}]'"""),
        *(
            ("assertions", text.replace("ROWS", rows))
            for text in (
                """'[{"name": "a", "severity": "error", "failing": 1, "waived": 0, "waivers": "", "rows": ROWS}]'""",
            )
            for rows in ('[{"a": 1}, {}]', '[{"a": 1}, {"b": 1}]')
        ),
    ],
)
def test_a_ledger_that_was_written_to_by_hand_is_no_bug(fed, name, text):
    change(f"UPDATE ops.runs SET {name} = {text}")
    for line in (("runs", "show", "latest"), ("runs",), ("report",)):
        code, _, err = fed(*line)
        assert (code, f"ops.runs.{name} holds what no run writes" in err) == (5, True), line
    assert fed("assert")[0] == 1


@pytest.mark.parametrize("text", ['{"before": 5}', '{"before": [["x"]], "after": [["x"]], "left_out": [["x"]]}', "[]"])
def test_a_headline_that_was_written_by_hand_is_no_bug(fed, text):
    change(f"UPDATE ops.runs SET headline = '{text}'")
    for line in (("runs", "show", "latest"), ("report",)):
        code, _, err = fed(*line)
        assert (code, "ops.runs.headline holds what no run writes" in err) == (5, True), line


@pytest.mark.parametrize("name", ["started_at", "finished_at", "amount_after", "command"])
def test_a_ledger_that_lacks_what_every_run_writes_is_no_bug(fed, name):
    put("more.csv", MORE)
    assert fed("run", "--source", "lake/*.csv")[0] == 0
    change(f"UPDATE ops.runs SET {name} = NULL")
    found = {line: fed(*line.split()) for line in ("runs", "runs show latest", "report", "diff previous latest")}
    assert {code for code, _, _ in found.values()} <= {0, 5}
    assert f"ops.runs.{name} holds what no run writes" in found["runs"][2]
    assert fed("assert")[0] == 1
