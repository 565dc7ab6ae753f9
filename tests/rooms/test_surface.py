"""What people meet: commands, their help, the names of the library, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer

import fees_etl
from fees_etl.cli import COMMANDS as CATALOGUE
from fees_etl.cli import commands, main

HEAVY = ("duckdb", "google", "sqlglot", "pydantic", "pydantic_settings", "jinja2", "yaml", "rich", "vl_convert")


def walk(command, path=()):
    yield path
    for name in getattr(command, "commands", ()):
        yield from walk(command.get_command(None, name), (*path, name))


COMMANDS = list(walk(typer.main.get_command(commands())))


def test_the_commands_are_these():
    assert {" ".join(path) for path in COMMANDS} == {
        "", "run", "backfill", "ingest", "assert", "plan", "render", "ls", "runs", "runs show", "show", "diff", "files",
        "trace", "evidence", "docs", "test", "check", "init", "report",
    }  # fmt: skip


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_has_an_example_and_fits_the_screen(path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert main([*path, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"  {' '.join(('fees-etl', *path))}" in text.partition("\n")[2]
    assert max(map(len, text.splitlines())) <= 100
    assert "..." not in text.replace("]...", "]")


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_has_help(path):
    command = typer.main.get_command(commands())
    for name in path:
        command = command.get_command(None, name)
    assert [one.name for one in command.params if not getattr(one, "help", None)] == []


def test_the_help_of_all_commands_begins_as_theirs_do(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main([]) == 0
    said = capsys.readouterr().out
    group = typer.main.get_command(commands())
    for name, (_, summary) in CATALOGUE.items():
        assert group.get_command(None, name).help.replace("\n", " ").startswith(summary[:-1])
        assert summary.split()[-1] in next(line for line in said.splitlines() if line.startswith(f"  {name} "))


def test_no_command_is_the_help(capsys):
    assert main([]) == 0
    assert capsys.readouterr().out.startswith("Usage: fees-etl")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["run", "--source", "a", "--source", "b"], "--source is given twice, and only one can be meant."),
        (["--target", "a", "run", "--target=b"], "--target is given twice"),
        (["run", "--target", ""], "an argument is empty: a variable that is not set?"),
        (["run", "--target"], "an argument is empty"),
        (["--project-dir=", "run"], "an argument is empty"),
        (["ls", ""], "an argument is empty"),
        (["--project-dir", "/dev/null", "ls"], "--project-dir /dev/null is no folder."),
        (["ls", f"{'9' * 5000}+stg_fees"], "is not a selector"),
        (["backfill", "--start", "0001-01-01", "--end", "9999-12-31"], "is no date"),
    ],
)
def test_no_word_is_passed_over(args, said, capsys):
    assert main(args) == 2
    assert said.lower() in " ".join(capsys.readouterr().err.split()).lower()


def test_the_version_is_one_line(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("fees-etl")


@pytest.mark.parametrize("module", ["fees_etl", "fees_etl.cli"])
def test_importing_is_cheap(module):
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_library_is_these_names_and_each_is_there():
    assert fees_etl.__all__ == sorted(fees_etl.__all__)
    assert dir(fees_etl) == fees_etl.__all__
    assert all(getattr(fees_etl, name) is not None for name in fees_etl.__all__)
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = fees_etl.lode


def test_help_imports_nothing_heavy():
    code = f"""if True:
        import sys
        from fees_etl.cli import main
        assert main(["run", "--help"]) == 0
        print([name for name in {HEAVY} if name in sys.modules and name != "pydantic"], file=sys.stderr)"""  # typer's own
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr == "[]\n"


def test_completion_knows_the_commands():
    words = {"_FEES_ETL_COMPLETE": "complete_bash", "COMP_WORDS": "fees-etl r", "COMP_CWORD": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-m", "fees_etl"],
        env=words | {"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["run", "render", "report", "runs"]
