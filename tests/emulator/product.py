"""The product on both emulators: its command line in a folder, and the same files through DuckDB and BigQuery.

    product.deal({"a.csv": rows, "b.csv": None})
    assert product("run").code == 0
    with Twins(product) as twins:
        twins.all({"a.csv": rows})
        assert twins.differences() == {}

It works as at Google, where nothing says that an emulator stands in; only that credentials are not asked for.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import pytest
import worlds
from emulator.fixtures import Lake, Warehouse, bucket, warehouse
from faults import TABLES, VOLATILE
from google.cloud.bigquery import Dataset
from pipeline import Pipeline, forget_settings, project

from fees_etl import cli, connect
from fees_etl.engines.bigquery.tables import resource
from fees_etl.script import Ask
from fees_etl.settings import Settings
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from fees_etl.types import Contract

    Content = list[tuple] | str | bytes | None

__all__ = ["LEDGER", "Product", "Said", "Twins", "product"]

NINO = re.compile(r"\b[A-Z]{2}\d{6}[A-D]\b")
LEDGER = (
    *("command", "part_of", "status", "selection", "fee_dates", "full_refresh", "rows_before", "rows_after"),
    *("amount_before", "amount_after", "steps", "changes", "assertions", "error", "fingerprint", "git_sha"),
)
"""What two runs that do the same have alike in ``ops.runs``."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended; ``err`` in one line."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Product:
    """A project, a bucket, and a folder with a fees_etl.toml that leads there; calling it is a command line."""

    google: Warehouse
    lake: Lake
    folder: Path

    @property
    def url(self) -> str:
        return f"bigquery://{self.google.project}?location=EU"

    @property
    def source(self) -> str:
        return f"{self.lake.url}/*"

    def __call__(self, *args: str, target: str = "dev", **settings: str) -> Said:
        """Run it on a target, with FEES_ETL_NAME=text for each setting."""
        out, err = StringIO(), StringIO()
        with self.inside(**settings), redirect_stdout(out), redirect_stderr(err):
            code = cli.main(["--target", target, *args])
        assert not NINO.search(out.getvalue() + err.getvalue())
        assert "Traceback" not in err.getvalue()
        return Said(code, out.getvalue(), " ".join(err.getvalue().split()))

    @contextmanager
    def inside(self, **settings: str) -> Iterator[None]:
        """The folder, and an environment that leads to these emulators."""
        named = {f"FEES_ETL_{name.upper()}": text for name, text in settings.items()}
        named |= {"BIGQUERY_EMULATOR_HOST": self.google.proxy.url, "STORAGE_EMULATOR_HOST": self.lake.proxy.url}
        with pytest.MonkeyPatch.context() as patch:
            forget_settings(patch)
            patch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
            for name, text in named.items():
                patch.setenv(name, text)
            patch.chdir(self.folder)
            yield

    def configure(self, **targets: str) -> None:
        """Write fees_etl.toml: a target for each keyword, with more lines; ``dev`` is always there."""
        lines: list[str] = []
        for name, more in ({"dev": ""} | targets).items():
            lines += [f"[targets.{name}]", f'warehouse = "{self.url}"', f'source = "{self.source}"', more]
            lines += [] if "policy_tags" in more else ['pii = "synthetic"']
        (self.folder / "fees_etl.toml").write_text("\n".join(lines))

    def deal(self, files: dict[str, Content]) -> None:
        """Put objects into the lake; None takes one away."""
        for name, content in files.items():
            if content is None:
                self.lake.bucket.delete_blob(name)
            else:
                self.lake.put(name, worlds.as_csv(content) if isinstance(content, list) else content)

    def terraform(self, tag: str) -> None:
        """Make the tables with policy tags, as terraform/ would."""
        for contract in project().contracts.values():
            if any(column.policy_tag for column in contract.columns):
                self.create(contract, Settings("prod", policy_tags={"nino": tag}))

    def create(self, contract: Contract, settings: Settings) -> None:
        """Make a table, and its dataset if need be."""
        dataset = Dataset(f"{self.google.project}.{contract.table.dataset}")
        dataset.location = settings.location
        self.google.client.create_dataset(dataset, exists_ok=True)
        self.google.client.create_table(resource(contract, settings, self.google.project))

    def rows(self, sql: str) -> list[tuple]:
        """As Google's plain client gives them."""
        return self.google.rows(sql)


