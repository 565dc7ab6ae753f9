"""The members of evidence as they are read, and what is claimed of them."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = "fees-etl/evidence/1"
ADDS_TO = "adds_to_"
"""Before the name of a number: the column of a trace that has what each fee adds to it."""


class Claim(NamedTuple):
    """One thing that evidence says; ``holds`` is None where it says that this cannot be told."""

    subject: str
    """What an auditor asks of a calculation: source, completeness, accuracy, parameters or change control."""
    said: str
    holds: bool | None
    found: str
    """The figures."""


class Evidence:
    """The members of evidence, read."""

    def __init__(self, members: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
        self.members, self.manifest = members, manifest
        (self.run,) = self.document("run.json")["runs"]
        self.ledger = self.document("ledger.json")
        self.files = self.document("files.json")
        self.tables = {one["table"]: one for one in self.document("published.json")}

    def document(self, name: str) -> Any:
        """A member that is JSON."""
        return json.loads(self.members[name])

    def sums(self, table: str) -> dict[str, Decimal]:
        """What is told of the columns of pounds of a table; nothing of one that is not published."""
        told = self.tables.get(table, {"sums": {}})["sums"]
        return {name: Decimal(text) for name, text in told.items()}

    def rows(self, name: str) -> list[dict[str, str]]:
        """A member that is CSV."""
        return list(csv.DictReader(io.StringIO(self.members[name].decode(), newline="")))


def claim(subject: str, said: str, holds: bool | None, figures: str, wrong: list[str]) -> Claim:  # noqa: FBT001
    """With the first of what is wrong."""
    return Claim(subject, said, holds, f"{figures}; not so: {', '.join(wrong[:3])}" if wrong else figures)
