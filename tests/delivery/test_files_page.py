"""docs/FILES.md is followed: its files are written, its YAML goes where it says, its commands do what they say."""

from __future__ import annotations

import re
import shutil

import duckdb
import places
from test_readme import shell

PAGE = (places.ROOT / "docs" / "FILES.md").read_text(encoding="utf-8")
OLD = "client_id,client_nino,adviser_id,fee_date,fee_amount\nclient-1,QQ000001A,adviser-1,2025-09-01,10.00\n"


def blocks(section, kind):
    """The fenced blocks of one kind below a heading, without their indentation."""
    text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)[1]
    found = re.findall(rf"^( *)```{kind}\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return ["".join(line.removeprefix(margin) for line in block.splitlines(keepends=True)) for margin, block in found]


def follow(section, folder):
    """Write the file that a recipe shows first, then run its commands; what each prints is on the page."""
    (shown, *rest) = blocks(section, "console")
    name, content = re.fullmatch(r"\$ cat (\S+)\n(.*)", shown, re.DOTALL).groups()
    (folder / "work" / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / "work" / name).write_text(content)
    yield
    for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(rest), re.MULTILINE):
        done = shell(command, folder)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert all(line in done.stdout for line in expected.splitlines() if line != "..."), done.stdout
    yield


def held(work, sql):
    with duckdb.connect(work / "fees.duckdb", read_only=True) as connection:
        return connection.execute(sql).fetchall()


def replaced(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_both_recipes(tmp_path):
    work = tmp_path / "work"
    shutil.copytree(places.ROOT / "sql", work / "sql")
    (work / "lake").mkdir()
    (work / "lake" / "september.csv").write_text(OLD)
    assert shell("fees-etl run --source lake", tmp_path).returncode == 0
    fees = work / "sql" / "raw" / "fees.yml"

    recipe = follow("A new column", tmp_path)
    next(recipe)
    refused = shell("fees-etl run --source lake", tmp_path)
    assert (refused.returncode, "'region' is unknown" in refused.stderr) == (3, True)
    (line,) = blocks("A new column", "yaml")
    replaced(fees, "  - {name: _source_file", f"{line}  - {{name: _source_file")
    next(recipe)
    assert held(work, "SELECT client_id, region FROM raw.fees ORDER BY 1") == [
        ("client-1", None),
        ("client-2", "north"),
    ]

    recipe = follow("A new layout", tmp_path)
    next(recipe)
    (layouts,) = blocks("A new layout", "yaml")
    replaced(fees, "columns:\n", f"{layouts}columns:\n")
    next(recipe)
    assert held(work, "SELECT SUM(fee_amount) FROM staging.stg_fees") == [(60,)]
