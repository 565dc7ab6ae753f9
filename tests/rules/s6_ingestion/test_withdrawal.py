"""What is gone is withdrawn; what is hardly meant to be gone is asked about, and what cannot be seen is not gone."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from pipeline import LENIENT, Pipeline
from shells import HEADER, fee, put

from fees_etl import GuardRefused
from fees_etl.ingestion.source import listing

JANUARY, FEBRUARY, MARCH = "2025-01-01", "2025-02-01", "2025-03-01"


@contextmanager
def unprivileged(folder="."):
    """As somebody whom permissions bind, for as long as the block lasts."""
    if os.geteuid():
        yield
        return
    for path in [Path(folder), *Path(folder).rglob("*")]:
        os.chown(path, 65534, 65534, follow_symlinks=False)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


# Of files, rows and pounds


def fed(shell, *files):
    """A lake of these files, ingested."""
    for number, lines in enumerate(files):
        put(f"{number}.csv", *lines)
    assert shell("ingest", "lake")[0] == 0
    return shell


def test_four_files_that_lose_all_their_rows_are_a_mass_withdrawal(shell):
    fed(shell, *([fee(number, "1776")] for number in range(4)))
    for number in range(4):
        put(f"{number}.csv")
    code, _, err = shell("ingest", "lake")
    assert code == 4
    assert "0 of 4 rows, 0.00 of 7,104.00 pounds" in " ".join(err.split())
    assert shell.ask("SELECT SUM(fee_amount) FROM raw.fees") == [(Decimal(7104),)]
    assert shell("ingest", "lake", "--allow-withdraw")[0] == 0
    assert shell.ask("SELECT COUNT(*) FROM raw.fees") == [(0,)]


KEPT, REFUSED = 0, 4
CORRECTIONS = {
    "half of the rows, exactly": ([fee(1), fee(2)], [fee(1)], KEPT),
    "more than half of the rows": ([fee(1, "9"), fee(2, "0"), fee(3, "0")], [fee(1, "9")], REFUSED),
    "pence that were pounds": ([fee(1, "100"), fee(2, "100")], [fee(1, "1"), fee(2, "1")], REFUSED),
    "a fee is corrected": ([fee(1, "100"), fee(2, "100")], [fee(1, "100"), fee(2, "1")], KEPT),
    "refunds on a day of their own": ([fee(1, "100")], [fee(1, "100"), fee(2, "-90", FEBRUARY)], KEPT),
    "refunds that vanish": ([fee(1, "-70"), fee(2, "-70", MARCH), fee(3, "10", FEBRUARY)], [fee(2, "-70", MARCH)] + [fee(1, "0")] * 2, REFUSED),
    "fees that became refunds": ([fee(1, "100")], [fee(1, "-100")], REFUSED),
    "a total of nothing, day by day": ([fee(1, "100"), fee(2, "-100", FEBRUARY)], [fee(1, "1"), fee(2, "-1", FEBRUARY)], REFUSED),
    "a total of nothing stays one": ([fee(1, "0"), fee(2, "0")], [fee(1, "0"), fee(2, "0"), fee(3, "0")], KEPT),
    "what was refunds only": ([fee(1, "-100"), fee(2, "-50")], [fee(1, "-100"), fee(2, "-40")], KEPT),
    "all of it on other days": ([fee(1, "100"), fee(2, "100")], [fee(1, "100", FEBRUARY), fee(2, "100", FEBRUARY)], REFUSED),
    "an empty file": ([], [fee(1)], KEPT),
    "amounts at the bound of a sum": ([fee(1, "9" * 19), fee(2, "-" + "9" * 19)], [fee(1, "9" * 19)] * 2, KEPT),
}  # fmt: skip


@pytest.mark.parametrize(("before", "after", "code"), CORRECTIONS.values(), ids=CORRECTIONS)
def test_corrections_that_shrink(shell, before, after, code):
    fed(shell, before)
    rows = shell.ask("SELECT COUNT(*) FROM raw.fees")
    put("0.csv", *after)
    found, _, err = shell("ingest", "lake")
    assert found == code, err
    assert (shell.ask("SELECT COUNT(*) FROM raw.fees") == rows) == (code == REFUSED or len(before) == len(after))


def test_what_is_new_or_grew_makes_up_for_nothing(shell):
    fed(shell, [fee(1, "100")], [fee(2, "100")], [fee(3, "100")])
    put("0.csv")
    put("1.csv")
    put("2.csv", *(fee(number, "100") for number in range(3, 99)))
    put("new.csv", *(fee(number, "100") for number in range(100, 199)))
    code, _, err = shell("ingest", "lake")
    assert code == 4
    assert "1 of 3 rows" in err


def test_a_few_large_files_that_vanish_are_a_mass_withdrawal(shell):
    fed(shell, [fee(1, "1000")], [fee(2, "1")], [fee(3, "1")])
    Path("lake/0.csv").unlink()
    assert shell("ingest", "lake")[0] == 4
    assert shell("ingest", "lake", "--allow-withdraw")[0] == 0


def test_files_of_other_places_and_refused_versions_do_not_count(shell):
    fed(shell, [fee(1)])
    put("elsewhere.csv", fee(2, "1")).rename("elsewhere.csv")
    assert shell("ingest", "elsewhere.csv")[0] == 0
    put("0.csv", header="nonsense\n")
    assert shell("ingest", "lake")[0] == 3  # its version before stays
    Path("elsewhere.csv").write_text(HEADER)
    assert shell("ingest", "elsewhere.csv")[0] == 4
    assert shell("run", "--source", "elsewhere.csv", "--allow-withdraw")[0] == 0


def test_reading_again_is_guarded_too(tmp_path):
    with Pipeline(tmp_path, **LENIENT) as pipeline:
        pipeline.put(a=HEADER + fee(1, "100") + fee(2, "100"))
        pipeline.ingest()
        pipeline.ingest(reload=True)
        pipeline.tamper("UPDATE raw.files SET row_count = 10")
        with pytest.raises(GuardRefused, match="2 of 10 rows"):
            pipeline.ingest(reload=True)


# What cannot be seen


@pytest.mark.parametrize(
    ("source", "mode"),
    [
        ("lake", 0),
        ("lake", 0o300),
        ("lake/*.csv", 0o300),
        ("l*/**", 0o600),
        ("lake/0.csv", 0o600),
        ("lake/0.csv", 0o300),
    ],
)
def test_a_folder_without_permissions_withdraws_nothing(shell, source, mode):
    fed(shell, [fee(1, "7")])
    is_readable = mode == 0o300 and source == "lake/0.csv"  # its name is enough
    with unprivileged():
        assert shell("ingest", source)[0] == 0
        Path("lake").chmod(mode)
        try:
            code, _, err = shell("ingest", source, "--allow-withdraw")
            assert code == (0 if is_readable else 4), err
            assert is_readable or "lake" in err
        finally:
            Path("lake").chmod(0o700)
    assert shell.ask("SELECT SUM(fee_amount) FROM raw.fees") == [(Decimal(7),)]


def test_a_file_without_permissions_is_named_and_nothing_is_taken(shell):
    fed(shell, [fee(1)])
    put("new.csv", fee(2))
    put("1.csv", fee(3))
    with unprivileged():
        Path("lake/new.csv").chmod(0)
        code, _, err = shell("run", "--source", "lake")
    assert code == 4
    assert "lake/new.csv is there, but cannot be read: Permission denied" in " ".join(err.split())
    assert shell.ask("SELECT COUNT(*) FROM raw.fees") == [(1,)]


def gone_behind_a_link():
    shutil.move("lake", "aside")
    Path("lake").symlink_to("nowhere")


def replaced_by(make):
    def change():
        Path("lake/0.csv").unlink()
        make(Path("lake/0.csv"))

    return change


HIDDEN = {
    "a link to nothing": replaced_by(lambda path: path.symlink_to("nowhere")),
    "a link to itself": replaced_by(lambda path: path.symlink_to(path.name)),
    "a folder": replaced_by(Path.mkdir),
    "a pipe": replaced_by(os.mkfifo),
    "a folder that is a link to nothing": gone_behind_a_link,
}


@pytest.mark.parametrize("source", ["lake", "lake/0.csv", "lake/**"])
@pytest.mark.parametrize("change", HIDDEN.values(), ids=HIDDEN)
def test_what_is_there_and_no_file_is_not_gone(shell, source, change):
    fed(shell, [fee(1, "7")], [fee(2)], [fee(3)])
    change()
    code, _, err = shell("ingest", source, "--allow-withdraw")
    assert code == 4, err
    assert "lake" in err
    assert shell.ask("SELECT COUNT(*) FROM raw.fees") == [(3,)]


def test_a_new_link_to_nothing_is_named(shell):
    fed(shell, [fee(1)])
    Path("lake/later.csv").symlink_to("nowhere")
    code, _, err = shell("ingest", "lake")
    assert code == 4
    assert "later.csv cannot be looked at: it is a link to nothing" in " ".join(err.split())


def test_a_folder_whose_place_is_taken_by_a_file_is_gone(shell):
    fed(shell, [fee(1)])
    shutil.rmtree("lake")
    Path("lake").touch()
    assert shell("ingest", "lake", "--allow-withdraw")[0] == 0
    assert shell.ask("SELECT COUNT(*) FROM raw.fees") == [(0,)]


def test_a_link_to_where_it_lies_is_not_followed_for_ever(shell):
    put("deep/0.csv".replace("/", "_"), fee(1))
    Path("lake/loop").symlink_to(".")
    Path("lake/other").mkdir()
    Path("lake/other/back").symlink_to("..")
    files = listing("lake/**/*.csv").files
    assert [file.uri.rpartition("/lake/")[2] for file in files] == ["deep_0.csv"]


def test_a_file_that_goes_between_the_listing_and_the_reading_is_tried_again(shell, monkeypatch):
    path = put("a.csv", fee(1))
    from fees_etl.ingestion import Mirror

    begin = Mirror.__init__
    monkeypatch.setattr(Mirror, "__init__", lambda *args, **options: (begin(*args, **options), path.unlink())[0])
    code, _, err = shell("ingest", "lake")
    assert code == 75, err
