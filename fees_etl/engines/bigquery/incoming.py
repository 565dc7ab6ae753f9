"""Rows of files on their way into BigQuery: typed here, carried by one Parquet file, moved on by the transaction.

The file that is loaded goes into the one table of the contracts that has a column ``_load``. Its columns have the
policy tags that those of the tables behind it have, and only the job that moves the rows on makes them visible to
anybody. Whatever a load job left behind is swept after a day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fees_etl.engines.bigquery.errors import PUBLISHED
from fees_etl.engines.duckdb.values import TYPES, quoted
from fees_etl.errors import GuardRefused, ProjectError, UsageError
from fees_etl.project.template import literal
from fees_etl.script import Load, Stop, Write
from fees_etl.window import PARTITIONS_PER_STATEMENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fees_etl.engines.duckdb import DuckDB
    from fees_etl.script import Part
    from fees_etl.types import Contract, Table

MASKED = "masked"
"""The verdict on an account that is shown something else than what is stored."""
_CANARY = "QQ123456C"
"""No National Insurance number begins with QQ."""
_STALE = timedelta(days=1)
_MOST_DAYS = PARTITIONS_PER_STATEMENT - 1
"""The rows without a date are one partition more."""


class Incoming:
    """The rows of one transaction, typed by the engine that ``local`` gives; each part is a file of its own meanwhile.

    They come in by ``contract``, the one with a column ``_load``; only those who may see what is tagged can read its
    column ``tagged``.

    Raises:
        UsageError: no contract has such a column and a policy tag.
    """

    def __init__(
        self, load: str, contracts: Mapping[Table, Contract], local: Callable[[], DuckDB], folder: Path
    ) -> None:
        self.load, self._loaded_at = load, datetime.now(UTC)
        self._contracts, self._local, self._folder = contracts, local, folder
        self._files: list[Path] = []
        doors = ((one, column) for one in contracts.values() if "_load" in one.types for column in one.columns)
        found = next(((one, column.name) for one, column in doors if column.policy_tag), None)
        if found is None:
            raise UsageError(
                "no contract has a column _load, and one with a policy tag: nothing can come into BigQuery."
            )
        self.contract, self.tagged = found

    def __bool__(self) -> bool:
        return bool(self._files)

    def take(self, part: Load) -> None:
        """Write the rows of a part aside."""
        if not self._files:
            columns = self.contract.types.items()
            empty = ", ".join(f'CAST(NULL AS {TYPES[kind]}) AS "{name}"' for name, kind in columns)
            self._copy(f"SELECT {empty} WHERE FALSE", {})
        stamp = {"_load": self.load, "_loaded_at": self._loaded_at, "_part": str(part.table)}
        self._copy(part.relation, {**part.constants, **stamp})

    def file(self) -> Path:
        """All rows as one Parquet file, in the columns of the table and of their types."""
        columns = self.contract.types.items()
        listed = ", ".join(f'CAST("{name}" AS {TYPES[kind]}) AS "{name}"' for name, kind in columns)
        whole = self._folder / "incoming.parquet"
        self._local().copy(f"SELECT {listed} FROM {self._rows()}", whole)  # noqa: S608 - names of ours
        for path in self._files:
            path.unlink()
        return whole

    def moved(self, parts: Sequence[Part]) -> list[Part]:
        """The parts of a script whose rows wait in the incoming table; what moves them on is in the last file's place.

        Raises:
            ProjectError: a column of a table has no way in.
        """
        last = max(place for place, part in enumerate(parts) if isinstance(part, Load))
        before, after = ([part for part in some if not isinstance(part, Load)] for some in (parts[:last], parts[last:]))
        tables = {
            part.table: [name for name in self._contracts[part.table].types if name not in part.later]
            for part in parts
            if isinstance(part, Load)
        }
        at, stamp, stale = self.contract.table, literal(self._loaded_at), literal(self._loaded_at - _STALE)
        canary = Write(  # one row that every reader of what is tagged can be tried on
            f"INSERT INTO {at} ({self.tagged}, _part, _load, _loaded_at)\n"  # noqa: S608 - literals
            f"SELECT\n    '{_CANARY}',\n    'canary',\n    'canary',\n    {stamp}\n"
            f"FROM UNNEST([1]) AS one\n"
            f"WHERE NOT EXISTS (SELECT 1 FROM {at} AS known WHERE known._load = 'canary')"
        )
        sweep = Write(  # what has been moved, and what others left behind; the canary stays
            f"DELETE FROM {at}\n"  # noqa: S608 - literals
            f"WHERE _load = {literal(self.load)} OR (_load != 'canary' AND _loaded_at < {stale})"
        )
        moves = [move for table, columns in tables.items() for move in self._moves(table, columns)]
        return [canary, self.unmasked(), *before, *moves, *after, sweep]

    def unmasked(self) -> Stop:
        """Stop where this account sees a masked canary: it would stage masked NINOs as if they were real ones."""
        return Stop(
            MASKED,
            f"SELECT COUNTIF({self.tagged} IS DISTINCT FROM '{_CANARY}') > 0 AS is_masked\n"  # noqa: S608 - literals
            f"FROM {self.contract.table}\nWHERE _load = 'canary'",
        )

    def _moves(self, table: Table, columns: Sequence[str]) -> Iterator[Write]:
        incoming = self.contract
        if lacking := [name for name in columns if name not in incoming.types]:
            raise ProjectError(
                f"{', '.join(lacking)} of {table} would be lost on the way in.",
                path=incoming.path,
                hint=f"Let the columns of {incoming.table} be those of the tables it leads to (like: {table}).",
            )
        listed = ",\n    ".join(columns)
        for some in self._spans(table):
            yield Write(
                f"INSERT INTO {table} (\n    {listed}\n)\nSELECT\n    {listed}\nFROM {incoming.table}\n"
                f"WHERE _load = {literal(self.load)} AND _part = {literal(str(table))}{some}"
            )

    def _spans(self, table: Table) -> list[str]:
        """Conditions that part a table's rows into statements, none of which changes more partitions than one may."""
        day = self._contracts[table].partition_by
        if day is None or not self._files:
            return [""]
        rows = f"FROM {self._rows()} WHERE _part = {quoted(table)} AND {day} IS NOT NULL"
        found = self._local().scratch().execute(f"SELECT DISTINCT {day} {rows} ORDER BY {day}").fetchall()
        days = [one for (one,) in found]
        if len(days) <= _MOST_DAYS:
            return [""]
        spans = [days[at : at + _MOST_DAYS] for at in range(0, len(days), _MOST_DAYS)]
        return [
            *(f" AND {day} BETWEEN {literal(some[0])} AND {literal(some[-1])}" for some in spans),
            f" AND {day} IS NULL",
        ]

    def _rows(self) -> str:
        return f"read_parquet([{', '.join(map(quoted, self._files))}], union_by_name = true)"

    def _copy(self, relation: str, constants: Mapping[str, Any]) -> None:
        path = self._folder / f"part-{len(self._files)}.parquet"
        self._local().copy(relation, path, constants)
        self._files.append(path)


def masked() -> GuardRefused:
    """The refusal of an account that is shown masked NINOs."""
    return GuardRefused(
        "This account is shown masked National Insurance numbers, and would store them as if they were real.",
        published=PUBLISHED,
        hint="Grant it the role Fine-Grained Reader (roles/datacatalog.categoryFineGrainedReader) on the policy tag, "
        "then repeat the command.",
    )
