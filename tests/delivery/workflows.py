"""Google Workflows, as much of it as terraform/workflow.yaml uses: steps, expressions, connectors by script, no clock.

    cloud = Cloud({"ingest": [75, 0], "run": [0]})
    Workflow(text, cloud, environ).run({"data": {"name": "landing/fees/a.csv"}})
    cloud.started == ["ingest", "ingest", "run"]

Whatever it does not know is an error, so that a workflow that uses more than was proven is noticed. Pages "Syntax
overview", "Expressions", "Conditions", "Error handling" of cloud.google.com/workflows/docs/reference.
"""

from __future__ import annotations

import ast
import base64
import json
import operator
import re

import yaml

LONGEST = 400
"""Characters of an expression (page "Quotas and limits")."""
ACTIONS = {"assign", "switch", "call", "try", "return", "raise", "next"}
BESIDE = {"call": {"args", "result", "next"}, "try": {"except"}, "switch": {"next"}, "assign": {"next"}}
FUNCTIONS = {
    "base64.encode": lambda data: base64.b64encode(data).decode(),
    "default": lambda value, otherwise: otherwise if value is None else value,
    "json.encode": lambda value: json.dumps(value).encode(),
    "len": len,
    "math.min": min,
    "text.match_regex": lambda text, pattern: re.search(pattern, text) is not None,
}
OPERATORS = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Eq: operator.eq, ast.NotEq: operator.ne,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
CONSTANTS = {"null": None, "true": True, "false": False}


class Raised(Exception):
    """An error of the workflow; ``value`` is what an ``except`` gets."""

    def __init__(self, value):
        super().__init__(str(value))
        self.value = value


class Unknown(Exception):
    """The workflow uses what nobody has proven here."""


class _Returned(Exception):
    def __init__(self, value):
        self.value = value


class _Jump(Exception):
    def __init__(self, name):
        self.name = name


class Workflow:
    """``environ`` are the variables that it is deployed with; the connectors are the cloud's."""

    def __init__(self, text, cloud, environ):
        self.flows, self.cloud, self.environ = yaml.safe_load(text), cloud, environ
        for name, flow in self.flows.items():
            _refuse_unknown(name, flow)

    def run(self, argument=None):
        return self._flow("main", {"event": argument})

    def _flow(self, name, scope):
        flow = self.flows[name]
        if set(scope) != set(flow["params"]):
            raise Unknown(f"{name} takes {flow['params']}, not {sorted(scope)}")
        try:
            self._steps(flow["steps"], scope)
        except _Returned as found:
            return found.value
        return None

    def _steps(self, steps, scope):
        """One after the other; a jump that names none of these is one of an outer list."""
        names = [next(iter(step)) for step in steps]
        at = 0
        while at < len(steps):
            try:
                self._step(steps[at][names[at]], scope)
                at += 1
            except _Jump as jump:
                if jump.name not in names:
                    raise
                at = names.index(jump.name)

    def _step(self, step, scope):
        for one in step.get("assign", ()):
            ((name, value),) = one.items()
            scope[name] = self._value(value, scope)
        if "try" in step:
            self._tried(step, scope)
        if "call" in step:
            found = self._call(step["call"], self._value(step.get("args", {}), scope))
            scope |= {step["result"]: found} if "result" in step else {}
        branch = next((one for one in step.get("switch", ()) if self._value(one["condition"], scope) is True), {})
        for part in (branch, step):
            if "return" in part:
                raise _Returned(self._value(part["return"], scope))
            if "raise" in part:
                raise Raised(self._value(part["raise"], scope))
            if "next" in part:
                raise _Jump(part["next"])

    def _tried(self, step, scope):
        try:
            self._steps(step["try"]["steps"], scope)
        except Raised as error:
            caught = step["except"]
            self._steps(caught["steps"], scope | {caught["as"]: error.value})

    def _call(self, name, args):
        return self._flow(name, args) if name in self.flows else self.cloud(name, args)

    def _value(self, value, scope):
        """Of an argument or an assignment, in which any text may be an expression."""
        match value:
            case dict():
                return {key: self._value(one, scope) for key, one in value.items()}
            case list():
                return [self._value(one, scope) for one in value]
            case str() if value.startswith("${"):
                return self._evaluated(ast.parse(value[2:-1].strip(), mode="eval").body, scope)
        return value

    def _evaluated(self, node, scope):  # noqa: C901, PLR0911 - a case for each kind of node
        match node:
            case ast.Constant(value) if isinstance(value, str | int | float):
                return value
            case ast.Name(name) if name in CONSTANTS:
                return CONSTANTS[name]
            case ast.Name(name):
                return _found(scope, name)
            case ast.Attribute(of, name):
                return _found(self._evaluated(of, scope), name)
            case ast.Subscript(of, key):
                return _found(self._evaluated(of, scope), self._evaluated(key, scope))
            case ast.List(items):
                return [self._evaluated(one, scope) for one in items]
            case ast.UnaryOp(ast.Not(), of):
                return not _bool(self._evaluated(of, scope))
            case ast.BoolOp(ast.And(), parts):
                return all(_bool(self._evaluated(one, scope)) for one in parts)
            case ast.BoolOp(ast.Or(), parts):
                return any(_bool(self._evaluated(one, scope)) for one in parts)
            case ast.BinOp(left, kind, right) | ast.Compare(left, [kind], [right]) if type(kind) in OPERATORS:
                return _computed(OPERATORS[type(kind)], self._evaluated(left, scope), self._evaluated(right, scope))
            case ast.Call(function, args):
                return self._applied(ast.unparse(function), [self._evaluated(one, scope) for one in args])
        raise Unknown(ast.unparse(node))

    def _applied(self, name, args):
        if name == "map.get":
            return _got(*args)
        if name == "sys.get_env":
            return _found(self.environ, *args)
        if name not in FUNCTIONS:
            raise Unknown(name)
        return FUNCTIONS[name](*args)


