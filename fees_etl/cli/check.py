"""``check``: conventions of the project's files, for people, machines and code hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fees_etl.cli import options as opt
from fees_etl.cli.cases import Suite, junit_xml
from fees_etl.cli.session import Session, emit
from fees_etl.cli.text import grid, paragraph, paragraphs
from fees_etl.errors import AssertionsFailed
from fees_etl.figures import plural

if TYPE_CHECKING:
    from fees_etl.project.check import Checked, Finding

_LEVELS = {"error": "error", "warn": "warning", "off": "none"}


def check(
    context: typer.Context,
    *,
    select: opt.Select = None,
    exclude: opt.Exclude = None,
    since: opt.State = None,
    junit: opt.JUnit = None,
    output: Annotated[
        Literal["text", "json", "sarif"], typer.Option(help="A screen, one document, or what code hosts read.")
    ] = "text",
) -> int:
    """Check the conventions of the project's files.

    sql/checks.yml has the rules: layers, names, keys, cases, privacy, what is dead.

    \b
    fees-etl check
    fees-etl check --output sarif > check.sarif
    """
    from fees_etl.project.check import check as checked

    session: Session = context.obj
    project = session.open()
    select, exclude = opt.stated(session, project, since, select, exclude)
    found = checked(project, session.now.date())
    if select or exclude:
        names = opt.chosen(project, select, exclude)
        kept = tuple(one for one in found.findings if one.table is None or str(one.table) in names)
        found = replace(found, findings=kept)
    if junit:
        junit_xml(junit, "fees-etl check", _suites(found))
    document = sarif(found) if output == "sarif" else as_document(found)
    emit("json" if output == "sarif" else output, document, screen(found))
    if errors := [one for one in found.findings if _fails(one)]:
        raise AssertionsFailed(
            f"{plural(len(errors), 'finding')} of severity error.",
            published="Nothing was touched.",
            hint=f"Correct {_place(errors[0])}, or waive it in sql/waivers.yml: assertion check_{errors[0].rule}, "
            f"key [{errors[0].subject}]; then {session.start} check",
        )
    return 0


def as_document(found: Checked) -> dict[str, Any]:
    """``fees-etl/check/1``."""
    return {
        "schema": "fees-etl/check/1",
        "rules": [
            {"rule": name, "severity": rule.severity, "reason": rule.reason} for name, rule in found.rules.items()
        ],
        "findings": [
            {
                "rule": one.rule,
                "severity": one.severity,
                "subject": one.subject,
                "message": one.message,
                "path": str(one.path),
                "line": one.line,
                "waived": one.waived or None,
            }
            for one in found.findings
        ],
        "unused_waivers": list(found.unused),
        "tagged_columns": found.tagged,
    }


def sarif(found: Checked) -> dict[str, Any]:
    """SARIF 2.1.0, as code hosts show it beside the lines."""
    from fees_etl.runs.ledger import package_version

    rules = [
        {
            "id": name,
            "shortDescription": {"text": name.replace("_", " ")},
            "fullDescription": {"text": rule.reason},
            "defaultConfiguration": {"enabled": rule.severity != "off", "level": _LEVELS[rule.severity]},
        }
        for name, rule in found.rules.items()
    ]
    results = [
        {
            "ruleId": one.rule,
            "ruleIndex": list(found.rules).index(one.rule),
            "level": _LEVELS[one.severity],
            "message": {"text": one.message},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": one.path.as_posix()}, "region": {"startLine": one.line or 1},
            }}],
            "partialFingerprints": {"subject/v1": f"{one.rule}:{one.subject}"},
            "suppressions": [{"kind": "external", "justification": one.waived}] if one.waived else [],
        }
        for one in found.findings
    ]  # fmt: skip
    driver = {"name": "fees-etl", "version": package_version(), "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def screen(found: Checked) -> list[str]:
    """What each rule comes to, then every finding with its place, and why a rule is there."""
    proven = f"proven: {plural(found.tagged, 'tagged column')}, none without its tag"
    rows, below = [("Rule", "severity", "findings", "waived", "")], list[str]()
    for name, rule in found.rules.items():
        own = [one for one in found.findings if one.rule == name]
        waived = sum(bool(one.waived) for one in own)
        rows.append((name, rule.severity, str(len(own) - waived), str(waived), proven if name == "privacy" else ""))
        if own:
            below += ["", *paragraphs(map(_line, own), 0, 2), *paragraph(f"Why: {rule.reason}", 2, 2)]
    unused = [f"unused waiver: {one}" for one in found.unused]
    return [*grid(rows, "<<>><", 0), *below, *([""] if unused else []), *unused]


def _place(one: Finding) -> str:
    return f"{one.path}:{one.line}" if one.line else str(one.path)


def _line(one: Finding) -> str:
    waived = f" Waived by {one.waived}" if one.waived else ""
    return f"{one.severity} {one.rule}: {_place(one)}: {one.message}{waived}"


def _fails(one: Finding) -> bool:
    return one.severity == "error" and not one.waived


def _suites(found: Checked) -> list[Suite]:
    """A case a rule that finds nothing, and one a finding; what is waived, or warns, is skipped."""
    told = []
    for name in found.rules:
        own = [
            Suite("check", f"{name}: {one.subject}", failed=_line(one))
            if _fails(one)
            else Suite("check", f"{name}: {one.subject}", skipped=_line(one))
            for one in found.findings
            if one.rule == name
        ]
        told += own or [Suite("check", name)]
    return told
