"""Processes that are killed, started at once or short of room, and warehouses that are damaged: the next command ends right."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

import pytest
from faults import HEADER, NEXT, START, contents, deal, ledger, story, truth
from pipeline import LENIENT, Pipeline, forget_settings
from tiers import NIGHT

from fees_etl import cli

RUN = ["run", "--source", "lake"]
BACKFILL = ["backfill", "--start", "2024-12-01", "--end", "2025-03-31", "--chunk", "month"]
FORK = multiprocessing.get_context("forkserver")
POINTS = 8 if NIGHT else 4


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A working folder with a published warehouse and, in its lake, files that came since."""
    forget_settings(monkeypatch)
    monkeypatch.setenv("FEES_ETL_VARS", json.dumps(LENIENT))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(cli.__file__).parents[2]), *sys.path]))
    monkeypatch.chdir(tmp_path)
    deal(tmp_path / "lake", START)
    assert cli.main(["-q", *RUN]) == 0
    deal(tmp_path / "lake", NEXT)
    shutil.copy("fees.duckdb", "prepared.duckdb")
    return tmp_path


def fees_etl(*line, **options):
    command = [sys.executable, "-m", "fees_etl", *line]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **options)


def ended(process):
    said = process.communicate(timeout=60)[1]
    assert "Traceback" not in said
    assert "leaked" not in said
    return process.returncode, said


def opened(work):
    return Pipeline(work / "lake", f"duckdb://{work}/fees.duckdb", **LENIENT)


def reset(work):
    for path in [path for path in work.iterdir() if "fees.duckdb" in path.name]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    shutil.copy("prepared.duckdb", "fees.duckdb")


def is_right(work):
    with opened(work) as pipeline:
        assert pipeline.tables() == pipeline.expected()
        loaded = {unquote(Path(row.source_file).name) for row in pipeline.raw()}
        assert loaded == {path.name for path in (work / "lake").iterdir()}
        assert pipeline.rows("ops.pending") == []
        assert [name for name, result in pipeline.check().items() if not result.passed] == []
        truth(pipeline)
        return contents(pipeline)


def private(work):
    kept = {"lake", "prepared.duckdb", "fees.duckdb"}
    beside = [path for path in work.rglob("*") if path.relative_to(work).parts[0] not in kept]
    return all(path.stat().st_mode & 0o077 == 0 for path in beside)


@pytest.fixture(scope="module")
def processes():
    """New processes in which everything is imported already."""
    FORK.set_forkserver_preload(
        ["pipeline", "fees_etl.cli.report", "fees_etl.engines.duckdb", "fees_etl.runs.backfill"]
    )

    def begin(work, *lines):
        process = FORK.Process(target=story, args=(work, lines))
        process.start()
        return process

    return begin


def test_killed_at_any_moment_of_a_run_and_a_backfill_the_next_run_ends_as_if_nothing_had_happened(
    work, processes, capsys
):
    for _ in range(2):  # the first one waits for the imports, which are no part of the time to be killed in
        reset(work)
        began = time.monotonic()
        process = processes(work, RUN, BACKFILL)
        process.join(60)
        assert process.exitcode == 0
        seconds = time.monotonic() - began
    expected = is_right(work)
    killed = 0
    for point in range(1, POINTS + 1):
        reset(work)
        process = processes(work, RUN, BACKFILL)
        process.join(seconds * point / (POINTS + 1))
        process.kill()
        process.join(60)
        killed += process.exitcode == -signal.SIGKILL

        assert private(work)
        assert cli.main(["-q", "runs"]) == 0
        assert cli.main(["-q", *RUN]) == 0, capsys.readouterr().err
        assert sorted(path.name for path in work.iterdir()) == ["fees.duckdb", "lake", "prepared.duckdb"]
        with opened(work) as pipeline:
            statuses = ledger(pipeline, "status")
        assert set(statuses) <= {"published", "staged"}
        if statuses.count("staged") in range(1, 4):
            assert cli.main(["-q", *BACKFILL, "--resume"]) == 0, capsys.readouterr().err
        assert is_right(work) == expected
    assert killed > POINTS // 2


def test_what_killed_processes_leave_is_cleaned_by_the_next_run_and_nothing_else(work):
    Path("fees.duckdb.tmp/reading-1").mkdir(parents=True, mode=0o700)
    for name in ("fees.duckdb.tmp/reading-1/good.csv", "fees.duckdb.tmp/duckdb_temp_storage-0.tmp", "mine.new"):
        Path(name).touch()
    for name in (".fees.duckdb.123.new", ".fees.duckdb.123.new.wal", ".other.duckdb.123.new"):
        Path(name).touch()

    assert cli.main(["-q", *RUN]) == 0
    left = {path.name for path in work.iterdir()}
    assert left == {"fees.duckdb", "prepared.duckdb", "lake", "mine.new", ".other.duckdb.123.new"}


@pytest.mark.parametrize("first", [True, False], ids=["no warehouse yet", "a warehouse"])
def test_of_three_runs_at_once_at_least_one_publishes_and_the_others_say_who_is_at_it(work, first):
    if first:
        Path("fees.duckdb").unlink()
    processes = [fees_etl(*RUN) for _ in range(3)]
    ends = [ended(process) for process in processes]
    codes = [code for code, _ in ends]

    assert set(codes) <= {0, 75}
    assert 0 in codes
    for code, said in ends:
        holder = re.search(r"held by process (\d+) .*since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", " ".join(said.split()))
        assert code == 0 or int(holder[1]) in {process.pid for process in processes}
    is_right(work)