def _refuse_unknown(name, flow):
    """What Google would refuse at deployment, and what this cannot execute."""
    steps = list(_every(flow["steps"]))
    names = [one for one, _ in steps]
    if flow.keys() != {"params", "steps"} or len(set(names)) != len(names):
        raise Unknown(f"{name}: keys {sorted(flow)}, steps {sorted(names)}")
    for step, body in steps:
        branches = body.get("switch", [])
        action = next((one for one in body if one in ACTIONS), "")
        keys = [key for one in branches for key in one.keys() - {"condition", "return", "raise", "next"}]
        targets = {one["next"] for one in (body, *branches) if "next" in one}
        if not action or keys or body.keys() - {action} - BESIDE.get(action, set()) or targets - {*names}:
            raise Unknown(f"{name}.{step}: {body}")
    if long := [text for text in re.findall(r"\$\{.*?\}(?=['\"\\\n])", json.dumps(flow)) if len(text) > LONGEST]:
        raise Unknown(f"{name}: an expression of {len(long[0])} characters")


def _every(steps):
    for step in steps:
        ((name, body),) = step.items()
        yield name, body
        yield from _every(body.get("try", {}).get("steps", []))
        yield from _every(body.get("except", {}).get("steps", []))


def _found(value, key):
    try:
        return value[key]
    except (KeyError, IndexError, TypeError) as error:
        raise Raised({"tags": [type(error).__name__], "message": f"{key} is not there"}) from error


def _got(value, keys):
    """map.get: null where a key on the way is missing."""
    for key in keys if isinstance(keys, list) else [keys]:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _bool(value):
    if not isinstance(value, bool):
        raise Raised({"tags": ["TypeError"], "message": f"{value!r} is no boolean"})
    return value


def _computed(act, left, right):
    try:
        return act(left, right)
    except TypeError as error:
        raise Raised({"tags": ["TypeError"], "message": str(error)}) from error
