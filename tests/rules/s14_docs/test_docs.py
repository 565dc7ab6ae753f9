"""SPEC 14: the catalogue has every table, column, test and word, without scripts, and every link of it leads somewhere."""

from __future__ import annotations

import random
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pipeline import project
from shells import waive

from fees_etl.pages.catalogue import Seen, catalogue
from fees_etl.pages.drawing import Arrow, Box, draw
from fees_etl.project.glossary import glossary


class Page(HTMLParser):
    """What leads somewhere, where one may be led, and what is loaded."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.tags = set(), [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.tags.add(tag)
        if "id" in named:
            assert named["id"] not in self.ids, named["id"]
            self.ids.add(named["id"])
        self.links += [named[name] for name in ("href", "src") if name in named]
        assert not [name for name in named if name.startswith("on")]


def lead_nowhere(pages):
    """Links of these pages that end at none of them, or at no place in them."""
    found = []
    for name, page in pages.items():
        for link in page.links:
            file, _, anchor = link.partition("#")
            end = pages.get(file or name)
            if end is None or (anchor and anchor not in end.ids):
                found.append((name, link))
    return found


@pytest.mark.parametrize("out", ["catalogue.html", "catalogue"])
def test_every_table_column_test_and_word_and_every_link(fed, out):
    code, _, err = fed("docs", "--out", out)

    assert (code, err) == (0, "")
    files = [Path(out)] if out.endswith("html") else sorted(Path(out).iterdir())
    texts = {path.name: path.read_text() for path in files}
    pages = {name: Page(text) for name, text in texts.items()}
    assert lead_nowhere(pages) == []
    assert not {"script", "link", "img", "iframe", "object"} & {tag for page in pages.values() for tag in page.tags}
    ids = {one for page in pages.values() for one in page.ids}
    everything = "\n".join(texts.values())
    for table, made in project().contracts.items():
        if table.dataset != "history":
            assert {str(table), *(f"{table}.{column}" for column in made.types)} <= ids
    assert {f"tests.{one.name}" for one in project().assertions} <= ids
    assert {f"glossary.{one.name}" for one in glossary(project().root)} <= ids
    assert not re.search(r"QQ\d{6}", everything)
    run = fed.ask("SELECT run_id FROM ops.runs")[0][0]
    assert f"As run {run} published it" in everything
    assert "6 pass" in everything
    if out == "catalogue":
        assert {"index.html", "columns.html", "glossary.html", "tests.html", "staging.stg_fees.html"} <= texts.keys()
        assert texts["reporting.rpt_client_ltv.html"].count("<h1>") == 1


def test_a_failing_test_is_said_in_words(fed):
    text = Path("x.html")
    found = Seen(None, {"assert_advisers": "FAIL, 2 rows"})
    made = {one.name: one for one in catalogue(project(), found, lambda name: f"#{name}").entries}

    assert "1 FAIL" in made["reporting.rpt_adviser_ltv"].verdicts
    assert not text.exists()


def test_without_a_warehouse_there_are_no_verdicts(shell):
    code, out, err = shell("docs")

    assert (code, "catalogue.html" in out, "No verdicts" in err) == (0, True, True)
    assert "Nothing has been published yet." in Path("catalogue.html").read_text()
    assert not Path("fees.duckdb").exists()


@pytest.mark.parametrize("out", ["notes.html", "notes", "folder", "no/such/folder"])
def test_what_is_no_page_is_left_alone(shell, out):
    Path("notes").write_text("mine")
    Path("notes.html").write_text("mine")
    Path("folder").mkdir()
    Path("folder/index.html").write_text("mine")

    code, _, err = shell("docs", "--out", out)

    assert (code, "Next:" in err) == (2, True)
    assert {Path(name).read_text() for name in ("notes", "notes.html", "folder/index.html")} == {"mine"}


def test_words_of_ones_own_and_what_is_wrong_with_them(shell):
    options = waive("C9")
    words = Path("project/sql/glossary.yml")
    words.write_text("trail:\n  description: What an adviser is paid each year.\n  columns: [fee_amount]\n")
    assert shell(*options, "docs", "--out", "own.html")[0] == 0
    text = Path("own.html").read_text()
    assert (text.count('href="#glossary.trail"') > 2, "glossary.ltv" in text) == (True, False)
    words.write_text("trail:\n  meaning: x\n")

    code, _, err = shell(*options, "docs")

    assert (code, "glossary.yml:" in err) == (2, True)


def test_two_hundred_tables_in_layers_without_an_overlap():
    random.seed(1)
    names = [f"reporting.rpt_{at:03d}" for at in range(200)]
    arrows = [Arrow(start, end) for at, end in enumerate(names) for start in random.sample(names[:at], min(at, 2))]
    began = time.monotonic()
    drawn = draw([Box(name, name, f"#{name}") for name in names], [*arrows, Arrow(names[9], names[3])], "a map")

    assert time.monotonic() - began < 5
    boxes = [tuple(map(float, one)) for one in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"', drawn)]
    assert len(boxes) == 200
    columns = {}
    for x, y, _ in boxes:
        columns.setdefault(x, []).append(y)
    for tall in columns.values():
        assert all(below - above >= 30 for above, below in zip(sorted(tall), sorted(tall)[1:], strict=False))
    for path in re.findall(r'<path d="M([\d.]+) [^"]* ([\d.]+) [\d.]+"', drawn):
        assert float(path[0]) < float(path[1])


def test_what_is_written_in_a_drawing_is_escaped():
    assert "<b>" not in draw([Box("a", "<b>&", '"#x')], [], 'says "<b>"')
