"""Where SQL runs: one small protocol, chosen by the URL's scheme.

An engine gets finished GoogleSQL and knows no models. Importing this package imports no database library: ``connect``
imports the one that the URL asks for.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias
from urllib.parse import unquote

from fees_etl.errors import UsageError, WarehouseBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    import pyarrow as pa

    from fees_etl.script import Answer, Ask, Outcome, Rows, Script, StepResult
    from fees_etl.settings import Settings
    from fees_etl.types import Contract, Project, Table

__all__ = ["Engine", "Watch", "alone", "connect", "path_of", "placed", "read"]

Watch: TypeAlias = "Callable[[StepResult | Answer], None]"

_MEMORY = "duckdb://"
_WRITERS: dict[Hashable, tuple[int, str]] = {}
"""Who writes to a warehouse: a thread of this process, and words for it."""


class Engine(Protocol):
    """A warehouse: a few verbs over GoogleSQL."""

    url: str
    spill: Path
    """A private folder for what does not fit in memory."""
    location: str
    """Where the data must stay ("EU"); "" where that is no question."""
    strange: dict[Table, tuple[str, ...]]
    """The columns that prepared tables have and their contracts do not know."""

    most_files: float = inf
    most_bytes: float = inf
    """New files that one transaction takes, and their bytes: what is left comes in the next."""

    def prepare(self, contracts: Mapping[Table, Contract], *, create: bool = True) -> None:
        """Learn the tables; create missing ones and add missing nullable columns, or refuse drift. Once, for each.

        Raises:
            GuardRefused: a live column has another type than its contract.
            UsageError: a table is missing and ``create`` is false.
        """

    def query(self, sql: str) -> Rows:
        """The rows of one GoogleSQL query."""

    def answers(self, asks: Iterable[Ask], watch: Watch | None = None) -> dict[str, Answer]:
        """The answers of several queries, by name, in as few requests as it takes."""

    def transact(self, script: Script, watch: Watch | None = None) -> Outcome:
        """Let a script happen whole or not at all; ``watch`` is told of each step and answer.

        Raises:
            WarehouseBusy: another writer was first.
            WarehouseError: the warehouse failed; nothing of the script is kept.
        """

    def estimate(self, statements: Iterable[str]) -> tuple[int | None, ...]:
        """The bytes that each statement would be billed for, without executing it; None where reading is free."""

    def allow(self, statements: Iterable[str]) -> None:
        """Refuse what the target's caps do not allow, before anything is written.

        Raises:
            GuardRefused: they would read or cost more.
        """

    def rehearsal(self) -> AbstractContextManager[None]:
        """A block of which nothing is kept."""

    def scratch(self) -> Any:
        """A connection of the embedded engine outside of any transaction, to read files with."""

    def close(self) -> None:
        """Let the warehouse go; safe to repeat."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def alone(place: Hashable, name: object) -> Iterator[None]:
    """A block that no other one of this process shares, for a warehouse that is known by ``place``.

    Between processes the warehouse sees to that; to it, the threads of one process are the same writer.

    Raises:
        WarehouseBusy: another thread, or another engine of this one, is in such a block.
    """
    thread = threading.current_thread()
    me = (thread.ident or 0, f"thread {thread.name} of this process since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC")
    held = (os.getpid(), place)  # a fork inherits the table, and nobody who would leave the block
    holder = _WRITERS.setdefault(held, me)
    if holder is not me:
        raise WarehouseBusy(f"{name} is held by {holder[1]}.")
    try:
        yield
    finally:
        del _WRITERS[held]


def placed(contracts: Mapping[Table, Contract], suffix: str) -> dict[Table, Contract]:
    """The contracts under the names of their tables in the warehouse: raw.fees with the suffix _ci is raw_ci.fees."""
    return {at: replace(made, table=replace(at, dataset=f"{at.dataset}{suffix}")) for at, made in contracts.items()}


