"""What a National Insurance number looks like: one pattern for everything that prints, keeps or quotes text."""

from __future__ import annotations

import re

_NINO = re.compile(r"(?<![^\W_])[a-z]{2}\s?(?:\d\s?){6}[a-d](?![^\W_])", re.IGNORECASE)


def redact(text: str) -> str:
    """Mask what looks like a National Insurance number; ids in hexadecimal are left alone.

    >>> redact("client 7 sent qq 12 34 56 c"), redact("fee ab123456c0d1")
    ('client 7 sent [NINO]', 'fee ab123456c0d1')
    """
    return _NINO.sub("[NINO]", text)


def mask(value: object) -> object:
    """A National Insurance number that can be told from another but not read: ``LE******D``.

    >>> mask("LE220863D"), mask(None)
    ('LE******D', None)
    """
    if not isinstance(value, str):
        return value
    return value[:2] + "*" * max(len(value) - 3, 0) + value[-1:] if len(value) <= 9 else "*" * 9  # noqa: PLR2004 - a NINO has nine characters
