"""The charts of a report as Vega-Lite specs, data in them: every axis of a length begins at 0, titles name the unit.

What is not complete yet is hatched or dashed, and says so in words: colour is never the only sign.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fees_etl.figures import count, pounds
from fees_etl.pages.parts import HATCHED, INK, OPEN, SOLID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from fees_etl.pages.facts import Adviser, Cohort, Share

DONE, OPENED = "complete", "not complete yet"
SHOWN = 24
"""Cohorts of a chart: the newest; advisers: the first."""
_LEGEND = {"orient": "top", "title": None, "labelFontSize": 13, "labelLimit": 300, "symbolSize": 160}
_LINES = {**_LEGEND, "symbolType": "stroke", "symbolSize": 700, "symbolStrokeWidth": 2.5}
_FILL = {"field": "state", "type": "nominal", "scale": {"domain": [DONE, OPENED], "range": [SOLID, HATCHED]},
         "legend": _LEGEND}  # fmt: skip
_ROW = {"labelExpr": "split(datum.label, '|')", "title": None, "labelLimit": 220, "labelLineHeight": 15}
_TWO_LINES = {**_ROW, "labelBaseline": "middle", "labelOffset": -8}
_COUNT = {"format": ",d", "tickCount": 4, "tickMinStep": 1}
_POUNDS = {"format": ",~r", "tickCount": 4}

Spec = dict[str, Any]


def reconciliation(steps: Sequence[tuple[str, Decimal, Decimal]]) -> Spec:
    """Pounds from raw to what is published: each a label, and where its bar begins and ends."""
    values = [
        {"step": f"{label}|{pounds(end if not begin else begin - end)}", "begin": float(begin), "end": float(end)}
        for label, begin, end in steps
    ]
    return {
        "data": {"values": values},
        "width": 270,
        "height": {"step": 44},
        "mark": {"type": "bar", "fill": SOLID, "stroke": INK, "strokeWidth": 1.5},
        "encoding": {
            "y": {"field": "step", "type": "nominal", "sort": None, "axis": _TWO_LINES},
            "x": _length("begin", "pounds", _POUNDS),
            "x2": {"field": "end"},
        },
    }


def curves(cohorts: Sequence[Cohort]) -> Spec:
    """A panel a cohort: mean pounds a client by months since the first fee; dashed towards what is not complete."""
    points, stretches = list[Spec](), list[Spec]()
    for one in cohorts[-SHOWN:]:
        course = [(0, 0.0, DONE), *((n, float(one.means[n]), _state(is_done=one.is_complete[n])) for n in one.means)]
        points += [{"cohort": one.month, "months": n, "pounds": mean, "state": state} for n, mean, state in course[1:]]
        for (was, low, _), (n, high, state) in pairwise(course):
            ends = {"cohort": one.month, "state": state, "stretch": f"{was} to {n}"}
            stretches += [ends | {"months": was, "pounds": low}, ends | {"months": n, "pounds": high}]
    x = {"field": "months", "type": "quantitative", "title": "months", "axis": {"values": [0, 1, 3, 6], "grid": False}}
    y = _length("pounds", "pounds a client", {"tickCount": 3})
    domain = {"domain": [DONE, OPENED]}
    line = {
        "transform": [{"filter": "isValid(datum.stretch)"}],
        "mark": {"type": "line", "strokeWidth": 2.5},
        "encoding": {
            "x": x, "y": y, "detail": {"field": "stretch"},
            "strokeDash": {"field": "state", "scale": {**domain, "range": [[1, 0], [4, 4]]},
                           "legend": _LINES},
            "stroke": {"field": "state", "scale": {**domain, "range": [SOLID, OPEN]}, "legend": _LINES},
        },
    }  # fmt: skip
    dot = {
        "transform": [{"filter": "!isValid(datum.stretch)"}],
        "mark": {"type": "point", "size": 45, "opacity": 1, "strokeWidth": 2},
        "encoding": {
            "x": x, "y": y,
            "fill": {"field": "state", "scale": {**domain, "range": [SOLID, "#ffffff"]}, "legend": None},
            "stroke": {"field": "state", "scale": {**domain, "range": [SOLID, OPEN]}, "legend": _LINES},
        },
    }  # fmt: skip
    return {
        "data": {"values": [*stretches, *points]},
        "facet": {"field": "cohort", "type": "nominal", "title": None},
        "columns": 3,
        "spacing": 14,
        "spec": {"width": 105, "height": 80, "layer": [line, dot]},
    }


def heatmap(cohorts: Sequence[Cohort]) -> Spec:
    """Cohorts by months: the deeper, the more pounds a client; what is not complete has no depth but hatches."""
    values = [
        {"cohort": one.month, "months": str(n), "pounds": float(one.means[n]),
         "state": _state(is_done=one.is_complete[n]),
         "label": pounds(one.means[n]) if one.is_complete[n] else f"({pounds(one.means[n])})"}
        for one in cohorts[-SHOWN:]
        for n in one.means
    ]  # fmt: skip
    is_done, is_open = {"test": f"datum.state === '{DONE}'"}, f"datum.state !== '{DONE}'"
    axes = {
        "x": {"field": "months", "type": "ordinal", "title": "months since the first fee", "sort": None,
              "axis": {"labelAngle": 0, "orient": "top"}},
        "y": {"field": "cohort", "type": "ordinal", "title": None},
    }  # fmt: skip
    depth = {
        "field": "pounds", "type": "quantitative", "title": "pounds a client, where complete",
        "scale": {"domainMin": 0, "range": ["#f2f7fc", "#5b9bd5"]},
        "legend": {"orient": "bottom", "direction": "horizontal", "gradientLength": 240, "tickCount": 3,
                   "labelFontSize": 13, "titleFontSize": 13, "titleFontWeight": "normal", "titleLimit": 300},
    }  # fmt: skip
    box = {"type": "rect", "stroke": "#595959", "strokeWidth": 1}
    return {
        "data": {"values": values},
        "width": 330,
        "height": {"step": 30},
        "encoding": axes,
        "layer": [
            {"transform": [{"filter": is_done["test"]}], "mark": box, "encoding": {"fill": depth}},
            {"transform": [{"filter": is_open}], "mark": {**box, "fill": HATCHED}},
            {"transform": [{"filter": is_open}],
             "mark": {"type": "rect", "fill": "#ffffff", "width": 76, "height": 20, "cornerRadius": 3}},
            {"mark": {"type": "text", "fontSize": 13}, "encoding": {"text": {"field": "label"}}},
        ],
    }  # fmt: skip


def completeness(shares: Mapping[str, Share]) -> Spec:
    """Clients of each cohort whose six months are complete, and the others."""
    values = [
        {"cohort": name, "clients": number, "state": state}
        for name, one in list(shares.items())[-SHOWN:]
        for state, number in ((DONE, one.complete), (OPENED, one.incomplete))
    ]
    return _stacked(values, "cohort", "clients", "clients of the cohort", 290)


def advisers(found: Sequence[Adviser], shares: Mapping[str, Share]) -> Spec:
    """Six-month pounds of each adviser's clients, by whether the six months are complete."""
    values = [
        {"adviser": f"{one.adviser}|{pounds(one.pounds)}", "pounds": float(amount), "state": state}
        for one in found[:SHOWN]
        for share in [shares[one.adviser]]
        for state, amount in ((DONE, share.complete_pounds), (OPENED, share.incomplete_pounds))
    ]
    return _stacked(values, "adviser", "pounds", "pounds of the first six months", 260)


