"""The nouns: frozen values that cross rooms. No I/O, no SQL, no behaviour beyond their own fields."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date
    from decimal import Decimal
    from pathlib import Path


Severity: TypeAlias = Literal["error", "warn"]
REPORTING, HISTORY = "reporting", "history"
"""The dataset that readers see, and the one that keeps every version of it."""
Scalar: TypeAlias = Any
"""A cell: str, int, bool, Decimal, date, datetime (UTC) or None."""


def folded(name: str) -> str:
    """A column's name or alias as headers are compared: without case, blanks and underscores.

    >>> folded("Client No") == folded("client_no")
    True
    """
    return "".join(name.split()).replace("_", "").casefold()


@dataclass(frozen=True, slots=True, order=True)
class Table:
    """A table's name within a warehouse; the project and the dataset suffix belong to the target.

    >>> str(Table("staging", "stg_fees")), Table.parse("raw.fees")
    ('staging.stg_fees', Table(dataset='raw', name='fees'))
    """

    dataset: str
    name: str

    def __str__(self) -> str:
        return f"{self.dataset}.{self.name}"

    @classmethod
    def parse(cls, text: str) -> Table:
        """The table written ``dataset.name``."""
        dataset, _, name = text.partition(".")
        return cls(dataset, name)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract; ``type`` is a GoogleSQL type name.

    ``minimum``/``maximum`` are inclusive and written as in YAML ("0", "1990-01-01"); ``references`` is
    ``dataset.table.column``.
    """

    name: str
    type: str
    required: bool = False
    unique: bool = False
    description: str = ""
    policy_tag: str | None = None
    accepted: tuple[str, ...] = ()
    minimum: str | None = None
    maximum: str | None = None
    references: str | None = None
    required_in_file: bool = False
    """Whether a file without it is refused; where it is not, its cells are NULL then."""
    aliases: tuple[str, ...] = ()
    """Names that other systems give it in a header, compared without case, blanks and underscores."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How files of another make are written; what a layout does not say is as everywhere.

    ``files`` is a pattern of paths below the source (``fees_v2/**``), ``columns`` maps header names to columns, and
    ``date_format`` is written in the letters YYYY, MM and DD.
    """

    files: str = "**"
    delimiter: str = ","
    date_format: str = "YYYY-MM-DD"
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Freshness:
    """When the fees of a source are due ("1st of month"), how much later they may come, and whose holidays count."""

    due: str
    grace: str
    calendar: str


@dataclass(frozen=True, slots=True)
class Contract:
    """What a YAML file promises about one table.

    ``materialized`` is the template in ``sql/materializations`` that turns a query into the table, or None for a table
    that no model writes (a source). What else it may say is told where it is read: ``project/contracts.py``.
    """

    table: Table
    path: Path
    description: str
    columns: tuple[Column, ...]
    materialized: str | None = None
    key: tuple[str, ...] = ()
    partition_by: str | None = None
    cluster_by: tuple[str, ...] = ()
    lookback_days: int | None = None
    total: str | None = None
    layouts: tuple[Layout, ...] = ()
    freshness: Freshness | None = None
    beforehand: str | None = None
    """The template in ``sql/operations`` that keeps why fees are about to change, from what ``shared`` holds."""
    afterwards: str | None = None
    """The template in ``sql/operations`` that keeps the books for the fee dates a merge has staged."""
    owner: str | None = None
    shared: str | None = None
    """The last CTE of a merged model's query, where a run keeps its rows for all that the step does with them."""

    @property
    def history(self) -> Contract | None:
        """The table that keeps every version of a reporting model's rows, with the run that published each."""
        if self.table.dataset != REPORTING or not self.materialized:
            return None
        runs = (("_from_run_id", "Run that published it."), ("_to_run_id", "Run that replaced it; NULL: nobody yet."))
        return Contract(
            Table(HISTORY, self.table.name), self.path, f"Every version of each row of {self.table}, by run.",
            (
                *(replace(one, required=False, unique=False, references=None, accepted=()) for one in self.columns),
                *(Column(name, "STRING", description=said) for name, said in runs),
            ),
            cluster_by=self.key[:4],
        )  # fmt: skip

    @property
    def types(self) -> dict[str, str]:
        """Column name to GoogleSQL type, in the contract's order."""
        return {column.name: column.type for column in self.columns}

    @property
    def file_columns(self) -> tuple[Column, ...]:
        """Of a source: the columns that a file may have; those that the books add begin with ``_``."""
        return tuple(column for column in self.columns if not column.name.startswith("_"))


