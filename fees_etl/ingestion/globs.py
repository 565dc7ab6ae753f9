"""Patterns of names, here and in a bucket: a ``*`` stays within a part of a path, ``**`` goes across.

A part that begins with a dot is hidden from both.
"""

from __future__ import annotations

import fnmatch
import re
from typing import Final

CONTROL: Final = ".control.json"
_FOLDERS: Final = r"(?:(?!\.)[^/]*/)*"
_PIECES: Final = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
_DATA: Final = re.compile(r"(.*?)(\.csv(?:\.gz)?)", re.IGNORECASE | re.DOTALL)
_ESCAPED: Final = re.compile(r"\[([*?[])\]")


def regex(pattern: str) -> str:
    """A glob as a regular expression over whole names.

    >>> [bool(re.fullmatch(regex("/a/**/?.csv"), name)) for name in ("/a/b.csv", "/a/b/c/d.csv", "/a/.b/c.csv")]
    [True, True, False]
    >>> regex("/a" + "/**" * 60 + "/b.csv") == regex("/a/**/b.csv")
    True
    """
    *folders, last = pattern.split("/")
    parts = [_FOLDERS if part == "**" else segment(part) for part in folders]
    parts.append(_FOLDERS + r"(?!\.)[^/]+" if last == "**" else segment(last))
    found = "/".join(parts).replace(f"{_FOLDERS}/", _FOLDERS)
    while _FOLDERS * 2 in found:  # the same, and it would be tried in every way
        found = found.replace(_FOLDERS * 2, _FOLDERS)
    return found


def segment(pattern: str) -> str:
    """One part of a glob, likewise."""
    visible = r"(?!\.)" if pattern[:1] in ("*", "?", "[") else ""
    return visible + "".join(map(_piece, _PIECES.findall(pattern)))


def literal(part: str) -> str | None:
    """The only name that one part of a glob means; None where it may be several.

    >>> literal("fees[[]1].csv"), literal("fees.csv"), literal("*.csv")
    ('fees[1].csv', 'fees.csv', None)
    """
    return None if re.search(r"[*?[]", _ESCAPED.sub("", part)) else _ESCAPED.sub(r"\1", part)


def in_any_case(pattern: str) -> str:
    """A glob whose suffix, if it is one of data files, is meant in capitals too; one name is left as it is.

    >>> in_any_case("fees/*.csv.gz"), in_any_case("fees/a.csv"), in_any_case("fees/**")
    ('fees/*.[cC][sS][vV].[gG][zZ]', 'fees/a.csv', 'fees/**')
    """
    stem, suffix = parted(pattern)
    if literal(stem.rpartition("/")[2]) is not None:
        return pattern
    return stem + re.sub("[a-z]", lambda one: f"[{one[0]}{one[0].upper()}]", suffix.lower())


def parted(name: str) -> tuple[str, str]:
    """A name without the suffix of data files, and that suffix as it is written.

    >>> parted("fees.CSV.gz"), parted("README.md")
    (('fees', '.CSV.gz'), ('README.md', ''))
    """
    found = _DATA.fullmatch(name)
    return (found[1], found[2]) if found else (name, "")


def control_names(name: str) -> tuple[str, str]:
    """What the control file of a data file may be called, the first choice first.

    >>> control_names("fees.csv.gz")
    ('fees.csv.gz.control.json', 'fees.control.json')
    """
    return name + CONTROL, parted(name)[0] + CONTROL


def in_folder(folder: str) -> list[str]:
    """The globs of the data files of a folder."""
    return [in_any_case(f"{folder}/*{suffix}") for suffix in (".csv", ".csv.gz")]


def remarks(names: set[str], meant: set[str]) -> tuple[str, ...]:
    """What there is to say of the ``names`` that were seen beside those that are ``meant``, all below one folder.

    >>> remarks({"a.csv", "notes.txt", "old/", "b.csv.control.json", "a.control.json"}, {"a.csv"})
    ('left out: 2 names that the source does not mean (notes.txt, old/)', \
'b.csv.control.json belongs to no data file that is there')
    """
    controls = {name for name in names if name.endswith(CONTROL)}
    served = {one for name in names - controls for one in control_names(name)}
    others = sorted(names - meant - controls)
    told = []
    if others:
        listed = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")  # noqa: PLR2004 - a few
        words = "name" if len(others) == 1 else "names"
        told.append(f"left out: {len(others):,} {words} that the source does not mean ({listed})")
    return (*told, *(f"{name} belongs to no data file that is there" for name in sorted(controls - served)))


def _piece(piece: str) -> str:
    if piece[0] in "*?":
        return "[^/]*" if piece[0] == "*" else "[^/]"
    if len(piece) == 1:
        return re.escape(piece)
    return "(?!/)" + fnmatch.translate(piece).removeprefix("(?s:")[:-3]  # without its end, ")\Z"
