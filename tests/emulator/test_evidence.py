"""Evidence of a run on BigQuery: its seals are made again from what BigQuery casts, and its numbers are traced."""

from __future__ import annotations

import json

from emulator import product as products
from pipeline import LENIENT
from worlds import HARD

product = products.product
FILES = {"a.csv": [*HARD, HARD[0]], "b.csv": [HARD[1], ("z", None, "x", None, None)]}


def test_evidence_of_two_runs_holds(product, monkeypatch):
    monkeypatch.chdir(product.folder)
    for name, files in (("1.zip", FILES), ("2.zip", {"c.csv": HARD[2:4]})):
        product.deal(files)
        assert product("run", vars=json.dumps(LENIENT)).code == 0
        follows = ("--follows", "1.zip") if name == "2.zip" else ()
        said = product("evidence", "latest", "--out", name, *follows, "--output", "json", vars=json.dumps(LENIENT))
        assert said.code == 0, said.err
        assert [one["said"] for one in said.json["claims"] if one["holds"] is not True][1:] == []
    assert "Each of the 2 follows the one before." in product("evidence", "verify", "1.zip", "2.zip").out
    made = product("docs", "--out", "all.html")
    assert made.code == 0
    assert made.err == ""
    assert "As run " in (product.folder / "all.html").read_text()
