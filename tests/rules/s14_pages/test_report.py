"""A page of what a run published: whole, accessible, without NINOs, and every number as the tables have it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import places
import pytest
from shells import CONFLICT, GOOD, MORE, change, put, waive

from fees_etl.streams import replace

EMPTY = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Elements in order, with their attributes and the text below each."""

    def __init__(self, text):
        super().__init__()
        self.found, self._open = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), []))
        if tag not in EMPTY:
            self._open.append(self.found[-1])

    def handle_endtag(self, tag):
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, _, texts in self._open:
            texts.append(data)

    def all(self, tag):
        return [(attrs, " ".join("".join(texts).split())) for name, attrs, texts in self.found if name == tag]

    def text(self):
        return self.all("body")[0][1]


def written(shell, *args, out="report.html"):
    code, said, err = shell("report", *args)
    assert (code, err) == (0, "")
    assert f"{out}: " in said
    return Path(out).read_text(encoding="utf-8")


def works(shell, text):
    """Every command that the page names can be typed."""
    named = sorted(set(re.findall(r"<code>fees-etl ([^<]*)</code>", text)))
    assert len(named) >= 3
    for command in named:
        assert shell(*command.split())[0] == 0, command


@pytest.fixture
def moved(fed):
    """A second run: a late fee, a correction and a client who is new."""
    put("good.csv", GOOD.replace("50.50", "60.50"))
    put("more.csv", MORE, "C1,QQ123456A,A2,2024-12-31,5.00\n")
    assert fed("run", "--source", "lake/*.csv")[0] == 0
    return fed


def test_the_page_is_whole_and_accessible(moved):
    text = written(moved)
    page = Page(text)
    assert text.startswith("<!doctype html>\n<html lang=")
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, *_ in page.found}
    assert set(re.findall(r"https?://[^\s\"'<)]+", text)) == {"http://www.w3.org/2000/svg"}
    assert "@import" not in text
    assert {one for one in re.findall(r"url\(([^)]*)", text) if not one.startswith("#")} == set()
    for landmark in ("header", "nav", "main", "footer", "h1", "title"):
        assert len(page.all(landmark)) == 1, landmark
    ids = [attrs["id"] for _, attrs, _ in page.found if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]*)\)", text)) <= set(ids)
    assert all(attrs["role"] == "img" and attrs["aria-label"] for attrs, _ in page.all("svg"))
    assert len(page.all("table")) == len(page.all("caption")) >= len(page.all("svg")) >= 7
    assert all(attrs["scope"] in {"col", "row"} for attrs, _ in page.all("th"))
    (footer,) = page.all("footer")
    ((run_id, fingerprint),) = moved.ask("SELECT run_id, fingerprint FROM ops.runs ORDER BY started_at DESC LIMIT 1")
    assert run_id in footer[1]
    assert fingerprint in footer[1]


def test_it_has_no_number_of_a_person_and_clients_only_where_asked(moved):
    text = written(moved)
    assert not re.search(r"QQ\d{6}|\bC[123]\b", text)
    asked = written(moved, "--clients", "--out", "clients.html", out="clients.html")
    assert not re.search(r"QQ\d{6}", asked)
    assert re.search(r"\bC1\b", asked)


def test_what_changed_adds_up_and_what_is_open_is_said_and_hatched(moved):
    text = written(moved)
    page = Page(text)
    said = page.text()
    ((before,),) = moved.ask("SELECT amount_before FROM ops.runs ORDER BY started_at DESC LIMIT 1")
    assert f"from {before:,.2f} to" in said
    assert "3 of 3 clients (100%) are not complete at six months" in said
    assert "truncation, not decline" in said
    assert "so far" in said
    for word in ("corrected (error) +10.00", "late (new information) +5.00", "not explained––0.00"):  # noqa: RUF001
        assert word in said, said
    assert text.count("<pattern ") == len(page.all("svg"))
    assert "fees-etl trace rpt_cohort_ltv cohort_month=2024-12 --column avg_ltv_6_month" in said
    works(moved, text)


def test_an_older_run_is_told_as_it_was(moved):
    text = written(moved, "--run", "previous")
    said = Page(text).text()
    assert "Another run has published since" in said
    assert "This run was the first that published" in said
    assert "150.50" in said
    assert "trace rpt" not in said
    works(moved, text)


def test_waivers_and_failing_rows_are_told_without_their_clients(fed):
    put("conflict.csv", CONFLICT)
    where = waive("C1")
    assert fed(*where, "run", "--source", "lake/*.csv")[0] == 0
    said = Page(written(fed, *where)).text()
    assert "sql/waivers.yml:1: known (until 2099-01-01)" in said
    assert not re.search(r"\bC1\b", said)


