"""The commands end to end on a warehouse of their own; every exit code's whole message is in tests/golden/cli."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import goldens
import jsonschema
import places
import pytest
from pipeline import forget_settings

import fees_etl
from fees_etl import cli
from fees_etl.cli import document

HEADER = "client_id,client_nino,adviser_id,fee_date,fee_amount\n"
GOOD = HEADER + "C1,QQ123456A,A1,2025-01-01,100.00\nC2,QQ123456B,A2,2025-02-01,50.50\n"
MORE = HEADER + "C1,QQ123456A,A1,2025-03-01,7.00\nC3,QQ123456C,A2,2025-03-02,-0.000000001\n"
CONFLICT = HEADER + "C1,QQ999999D,A1,2025-01-02,1.00\n"
NO_AMOUNT = "client_id,client_nino,adviser_id,fee_date\nC1,QQ123456A,A1,2025-01-01\n"


class Shell:
    """A working folder, and ``fees-etl`` in it."""

    def __init__(self, folder: Path, capsys) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, *args: str) -> tuple[int, str, str]:
        code = cli.main(list(args))
        shown = self._capsys.readouterr()
        for text in shown:
            assert "QQ123456" not in text
            assert "QQ999999" not in text
        return code, shown.out, shown.err

    def write(self, name: str, text: str) -> None:
        path = self.folder / "lake" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def published(self) -> list[tuple]:
        with duckdb.connect(str(self.folder / "fees.duckdb"), read_only=True) as found:
            return found.execute("SELECT client_id, ltv_total FROM reporting.rpt_client_ltv ORDER BY ALL").fetchall()

    def golden(self, name: str, *args: str) -> str:
        """Run, compare all that was said with its golden file, return stdout."""
        code, out, err = self(*args)
        said = f"$ fees-etl {' '.join(args)}\n{out}{err}(exit {code})\n"
        goldens.check(f"cli/{name}.txt", goldens.steady(said, self.folder))
        return out


@pytest.fixture
def shell(capsys, monkeypatch):
    forget_settings(monkeypatch)
    with TemporaryDirectory(dir="/tmp", prefix="") as folder:  # of the same length each time, for golden files
        monkeypatch.chdir(folder)
        yield Shell(Path(folder), capsys)


@pytest.fixture
def fed(shell):
    """A warehouse with one good file published."""
    shell.write("good.csv", GOOD)
    assert shell("run", "--source", "lake/*.csv")[0] == 0
    return shell


def test_the_first_run_needs_nothing_and_says_that_it_used_the_sample(shell):
    out = shell.golden("run_sample", "run")
    assert "not yours" in out
    assert "PUBLISHED" in out
    assert [oct(path.stat().st_mode & 0o077) for path in shell.folder.iterdir()] == ["0o0"]


def test_a_second_run_has_nothing_to_do(fed):
    fed.golden("run_again", "run", "--source", "lake/*.csv")


def test_a_run_without_a_source_works_on_what_raw_holds(fed):
    code, out, err = fed("run")
    assert code == 0
    assert "sample" not in out
    assert "No files are read: this works on the 1 file that raw holds." in err


def test_exit_1_lists_the_rows_and_keeps_what_was_published(fed):
    before = fed.published()
    fed.write("conflict.csv", CONFLICT)
    fed.golden("exit_1_run", "run", "--source", "lake/*.csv")
    assert fed.published() == before


def test_exit_1_of_assert_finds_what_was_written_by_hand(fed):
    with duckdb.connect(str(fed.folder / "fees.duckdb")) as found:
        found.execute("UPDATE reporting.rpt_client_ltv SET ltv_total = ltv_total + 1 WHERE client_id = 'C1'")
    fed.golden("exit_1_assert", "assert")


def test_assert_is_content_with_what_a_run_published(fed):
    fed.golden("assert", "assert")


def test_exit_2_names_what_was_meant(fed):
    fed.golden("exit_2_name", "run", "--from", "stg_fee")


def test_exit_2_of_a_target_that_leaves_ninos_open(shell):
    (shell.folder / "fees_etl.toml").write_text('[targets.prod]\nwarehouse = "bigquery://p?location=EU"\n')
    shell.golden("exit_2_bigquery", "--target", "prod", "run", "--source", "lake/*.csv")


def test_exit_2_of_a_contradicted_target(shell, monkeypatch):
    (shell.folder / "fees_etl.toml").write_text('[targets.prod]\nwarehouse = "duckdb:///prod.duckdb"\n')
    monkeypatch.setenv("FEES_ETL_WAREHOUSE", "duckdb:///dev.duckdb")
    shell.golden("exit_2_target", "--target", "prod", "run")


def test_exit_2_of_a_wrong_project_file(shell):
    subprocess.run(["cp", "-r", str(places.ROOT / "sql"), str(shell.folder)], check=True)
    path = shell.folder / "sql/reporting/dim_clients.sql"
    path.write_text(path.read_text().replace("staging.stg_fees", "staging.stg_fee"))
    shell.golden("exit_2_project", "run")


def test_exit_70_of_a_bug_says_where_it_is_and_what_is_published(fed, monkeypatch):
    def broken(*_, **__):
        raise ValueError("a row: ann,QQ000001A")

    monkeypatch.setattr(fees_etl, "plan", broken)
    code, _, err = fed("run", "--source", "lake/*.csv")
    assert (code, "QQ000001A" in err) == (70, False)
    goldens.check("cli/exit_70_bug.txt", re.sub(r"\.py:\d+", ".py:99", goldens.steady(err, fed.folder)))


def test_exit_3_lists_refused_files_and_runs_no_model(fed):
    before = fed.published()
    fed.write("odd.csv", NO_AMOUNT)
    fed.write("more.csv", MORE)
    fed.golden("exit_3_run", "run", "--source", "lake/*.csv")
    assert fed.published() == before

    fed.golden("exit_3_sticky", "run", "--from", "stg_fees")
    assert fed.published() == before

    (fed.folder / "lake/odd.csv").unlink()
    assert fed("run", "--source", "lake/*.csv")[0] == 0
    assert fed.published() != before


def test_exit_3_of_a_source_that_matches_nothing(shell):
    shell.golden("exit_3_nothing", "run", "--source", "nowhere/*.csv")


def test_exit_4_keeps_the_sample_and_real_files_apart(shell):
    assert shell("run")[0] == 0
    shell.write("good.csv", GOOD)
    shell.golden("exit_4_sample", "run", "--source", "lake/*.csv")


def test_exit_4_of_a_mass_withdrawal(fed):
    (fed.folder / "lake/good.csv").rename(fed.folder / "good.away")
    fed.golden("exit_4_withdrawal", "run", "--source", "lake/*.csv")


def test_exit_5_of_a_damaged_warehouse(shell):
    (shell.folder / "fees.duckdb").write_bytes(b"no warehouse at all" * 1000)
    shell.golden("exit_5_damaged", "run")


def test_exit_75_names_the_holder(fed):
    code = "import duckdb, sys; held = duckdb.connect('fees.duckdb'); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=fed.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        code, _, err = fed("run", "--source", "lake/*.csv")
        assert code == 75
        goldens.check("cli/exit_75_busy.txt", goldens.steady(" ".join(err.split()), fed.folder) + "\n")  # paths wrap
        holder.stdin.close()
    assert fed("run", "--source", "lake/*.csv")[0] == 0


def test_exit_70_says_that_nothing_was_published(fed, monkeypatch):
    before = fed.published()

    def broken(*_, **__):
        raise ZeroDivisionError("QQ123456A")

    monkeypatch.setattr(fees_etl, "run", broken)
    code, _, err = fed("run", "--source", "lake/*.csv")
    assert (code, "ZeroDivisionError" in err, "Published:" in err) == (70, True, True)
    assert fed.published() == before


def test_exit_130_rolls_back(fed, monkeypatch):
    before = fed.published()
    fed.write("more.csv", MORE)

    def interrupted(self, found):
        raise KeyboardInterrupt

    monkeypatch.setattr("fees_etl.cli.logs.Progress.step", interrupted)
    fed.golden("exit_130", "run", "--source", "lake/*.csv")
    assert fed.published() == before


def test_a_rehearsal_leaves_no_trace(fed):
    before = fed.published()
    fed.write("more.csv", MORE)
    fed.golden("run_rehearse", "run", "--source", "lake/*.csv", "--rehearse")
    assert fed.published() == before
    assert json.loads(fed("plan", "--output", "json")[1])["pending"] == []


def test_a_backfill_mirrors_its_dates_again(fed):
    before = fed.published()
    out = fed.golden("backfill", "backfill", "--start", "2025-01-01", "--end", "2025-01-31")
    assert "nothing changed" in out
    assert fed.published() == before


def test_stdout_is_one_json_document_of_the_schema(shell):
    schema = json.loads((Path(document.__file__).parent / "run.schema.json").read_text())
    for args in (["run"], ["run", "--rehearse"], ["backfill", "--start", "2024-02-01", "--end", "2024-02-29"]):
        code, out, _ = shell(*args, "--output", "json")
        assert code == 0
        jsonschema.validate(json.loads(out), schema)


def test_the_other_documents_say_what_they_are(fed):
    for args in (["plan"], ["ls"], ["runs"], ["assert"], ["ingest", "lake/*.csv"]):
        code, out, _ = fed(*args, "--output", "json")
        assert (code, json.loads(out)["schema"]) == (0, f"fees-etl/{args[0]}/1")


def test_the_document_of_a_refusal_names_the_file(fed):
    fed.write("odd.csv", NO_AMOUNT)
    code, out, _ = fed("run", "--source", "lake/*.csv", "--output", "json")
    found = json.loads(out)
    assert (code, found["schema"], found["status"]) == (3, "fees-etl/ingest/1", "refused")


def test_ingest_changes_raw_only(fed):
    before = fed.published()
    fed.write("more.csv", MORE)
    fed.golden("ingest", "ingest", "lake/*.csv")
    assert fed.published() == before
    fed.golden("plan_pending", "plan")


def test_plan_makes_no_warehouse(shell):
    shell.golden("plan_empty", "plan")
    assert list(shell.folder.iterdir()) == []


def test_runs_lists_every_attempt_and_shows_one(fed):
    fed.write("conflict.csv", CONFLICT)
    assert fed("run", "--source", "lake/*.csv")[0] == 1
    out = fed.golden("runs", "runs")
    newest = out.splitlines()[1].split()[0]
    code, out, _ = fed("runs", "show", newest)
    assert (code, "rejected" in out, "assert_client_data" in out) == (0, True, True)
    code, out, _ = fed("runs", "show", newest, "--output", "json")
    assert (code, [run["status"] for run in json.loads(out)["runs"]]) == (0, ["rejected"])
    first = json.loads(fed("runs", "--output", "json")[1])["runs"][-1]
    assert "Changed fee dates" in fed("runs", "show", first["run_id"])[1]
    code, _, err = fed("runs", "show", "1999")
    assert (code, "No runs begin with '1999'" in err) == (2, True)


def test_runs_before_the_first(shell):
    shell.golden("exit_2_no_warehouse", "runs")


def test_ls_takes_selectors(shell):
    out = shell.golden("ls", "ls")
    assert "raw " in out
    narrowed = shell("ls", "rpt_client_ltv+", "--output", "json")[1]
    assert [node["name"] for node in json.loads(narrowed)["nodes"]][:1] == ["reporting.rpt_client_ltv"]


@pytest.mark.parametrize("dialect", ["bigquery", "duckdb"])
def test_render_prints_sql_and_nothing_else(shell, dialect):
    code, out, err = shell("render", "stg_fees", "--dialect", dialect, "--start", "2025-01-01", "--end", "2025-01-31")
    assert (code, err) == (0, "")
    assert "2025-01-31" in out


def test_selections_narrow_each_other(fed):
    code, out, _ = fed(
        "plan", "--from", "stg_fees", "--to", "rpt_client_ltv", "--exclude", "dim_clients", "--output", "json"
    )
    assert (code, json.loads(out)["selection"]) == (0, ["stg_fees", "rpt_client_ltv"])
    code, _, err = fed("plan", "--from", "rpt_client_ltv", "--to", "dim_clients")
    assert (code, "no model in common" in err) == (2, True)


def test_quiet_says_nothing_on_stderr(fed):
    assert fed("run", "-q")[2] == ""


def test_verbose_names_the_warehouse_and_each_assertion(fed):
    err = fed("-v", "run")[2]
    assert "warehouse duckdb://" in err
    assert "assert_client_data: 0 failing" in err
