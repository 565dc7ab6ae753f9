"""Texts and bytes for DuckDB: code points, explicit sets of blanks, lower-case hex."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from fees_etl.query.duckdb.casts import call, cast_to, converted, only

if TYPE_CHECKING:
    from fees_etl.query.duckdb.casts import Repair, Tree


_BLANKS = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_SOUGHT = 8
"""So many characters are looked for one by one."""
_TRIMS = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}


def _joined(it: Tree, node: Any) -> exp.Expr:
    """CONCAT and ||: NULL when a part is, where DuckDB's CONCAT is not; other types become text as CAST makes them."""
    if it.kind(node) != "STRING":
        raise it.refused(node, "only texts can be joined")
    whole, *parts = (_text(it, part) for part in node.expressions or (node.this, node.expression))
    for part in parts:
        whole = exp.DPipe(this=whole, expression=part, safe=True)
    return exp.Paren(this=whole) if parts else whole


def _text(it: Tree, part: exp.Expr) -> exp.Expr:
    kind = it.kind(part)
    if kind != "STRING":
        text = converted(part, kind, "STRING")
        if text is None:
            raise it.refused(part, f"{kind} as text")
        return text if text is not part else cast_to("STRING", part)
    return exp.Paren(this=part) if isinstance(part, exp.Binary) else part


def _trimmed(it: Tree, node: exp.Trim) -> exp.Expr:
    if it.kind(node) != "STRING":
        raise it.refused(node, "TRIM of BYTES")
    blanks = node.expression or exp.Literal.string(_BLANKS)
    name = _TRIMS.get(str(node.args.get("position")), "TRIM")
    if not isinstance(blanks, exp.Literal):  # with NULL for a set, all is NULL
        return call(name, node.this, blanks)
    return _where_any(node.this, blanks.name, call("bq_trim" if name == "TRIM" else name, node.this.copy(), blanks))


def _where_any(text: exp.Expr, chars: str, changed: exp.Expr) -> exp.Expr:
    """The text, changed if it holds one of the characters: most hold none, and to look costs a fifth of TRIM."""
    if not 0 < len(chars) <= _SOUGHT:
        return changed
    sought = (call("CONTAINS", text.copy(), char) for char in chars)
    return exp.Case(ifs=[exp.If(this=exp.or_(*sought, copy=False), true=changed)], default=text.copy())


def _code_points(it: Tree, node: exp.CodePointsToString) -> exp.Expr:
    points = node.this
    if not isinstance(points, exp.Array) or not all(_number(point) for point in points.expressions):
        raise it.refused(node, "list the code points as literals")
    return exp.Literal.string("".join(chr(int(_number(point))) for point in points.expressions))


def _number(node: exp.Expr) -> str:
    literal = node.this if isinstance(node, exp.Cast) else node
    return literal.name if isinstance(literal, exp.Literal) and not literal.is_string else ""


def _digest(it: Tree, node: Any) -> exp.Expr:
    """MD5 and SHA256 are BYTES in BigQuery."""
    length = node.args.get("length")
    if length is not None and length.name not in {"", "256"}:
        raise it.refused(node, "use SHA256 or MD5")
    return call("UNHEX", call("MD5" if isinstance(node, exp.MD5Digest) else "SHA256", node.this))


def _hex(_: Tree, node: exp.LowerHex) -> exp.Expr:
    if isinstance(node.this, exp.Anonymous) and node.this.name == "UNHEX":
        digest: exp.Expr = node.this.expressions[0]
        return digest
    return call("LOWER", call("HEX", node.this))


def _position(it: Tree, node: exp.StrPosition) -> exp.Expr:
    if node.args.get("position") or node.args.get("occurrence"):
        raise it.refused(node, "write STRPOS(text, part)")
    return call("STRPOS", node.this, node.args["substr"])


def _padded(_: Tree, node: exp.Pad) -> exp.Expr:
    name = "LPAD" if node.args.get("is_left") else "RPAD"
    return call(name, node.this, node.expression, node.args.get("fill_pattern") or " ")


def _extreme(_: Tree, node: Any) -> exp.Expr:
    """GREATEST and LEAST are NULL when an argument is: DuckDB skips it."""
    parts = [node.this, *node.expressions]
    absent = [exp.Is(this=part.copy(), expression=exp.Null()) for part in parts]
    plain = call(node.key.upper(), *parts)
    return exp.Case(ifs=[exp.If(this=exp.or_(*absent, copy=False), true=exp.Null())], default=plain)


def _byte_string(it: Tree, node: exp.ByteString) -> exp.Expr:
    """The bytes of b'...' as sqlglot read them: one character each."""
    try:
        return call("UNHEX", node.name.encode("ascii").hex())
    except UnicodeEncodeError:
        raise it.refused(node, "a BYTES literal outside ASCII") from None