def test_a_project_of_other_tables_leaves_out_what_they_do_not_have(shell):
    shutil.copytree(places.ROOT / "sql", "project/sql")
    for name in ("reporting/rpt_cohort_ltv.sql", "reporting/rpt_cohort_ltv.yml"):
        path = Path("project/sql", name)
        path.write_text(path.read_text().replace("avg_ltv_", "mean_ltv_"))
    for path in Path("project/sql/assertions").glob("assert_cohorts.*"):
        path.unlink()
    put("good.csv", GOOD)
    own = ("--project-dir", "project")
    assert shell(*own, "run", "--source", "lake/*.csv")[0] == 0
    said = Page(written(shell, *own)).text()
    assert "Left out: Cohorts: this project publishes no rpt_cohort_ltv with the columns needed." in said
    assert "Lifetime value by cohort" not in said
    assert "Adviser A1 leads with 100.00" in said


def test_what_cannot_be_written_is_said_and_nothing_is_lost(fed, monkeypatch):
    whole = Path("fees.duckdb").read_bytes()
    code, _, err = fed("report", "--out", "fees.duckdb")
    assert (code, "is no page; it was left alone" in err, Path("fees.duckdb").read_bytes() == whole) == (2, True, True)
    assert fed("report", "--out", "nowhere/report.html")[0] == 2
    Path("folder").mkdir()
    assert fed("report", "--out", "folder")[0] == 2
    assert list(Path().glob("*.tmp")) == []
    code, _, err = fed("report", "--run", "yesterday")
    assert (code, "No run 'yesterday' has published" in err) == (2, True)
    code, out, _ = fed("report", "--out", "-")
    assert (code, out.startswith("<!doctype html>"), out.endswith("</html>\n")) == (0, True, True)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    code, _, err = fed("report")
    assert (code, "pip install 'fees-etl[pages]'" in err) == (2, True)


def test_a_page_goes_through_links_and_into_devices_and_replaces_neither(fed):
    """As root it could: once the link /dev/stdout itself became a page."""
    Path("there").mkdir()
    Path("page.html").symlink_to("there/real.html")
    for _ in range(2):
        assert fed("report", "--out", "page.html")[0] == 0
        assert (Path("page.html").is_symlink(), Path("there/real.html").read_text()[:9]) == (True, "<!doctype")
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDWR)
    replace(Path("pipe"), "a page")
    assert (os.read(reader, 99), Path("pipe").is_fifo()) == (b"a page", True)
    os.close(reader)
    Path("empty.html").touch()
    assert fed("report", "--out", "empty.html")[0] == 0


@pytest.mark.parametrize(
    "cell",
    [
        "history.rpt_cohort_ltv.cohort_month", "history.rpt_cohort_ltv.avg_ltv_6_month", "history.rpt_client_ltv.ltv_6_month",
        "history.rpt_adviser_ltv.total_client_ltv_6_month", "history.dim_clients.cohort_month",
    ],
)  # fmt: skip
def test_a_history_that_lacks_what_every_run_writes_is_no_bug(fed, cell):
    table, _, column = cell.rpartition(".")
    change(f"UPDATE {table} SET {column} = NULL")
    code, _, err = fed("report", "--out", "-")
    assert (code, f"{cell} holds what no run writes" in " ".join(err.split())) == (5, True), err


def test_before_the_first_run_there_is_nothing_to_report(shell):
    put("good.csv", GOOD)
    assert shell("ingest", "lake/*.csv")[0] == 0
    code, _, err = shell("report")
    assert (code, "No run has published yet" in err) == (2, True)


def test_the_ledger_is_a_page_too(moved):
    assert moved("runs", "--html")[0] == 0
    text = Path("runs.html").read_text(encoding="utf-8")
    page = Page(text)
    assert (len(page.all("h1")), len(page.all("svg")), len(page.all("table"))) == (1, 1, 2)
    for (run_id,) in moved.ask("SELECT run_id FROM ops.runs"):
        assert run_id in text
    assert moved("runs", "--out", "x.html")[0] == 2
    assert moved("runs", "--html", "--limit", "1", "--out", "-")[1].count('<th scope="row"') == 2


@pytest.mark.skipif(places.REAL is None, reason="the real input file is not beside the project")
def test_the_real_file_is_told_so_that_nobody_concludes_wrongly(shell):
    assert shell("run", "--source", str(places.REAL))[0] == 0
    text = written(shell)
    said = Page(text).text()
    assert "2,904 of 5,200 clients (56%) are not complete at six months, in 6 cohorts, 2025-04 to 2025-09." in said
    assert "119 records of 57.66 pounds repeat a fee that is staged" in said
    assert "Adviser 1 leads with 103,588.52 pounds of the first six months, 3,385.34 (3.4%) ahead of adviser 3." in said
    assert "Of clients whose six months are complete, adviser 2 leads with 62,477.84" in said
    assert said.count("650,123.37") >= 5
    rows = [line.split(",") for line in places.REAL.read_text().splitlines()[1:]]
    assert not {nino for _, nino, *_ in rows} & set(re.findall(r"[A-Z]{2}\d{6}[A-Z]?", text))
    assert not any(client in text for client, *_ in rows[:5000])
