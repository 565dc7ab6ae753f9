"""Lines as Cloud Logging keeps them, and the part of its filter language that our metrics use.

A comparison with a field that is missing or null is false, ``!=`` included: that is how Cloud Logging does it.
"""

from __future__ import annotations

import json
import operator
import re

SPECIAL = {
    "severity": "severity",
    "time": "timestamp",
    "logging.googleapis.com/labels": "labels",
    "logging.googleapis.com/operation": "operation",
}
"""Fields of a line that its agent lifts out of the payload."""
SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL")
COMPARISONS = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
TERM = re.compile(r'((?:jsonPayload|labels)\.\w+|severity|resource\.type)\s*(!=|>=|<=|=|>|<)\s*("[^"]*"|[\w.-]+)')


def entry(line, resource="cloud_run_job"):
    """The log entry that a line becomes."""
    said = json.loads(line)
    found = {name: said.pop(field) for field, name in SPECIAL.items() if field in said}
    return found | {"jsonPayload": said, "resource": {"type": resource}}


def matches(filter_, found):
    """Whether an entry is one of those that the filter means."""
    return all(_holds(term, found) for term in re.split(r"\s+AND\s+", filter_.strip()))


def fields(text):
    """The fields of the payload that a filter or an extractor names."""
    return set(re.findall(r"jsonPayload\.(\w+)", text))


def _holds(term, found):
    read = TERM.fullmatch(term)
    assert read, f"no comparison that this reads: {term!r}"
    name, sign, text = read.groups()
    value = _value(name, found)
    if value is None:
        return False
    if name == "severity":
        return COMPARISONS[sign](SEVERITIES.index(value), SEVERITIES.index(text.strip('"')))
    if text.startswith('"') or isinstance(value, str):
        assert sign in ("=", "!="), f"order of texts: {term!r}"
        return COMPARISONS[sign](str(value), text.strip('"'))
    return COMPARISONS[sign](value, float(text))


def _value(name, found):
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found