def by_date(periods: Sequence[tuple[str, Decimal]]) -> Spec:
    """Staged pounds of each fee date, month or year."""
    values = [{"period": name, "pounds": float(amount)} for name, amount in periods]
    return {
        "data": {"values": values},
        "width": 340,
        "height": 220,
        "mark": {"type": "bar", "fill": SOLID, "stroke": INK, "strokeWidth": 0.5},
        "encoding": {
            "x": {"field": "period", "type": "ordinal", "title": None, "sort": None,
                  "axis": {"labelAngle": -60, "labelOverlap": True}},
            "y": _length("pounds", "pounds staged", {"format": ",~r", "tickCount": 5}),
        },
    }  # fmt: skip


def late(moved: Sequence[tuple[str, str, Decimal]]) -> Spec:
    """Pounds that late, corrected and withdrawn fees moved in each period: a panel each."""
    values = [{"period": name, "cause": cause, "pounds": float(amount)} for name, cause, amount in moved]
    one = by_date(())
    del one["data"]
    one |= {"width": 320, "height": 90}
    one["encoding"]["y"]["title"] = "pounds"
    one["encoding"]["y"]["axis"] = {"format": ",~r", "tickCount": 3}
    return {
        "data": {"values": values},
        "facet": {"row": {"field": "cause", "type": "nominal", "title": None, "header": {"labelOrient": "top"}}},
        "spec": one,
    }