@pytest.mark.parametrize("line", [["runs"], ["plan"], ["assert"], RUN, BACKFILL], ids=lambda line: line[0])
def test_while_another_process_writes_every_command_is_busy_and_says_who_and_since_when(work, holder, capsys, line):
    assert cli.main(line) == 75
    said = " ".join(capsys.readouterr().err.split())
    assert re.search(rf"held by process {holder} \(.+\) since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC", said)


@pytest.fixture
def holder(work):
    hold = "import duckdb; held = duckdb.connect('fees.duckdb'); print('held', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process.pid
        process.kill()


@pytest.mark.parametrize("room", [1_000, 20_000, 280_000, 1_200_000])
def test_when_the_disk_is_full_the_command_says_so_and_later_ends_right(work, room, monkeypatch):
    """A limit on the size of a file stands for it; measuring coverage would fail on the limit too."""
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        monkeypatch.delenv(name)

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    Path("fees.duckdb").unlink()
    many = [
        (f"C{number % 9}", f"2025-0{1 + number % 3}-{1 + number % 28:02}", f"{number}.25") for number in range(9_000)
    ]
    deal(work / "lake", {"many": many})
    code, said = ended(fees_etl(*RUN, preexec_fn=limit))

    assert code == 5
    assert "The disk is full" in said or "could not be written: File too large" in said
    assert cli.main(["-q", *RUN]) == 0
    is_right(work)


def newer(content):
    """The header of a storage version to come, with the checksum that makes it sound."""
    header = content[8:12] + (10**6).to_bytes(8, "little") + content[20:4096]
    checksum = 5381
    for start in range(0, len(header), 8):
        checksum ^= int.from_bytes(header[start : start + 8], "little") * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
    return checksum.to_bytes(8, "little") + header + content[4096:]


DAMAGED = {
    "no header": (lambda content: bytes(4096) + content[4096:], "damaged"),
    "noise for a header": (lambda content: bytes(range(256)) * 16 + content[4096:], "damaged"),
    "noise for a checkpoint": (lambda content: content[:4096] + bytes(range(256)) * 32 + content[12288:], "damaged"),
    "noise for blocks": (lambda content: content[:12288] + b"\7" * (len(content) - 12288), "damaged"),
    "cut in its header": (lambda content: content[:100], "damaged"),
    "cut in its blocks": (lambda content: content[:20_000], "damaged"),
    "empty": (lambda _: b"", "damaged"),
    "another kind of file": (lambda _: HEADER.encode() * 500, "damaged"),
    "another database": (lambda _: b"SQLite format 3\0" + bytes(9_000), "SQLite"),
    "a newer version": (newer, "another version of DuckDB"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_file_that_is_no_sound_warehouse_is_named_and_not_touched(work, capsys, damage):
    path, (change, word) = Path("fees.duckdb"), DAMAGED[damage]
    content = path.read_bytes()
    path.write_bytes(change(content))
    before = sha256(path.read_bytes()).hexdigest()
    for line in (RUN, ["runs"], ["plan"]):
        capsys.readouterr()

        assert cli.main(line) == 5
        said = " ".join(capsys.readouterr().err.split())
        assert word in said
        assert str(path) in said
        assert "Next:" in said
        assert sha256(path.read_bytes()).hexdigest() == before
    path.write_bytes(content)
    assert cli.main(["-q", *RUN]) == 0
    is_right(work)


@pytest.mark.parametrize("locked", ["fees.duckdb", "."], ids=["file", "folder"])
def test_a_read_only_file_or_folder_is_said_to_be_so(work, locked):
    if subprocess.run(["chattr", "+i", locked], capture_output=True, check=False).returncode:
        pytest.skip("this file system knows no attributes")
    try:
        code, said = ended(fees_etl(*RUN))
    finally:
        subprocess.run(["chattr", "-i", locked], check=True)

    assert code == 5
    assert "may not be written to" in " ".join(said.split())
    assert cli.main(["-q", *RUN]) == 0
    is_right(work)


def conflict(work):
    deal(work / "lake", {"z": HEADER + "C1,QQ999999D,A1,2025-01-02,1\n"})
    return 1, lambda: deal(work / "lake", {"z": None})


def unknown_variable(work):
    os.environ["FEES_ETL_VARS"] = '{"max_loss": "1"}'
    return 2, lambda: os.environ.update(FEES_ETL_VARS=json.dumps(LENIENT))


def refused(work):
    deal(work / "lake", {"z": "client_id\nC1\n"})
    return 3, lambda: deal(work / "lake", {"z": [("C6", "2025-03-06", "1")]})


def all_gone(work):
    (work / "lake").rename(work / "lagoon")
    (work / "lake").mkdir()
    (work / "lake" / "other.csv").write_text(HEADER)
    return 4, lambda: (shutil.rmtree(work / "lake"), (work / "lagoon").rename(work / "lake"))


def damaged(work):
    Path("fees.duckdb").rename("sound.duckdb")
    Path("fees.duckdb").write_bytes(b"noise" * 9_000)
    return 5, lambda: Path("sound.duckdb").replace("fees.duckdb")


def held(work):
    process = subprocess.Popen(
        [sys.executable, "-c", "import duckdb; held = duckdb.connect('fees.duckdb'); print(flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.readline()
    return 75, lambda: process.communicate(b"\n")


@pytest.mark.parametrize("cause", [conflict, unknown_variable, refused, all_gone, damaged, held])
def test_after_every_exit_code_the_same_command_ends_right_once_its_cause_is_gone(work, capsys, cause):
    code, remove = cause(work)
    for _ in range(2):
        assert cli.main(RUN) == code, capsys.readouterr().err
    assert "Next:" in capsys.readouterr().err
    remove()

    assert cli.main(RUN) == 0, capsys.readouterr().err
    is_right(work)
