"""What a run reads: the source that is given, else the sample, but never that in a warehouse of real files."""

from __future__ import annotations

from pathlib import Path

from shells import fee, put


def test_the_sample_never_enters_a_warehouse_whose_real_files_were_withdrawn(shell):
    put("a.csv", fee(1)).rename("lake/b.csv")
    shell("ingest", "lake")
    Path("lake/b.csv").unlink()
    shell("ingest", "lake", "--allow-withdraw")
    shell("run")
    assert shell.ask("SELECT COUNT(*) FROM raw.files WHERE uri LIKE 'sample:%'") == [(0,)]


def test_an_empty_source_is_refused_instead_of_meaning_the_sample(shell):
    code, _, err = shell("run", "--source", "")
    assert code == 2, err


def test_after_a_refusal_the_next_command_is_one_that_reads_files(shell):
    put("a.csv", "nonsense\n" * 3)
    shell("ingest", "lake")
    code, _, err = shell("run", "--skip-ingest")
    assert code == 3
    assert "--skip-ingest" not in err.rpartition("Next:")[2]
