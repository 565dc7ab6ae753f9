"""Every fees-etl command of the runbook is run, in order, on an embedded warehouse; its SQL and filters are read."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import ends
import places
import pytest
import sqlglot
import yaml
from pipeline import project
from sqlglot import exp

import fees_etl
from fees_etl import cli, load

RUNBOOK = places.ROOT / "docs" / "RUNBOOK.md"
NIGHT = RUNBOOK.read_text(encoding="utf-8")
OTHERS = ("TAMPERING.md", "DEPLOYMENT.md", "ERASURE.md")
TEXT = NIGHT + "".join(RUNBOOK.with_name(name).read_text(encoding="utf-8") for name in OTHERS)
PARTS = dict(re.findall(r"^## (.*)\n((?:(?!^## ).*\n)*)", "## Start\n" + TEXT, re.MULTILINE))
BLOCK = re.compile(r"^ *```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
BLOCKS = BLOCK.findall(TEXT)
JOB = {"fees-etl-ingest": "ingest", "fees-etl-run": "run --from stg_fees"}
FEES = ends.GOOD.replace("2025-02", "2025-{:02}")
COLUMN, LAYOUT = re.findall(r"`(- \{.*\})`", PARTS["A new column or layout"])


def commands(text):
    """(where, words) of each fees-etl command: on a person's machine, or as the job that has the account for it."""
    for kind, block in BLOCK.findall(text):
        for line in re.sub(r"\\\n", " ", block).splitlines():
            if kind == "console":
                yield "machine", shlex.split(line.removeprefix("$ "))[1:]
            if kind == "bash" and (job := re.search(r"gcloud run jobs execute (\S+)", line)):
                arguments = re.search(r"--args=(\S+)", line)
                yield job[1], arguments[1].split(",") if arguments else JOB[job[1]].split()


class World:
    """A warehouse with three months published, seen from a machine and from a job."""

    def __init__(self, folder, patch, capsys):
        self.folder, self.patch, self.capsys = folder, patch, capsys
        self.warehouse = f"duckdb://{folder}/fees.duckdb"
        patch.chdir(folder)
        patch.setattr(fees_etl, "load", lambda *_, **__: project())
        (folder / "fees_etl.toml").write_text(f'[targets.prod]\nwarehouse = "{self.warehouse}"\nsource = "lake/"\n')
        (folder / "lake").mkdir()
        for month in (1, 2, 3):
            self.put(month)
        assert self("fees-etl-ingest", ["ingest"]) == 0
        assert self("fees-etl-run", ["run", "--from", "stg_fees"]) == 0
        self.before = self.published()

    def put(self, month, text=None):
        (self.folder / "lake" / f"fees_2025_{month:02}.csv").write_text(text or FEES.replace("{:02}", f"{month:02}"))

    def touch(self, month):
        """A new version with the same records, as a new generation of an object is."""
        path = self.folder / "lake" / f"fees_2025_{month:02}.csv"
        path.write_text(path.read_text() + "\n")

    def __call__(self, where, words):
        words = [word.replace("RUN_ID", self.newest()) if word == "RUN_ID" else word for word in words]
        ambient = {"FEES_ETL_TARGET": "prod", "FEES_ETL_WAREHOUSE": self.warehouse, "FEES_ETL_SOURCE": "lake/"}
        with self.patch.context() as patch:
            for name, text in ambient.items() if where != "machine" else ():
                patch.setenv(name, text)
            code = cli.main(words)
        self.said = self.capsys.readouterr()
        assert not ends.NINO.search(self.said.out + self.said.err)
        return code

    def deploy(self, *edits):
        """The bundled project from now on, with edits (file, old, new): what was there once is replaced."""
        root = shutil.copytree(places.ROOT / "sql", self.folder / "copy" / "sql")
        for file, old, new in edits:
            text = (root / file).read_text()
            assert text.count(old) == 1, (file, old)
            (root / file).write_text(text.replace(old, new))
        deployed = load(root.parent)
        self.patch.setitem(globals(), "project", lambda: deployed)

    def tamper(self, sql):
        import duckdb

        with duckdb.connect(str(self.folder / "fees.duckdb")) as found:
            found.execute(sql)

    def query(self, sql):
        import duckdb

        with duckdb.connect(str(self.folder / "fees.duckdb"), read_only=True) as found:
            return found.execute(sql).fetchall()

    def newest(self):
        return self.query("SELECT run_id FROM ops.runs ORDER BY started_at DESC LIMIT 1")[0][0]

    def published(self):
        return self.query("SELECT client_id, ltv_total FROM reporting.rpt_client_ltv ORDER BY ALL")

    def follow(self, part):
        """Every command of a part of the runbook; the code of each."""
        return [self(where, words) for where, words in commands(PARTS[part])]


