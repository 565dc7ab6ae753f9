"""Everything that can go wrong, one class a cause, each with its exit code.

    FeesError
    ├── AssertionsFailed   1   the data said no; nothing was published
    ├── UsageError         2   the command or its settings are wrong
    │   └── ProjectError   2   a file of the project is wrong; the message begins with file:line
    ├── InputRefused       3   a source file, or the whole source, was refused
    ├── GuardRefused       4   a guard refused before anything was written
    │   └── DatasetClosed  4   this account may not see a dataset or table, or make it
    ├── WarehouseError     5   the warehouse failed after retries
    │   ├── DataClosed     5   this account may not read the rows
    │   └── WarehouseGone  5   its file was deleted or replaced while a command worked
    └── WarehouseBusy     75   somebody else is writing; safe to repeat as it is

Anything else that reaches the command line is a bug of ours: exit 70. Ctrl-C is 130, also as :class:`Interrupted`.

A message is a sentence: where, what, why. ``published`` says what readers see now, and ``hint`` is the exact next
command or edit; the command line prints all three. National Insurance numbers are masked in each as it is made, so
that no traceback of a program has one; a library's error, whose text may quote rows, is not its cause (``from None``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from fees_etl.privacy import redact

if TYPE_CHECKING:
    from pathlib import Path


class FeesError(Exception):
    """The root of the tree: a message, what is published now, and the next step."""

    exit_code: ClassVar[int]
    usually: ClassVar[str] = ""
    """What readers see when an error does not say."""

    def __init__(self, message: str, *, published: str = "", hint: str = "") -> None:
        super().__init__(redact(message))
        self.message = redact(message)
        self.published = redact(published or self.usually)
        self.hint = redact(hint)


class AssertionsFailed(FeesError):
    """At least one assertion of severity ``error`` has offending rows; the transaction was rolled back."""

    exit_code = 1


class UsageError(FeesError):
    """A flag, a setting or a name is wrong; nothing was touched."""

    exit_code = 2
    usually = "Nothing was touched."


class ProjectError(UsageError):
    """A file of the project is wrong.

    >>> print(ProjectError("unknown column 'amout'", path="sql/reporting/x.sql", line=7))
    sql/reporting/x.sql:7: unknown column 'amout'
    """

    def __init__(self, message: str, *, path: Path | str, line: int | None = None, hint: str = "") -> None:
        where = f"{path}:{line}" if line else f"{path}"
        super().__init__(f"{where}: {message}", hint=hint)
        self.path = path
        self.line = line


class InputRefused(FeesError):
    """A file was refused, so the mirror of the source is not whole and no model ran."""

    exit_code = 3
    usually = "No model ran: readers see what the last committed run published."


class GuardRefused(FeesError):
    """A guard said no before anything was written: mass withdrawal, cost cap, drift, sample against real data."""

    exit_code = 4
    usually = "Nothing was written: readers see what the last committed run published."


class WarehouseError(FeesError):
    """The warehouse failed: unreadable, full, corrupted, of a newer version, or not answering."""

    exit_code = 5
    usually = "Nothing of this command: readers see what the last committed run published."


class DatasetClosed(GuardRefused):
    """This account may not see a dataset or a table, or not make it."""


class DataClosed(WarehouseError):
    """This account may not read what was asked for; other tables it may."""


class WarehouseGone(WarehouseError):
    """The file of the warehouse was deleted, or replaced by another, while a command worked."""


class WarehouseBusy(FeesError):
    """Another process holds the warehouse, or changed it between plan and BEGIN; the same command may be repeated."""

    exit_code = 75
    usually = "Nothing of this command; what the other one does is its own."


class Interrupted(KeyboardInterrupt):
    """Ctrl-C when something was committed already, which ``published`` tells."""

    def __init__(self, published: str, hint: str) -> None:
        super().__init__()
        self.published, self.hint = published, hint
