"""The README's commands on BigQuery, typed into a shell; their project and bucket are made to be the emulators'."""

from __future__ import annotations

import re
import tomllib
from datetime import date

import pytest
from test_readme import BLOCKS, shell
from worlds import charge

COMMANDS = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
ELSEWHERE = "gcloud "


@pytest.fixture
def reader(product):
    """The target that the README writes just before its commands, and a file in its lake."""
    kinds = [kind for kind, _ in BLOCKS]
    (text,) = [text for kind, text in BLOCKS[: kinds.index("bigquery")] if kind == "toml"]
    written = tomllib.loads(text)["targets"]["prod"]
    text = text.replace("my-project?", f"{product.google.project}?").replace("my-lake", product.lake.bucket.name)
    (product.folder / "work").mkdir()
    (product.folder / "work" / "fees_etl.toml").write_text(text)
    folder = written["source"].removeprefix("gs://my-lake/").rpartition("/")[0]
    product.deal({f"{folder}/2025_01.csv": [charge("ann", "x", date(2025, 1, 31), "1.60")]})
    product.terraform(written["policy_tags"]["nino"])
    return product


def test_every_command_works_and_prints_what_it_says(reader):
    ran = 0
    for _, text in (block for block in BLOCKS if block[0] == "bigquery"):
        for command, expected in COMMANDS.findall(text):
            if command.startswith(ELSEWHERE):
                continue
            with reader.inside():
                done = shell(command, reader.folder)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
            printed = " ".join(done.stdout.split())
            for line in expected.splitlines():
                assert line == "..." or " ".join(line.split()) in printed, (
                    f"{command} does not print {line!r}, but\n{done.stdout}"
                )
            ran += 1
    assert ran >= 2
    assert reader.rows("SELECT SUM(ltv_total) FROM reporting.rpt_client_ltv")[0][0] > 1
