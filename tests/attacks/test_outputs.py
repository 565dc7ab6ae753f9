"""Kind A: what becomes of stdout and stderr, and where files of answers are put, changes no exit code, no commit, no ledger."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import places
import pytest
from attacks import odd_files as odd
from attacks.attacked import SECONDS, harmless, judge, some
from pipeline import without_settings
from shells import put

COMMANDS = {
    "run --source lake": 0, "run --source lake --output json": 0, "run --source lake --rehearse": 0, "run --source lake/bad": 3, "ingest lake": 0, "backfill --start 2025-01-01 --end 2025-03-31 --chunk month": 0, "assert": 0, "assert --source sound.csv --output json": 3,
    "plan": 0, "show rpt_client_ltv": 0, "show stg_fees --output csv": 0, "diff previous latest": 2, "diff --project project --output md": 0, "files": 0, "trace rpt_client_ltv client_id=C1 --column ltv_total": 0, "trace sound.csv:1 --output json": 0, "evidence latest --out e.zip": 0, "docs --out -": 0, "render stg_fees": 0, "ls": 0,
    "ls --output odcs": 0, "report --out -": 0, "test dim_clients": 0, "check --output sarif": 0, "init made": 0, "runs": 0, "runs show latest": 0, "runs --html --out -": 0, "--help": 0, "--version": 0, "run --help": 0, "nonsense": 2, "run --sorce x": 2, "--log-format json run --source lake": 0, "--log-format gcp -v run --source lake": 0, "-q run --source lake": 0,
}  # fmt: skip
SINKS = {
    "no stdout": (">&-", {}), "no stderr": ("2>&-", {}), "none of three": ("<&- >&- 2>&-", {}), "full stdout": (">/dev/full", {}), "full stderr": ("2>/dev/full", {}), "both full": (">/dev/full 2>&1", {}), "no reader": ("| head -c 1 >/dev/null; exit ${PIPESTATUS[0]}", {}), "no reader of both": ("2>&1 | true; exit ${PIPESTATUS[0]}", {}),
    "read only": (">/dev/stdin </dev/null 2>&1", {}), "ASCII": ("", {"PYTHONIOENCODING": "ascii:strict"}), "C": ("", {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}), "no locale": ("", {"LC_ALL": "nowhere.UTF-9"}), "UTF-16": ("", {"PYTHONIOENCODING": "utf-16"}), "no encoding": ("", {"PYTHONIOENCODING": "latin-1:surrogateescape"}),
    "one column": ("", {"COLUMNS": "1", "FORCE_COLOR": "1"}), "no columns": ("", {"COLUMNS": "0", "TERM": "dumb"}), "many": ("", {"COLUMNS": "999999999", "LINES": "-1"}), "no number": ("", {"COLUMNS": "x", "TERM": "\x1b"}), "no home": ("", {"HOME": "", "PATH": "/nowhere", "TMPDIR": "/nowhere"}), "small files": ("", {}), "warnings": ("", {"PYTHONWARNINGS": "error::DeprecationWarning:fees_etl", "PYTHONDEVMODE": "1"}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sink"), [(words, sink) for at, words in enumerate(COMMANDS) for sink in some(SINKS, 4, at)]
)
def test_every_command_into_every_sink(attacked, own, words, sink):
    put("é€😀.csv", *odd.sound(2000))
    put("bad/x.csv", header="x\n") if not Path("lake/bad").mkdir() else None
    tail, environ = SINKS[sink]
    line = f"'{sys.executable}' -m fees_etl {words} {tail}"
    environ = {**without_settings(), "PYTHONPATH": str(places.ROOT), **environ}
    done = subprocess.run(["/bin/bash", "-c", line], env=environ, capture_output=True, check=False, timeout=SECONDS)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    judge(done.returncode, said.replace("\0", ""), stderr=not tail and "16" not in environ.get("PYTHONIOENCODING", ""))
    assert done.returncode == COMMANDS[words], said
    assert "\x1b" not in said
    attacked.untouched(done.returncode)
    attacked.left_behind()


WRITERS = {
    "docs": ["docs", "--out"], "report": ["report", "--out"], "runs": ["runs", "--html", "--out"], "evidence": ["evidence", "latest", "--out"], "test": ["test", "dim_clients", "--junit"], "check": ["check", "--junit"], "init": ["init"],
}  # fmt: skip


def _file(path):
    path.write_text("mine")


TARGETS = {
    "plain": ("out.html", None), "no suffix": ("out", None), "a file there": ("out.html", _file), "a zip there": ("out.zip", _file), "a folder there": ("out.html", lambda path: path.mkdir()), "a full folder": ("out", lambda path: (path.mkdir(), _file(path / "index.html"))), "a link to a file": ("out.html", lambda path: (_file(Path("other")), path.symlink_to("other"))), "a link to nothing": ("out.html", lambda path: path.symlink_to("nowhere/x")), "a link to itself": ("out.html", lambda path: path.symlink_to("out.html")),
    "a link to the warehouse": ("out.html", lambda path: path.symlink_to("fees.duckdb")), "the warehouse": ("fees.duckdb", None), "its log": ("fees.duckdb.wal", None), "below the warehouse": ("fees.duckdb/x.html", None), "the project": ("project", None), "its SQL": ("project/sql/staging/stg_fees.sql", None), "settings": ("fees_etl.toml", None), "a folder that is not": ("a/b/c/out.html", None), "below a file": ("other/out.html", lambda _: _file(Path("other"))), "nothing": ("", None), "a blank": (" ", None),
    "stdout": ("-", None), "/dev/stdout": ("/dev/stdout", None), "/dev/full": ("/dev/full", None), "/dev/null": ("/dev/null", None), "/dev/fd/9": ("/dev/fd/9", None), "/proc": ("/proc/x.html", None), "/": ("/", None), "..": ("..", None), ".": (".", None), "./": ("./", None), "a slash": ("out/", None), "a slash after a file": ("out.html/", _file), "~": ("~", None), "a pattern": ("*.html", None), "capitals": ("OUT.HTML", None), "a NINO": ("QQ271801A.html", None), "steering": ("\x1b[2J.html", None), "a line": ("a\nb.html", None), "no UTF-8": ("\udcff.html", None),
    "long": ("x" * 300 + ".html", None), "deep": ("x/" * 3000 + "x.html", None), "almost long": ("x" * 250 + ".html", None), "a URL": ("https://x/y.html", None), "a bucket": ("gs://x/y.html", None), "a file URL": ("file:///x.html", None), "an option": ("--clients", None), "a formula": ("=1.html", None), "é": ("é😀.html", None), "hidden": (".html", None), "zip": ("out.zip", None), "xml": ("out.xml", None), "read only": ("out.html", lambda path: (_file(path), path.chmod(0o400))), "in a read-only folder": ("closed/out.html", lambda path: path.parent.mkdir(mode=0o500)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "target"), [(name, target) for at, name in enumerate(WRITERS) for target in some(TARGETS, 3, at)]
)
def test_every_file_of_answers_at_every_place(attacked, own, name, target):
    place, make = TARGETS[target]
    if make:
        make(Path(place))
    mine = {
        path: path.read_bytes()
        for path in Path().rglob("*")
        if path.is_file() and not path.name.startswith("fees.duckdb")
    }
    done = attacked(*WRITERS[name], place)
    attacked.left_behind()
    if done.code:
        assert {path: path.read_bytes() for path in mine} == mine
        assert not [path for path in Path().rglob("*") if path.name.endswith(".tmp") or path.name.startswith(".init-")]
    assert own.joinpath("staging/stg_fees.sql").read_bytes() == (places.ROOT / "sql/staging/stg_fees.sql").read_bytes()
    assert attacked.kept()["published"]


@pytest.mark.parametrize("place", [place for place, _ in some(TARGETS.values(), 2) if "\0" not in place], ids=ascii)
def test_artifacts_at_every_place(attacked, monkeypatch, place):
    """A place for artifacts that is none is refused before, or a warning: never a reason to fail a run that is committed."""
    monkeypatch.setenv("FEES_ETL_ARTIFACTS", harmless(place, attacked.folder))
    if place.startswith("gs:"):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    put("a.csv", *odd.sound(2000))
    done = attacked("run", "--source", "lake")
    assert done.code in {0, 2}, done.said
    attacked.left_behind()
    assert os.path.lexists("fees.duckdb")
