"""What a shell completes: names of the project at hand, in words that the command takes, and never an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from shells import GOOD, put

from fees_etl import cli

REPORTS = ["rpt_adviser_ltv", "rpt_client_ltv", "rpt_cohort_ltv"]


@pytest.fixture
def complete(shell, monkeypatch, capsys):
    """As bash asks: the words of the line, and which one the cursor is at."""

    def asked(line):
        with monkeypatch.context() as patch:
            patch.setenv("_FEES_ETL_COMPLETE", "complete_bash")
            patch.setenv("COMP_WORDS", line)
            patch.setenv("COMP_CWORD", str(line.count(" ")))
            with pytest.raises(SystemExit) as left:
                cli.main([])
        shown = capsys.readouterr()
        assert (left.value.code, shown.err) == (0, "")
        return shown.out.split()

    return asked


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("fees-etl run --from rpt_", REPORTS),
        ("fees-etl plan --to dim", ["dim_clients"]),
        ("fees-etl ls --select 2+rpt_c", ["2+rpt_client_ltv", "2+rpt_cohort_ltv"]),
        ("fees-etl test layer:", ["layer:reporting", "layer:staging"]),
        ("fees-etl render assert_c", ["assert_client_data", "assert_cohorts"]),
        ("fees-etl show raw.fi", ["raw.file_totals", "raw.files"]),
        ("fees-etl show reporting.rpt_client_ltv --column ltv_", ["ltv_1_month", "ltv_3_month", "ltv_6_month", "ltv_total"]),
        ("fees-etl trace rpt_adviser_ltv --column total_client_ltv_6", ["total_client_ltv_6_month"]),
        ("fees-etl show nothing --column x", []),
        ("fees-etl runs show ", ["latest", "previous"]),
        ("fees-etl diff previous l", ["latest"]),
        ("fees-etl --target ", ["local"]),
        ("fees-etl --project-dir nowhere render rpt_a", ["rpt_adviser_ltv"]),
    ],
)  # fmt: skip
def test_names_are_offered(complete, line, offered):
    assert complete(line) == offered
    assert list(Path().iterdir()) == []  # not even a warehouse


def test_runs_are_those_of_a_warehouse_that_is_there_and_free(complete, shell):
    put("good.csv", GOOD)
    shell("run", "--source", "lake")
    (run_id,) = (row[0] for row in shell.ask("SELECT run_id FROM ops.runs"))
    assert complete("fees-etl runs show ") == ["latest", "previous", run_id]
    assert complete("fees-etl diff 2") == [run_id]
    Path("fees.duckdb").write_bytes(b"no warehouse")
    assert complete("fees-etl runs show ") == ["latest", "previous"]


def test_those_of_the_folder_at_hand_and_of_broken_ones_none(complete):
    Path("sql/reporting").mkdir(parents=True)
    Path("sql/variables.yml").touch()
    Path("sql/reporting/mine.sql").touch()
    Path("sql/reporting/mine.yml").write_bytes(b"\xff: [")
    Path("fees_etl.toml").write_text("[targets.dev]\n[targets.prod]\n")
    assert complete("fees-etl render ") == ["mine"]
    assert complete("fees-etl show mine --column ") == []
    assert complete("fees-etl --target ") == ["dev", "local", "prod"]
    Path("fees_etl.toml").write_text("targets = 1\n[")
    assert complete("fees-etl --target ") == ["local"]
    Path("fees_etl.toml").write_text("targets = 1\n")
    assert complete("fees-etl --target ") == ["local"]


@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
def test_a_shell_that_cannot_be_told_is_a_misuse_with_a_way_on(shell, monkeypatch, option):
    monkeypatch.setattr("typer._completion_shared._get_shell_name", lambda: None)
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: None)
    code, _, err = shell(option)
    assert (code, "_FEES_ETL_COMPLETE=source_bash fees-etl" in err) == (2, True)
