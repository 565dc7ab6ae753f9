"""The SQL is kept: of each table, assertion and variable what it was made of, from the run that brought it on."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from fees_etl.script import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fees_etl.types import Assertion, Model, Project


def texts(
    project: Project, chosen: Iterable[Model], judging: Iterable[Assertion], own: Mapping[str, str]
) -> Iterator[Text]:
    """All that decides what a run of these models publishes; ``own`` are the models' fingerprints by table.

    Of an assertion all but its layout counts. Where none judges, nothing is published, and only models are kept.
    """
    for model in chosen:
        beside = project.templates.text(f"{model.table.dataset}/{model.name}.yml")
        yield Text(str(model.table), "model", own[str(model.table)], model.sql, beside)
    judging = tuple(judging)
    for one in judging:
        written, settings = one.sql, [one.severity, *one.key]
        beside = project.templates.text(f"assertions/{one.name}.yml") if one.path else None
        yield Text(one.name, "assertion", digest([*written.split(), *settings]), written, beside)
    if judging:
        values = json.dumps(project.variables, sort_keys=True, default=str)
        yield Text("variables", "variables", digest([values]), values, None)
        for table in project.sources:
            beside = project.templates.text(f"{table.dataset}/{table.name}.yml")
            yield Text(str(table), "source", digest(beside.split()), None, beside)


def digest(words: Iterable[str]) -> str:
    """The fingerprint of a text: of its words, where its layout does not count."""
    return sha256("\0".join(words).encode()).hexdigest()
