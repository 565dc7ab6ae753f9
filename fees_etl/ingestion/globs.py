"""Patterns of names, here and in a bucket, and what they mean in the folders of this machine now.

A ``*`` stays within a part of a path, ``**`` goes across; a part that begins with a dot is hidden from both. A listing
is whole or an error: what exists and cannot be listed, seen or read is not gone.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from typing import TYPE_CHECKING, Final

from fees_etl.errors import GuardRefused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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


def literal_part(pattern: str) -> tuple[str, bool]:
    """What all names begin with that a pattern means, with their control files; whether folders below that matter.

    >>> literal_part("fees/2025-*.csv"), literal_part("fees/a.csv"), literal_part("fees/**/*.csv")
    (('fees/2025-', False), ('fees/a', False), ('fees/', True))
    """
    literal = re.split(r"[*?[]", pattern, maxsplit=1)[0]
    rest = pattern[len(literal) :]
    folder, slash, start = literal.rpartition("/")
    return folder + slash + start.partition(".")[0], "/" in rest or rest == "**"


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


def look(patterns: Sequence[str]) -> tuple[set[str], set[str]]:
    """The files that absolute patterns mean now; and what else is in their folders, a folder with a slash at its end.

    It is one glob, or several that differ in their last part only.

    Raises:
        GuardRefused: a folder cannot be listed, or a file that is meant cannot be looked at.
    """
    files, others, walked = set[str](), set[str](), set[str]()
    wanted = [regex(one) for one in patterns]
    parts = patterns[0].split("/")[1:]
    if parts[-1] == "**":
        parts.append("*")
    for path in _below(parts, walked):
        is_meant = any(re.fullmatch(one, path) for one in wanted)
        mode = _mode(path, is_meant=is_meant)
        if is_meant and stat.S_ISREG(mode):
            files.add(path)
        elif mode:
            others.add(path + "/" * stat.S_ISDIR(mode))
    return files, others - {f"{path}/" for path in walked}


def require_gone(path: str) -> None:
    """A file that is not among those of its source is no more, as far as can be seen.

    Raises:
        GuardRefused: it is there, or it cannot be told.
    """
    at = path
    while True:
        try:
            os.stat(at)  # noqa: PTH116 - texts; a link to nothing is no folder whose files are gone
        except (FileNotFoundError, NotADirectoryError) as error:
            if os.path.lexists(at):
                raise _hidden(path if at == path else f"{path} (by way of {at})", error) from error
            at = os.path.dirname(at)  # noqa: PTH120 - texts, as everywhere here
        except OSError as error:
            raise _hidden(path, error) from error
        else:
            break
    if at == path:
        raise _hidden(path, None)


def unseen(name: str, why: str) -> GuardRefused:
    """The error that something is there, and neither what it holds nor that it is gone can be said."""
    return GuardRefused(
        f"{name} {why}. What cannot be seen is not gone, so nothing of the source is taken.",
        published="Nothing was read, loaded or withdrawn; raw and the published numbers are as before.",
        hint="Make it readable, remove it, or give a pattern that does not mean it; then run the same command again.",
    )


def _piece(piece: str) -> str:
    if piece[0] in "*?":
        return "[^/]*" if piece[0] == "*" else "[^/]"
    if len(piece) == 1:
        return re.escape(piece)
    return "(?!/)" + fnmatch.translate(piece).removeprefix("(?s:")[:-3]  # without its end, ")\Z"


def _below(parts: Sequence[str], walked: set[str]) -> Iterator[str]:
    """Every name in the folders in which the last of these parts is sought, however deep they lie."""
    waiting: list[tuple[str, Sequence[str], tuple[object, ...]]] = [("", parts, ())]
    while waiting:
        folder, parts, above = waiting.pop()
        part, *rest = parts
        if part == "**":
            names = _names(folder or "/")
            place = os.stat(folder or "/") if names else None  # noqa: PTH116 - texts
            here = (place.st_dev, place.st_ino) if place else None
            if here is None or here in above:  # a link to where it lies
                continue
            walked.add(folder)
            waiting.append((folder, rest, ()))
            inner = (f"{folder}/{name}" for name in names if not name.startswith("."))
            waiting += ((path, parts, (*above, here)) for path in inner if os.path.isdir(path))  # noqa: PTH112 - texts
            continue
        only = literal(part)
        names = [only] if only is not None else _names(folder or "/")
        if not rest:
            yield from (f"{folder}/{name}" for name in names)
            continue
        found = [f"{folder}/{name}" for name in names if only is not None or re.fullmatch(segment(part), name)]
        walked.update(found)
        waiting += ((path, rest, ()) for path in found)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - texts
    except (FileNotFoundError, NotADirectoryError) as error:
        if os.path.islink(folder):  # noqa: PTH114 - texts
            raise _hidden(folder, error) from error
        return []
    except OSError as error:
        raise _hidden(folder, error) from error


def _mode(path: str, *, is_meant: bool) -> int:
    """What it is; 0 where it is nothing, or of no concern and cannot be looked at."""
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - texts
    except OSError as error:
        there = os.path.lexists(path)
        if is_meant and (there or not isinstance(error, (FileNotFoundError, NotADirectoryError))):
            raise _hidden(path, error) from error
        return stat.S_IFLNK * there


def _hidden(path: str, error: OSError | None) -> GuardRefused:
    why = "it is there, but no file" if error is None else error.strerror
    if isinstance(error, FileNotFoundError):
        why = "it is a link to nothing"
    return unseen(path, f"cannot be looked at: {why}")