@pytest.fixture
def world(tmp_path, monkeypatch, capsys):
    return World(tmp_path, monkeypatch, capsys)


def test_every_command_of_every_part_is_followed_by_a_test():
    followed = set(re.findall(r'follow\("(.*?)"\)', Path(__file__).read_text(encoding="utf-8")))
    assert {name for name, text in PARTS.items() if [*commands(text)]} == followed


def test_reading_and_proving_take_what_is_there(world):
    assert set(world.follow("Start")) == {0}
    assert set(world.follow("First deployment")) == {0}
    assert world.published() == world.before


def test_a_backfill_is_rehearsed_and_done_and_changes_nothing_that_was_right(world):
    assert world.follow("Backfilling") == [0, 0, 0]
    assert world.published() == world.before


def test_a_failed_run_is_found_by_its_id(world):
    world.put(4, ends.CONFLICT)
    assert world("fees-etl-ingest", ["ingest"]) == 0
    assert world("fees-etl-run", ["run", "--from", "stg_fees"]) == 1
    assert set(world.follow("A failed run at 3 a.m.")) == {0}
    assert "rejected" in world.said.out
    assert world.published() == world.before


def test_a_refused_file_is_named_by_the_query_and_the_others_are_published_without_it(world):
    world.put(4, ends.NO_AMOUNT)
    assert world("fees-etl-ingest", ["ingest"]) == 3
    (asked, _) = [sql for kind, sql in BLOCK.findall(PARTS["A refused file"]) if kind == "sql"]
    assert ["fees_2025_04" in uri for uri, *_ in world.query(asked)] == [True]
    (world.folder / "lake" / "fees_2025_04.csv").unlink()
    assert world("fees-etl-ingest", ["ingest"]) == 0
    assert world("fees-etl-run", ["run", "--from", "stg_fees"]) == 0
    assert world.query(asked) == []


def test_a_withdrawal_of_most_files_happens_only_when_it_is_meant(world):
    for month in (1, 2):
        (world.folder / "lake" / f"fees_2025_{month:02}.csv").unlink()
    assert world("fees-etl-ingest", ["ingest"]) == 4
    assert world.follow("A withdrawn file") == [0, 0]
    assert world.published() != world.before
    for month in (1, 2):
        world.put(month)
    assert world("fees-etl-ingest", ["ingest"]) == 0
    assert world("fees-etl-run", ["run", "--from", "stg_fees"]) == 0
    assert world.published() == world.before


@pytest.mark.parametrize(
    "damage",
    ["UPDATE reporting.rpt_client_ltv SET ltv_total = 0", "DELETE FROM staging.stg_fees WHERE fee_date < '2025-03-01'"],
)
def test_what_was_written_by_hand_is_rebuilt_from_raw(world, damage):
    world.tamper(damage)
    assert world("fees-etl-run", ["assert"]) == 1
    assert world.follow("Restoring") == [0, 0]
    assert world.published() == world.before


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM raw.fees WHERE client_id = 'C7' AND fee_date < '2025-02-01'",
        "UPDATE raw.fees SET fee_amount = fee_amount + 1 WHERE fee_date = '2025-01-03'",
    ],
)
def test_raw_is_restored_from_the_lake_by_writing_its_file_anew(world, damage):
    world.tamper(damage)
    assert world("fees-etl-run", ["assert"]) == 1
    world.touch(1)
    assert world("fees-etl-ingest", ["ingest"]) == 0
    assert world("fees-etl-run", ["run", "--from", "stg_fees"]) == 0
    assert world("fees-etl-run", ["assert"]) == 0
    assert world.published() == world.before


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM raw.fees WHERE client_id = 'C7' AND fee_date < '2025-02-01'",
        "UPDATE raw.fees SET fee_amount = fee_amount + 1 WHERE fee_date = '2025-01-03'",
        "UPDATE raw.fees SET client_nino = 'QQ765432A' WHERE client_id = 'C7'",
    ],
)
def test_raw_is_restored_from_the_lake_by_reading_its_files_again(world, damage):
    world.tamper(damage)
    assert world("fees-etl-run", ["assert"]) == 1
    assert world.follow("Tampering") == [1, 0, 0]
    assert world("fees-etl-run", ["assert"]) == 0
    assert world.published() == world.before


