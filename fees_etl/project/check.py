"""Conventions of a project, as rules with a reason: what they find, and what of it is waived.

``sql/checks.yml`` has severities, reasons and settings; a project without it is asked what the bundled one is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field

from fees_etl import query
from fees_etl.project.contracts import CHECKS, RULES
from fees_etl.project.draft import UNSAID
from fees_etl.project.files import KINDS, Document, collected, listed, refuse
from fees_etl.project.graph import did_you_mean
from fees_etl.project.load import folder
from fees_etl.types import REPORTING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from fees_etl.errors import ProjectError
    from fees_etl.types import Contract, Project, Table

_FILE = "checks.yml"
_Text = Annotated[str, Field(min_length=1)]


class Rule(BaseModel, extra="forbid", title="a rule"):
    """What is asked, and why."""

    severity: Literal["error", "warn", "off"]
    reason: _Text
    reads: dict[str, tuple[str, ...]] = Field({}, description="Of layers: which datasets a dataset may read.")
    models: dict[str, str] = Field({}, description="Of names: the pattern of a dataset's models.")
    columns: dict[str, str] = Field({}, description="Of names: the pattern of columns of a type.")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule finds wrong; ``subject`` is by what it is waived: a table, a column, a macro, a variable.

    Which rule it is, how severe, and whether it is waived, :func:`check` adds.
    """

    subject: str
    message: str
    path: Path
    line: int | None = None
    table: Table | None = None
    rule: str = ""
    severity: Literal["error", "warn", "off"] = "error"
    waived: str = ""
    """By what and why, where it is."""


@dataclass(frozen=True, slots=True)
class Checked:
    """All rules with their findings, and waivers that waive nothing."""

    rules: dict[str, Rule]
    findings: tuple[Finding, ...]
    unused: tuple[str, ...]
    tagged: int
    """Columns with a policy tag; that none of them makes one without it is proven, or the project would not load."""


_Found: TypeAlias = "Iterator[Finding]"


def check(project: Project, today: date) -> Checked:
    """What the rules find in a loaded project.

    Raises:
        ProjectError: ``sql/checks.yml`` is wrong; it names all that is.
    """
    rules = _rules(project.root)
    _written.cache_clear()  # files may have changed
    waived = {(one.assertion, one.key[0]): one for one in project.waivers if one.assertion in CHECKS}
    findings, used = [], set()
    for name, rule in rules.items():
        for one in _RULES[name](project, rule) if rule.severity != "off" else ():
            said, waiver = "", waived.get((f"check_{name}", one.subject))
            if waiver and today <= waiver.expires:
                said = f"{waiver.path}:{waiver.line}: {waiver.reason} (until {waiver.expires})"
                used.add((waiver.assertion, one.subject))
            findings.append(replace(one, rule=name, severity=rule.severity, waived=said))
    unused = tuple(
        f"{one.path}:{one.line} waives nothing: {one.key[0]}" for at, one in waived.items() if at not in used
    )
    tagged = sum(bool(column.policy_tag) for made in project.contracts.values() for column in made.columns)
    return Checked(rules, tuple(findings), unused, tagged)


def _rules(root: Path) -> dict[str, Rule]:
    document = Document(root if (root / _FILE).exists() else folder(None), _FILE)
    errors: list[ProjectError] = []
    found = {}
    if not isinstance(document.data, dict):
        raise document.error("the file must be a mapping.")
    for name in document.data:
        with collected(errors):
            if name not in _RULES:
                raise document.error(f"there is no rule '{name}'.", name, hint=did_you_mean(name, _RULES))
            found[name] = document.said(Rule, name)
            for place in ("models", "columns"):
                for of, pattern in getattr(found[name], place).items():
                    try:
                        re.compile(pattern)
                    except re.error as error:
                        raise document.error(f"no pattern: {error}.", name, place, of) from error
    refuse(errors)
    return found


@lru_cache(maxsize=1)
def _written(root: Path, table: Table) -> tuple[Document, dict[str, int]]:
    """The file of a contract, and the number of each of its own columns; those of ``like`` are not its own."""
    document = Document(root, f"{table.dataset}/{table.name}.yml")
    return document, {one["name"]: number for number, one in enumerate(document.data.get("columns", ()))}


def _of_column(project: Project, made: Contract, name: str, message: str) -> Finding:
    document, own = _written(project.root, made.table)
    line = document.line("columns", own[name]) if name in own else document.line("like")
    return Finding(f"{made.table}.{name}", message, made.path, line, made.table)


def _layers(project: Project, rule: Rule) -> _Found:
    for model in project.models.values():
        if (may := rule.reads.get(model.table.dataset)) is None:
            continue
        for read in sorted(model.reads):
            if read.dataset not in may:
                message = f"{model.table} reads {read}; it may read {', '.join(may)}."
                yield Finding(str(model.table), message, model.path, table=model.table)


def _names(project: Project, rule: Rule) -> _Found:
    for model in project.models.values():
        table, made = model.table, model.contract
        pattern = rule.models.get(table.dataset, "")
        if pattern and not re.fullmatch(pattern, table.name):
            yield Finding(str(table), f"'{table.name}' is not called {pattern}.", made.path, 1, table)
        for column in made.columns:
            pattern = rule.columns.get(column.type, "")
            if pattern and not re.fullmatch(pattern, column.name):
                message = f"{column.type} column '{column.name}' is not called {pattern}."
                yield _of_column(project, made, column.name, message)