@dataclass(frozen=True, slots=True)
class Model:
    """A query and the table it fills; ``sql`` is its GoogleSQL over the whole history, for reading and proving."""

    contract: Contract
    path: Path
    sql: str
    reads: frozenset[Table]

    @property
    def table(self) -> Table:
        """Where the query's rows go."""
        return self.contract.table

    @property
    def name(self) -> str:
        """The table's name without its dataset."""
        return self.contract.table.name

    @property
    def is_merged(self) -> bool:
        """Whether its table is kept by a windowed merge."""
        return self.contract.materialized == "merge"


@dataclass(frozen=True, slots=True)
class Assertion:
    """A query whose rows are the offenders. ``key`` names the columns that identify one, for waivers."""

    name: str
    path: Path | None
    description: str
    severity: Severity
    query: Callable[[], str] = field(compare=False, repr=False)
    """Writes the SQL when it is asked for: a contract's tests are many, and a listing needs none of it."""
    reads: frozenset[Table]
    key: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    """What the query yields, where that has been proven: the order in which offenders are shown."""
    in_runs: Literal["all", "full_refresh", "none"] = "all"
    """Whether a run is judged by it, too; else only ``fees-etl assert`` asks."""
    tagged: frozenset[str] = frozenset()
    """Those of them that are made of a column with a policy tag: they are shown masked."""

    @property
    def sql(self) -> str:
        """The query as GoogleSQL."""
        return self.query()


@dataclass(frozen=True, slots=True)
class Waiver:
    """A reviewed exception: rows of ``assertion`` whose key is ``key`` do not fail until ``expires`` (inclusive)."""

    assertion: str
    key: tuple[str, ...]
    reason: str
    expires: date
    path: Path
    line: int


@dataclass(frozen=True, slots=True, repr=False)
class Project:
    """A folder of SQL, loaded, rendered and proven. ``fingerprint`` is the SHA-256 of SQL, contracts and variables."""

    root: Path
    variables: dict[str, Scalar]
    sources: dict[Table, Contract]
    models: dict[Table, Model]
    assertions: tuple[Assertion, ...]
    waivers: tuple[Waiver, ...]
    fingerprint: str
    templates: Any = field(compare=False, default=None)

    def __repr__(self) -> str:
        counts = f"{len(self.sources)} sources, {len(self.models)} models, {len(self.assertions)} assertions"
        return f"<Project {self.root}: {counts}, {len(self.waivers)} waivers; {self.fingerprint[:12]}>"

    @property
    def contracts(self) -> dict[Table, Contract]:
        """Every table the project knows: the history of what is published, sources, models."""
        models = {table: model.contract for table, model in self.models.items()}
        kept = (made.history for made in models.values())
        return {made.table: made for made in kept if made} | self.sources | models

    @property
    def schema(self) -> dict[Table, dict[str, str]]:
        """The types of their columns, in order."""
        return {table: made.types for table, made in self.contracts.items()}


@dataclass(frozen=True, slots=True)
class Pending:
    """Rows of one file version on one fee date that arrived or vanished since that date was last staged."""

    fee_date: date
    source_file: str
    source_version: str
    rows_added: int
    amount_added: Decimal
    rows_removed: int
    amount_removed: Decimal


@dataclass(frozen=True, slots=True)
class State:
    """What is in the warehouse that a plan depends on; dates are None when there is nothing."""

    first_raw: date | None = None
    last_raw: date | None = None
    first_staged: date | None = None
    last_staged: date | None = None
    pending: tuple[Pending, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    """(uri, reason) of every file whose current content is refused."""
    files: int = 0
    """How many files raw holds, refused ones included."""
    real: bool = False
    """Whether raw holds, or ever held, a file that is not the bundled sample's."""
    mark: str = ""
    """A fingerprint of the files, of what is pending and of ``built``: a run that finds another one was overtaken."""
    built: Mapping[str, str] = field(default_factory=dict)
    """Of each table the fingerprint of the SQL that built it, where a run has remembered one."""
    sql: Mapping[str, str] = field(default_factory=dict)
    """Of each model, assertion and source the fingerprint that was kept last."""