def path_of(url: str) -> Path | None:
    """The file that a URL means, whatever characters are in its name; None for one in memory or elsewhere.

    >>> path_of("duckdb:///data/fees%20a.duckdb"), path_of("duckdb://")
    (PosixPath('/data/fees a.duckdb'), None)
    """
    text = url.removeprefix(_MEMORY)
    return Path(unquote(text)) if url.startswith(f"{_MEMORY}/") else None


def connect(
    url: str, *, read_only: bool = False, suffix: str | None = None, settings: Settings | None = None
) -> Engine:
    """The engine behind a URL: ``duckdb:///path/fees.duckdb``, ``duckdb://`` in memory, or ``bigquery://project``.

    Args:
        url: the warehouse.
        read_only: open without the right to write; several readers may then share a DuckDB file.
        suffix: appended to every dataset's name (``_ci`` makes ``raw_ci``); left out, the settings say it.
        settings: what the engine must know besides: memory; of BigQuery policy tags, caps, deadlines.

    Raises:
        UsageError: the URL is none that can be opened, or there is nothing to read yet.
        WarehouseBusy: another process holds the file.
        WarehouseError: the file cannot be opened.

    >>> with connect("duckdb://") as engine:
    ...     engine.query("SELECT NUMERIC '1.60' AS amount").rows
    ((Decimal('1.600000000'),),)
    """
    suffix = (settings.dataset_suffix if settings else "") if suffix is None else suffix
    if url == _MEMORY or url.startswith(f"{_MEMORY}/"):
        from fees_etl.engines.duckdb import DuckDB  # noqa: PLC0415 - late: a third of a second for those who need it

        memory = settings.memory if settings else None
        return DuckDB(url, path_of(url), read_only=read_only, suffix=suffix, memory=memory)
    if url.startswith("bigquery://"):
        from fees_etl.engines.bigquery import BigQuery  # noqa: PLC0415 - late: half a second for those who need it
        from fees_etl.settings import aimed  # noqa: PLC0415 - late: pydantic is a quarter of a second

        return BigQuery(aimed(url, suffix, settings))
    raise UsageError(
        f"'{url}' is no warehouse that fees-etl can open.",
        hint="Write duckdb:///path/to/fees.duckdb, or bigquery://project?location=EU.",
    )


def read(engine: Engine, table: str, *, project: Project | None = None, tagged: bool = False) -> pa.Table:
    """The rows that a table holds now as Arrow, in no particular order: money as decimal128(38, 9), moments in UTC.

    Args:
        engine: the warehouse.
        table: its name, with or without the dataset: ``rpt_cohort_ltv``, ``reporting.rpt_cohort_ltv``.
        project: whose contracts say what the table is; left out, the bundled project.
        tagged: whether columns with a policy tag are read, too. They are left out rather than masked: what is never
            read cannot end up in a saved notebook, and on BigQuery reading the others needs no right to see NINOs.

    Raises:
        UsageError: there is no such table, it has only tagged columns, or pyarrow is not installed.
    """
    from fees_etl.project.load import contract, load  # noqa: PLC0415 - late: sqlglot is a quarter of a second

    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and a fifth of a second
    except ImportError as error:
        raise UsageError(
            "tables are given as Arrow, and pyarrow is not installed.", hint="pip install 'fees-etl[arrow]'"
        ) from error
    project = project or load()
    made = contract(project, table)
    types = {one.name: one.type for one in made.columns if tagged or not one.policy_tag}
    engine.prepare(project.contracts)
    found = engine.query(f"SELECT {', '.join(types)} FROM {made.table}")  # noqa: S608 - names of a contract
    kinds = {
        "BOOL": pa.bool_(),
        "DATE": pa.date32(),
        "DATETIME": pa.timestamp("us"),
        "INT64": pa.int64(),
        "NUMERIC": pa.decimal128(38, 9),
        "STRING": pa.string(),
        "TIMESTAMP": pa.timestamp("us", "UTC"),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in types.items()])
    columns = list(zip(*found.rows, strict=True)) or [()] * len(types)
    return pa.table([pa.array(cells, one.type) for cells, one in zip(columns, schema, strict=True)], schema)
