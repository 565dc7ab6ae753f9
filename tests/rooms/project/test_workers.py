"""Processes share the reading of a large project. Each test forks in a Python of its own, which has no threads."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from broken import FOLDERS, assembled

from fees_etl import load
from fees_etl.project.contracts import contract
from fees_etl.project.contracts import outline as without_columns
from fees_etl.project.load import outline
from fees_etl.types import Table


def python(code):
    """What a new Python prints."""
    code = "import os\nfrom fees_etl.project.workers import spread\n" + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_each_process_does_its_part_and_the_order_stays():
    assert python("""
        found = spread(lambda item: (item, os.getpid()), range(1000), 3)
        workers = {pid for _, pid in found}
        print([item for item, _ in found] == list(range(1000)), len(workers), os.getpid() in workers)
    """) == ["True 3 False"]


@pytest.mark.parametrize(("items", "processes"), [(10, 4), (1000, 1)])
def test_few_items_and_one_process_stay_here(items, processes):
    assert python(f"""
        print({{pid for pid in spread(lambda item: os.getpid(), range({items}), {processes})}} == {{os.getpid()}})
    """) == ["True"]


def test_an_error_is_the_one_of_doing_it_here():
    assert python("""
        try:
            spread(lambda item: 1 // (700 - item) // (300 - item), range(1000), 4)
        except ZeroDivisionError as error:
            print(error.__traceback__.tb_next.tb_next.tb_next.tb_frame.f_locals)
    """) == ["{'item': 300}"]


@pytest.mark.parametrize("misfortune", ["os.kill(os.getpid(), 9)", "exit()", "(lambda: item)"])
def test_work_that_a_process_cannot_hand_back_is_done_here(misfortune):
    assert python(f"""
        here = os.getpid()
        found = spread(lambda item: {misfortune} if item == 500 and os.getpid() != here else item, range(1000), 2)
        print(found == list(range(1000)))
    """) == ["True"]


def test_what_waits_to_be_printed_is_printed_once():
    assert python("""
        print("once")
        spread(abs, range(1000), 4)
    """) == ["once"]


def test_a_broken_project_is_explained_in_the_same_words(tmp_path):
    for folder in FOLDERS:
        assembled(folder, tmp_path)
    found = python(f"""
        from pathlib import Path
        from fees_etl import ProjectError, load
        from fees_etl.project import workers
        workers.MANY = 1
        for folder in sorted(Path({str(tmp_path)!r}).iterdir()):
            try:
                load(folder, processes=2)
            except ProjectError as error:
                said = f"{{error.message}}\\n" + (f"{{error.hint}}\\n" if error.hint else "")
            else:
                said = ""
            print(folder.name, said == (folder / "expected.txt").read_text(encoding="utf-8"))
    """)

    assert found == [f"{folder.name} True" for folder in FOLDERS]


def test_an_outline_has_the_names_kinds_and_arrows_of_the_whole():
    whole, found = load(), outline()

    def arrows(project):
        models = [
            (str(one.table), one.contract.materialized, one.contract.key, one.reads) for one in project.models.values()
        ]
        return models, [(one.name, one.severity, one.reads) for one in project.assertions], list(project.sources)

    assert arrows(found) == arrows(whole)
    assert not any(made.columns for made in found.sources.values())


COLUMN = "{name: a, type: DATE, required: true, description: A day.}"


@pytest.mark.parametrize(
    "columns",
    [
        f"columns:\n  - {COLUMN}\n",
        f"columns:\n\n# one\n- {COLUMN}\n\n",
        f"columns:   # block\n  - {COLUMN}\n",
        f"columns: [\n  {COLUMN}\n]\n",
        f"columns:\n  [\n{COLUMN}\n]\n",
        "columns:\n- name: a\n  type: DATE\n  description: |\n    columns:\n    materialized: merge\n",
        f"'columns':\n- {COLUMN}\n",
    ],
)
@pytest.mark.parametrize("order", ["before", "after"])
def test_columns_may_be_written_anywhere_and_in_any_style(tmp_path, columns, order):
    rest = "description: |\n  columns:\n  materialized: merge\nmaterialized: rebuild\nkey: [a]\n"
    path = tmp_path / "t.yml"
    path.write_text(columns + rest if order == "before" else rest + columns, encoding="utf-8")
    table = Table("reporting", "t")
    quick, whole = without_columns(path, table, Path("t.yml")), contract(path, table, {}, Path("t.yml"))

    assert (quick.description, quick.materialized, quick.key) == (whole.description, whole.materialized, whole.key)
    assert (whole.materialized, whole.key) == ("rebuild", ("a",))


def test_an_error_below_the_columns_has_its_line_in_the_file(tmp_path):
    path = tmp_path / "t.yml"
    path.write_text(f"description: x\ncolumns:\n  - {COLUMN}\nkey: [a\n", encoding="utf-8")

    with pytest.raises(Exception, match=r"t.yml:5: not YAML"):
        without_columns(path, Table("reporting", "t"), Path("t.yml"))


def test_the_project_of_the_benchmark_is_sound(tmp_path):
    from bench.project_1000 import generate

    bundled = len(load().models)
    project = load(generate(tmp_path, models=2 * bundled))

    assert len(project.models) == 3 * bundled
    assert project.models[Table("reporting", "rpt_cohort_ltv_001")].reads == {
        Table("reporting", "dim_clients_001"),
        Table("reporting", "rpt_client_ltv_001"),
    }