def moved(lines: Sequence[tuple[str, Decimal]]) -> Spec:
    """What has moved a total, by cause: to the right what added to it."""
    values = [
        {"cause": f"{label}|{'+' if amount > 0 else ''}{pounds(amount)}", "pounds": float(amount),
         "state": "added" if amount >= 0 else "taken away"}
        for label, amount in lines
    ]  # fmt: skip
    found = _stacked(values, "cause", "pounds", "pounds of change", 260)
    found["encoding"]["fill"] = {
        "field": "state", "type": "nominal", "legend": _LEGEND,
        "scale": {"domain": ["added", "taken away"], "range": [SOLID, "#ffffff"]},
    }  # fmt: skip
    return found


def ledger(runs: Sequence[tuple[str, Decimal]]) -> Spec:
    """Staged pounds after each run that published."""
    found = by_date(runs)
    found["encoding"]["y"]["title"] = "pounds staged after the run"
    return found


def newest(number: int) -> str:
    """That a chart does not have all of so many cohorts; nothing where it has."""
    return f" of the newest {SHOWN} cohorts" if number > SHOWN else ""


def share(few: int, of: int) -> str:
    """As a percentage; few are never told as none.

    >>> share(2904, 5200), share(15, 20000), share(0, 7)
    ('56%', 'less than 1%', '0%')
    """
    percent = f"{100 * few / (of or 1):.0f}%"
    return "less than 1%" if few and percent == "0%" else percent


def said(shares: Mapping[str, Share]) -> str:
    """How many clients are not complete, in words.

    >>> from fees_etl.pages.facts import Share
    >>> said({"2025-01": Share(3, 1), "2025-02": Share(0, 4)})
    '5 of 8 clients (62%) are not complete at six months'
    """
    few = sum(one.incomplete for one in shares.values())
    every = sum(one.complete + one.incomplete for one in shares.values())
    return f"{count(few)} of {count(every)} clients ({share(few, every)}) are not complete at six months"


def _stacked(values: list[Spec], row: str, length: str, title: str, width: int) -> Spec:
    has_two = any("|" in one[row] for one in values)
    return {
        "data": {"values": values},
        "width": width,
        "height": {"step": 38 if has_two else 26},
        "mark": {"type": "bar", "stroke": INK, "strokeWidth": 1},
        "encoding": {
            "y": {"field": row, "type": "nominal", "sort": None, "axis": _TWO_LINES if has_two else _ROW},
            "x": _length(length, title, _COUNT if length == "clients" else _POUNDS),
            "fill": _FILL,
            "order": {"field": "state"},
        },
    }


def _length(field: str, title: str, axis: Spec) -> Spec:
    """An axis along which lengths are compared, so it begins at 0."""
    return {"field": field, "type": "quantitative", "title": title, "axis": axis, "scale": {"zero": True}}


def _state(*, is_done: bool) -> str:
    return DONE if is_done else OPENED
