r"""What a National Insurance number looks like: one pattern for everything that prints, keeps or quotes text.

Two letters, six digits, mostly a letter more. People write any separators between them, browsers encode them, and file
names and messages glue them to other text; so the pattern is wide where a letter follows the digits, and asks for a
beginning of a word and for digits in a usual grouping where none does. It would rather mask a word too many than print
a number; what it leaves alone are ids that merely contain such a sequence: hashes, UUIDs, run ids, numbered clients
(``C001234``, ``client001234``), and a month after a word (``fees_2025_09.csv``, ``on 2025-01``).

Ingestion, where a match costs a row, takes ``IN_AN_ID`` instead: see there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

MASK: Final = "[NINO]"
IN_AN_ID: Final = (
    r"(?i)(?:^|[^a-z0-9])[a-z][\s./\\_-]*[a-z](?:[\s./\\_-]*[0-9]){6}[\s./\\_-]*[abcdfmp](?:$|[^a-z0-9])"
    r"|(?:^|[^a-z0-9])[a-z]{2}[\s./\\_-]+[0-9]{2}[\s./\\_-]+[0-9]{2}[\s./\\_-]+[0-9]{2}(?:$|[^a-z0-9])"
)
r"""What may not be in a column without the tag of NINOs, for engines without lookaround (RE2).

Stricter than what is masked, because a masked word is still there and a rejected fee is not paid: it is a word of its
own, and either ends in a letter that is issued or is written in pairs. ``CL001234`` numbers a client.
"""


def redact(text: str) -> str:
    """Mask what looks like a National Insurance number, however it is written. For values, before they are laid out.

    >>> redact("client 7 sent qq 12 34 56 c"), redact("lake/QQ%2D123456.csv"), redact("fee ab123456c0d1, C001234")
    ('client 7 sent [NINO]', 'lake/[NINO].csv', 'fee ab123456c0d1, C001234')
    """
    return _pattern().sub(lambda found: found[0] if found["other"] else MASK, text)


def redacted(value: Any) -> Any:
    """What JSON can carry, every text and key of it masked, before JSON escapes what stands within one.

    >>> redacted({"a": ("QQ123456C", 1)})
    {'a': ['[NINO]', 1]}
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(name): redacted(inner) for name, inner in value.items()}
    return [redacted(inner) for inner in value] if isinstance(value, list | tuple) else value


def redact_lines(text: str) -> str:
    """The same for text that is laid out: what stands two blanks or a line apart belongs to two columns.

    >>> redact_lines("a.gz  10  20  30"), redact_lines("QQ 12 34 56 C  10")
    ('a.gz  10  20  30', '[NINO]  10')
    """
    return _COLUMN.sub(lambda found: redact(found[0]), text)


def mask(value: object) -> object:
    """A National Insurance number that can be told from another but not read: ``LE******D``.

    >>> mask("LE220863D"), mask("LE22"), mask(None)
    ('LE******D', '*********', None)
    """
    if not isinstance(value, str):
        return value
    return f"{value[:2]}******{value[-1:]}" if len(value) == 9 else "*" * 9  # noqa: PLR2004 - a NINO has nine characters


@cache
def _pattern() -> re.Pattern[str]:
    """It takes a fiftieth of a second to compile, which is for those who print."""
    code = r"%(?:25)*+"
    unseen, encoded = r"\u00ad\u200b-\u200f\u2060-\u2064\ufeff", "[0-2][0-9a-f]|3[a-f]|[57][b-f]|[89a-f][0-9a-f]"
    gap = rf"(?:[-\s./\\_+\u00b7\u2010-\u2015\u2212{unseen}]|{code}(?:{encoded}))"
    letter, digit = rf"(?:[a-z\uff21-\uff3a\uff41-\uff5a]|{code}(?:[46][1-9a-f]|[57][0-9a]))", rf"(?:\d|{code}3[0-9])"
    last, ends, month = rf"(?:[a-d]|{code}[46][1-4])", r"(?![^\W_])", rf"(?:19|20)\d\d{gap}?(?:0[1-9]|1[0-2])"
    begins = r"(?:(?<![^\W\d_])|(?<=%[0-9a-f]{2})|(?-i:(?<=[a-z])(?=[A-Z])))"
    no_words = rf"(?-i:(?![a-z]{{2}}{gap}+{month})(?!(?:a[nst]|by|i[dfnst]|no|o[fnr]|to|up){gap}))"
    six, ones = rf"{digit}{{6}}", rf"{digit}(?:{gap}+{digit}){{5}}"
    pairs = rf"{digit}{{2}}{gap}+{digit}{{2}}{gap}+{digit}{{2}}"
    groups = rf"{pairs}(?![./-]\d)|{digit}{{3}}{gap}+{digit}{{3}}|{six}"
    return re.compile(
        r"(?P<other>(?<![a-z0-9])(?:\d{8}T\d{6}-[0-9a-f]{6}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
        r"|(?-i:[0-9a-f]{12}|[0-9a-f]{16}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}))(?![a-z0-9])"
        r"|(?<![a-z0-9+/])[a-z0-9+/]{43}=)"
        rf"|{letter}{{2}}{six}{last}"
        rf"|{begins}{no_words}{letter}{gap}*{letter}{gap}*{digit}(?:{gap}*{digit}){{5}}{gap}*{letter}{ends}"
        rf"|(?!{letter}{{2}}{gap}*{month}){letter}{gap}*{letter}{gap}*(?:{ones}|{groups}){gap}*{last}{ends}"
        rf"|{begins}{no_words}(?:{letter}{{2}}{gap}*(?:{groups})|{letter}{gap}*{letter}{gap}*{ones})(?!\d)"
        rf"(?:{letter}{ends})?",
        re.IGNORECASE,
    )


_COLUMN: Final = re.compile(r"\S+(?:[^\S\r\n]\S+)*")