def _descriptions(project: Project, _: Rule) -> _Found:
    for model in project.models.values():
        made = model.contract
        if not re.match("one row ", made.description, re.IGNORECASE):
            message = "the description does not begin with the grain: One row per ..."
            line = _written(project.root, made.table)[0].line("description")
            yield Finding(str(made.table), message, made.path, line, made.table)
        for column in made.columns:
            said = re.sub(r"[\W_]+", "", column.description).lower()
            if column.description == UNSAID or said == column.name.replace("_", ""):
                yield _of_column(project, made, column.name, f"column '{column.name}' is not described.")


def _keys(project: Project, _: Rule) -> _Found:
    for model in project.models.values():
        made = model.contract
        for name in made.key:
            if not next(one for one in made.columns if one.name == name).required:
                yield _of_column(project, made, name, f"column '{name}' is in the key and not required.")


def _cases(project: Project, _: Rule) -> _Found:
    for model in project.models.values():
        if not any((project.root.parent / "tests" / "models" / model.name).glob("*/expect.csv")):
            message = f"there is no case: tests/models/{model.name}/CASE/expect.csv."
            yield Finding(str(model.table), message, model.path, table=model.table)


def _owner(project: Project, _: Rule) -> _Found:
    for model in project.models.values():
        if not model.contract.owner:
            yield Finding(str(model.table), "it has no 'owner'.", model.contract.path, 1, model.table)


def _privacy(project: Project, _: Rule) -> _Found:
    """What comes of looking at a tagged column; that none is its value, ``load`` proves.

    Who compares National Insurance numbers with texts can write them out again, a place at a time or by a join; a rank
    says which of two is greater, and a row for each is a number that stands for it. How many there are, and whether
    there is one, tells nothing.
    """
    tagged = {(made.table, one.name) for made in project.contracts.values() for one in made.columns if one.policy_tag}
    for model in project.models.values():
        made = model.contract
        if any(one.policy_tag for one in made.columns):
            continue  # readers of the table are known, or see masks
        for name, edges in query.revealed(query.parse(model.sql, model.path), project.schema).items():
            if by := sorted(one for one in edges if (one.table, one.column) in tagged):
                message = f"column '{name}' depends on {by[0].table}.{by[0].column} ({by[0].kind})."
                yield _of_column(project, made, name, message)


def _macros(project: Project, _: Rule) -> _Found:
    texts = {name: project.templates.text(name) for name in listed(project.root) if name.endswith(".sql")}
    for name, text in texts.items():
        for found in re.finditer(r"\{%-?\s*macro\s+(\w+)", text) if name.startswith("macros/") else ():
            called = re.compile(rf"(?<!macro )\b{found[1]}\s*\(")
            if not any(called.search(re.sub(r"\{#.*?#\}", "", other, flags=re.DOTALL)) for other in texts.values()):
                line = text.count("\n", 0, found.start()) + 1
                yield Finding(found[1], f"nothing uses the macro '{found[1]}'.", Path("sql", name), line)


def _variables(project: Project, _: Rule) -> _Found:
    """Used is what a template names within Jinja, and what the program reads."""
    texts = [project.templates.text(name) for name in listed(project.root) if name.endswith(".sql")]
    jinja = " ".join(part for text in texts for part in re.findall(r"\{[{%].*?[%}]\}", text, re.DOTALL))
    document = Document(project.root, "variables.yml")
    for name in project.variables:
        if name not in KINDS and not re.search(rf"\b{name}\b", jinja):
            message = f"nothing uses the variable '{name}'."
            yield Finding(name, message, document.shown, document.line(name))


def _dead_columns(project: Project, _: Rule) -> _Found:
    """Columns before reporting that no model reads, and of a model no assertion of the project's own.

    Those of a key are read by runs; assertions on a source read all of it, to find what was edited by hand.
    """
    asked = [(one.reads, one.sql) for one in project.models.values()]
    asked += [(one.reads, one.sql) for one in project.assertions if one.path]
    named = [(reads, query.mentioned(query.parse(sql, "check"))) for reads, sql in asked]
    fed = {read for model in project.models.values() for read in model.reads}
    for made in project.contracts.values():
        if made.table not in fed or made.table.dataset == REPORTING:
            continue
        readers = named if made.materialized else named[: len(project.models)]
        seen = set().union(*(words for reads, words in readers if made.table in reads))
        for column in made.file_columns if "*" not in seen else ():
            if column.name.lower() not in seen | set(made.key):
                message = f"nothing reads the column '{column.name}' of {made.table}."
                yield _of_column(project, made, column.name, message)


def _dead_tables(project: Project, _: Rule) -> _Found:
    read = {table for model in project.models.values() for table in model.reads}
    for model in project.models.values():
        if model.table.dataset != REPORTING and model.table not in read:
            message = f"no model reads {model.table}."
            yield Finding(str(model.table), message, model.path, table=model.table)


_RULES: dict[str, Callable[[Project, Rule], _Found]] = dict(zip(RULES, (
    _layers, _names, _descriptions, _keys, _cases, _owner, _privacy, _macros, _variables, _dead_columns, _dead_tables,
), strict=True))  # fmt: skip
