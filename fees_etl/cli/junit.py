"""JUnit XML, which every CI shows: a suite a table, a case a line of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from fees_etl.cli.pages import spare, writing
from fees_etl.privacy import redact
from fees_etl.streams import replace, visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Suite:
    """One test case of a suite; ``failed`` says why, or is empty."""

    suite: str
    name: str
    seconds: float = 0.0
    failed: str = ""
    skipped: str = ""


def write(path: Path, name: str, cases: Iterable[Suite]) -> None:
    """The file, NINOs masked.

    Raises:
        UsageError: it cannot be written, or what stands there is no XML.
    """
    root = ET.Element("testsuites", name=name)
    for suite, group in groupby(cases, key=lambda one: one.suite):
        some = list(group)
        counts = {"tests": len(some), "failures": sum(bool(one.failed) for one in some), "errors": 0}
        counts["skipped"] = sum(bool(one.skipped) for one in some)
        seconds = f"{sum(one.seconds for one in some):.3f}"
        told = ET.SubElement(
            root, "testsuite", {"name": suite, **{key: str(n) for key, n in counts.items()}, "time": seconds}
        )
        for one in some:
            case = ET.SubElement(told, "testcase", classname=suite, name=_text(one.name), time=f"{one.seconds:.3f}")
            for kind, said in (("failure", one.failed), ("skipped", one.skipped)):
                if said:
                    ET.SubElement(case, kind, message=_text(said.strip().partition("\n")[0])).text = _text(said)
    ET.indent(root)
    hint = "Name another file: --junit FILE"
    with writing(path, hint):
        spare(path, hint, "<?xml", "XML")
        replace(path, f"{ET.tostring(root, encoding='utf-8', xml_declaration=True).decode()}\n")


def _text(text: str) -> str:
    return visible(redact(text))