def test_a_person_is_erased_from_files_tables_and_history(world):
    """As the page says; the numbers of everybody else stay, and nothing calls it tampering."""
    (edit,) = re.findall(r"grep --invert-match '(.*)' \S+ > \S+", PARTS["Erasing"])
    for path in (world.folder / "lake").iterdir():
        kept = [line for line in path.read_text().splitlines(keepends=True) if not re.search(edit, line)]
        path.write_text("".join(kept))
    (named, _) = [sql for kind, sql in BLOCK.findall(PARTS["Erasing"]) if kind == "sql"]
    assert len(world.query(named)) == 3
    assert world.follow("Erasing") == [0, 0, 2]
    assert world.query(named) == []
    assert world.published() == [(client, pounds) for client, pounds in world.before if client != "C7"]
    *history, causes = re.findall(r'bq query --use_legacy_sql=false "(.*)"', PARTS["Erasing"])
    for sql in history:
        world.tamper(sql)
    assert world("fees-etl-run", ["assert"]) == 0
    world.tamper(causes)
    assert world("fees-etl-run", ["assert"]) == 1
    assert re.search(r"\b1 of \d+ assertions fail\b[^:]*: assert_ledger\.", world.said.err)
    texts = world.query(
        "SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns WHERE data_type = 'VARCHAR'"
    )
    assert [at for at in texts if world.query("SELECT 1 FROM {} WHERE {} = 'C7'".format(*at))] == []


def test_a_new_column_is_deployed_and_then_read_from_the_files_that_came_with_it(world):
    """Its line in two files and its name in a third; files that lack it have NULL."""
    world.put(
        4, FEES.replace("{:02}", "04").replace("fee_amount\n", "fee_amount,region\n").replace(".00\n", ".00,North\n")
    )
    assert world("fees-etl-ingest", ["ingest"]) == 3
    world.deploy(
        ("raw/fees.yml", "  - {name: _source_file,", f"  {COLUMN}\n  - {{name: _source_file,"),
        ("staging/stg_fees.yml", "columns:\n", f"columns:\n  {COLUMN}\n"),
        ("staging/stg_fees.sql", "        _source_file,\n", "        region,\n        _source_file,\n"),
        ("staging/stg_fees.sql", "\nSELECT\n", "\nSELECT\n    region,\n"),
    )
    assert world.follow("A new column or layout") == [0, 0]
    for table in ("raw.fees", "staging.stg_fees"):
        found = world.query(f"SELECT region, COUNT(*), SUM(fee_amount) FROM {table} GROUP BY region ORDER BY region")
        assert found == [("North", 28, 280), (None, 84, 840)], table


def test_a_new_layout_is_deployed_and_then_read_beside_the_files_of_the_old_one(world):
    rows = re.sub(r"2025-04-(\d\d)", r"\1/04/2025", FEES.replace("{:02}", "04")).replace("client_id", "Client No")
    (world.folder / "lake" / "fees_v2_2025_04.csv").write_text(rows.replace(",", ";"))
    assert world("fees-etl-ingest", ["ingest"]) == 3
    world.deploy(("raw/fees.yml", "columns:\n", f"layouts:\n  {LAYOUT}\ncolumns:\n"))
    assert world.follow("A new column or layout") == [0, 0]
    assert world.query("SELECT COUNT(*), SUM(fee_amount), MAX(fee_date)::TEXT FROM raw.fees") == [
        (112, 1120, "2025-04-28")
    ]
    assert world.published() == [(client, pounds + 10) for client, pounds in world.before]


def test_a_waiver_as_it_is_written_there_is_understood(tmp_path):
    (text,) = [block for kind, block in BLOCKS if kind == "yaml"]
    shutil.copytree(load().root, tmp_path / "copy" / "sql")
    (tmp_path / "copy" / "sql" / "waivers.yml").write_text(text)
    (waiver,) = load(tmp_path / "copy").waivers
    assert [waiver.assertion] == [one["assertion"] for one in yaml.safe_load(text)]


@pytest.mark.parametrize("sql", [text for kind, text in BLOCKS if kind == "sql"])
def test_its_sql_names_tables_and_columns_that_exist(sql):
    tree = sqlglot.parse_one(sql, dialect="bigquery")
    contracts = {str(table): contract for table, contract in project().contracts.items()}
    (table,) = [f"{one.db}.{one.name}" for one in tree.find_all(exp.Table)]
    assert {column.name for column in tree.find_all(exp.Column)} <= set(contracts[table].types)


def test_its_filters_name_fields_that_lines_have():
    known = set().union(*(fields for _, _, _, fields in ends.SCENES.values()))
    for kind, text in BLOCKS:
        if kind in {"logging", "bash"}:
            assert set(re.findall(r"jsonPayload\.(\w+)", text)) <= known


def test_it_knows_every_exit_code_and_no_other_kind_of_block():
    table = set(re.findall(r"^\| (\d+) \|", PARTS["A failed run at 3 a.m."], re.MULTILINE))
    assert table == {str(code) for _, code, _, _ in ends.SCENES.values() if code}
    assert {kind for kind, _ in BLOCKS} == {"bash", "console", "logging", "sql", "yaml"}


def test_it_can_be_read_at_night():
    assert len(NIGHT.splitlines()) < 250
