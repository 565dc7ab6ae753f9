"""What a name means: globs as regular expressions, folders as globs, control files by name. Strings only.

A ``*`` stays within a part of a path, ``**`` goes across, and a part that begins with a dot is hidden from both.
"""

from __future__ import annotations

import fnmatch
import glob
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection


CONTROL: Final = ".control.json"
_FOLDERS: Final = r"(?:(?!\.)[^/]*/)*"
_PIECES: Final = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)
_DATA: Final = (".csv", ".csv.gz")


def in_folder(folder: str) -> list[str]:
    """The patterns of the data files directly in a folder."""
    return [f"{folder}/*{suffix}" for suffix in _DATA]


def in_bucket(name: str, known: Collection[str]) -> list[str]:
    """The patterns of object names that one name means: two for a folder, else one.

    A name that ends in .csv or .csv.gz is an object, a pattern is a pattern, and any other name is a folder, whatever
    the bucket holds now; only what is ``known`` under a name says better.

    >>> print(in_bucket("fees", []), in_bucket("fees/2025-*.csv", []), in_bucket("a[1].csv", ["a[1].csv"]))
    ['fees/*.csv', 'fees/*.csv.gz'] ['fees/2025-*.csv'] ['a[[]1].csv']
    """
    if name in known:
        return [glob.escape(name)]
    folder = name.removesuffix("/")
    if folder and any(one.startswith(f"{folder}/") for one in known):
        return in_folder(glob.escape(folder))
    if folder == name != "" and (glob.escape(name) != name or name.casefold().endswith(_DATA)):
        return [name]
    return in_folder(folder) if folder else [f"*{suffix}" for suffix in _DATA]


def literal_part(pattern: str) -> tuple[str, bool]:
    """What all names begin with that a pattern means, with their control files; whether folders below that matter.

    >>> literal_part("fees/2025-*.csv"), literal_part("fees/a.csv"), literal_part("fees/**/*.csv")
    (('fees/2025-', False), ('fees/a', False), ('fees/', True))
    """
    literal = re.split(r"[*?[]", pattern, maxsplit=1)[0]
    rest = pattern[len(literal) :]
    folder, slash, start = literal.rpartition("/")
    return folder + slash + start.partition(".")[0], "/" in rest or rest == "**"


def control_names(name: str) -> tuple[str, str]:
    """What the control file of a data file may be called, the first choice first.

    >>> control_names("fees.csv.gz")
    ('fees.csv.gz.control.json', 'fees.control.json')
    """
    return name + CONTROL, name.removesuffix(".gz").removesuffix(".csv") + CONTROL


def regex(pattern: str) -> str:
    """A glob as a regular expression over whole names.

    >>> [bool(re.fullmatch(regex("/a/**/?.csv"), name)) for name in ("/a/b.csv", "/a/b/c/d.csv", "/a/.b/c.csv")]
    [True, True, False]
    """
    *folders, last = pattern.split("/")
    parts = [_FOLDERS if part == "**" else _segment(part) for part in folders]
    parts.append(_FOLDERS + r"(?!\.)[^/]+" if last == "**" else _segment(last))
    return "/".join(parts).replace(f"{_FOLDERS}/", _FOLDERS)


def _segment(pattern: str) -> str:
    visible = r"(?!\.)" if pattern[:1] in ("*", "?", "[") else ""
    return visible + "".join(map(_piece, _PIECES.findall(pattern)))


def _piece(piece: str) -> str:
    if piece[0] == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if len(piece) == 1:
        return re.escape(piece)
    return "(?!/)" + fnmatch.translate(piece).removeprefix("(?s:")[:-3]  # without its end, ")\Z"