class Remote(Pipeline):
    """A pipeline of tests whose warehouse is the product's."""

    def __init__(self, product: Product, **variables: str) -> None:
        self.folder, self.project, self.count = product.folder, project(**variables), 0
        self.engine = connect(product.url, settings=Settings("dev", pii="synthetic"))
        self.engine.prepare(self.project.contracts)


class Twins:
    """One lake, and what DuckDB and BigQuery make of it."""

    def __init__(self, product: Product, **variables: str) -> None:
        self.product = product
        self.duckdb = Pipeline(product.folder, **variables)
        with product.inside():
            self.bigquery = Remote(product, **variables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.duckdb.engine.close()
        self.bigquery.engine.close()

    def both(self, act: Callable[[Pipeline], Any]) -> tuple[Any, Any]:
        """What it gives on DuckDB and on BigQuery."""
        with self.product.inside():
            return act(self.duckdb), act(self.bigquery)

    def ingest(self, files: dict[str, Content]) -> tuple[Any, Any]:
        self.product.deal(files)
        return self.both(lambda one: one.ingest(self.product.source, allow_withdraw=True))

    def run(self, **options: Any) -> tuple[str, str]:
        """The two verdicts."""
        first, second = self.both(lambda one: one.run(**options))
        return first.status, second.status

    def all(self, files: dict[str, Content]) -> tuple[str, str]:
        """Files in, ingested and run."""
        self.ingest(files)
        return self.run()

    def held(self, tables: Iterable[str] = TABLES) -> dict[str, Counter[tuple]]:
        """The rows in BigQuery, without what differs from one attempt to the next."""
        asks = [Ask(table.replace(".", "_"), self._select(table)) for table in tables]
        with self.product.inside():
            found = self.bigquery.engine.answers(asks)
        return {table: Counter(found[ask.name].rows.rows) for table, ask in zip(tables, asks, strict=True)}

    def differences(self, tables: Iterable[str] = TABLES) -> dict[str, list[tuple]]:
        """By table the rows that only one of the two holds; empty when they agree cell for cell."""
        found = {}
        for table, rows in self.held(tables).items():
            rows.subtract(self.duckdb.engine.native.execute(self._select(table)).fetchall())
            found[table] = [row for row, times in rows.items() if times]
        return {table: rows for table, rows in found.items() if rows}

    def ledgers(self) -> tuple[list[tuple], list[tuple]]:
        """The ledger of each, oldest first, without times and names."""
        sql = f"SELECT {', '.join(LEDGER)} FROM ops.runs ORDER BY started_at"
        local = self.duckdb.engine.native.execute(sql).fetchall()
        return [_timeless(row) for row in local], [_timeless(row) for row in self.product.rows(sql)]

    def _select(self, table: str) -> str:
        columns = self.duckdb.project.contracts[Table.parse(table)].types
        return f"SELECT {', '.join(name for name in columns if name not in VOLATILE)} FROM {table}"


@contextmanager
def product(bigquery_url: str, storage_url: str, folder: Path) -> Iterator[Product]:
    """With a project and a bucket of its own, both empty."""
    name = f"fees-{uuid4().hex[:12]}"
    with ExitStack() as stack:
        google = stack.enter_context(warehouse(bigquery_url, name))
        found = Product(google, stack.enter_context(bucket(storage_url, name)), folder)
        found.configure()
        yield found


def _timeless(row: tuple) -> tuple:
    """A row of the ledger; of its steps the names and rows."""
    named = dict(zip(LEDGER, row, strict=True))
    steps = [(step["name"], step["rows"]) for step in json.loads(named["steps"])]
    return tuple((named | {"steps": steps}).values())
