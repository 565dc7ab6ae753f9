"""``test``: models by rows, in memory, and what differs; and verdicts as JUnit XML."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any
from xml.etree import ElementTree as ET

import typer

from fees_etl.cli import completion
from fees_etl.cli import options as opt
from fees_etl.cli.pages import spare, writing
from fees_etl.cli.session import Session, emit
from fees_etl.cli.text import grid, keyed, paragraph
from fees_etl.errors import AssertionsFailed, UsageError
from fees_etl.figures import cell, plural
from fees_etl.privacy import redact
from fees_etl.streams import replace, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from fees_etl.runs.cases import CaseResult
    from fees_etl.types import Model

SHOWN = 20
"""Differences of a case on a screen; JSON and JUnit have all."""


@dataclass(frozen=True, slots=True)
class Suite:
    """One test case of a suite; ``failed`` says why, or is empty."""

    suite: str
    name: str
    seconds: float = 0.0
    failed: str = ""
    skipped: str = ""


def cases(
    context: typer.Context,
    table: Annotated[
        list[str] | None,
        typer.Argument(metavar="TABLE", autocompletion=completion.selectors, help="Selectors; all if left out."),
    ] = None,
    *,
    select: opt.Select = None,
    exclude: opt.Exclude = None,
    since: opt.State = None,
    junit: opt.JUnit = None,
    output: opt.Output = "text",
) -> int:
    """Try models on rows, in memory.

    A case is a folder: tests/models/TABLE/CASE/{INPUT.csv, expect.csv}.

    \b
    fees-etl test
    fees-etl test rpt_client_ltv --junit report.xml
    """
    from fees_etl.runs import cases as by_rows

    session: Session = context.obj
    project = session.open()
    select, exclude = opt.stated(session, project, since, [*(table or ()), *(select or ())], exclude)
    names = opt.chosen(project, select, exclude)
    models = [model for at, model in project.models.items() if str(at) in names]
    found = by_rows.cases(project, models)
    if not models:
        raise UsageError("nothing is selected.", hint="See their names: fees-etl ls")
    if not found:
        place = f"{by_rows.FOLDER}/{models[0].name}/CASE"
        raise UsageError(
            f"there is no case for {', '.join(model.name for model in models)}.",
            hint=f"Write {place}/{min(map(str, models[0].reads))}.csv and {place}/expect.csv",
        )
    results = list(by_rows.judged(project, found))
    if junit:
        junit_xml(junit, "fees-etl test", [
            Suite(one.case.model.name, one.case.name, one.seconds, "" if one.passed else "\n".join(_why(one)))
            for one in results
        ])  # fmt: skip
    emit(output, as_document(results, models), screen(results, models))
    if failed := [one for one in results if not one.passed]:
        again = f"{session.start} test {failed[0].case.model.name}"
        raise AssertionsFailed(
            f"{len(failed)} of {plural(len(results), 'case')} failed.",
            published="Nothing was touched: cases are tried in memory.",
            hint=f"Edit {failed[0].case.model.path}, or what is expected in {failed[0].case.path}; then {again}",
        )
    return 0


def as_document(results: Sequence[CaseResult], models: Sequence[Model]) -> dict[str, Any]:
    """``fees-etl/test/1``; a difference without a column is a row that is there or not."""
    tried = {one.case.model.name for one in results}
    return {
        "schema": "fees-etl/test/1",
        "cases": [
            {
                "model": one.case.model.name,
                "case": one.case.name,
                "path": str(one.case.path),
                "verdict": "pass" if one.passed else "fail",
                "seconds": round(one.seconds, 3),
                "error": one.error or None,
                "differences": one.differences,
            }
            for one in results
        ],
        "without": [model.name for model in models if model.name not in tried],
    }


def screen(results: Sequence[CaseResult], models: Sequence[Model]) -> list[str]:
    """How many passed of each model, then every failing case with its cells."""
    tried = Counter(one.case.model.name for one in results)
    passed = Counter(one.case.model.name for one in results if one.passed)
    rows = [("Model", "cases", "passed", "")]
    rows += [
        (name, str(tried[name]), str(passed[name]), "FAIL" if passed[name] < tried[name] else "")
        if tried[name]
        else (name, "0", "", "no case")
        for name in (model.name for model in models)
    ]
    lines = grid(rows, "<>><", 0)
    for one in results:
        if not one.passed:
            lines += ["", f"FAIL {one.case.path}", *_why(one, SHOWN)]
    return lines


def junit_xml(path: Path, name: str, cases: Iterable[Suite]) -> None:
    """Write JUnit XML, which every CI shows: a suite a table, a case a line of it; NINOs masked.

    Raises:
        UsageError: it cannot be written, or what stands there is no XML.
    """

    def text(said: str) -> str:
        return visible(redact(said))

    root = ET.Element("testsuites", name=name)
    for suite, group in groupby(cases, key=lambda one: one.suite):
        some = list(group)
        told = ET.SubElement(
            root,
            "testsuite",
            name=suite,
            tests=str(len(some)),
            failures=str(sum(bool(one.failed) for one in some)),
            errors="0",
            skipped=str(sum(bool(one.skipped) for one in some)),
            time=f"{sum(one.seconds for one in some):.3f}",
        )
        for one in some:
            case = ET.SubElement(told, "testcase", classname=suite, name=text(one.name), time=f"{one.seconds:.3f}")
            for kind, said in (("failure", one.failed), ("skipped", one.skipped)):
                if said:
                    ET.SubElement(case, kind, message=text(said.strip().partition("\n")[0])).text = text(said)
    ET.indent(root)
    hint = "Name another file: --junit FILE"
    with writing(path, hint):
        spare(path, hint, "<?xml", "XML")
        replace(path, f"{ET.tostring(root, encoding='utf-8', xml_declaration=True).decode()}\n")


def _why(one: CaseResult, most: int | None = None) -> list[str]:
    """The differing cells of a failing case."""
    if one.error:
        return paragraph(one.error, 2, 2)
    words = {True: "a row", False: "no row"}
    rows: list[tuple[str, ...]] = [("row", "column", "expected", "made")]
    rows += [
        (keyed(found.key, cell), found.column or "",
         *(cell(value) if found.column else words[value] for value in (found.expected, found.made)))
        for found in one.differences[:most]
    ]  # fmt: skip
    rest = len(one.differences) - len(rows) + 1
    return [*grid(rows, "<<>>"), *([f"  and {rest} more: --output json has all"] if rest > 0 else [])]
