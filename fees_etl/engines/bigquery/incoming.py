"""Rows of files on their way into BigQuery: typed here, carried by one Parquet file, moved into raw by the transaction.

The file that is loaded goes into ``raw.fees_incoming``, whose columns have the policy tags that raw's have, and only
the job that moves the rows on makes them visible to anybody. Whatever a load job left behind is swept after a day.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fees_etl.engines.duckdb.values import TYPES, quoted
from fees_etl.errors import GuardRefused
from fees_etl.project.template import literal
from fees_etl.script import Load, Stop, Write
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from fees_etl.engines.duckdb import DuckDB
    from fees_etl.script import Part


INCOMING = Table("raw", "fees_incoming")
MASKED = "masked"
"""The verdict on an account that is shown something else than what is stored."""
_CANARY = "QQ123456C"
"""No National Insurance number begins with QQ."""
_STALE = timedelta(days=1)


class Incoming:
    """The rows of one transaction; each part is written to a file of its own while its source is there."""

    def __init__(self, load: str) -> None:
        self.load, self._loaded_at = load, datetime.now(UTC)
        self._files: list[Path] = []

    def __bool__(self) -> bool:
        return bool(self._files)

    def take(self, part: Load, local: DuckDB, folder: Path, columns: Mapping[str, str]) -> None:
        """Write the rows of a part aside."""
        if not self._files:
            empty = ", ".join(f'CAST(NULL AS {TYPES[kind]}) AS "{name}"' for name, kind in columns.items())
            self._copy(f"SELECT {empty} WHERE FALSE", {}, local, folder)
        self._copy(part.relation, {**part.constants, **self._stamp(part.table)}, local, folder)

    def file(self, local: DuckDB, folder: Path, columns: Mapping[str, str]) -> Path:
        """All rows as one Parquet file, in the columns of the table and of their types."""
        listed = ", ".join(f'CAST("{name}" AS {TYPES[kind]}) AS "{name}"' for name, kind in columns.items())
        files = ", ".join(map(quoted, self._files))
        whole = folder / "incoming.parquet"
        local.copy(f"SELECT {listed} FROM read_parquet([{files}], union_by_name = true)", whole)  # noqa: S608 - names of ours
        for path in self._files:
            path.unlink()
        return whole

    def moved(self, parts: Sequence[Part], columns: Mapping[Table, Mapping[str, str]]) -> list[Part]:
        """The parts of a script whose rows wait in the incoming table, with what moves them on in the files' place."""
        first = next(at for at, part in enumerate(parts) if isinstance(part, Load))
        after = [part for part in parts[first:] if not isinstance(part, Load)]
        tables = dict.fromkeys(part.table for part in parts if isinstance(part, Load))
        moves = self._moves(tables, columns)
        return [self._canary(), unmasked(), *parts[:first], *moves, *after, self._sweep()]

    def _moves(self, tables: Iterable[Table], columns: Mapping[Table, Mapping[str, str]]) -> Iterator[Write]:
        load = literal(self.load)
        for table in tables:
            listed = ",\n    ".join(columns[table])
            yield Write(
                f"INSERT INTO {table} (\n    {listed}\n)\nSELECT\n    {listed}\nFROM {INCOMING}\n"
                f"WHERE _load = {load} AND _part = {literal(str(table))}"
            )

    def _sweep(self) -> Write:
        """Take away what has been moved, and what others left behind; the canary stays."""
        before = literal(self._loaded_at - _STALE)
        return Write(
            f"DELETE FROM {INCOMING}\n"  # noqa: S608 - literals
            f"WHERE _load = {literal(self.load)} OR (_load != 'canary' AND _loaded_at < {before})"
        )

    def _canary(self) -> Write:
        """One row that every reader of NINOs can be tried on."""
        return Write(
            f"INSERT INTO {INCOMING} (client_nino, _part, _load, _loaded_at)\n"  # noqa: S608 - literals
            f"SELECT\n    '{_CANARY}',\n    'canary',\n    'canary',\n    {literal(self._loaded_at)}\n"
            f"FROM UNNEST([1]) AS one\n"
            f"WHERE NOT EXISTS (SELECT 1 FROM {INCOMING} AS known WHERE known._load = 'canary')"
        )

    def _stamp(self, table: Table) -> dict[str, object]:
        return {"_load": self.load, "_loaded_at": self._loaded_at, "_part": str(table)}

    def _copy(self, relation: str, constants: Mapping[str, Any], local: DuckDB, folder: Path) -> None:
        path = folder / f"part-{len(self._files)}.parquet"
        local.copy(relation, path, constants)
        self._files.append(path)


def unmasked() -> Stop:
    """Stop where this account sees a masked canary: it would stage masked NINOs as if they were real ones."""
    return Stop(
        MASKED,
        f"SELECT COUNTIF(client_nino IS DISTINCT FROM '{_CANARY}') > 0 AS is_masked\n"  # noqa: S608 - literals
        f"FROM {INCOMING}\nWHERE _load = 'canary'",
    )


def masked() -> GuardRefused:
    """The refusal of an account that is shown masked NINOs."""
    return GuardRefused(
        "This account is shown masked National Insurance numbers, and would store them as if they were real.",
        published="Nothing was written; the published numbers are as before.",
        hint="Grant it the role Fine-Grained Reader (roles/datacatalog.categoryFineGrainedReader) on the policy tag, "
        "then repeat the command.",
    )
