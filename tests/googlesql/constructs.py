"""Every construct of GoogleSQL that the engines send, each with the page of BigQuery's documentation that defines it.

A statement with a construct that is not here fails a test: look its page up first, then add it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DOCUMENTED", "constructs", "control"]

QUERY = "Query syntax"
DML = "Data manipulation language (DML) statements in GoogleSQL"
AGGREGATE = "Aggregate functions"
WINDOW = "Window function calls"
NUMBERING = "Numbering functions"
MATH = "Mathematical functions"
TEXT = "String functions"
DATES = "Date functions"
JSON = "JSON functions"
OPERATORS = "Operators"
CONDITIONAL = "Conditional expressions"
SCRIPT = "Procedural language"
TRANSACTION = "Multi-statement transactions"  # of DDL they take what is temporary

DOCUMENTED = {
    "BEGIN TRANSACTION": SCRIPT,
    "BEGIN .. EXCEPTION .. END": SCRIPT,
    "COMMIT TRANSACTION": SCRIPT,
    "CREATE TEMP TABLE": TRANSACTION,
    "DROP TABLE of a temporary table": TRANSACTION,
    "DECLARE": SCRIPT,
    "IF .. THEN": SCRIPT,
    "RAISE": SCRIPT,
    "ROLLBACK TRANSACTION": SCRIPT,
    "SET": SCRIPT,
    "@@query_label": "System variables reference",
    "@@row_count": "System variables reference",
    "@@script.bytes_processed": "System variables reference",
    "Delete": DML,
    "Insert": DML,
    "Merge": DML,
    "Update": DML,
    "CROSS JOIN": QUERY,
    "FULL OUTER JOIN": QUERY,
    "INNER JOIN": QUERY,
    "LEFT OUTER JOIN": QUERY,
    "Except": QUERY,
    "Having": QUERY,
    "Limit": QUERY,
    "Qualify": QUERY,
    "Subquery": "Subqueries",
    "Union": QUERY,
    "Unnest": QUERY,
    "With": QUERY,
    "Window": WINDOW,
    "Count": AGGREGATE,
    "CountIf": AGGREGATE,
    "GroupConcat": AGGREGATE,
    "LogicalAnd": AGGREGATE,
    "Max": AGGREGATE,
    "Min": AGGREGATE,
    "Sum": AGGREGATE,
    "Lag": "Navigation functions",
    "PercentileCont": "Navigation functions",
    "Rank": NUMBERING,
    "RowNumber": NUMBERING,
    "Greatest": MATH,
    "Least": MATH,
    "Abs": MATH,
    "IntDiv": MATH,
    "Array": "Data types",
    "Concat": TEXT,
    "Length": TEXT,
    "LowerHex": TEXT,
    "StartsWith": TEXT,
    "RegexpReplace": TEXT,
    "Replace": TEXT,
    "Round": MATH,
    "Translate": TEXT,
    "Substring": TEXT,
    "Trim": TEXT,
    "Upper": TEXT,
    "MD5": "Hash functions",
    "SHA2Digest": "Hash functions",
    "CurrentTimestamp": "Timestamp functions",
    "TimestampDiff": "Timestamp functions",
    "DateAdd": DATES,
    "DateDiff": DATES,
    "DateSub": DATES,
    "DateTrunc": DATES,
    "Extract": DATES,
    "LastDay": DATES,
    "TimeToStr": DATES,
    "TsOrDsToDate": DATES,
    "JSONExtractArray": JSON,
    "JSONExtractScalar": JSON,
    "JSONFormat": JSON,
    "And": OPERATORS,
    "Between": OPERATORS,
    "Exists": OPERATORS,
    "In": OPERATORS,
    "Is": OPERATORS,
    "NullSafeEQ": OPERATORS,
    "NullSafeNEQ": OPERATORS,
    "Or": OPERATORS,
    "Case": CONDITIONAL,
    "Coalesce": CONDITIONAL,
    "If": CONDITIONAL,
    "Nullif": CONDITIONAL,
    "Cast": "Conversion functions",
}
_CONTROL = {
    "BEGIN TRANSACTION": r"\bBEGIN TRANSACTION;",
    "BEGIN .. EXCEPTION .. END": r"\bEXCEPTION WHEN ERROR THEN",
    "COMMIT TRANSACTION": r"\bCOMMIT TRANSACTION;",
    "DECLARE": r"^DECLARE ",
    "IF .. THEN": r"^\s*IF\b.*|^\s*END IF;",
    "RAISE": r"\bRAISE;",
    "ROLLBACK TRANSACTION": r"\bROLLBACK TRANSACTION;",
    "SET": r"^\s*SET \w+ = ",
    "CREATE TEMP TABLE": r"^\s*CREATE TEMP TABLE \w+ AS",
    "DROP TABLE of a temporary table": r"^\s*DROP TABLE \w+$",
    "@@query_label": r"@@query_label",
    "@@row_count": r"@@row_count",
    "@@script.bytes_processed": r"@@script\.bytes_processed",
}
_UNKNOWN = re.compile(
    r"^\s*(?:LOOP|WHILE|REPEAT|FOR|CALL|EXECUTE|CREATE(?! TEMP TABLE \w+ AS)|DROP(?! TABLE \w+$)|ALTER|TRUNCATE|ASSERT|EXPORT)\b|@@\w+[\w.]*",
    re.MULTILINE,
)
_CLAUSES = (
    exp.Func, exp.Query, exp.DML, exp.Having, exp.Limit, exp.Qualify, exp.With, exp.Unnest, exp.Window, exp.Between,
    exp.In, exp.IntDiv, exp.Is, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Exists, exp.Lateral, exp.Pivot,
)  # fmt: skip


def control(script: str) -> Iterator[str]:
    """The statements around a script's statements, and the system variables it uses."""
    text = re.sub(r"'(?:[^'\\]|\\.)*'", "''", script)
    yield from (name for name, pattern in _CONTROL.items() if re.search(pattern, text, re.MULTILINE))
    yield from (found.strip() for found in _UNKNOWN.findall(text) if found.strip() not in _CONTROL)


def constructs(statement: str) -> Iterator[str]:
    """The constructs of one statement."""
    for tree in sqlglot.parse(statement, dialect="bigquery"):
        for node in tree.walk() if tree else ():
            if isinstance(node, exp.Join):
                words = [str(node.method), str(node.side), str(node.kind), "JOIN"]
                yield " ".join(word for word in words if word)
            elif isinstance(node, exp.Anonymous):
                yield node.name.upper()
            elif isinstance(node, _CLAUSES) and type(node) is not exp.Select:
                yield type(node).__name__
