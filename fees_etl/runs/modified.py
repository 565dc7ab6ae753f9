"""``state:modified``: the models whose rows may differ from those of a commit, or from what a run has published."""

from __future__ import annotations

import io
import re
import tarfile
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from fees_etl.errors import ProjectError, UsageError
from fees_etl.explain.history import BEFORE, NEWEST, moment, moments
from fees_etl.project.files import Document
from fees_etl.project.load import load
from fees_etl.runs.ledger import git
from fees_etl.runs.plan import fingerprints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fees_etl.engines import Engine
    from fees_etl.types import Project

_RUN = re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}")


def is_run(text: str) -> bool:
    """Whether a state is what a run published, rather than a commit."""
    return text in {NEWEST, BEFORE} or bool(_RUN.fullmatch(text))


def modified(project: Project, was: Mapping[str, str]) -> tuple[str, ...]:
    """The models that are new, or whose own SQL, contract, variables or macros are not those of ``was``.

    ``was`` are fingerprints by table. Models that only read others that changed are not among them: ``+`` adds those.
    """
    return tuple(name for name, one in fingerprints(project, was).items() if was.get(name) != one)


def by_run(project: Project, engine: Engine, text: str) -> dict[str, str]:
    """What had built each table when a run had published; tables that other SQL has built since then are left out.

    Raises:
        UsageError: no such run has published.
    """
    known = moments(project, engine)
    later = {one.run_id for one in known[known.index(moment(known, text)) + 1 :]}
    rows = engine.query(project.templates.ask("built_by").sql).rows
    return {table: one for table, one, run_id in rows if run_id not in later}


def by_commit(project: Project, ref: str) -> dict[str, str]:
    """The fingerprints of the project as it is in a commit; none where the commit has no project there.

    Raises:
        UsageError: this is no git repository, or it has no such commit; the project of then does not load.
    """
    with checked_out(project.root, ref) as root:
        return fingerprints(of_then(root, ref, project.variables)) if root else {}


def of_then(root: Path, ref: str, variables: Mapping[str, Any]) -> Project:
    """The project in ``root``, with those variables that it knows, too, where they differ from its own.

    Raises:
        UsageError: it does not load.
    """
    try:
        known = Document(root, "variables.yml", typed=True).data or {}
        return load(root, {name: value for name, value in variables.items() if name in known}, proven=False)
    except ProjectError as error:
        raise UsageError(f"the project of {ref} does not load: {error.message}", hint="Name another commit.") from error


@contextmanager
def checked_out(root: Path, ref: str) -> Iterator[Path | None]:
    """The folder ``sql`` of a commit, in a temporary folder; None where it has none. The checkout is left alone.

    Raises:
        UsageError: this is no git repository, or it has no such commit.
    """
    if (
        ref.startswith("-")
        or git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}") is None
    ):
        hint = "See commits: git log --oneline; in a shallow clone first: git fetch --unshallow"
        raise UsageError(f"{ref!r} is no run, and no commit of a git repository that {root} is in.", hint=hint)
    top, place = ((git(root, "rev-parse", said) or b"").decode().strip() for said in ("--show-cdup", "--show-prefix"))
    if git(root, "cat-file", "-e", f"{ref}:{place}variables.yml") is None:
        yield None
        return
    held = git(root / top, "archive", "--format=tar", f"{ref}:{place}")
    if held is None:
        raise UsageError(f"git archive refuses {ref}:{place}", hint=f"See why: git archive {ref}:{place}")
    with TemporaryDirectory(prefix="fees-etl-") as folder:
        with tarfile.open(fileobj=io.BytesIO(held)) as files:
            files.extractall(Path(folder, "sql"), filter="data")
        yield Path(folder, "sql")