_NO_GROUPS = re.compile(r"\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_GROUP = re.compile(r"\((?!\?)|\(\?P?<(?![=!])")
"""Of a pattern of RE2, which Python's own need not understand: what is no syntax of groups, and what begins one."""


def _extracted(it: Tree, node: exp.RegexpExtract) -> exp.Expr:
    """NULL without a match, where DuckDB has an empty text; the group, if the pattern has one."""
    pattern, is_counted = node.expression, node.args.get("position") or node.args.get("occurrence")
    if is_counted or not isinstance(pattern, (exp.Literal, exp.RawString)):
        raise it.refused(node, "write REGEXP_EXTRACT(text, 'literal pattern')")
    group = 1 if _GROUP.search(_NO_GROUPS.sub("", pattern.name)) else 0
    found = call("REGEXP_EXTRACT", node.this.copy(), pattern.copy(), group)
    return exp.Case(ifs=[exp.If(this=call("REGEXP_MATCHES", node.this, pattern), true=found)])


def _translated(it: Tree, node: exp.Translate) -> exp.Expr:
    source, target = node.args["from_"], node.args["to"]
    if not isinstance(source, exp.Literal) or len(set(source.name)) < len(source.name):
        raise it.refused(node, "list the characters once each, as a literal")
    if not source.name or not isinstance(target, exp.Literal):
        return node  # with NULL for a target, all is NULL
    return _where_any(node.this, source.name, node)


def _chr(it: Tree, node: exp.Chr) -> exp.Expr:
    if not (point := _number(node.expressions[0])):
        raise it.refused(node, "write the code point as a literal")
    return exp.Literal.string(chr(int(point)))


def _like(_: Tree, node: exp.Like) -> exp.Expr:
    r"""A backslash escapes in BigQuery without being asked."""
    pattern = node.expression
    is_plain = isinstance(pattern, exp.Literal) and "\\" not in pattern.name
    return node if is_plain else exp.Escape(this=node, expression=exp.Literal.string("\\"))


def _json_value(it: Tree, node: exp.JSONExtractScalar) -> exp.Expr:
    """JSON_VALUE(text, '$[0][1]'): the cell at these places, as text."""
    path = node.expression
    places = path.expressions[1:] if isinstance(path, exp.JSONPath) else [path]
    plain = all(isinstance(place, exp.JSONPathSubscript) and isinstance(place.this, int) for place in places)
    if it.kind(node.this) != "STRING" or not plain:
        raise it.refused(node, "write JSON_VALUE of a STRING, with a path of places: '$[0][1]'")
    return call("bq_json_value", node.this, "$" + "".join(f"[{place.this}]" for place in places))


def _json_array(it: Tree, node: exp.JSONExtractArray) -> exp.Expr:
    """UNNEST(JSON_QUERY_ARRAY(text)): its items as texts."""
    if it.kind(node.this) != "STRING" or len(node.expression.expressions) > 1:
        raise it.refused(node, "write JSON_QUERY_ARRAY of a STRING, without a path")
    return call("bq_json_array", node.this)


REPAIRS: dict[type[exp.Expr], Repair] = {
    exp.Concat: _joined,
    exp.DPipe: _joined,
    exp.Trim: _trimmed,
    exp.CodePointsToString: _code_points,
    exp.MD5: lambda _, node: call("MD5", node.this),
    exp.MD5Digest: _digest,
    exp.SHA2Digest: _digest,
    exp.LowerHex: _hex,
    exp.Length: lambda it, node: call("OCTET_LENGTH" if it.kind(node.this) == "BYTES" else "LENGTH", node.this),
    exp.ByteLength: lambda it, node: call(
        "OCTET_LENGTH", node.this if it.kind(node.this) == "BYTES" else call("ENCODE", node.this)
    ),
    exp.Substring: only(
        lambda it, node: (
            it.kind(node) == "STRING"
            and isinstance(start := node.args.get("start"), exp.Literal)
            and int(start.name) >= 1
        ),
        "write SUBSTR of a STRING from a literal place, 1 or later",
    ),
    exp.StrPosition: _position,
    exp.Pad: _padded,
    exp.Greatest: _extreme,
    exp.Least: _extreme,
    exp.RawString: lambda _, node: exp.Literal.string(node.name),
    exp.ByteString: _byte_string,
    exp.RegexpReplace: lambda _, node: call(
        "REGEXP_REPLACE", node.this, node.expression, node.args["replacement"], "g"
    ),
    exp.RegexpExtract: _extracted,
    exp.Upper: lambda _, node: call("bq_upper", node.this),
    exp.Lower: lambda _, node: call("bq_lower", node.this),
    exp.Translate: _translated,
    exp.Chr: _chr,
    exp.Like: _like,
    exp.JSONExtractScalar: _json_value,
    exp.JSONExtractArray: _json_array,
}
TWO_WHEN_UPPER = "ßŉǰΐΰևẖ-ẚὐὒὔὖᾀ-ᾯᾲ-ᾴᾶᾷᾼῂ-ῄῆῇῌῒ\u1fd3ῖῗῢ-ῤῦῧῲ-ῴῶῷῼﬀ-ﬆﬓ-ﬗ"
"""Letters that UPPER makes two or three of, as a class of a regular expression (Unicode's SpecialCasing)."""
MACROS = {
    "bq_json_value(x, path)": """CASE json_type(x, path) WHEN 'ARRAY' THEN NULL WHEN 'OBJECT' THEN NULL
        WHEN 'DOUBLE' THEN error('on DuckDB JSON_VALUE writes fractions in its own way')::VARCHAR
        ELSE json_extract_string(x, path) END""",
    "bq_json_array(x)": "CAST(CAST(x AS JSON[]) AS VARCHAR[])",
    # TRIM is slow, and few texts need it: only their ends tell.
    "bq_trim(s, blanks)": "CASE WHEN CONTAINS(blanks, LEFT(s, 1)) OR CONTAINS(blanks, RIGHT(s, 1))"
    " THEN TRIM(s, blanks) ELSE s END",
    # Letters that become two, where the engines differ; in ASCII there are none.
    "bq_upper(s)": f"CASE WHEN STRLEN(s) <> LENGTH(s) AND regexp_matches(s, '[{TWO_WHEN_UPPER}]')"
    " THEN CAST(error('on DuckDB UPPER knows no letter that becomes two') AS VARCHAR) ELSE UPPER(s) END",
    "bq_lower(s)": "CASE WHEN STRLEN(s) <> LENGTH(s) AND regexp_matches(s, '[İΣ]')"
    " THEN CAST(error('on DuckDB LOWER knows no İ and no Σ') AS VARCHAR) ELSE LOWER(s) END",
}
