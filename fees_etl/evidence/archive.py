"""A zip file of which every byte is accounted for: written in one way only, and read as strictly.

Members follow each other by name, the manifest is last and stored. It has the SHA-256 of each member, of all bytes
before it, and of itself; what follows it is derived from the members. So no byte is free.
"""

from __future__ import annotations

import json
import struct
import zlib
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from fees_etl.errors import AssertionsFailed, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MANIFEST = "manifest.json"
_LOCAL, _ENTRY, _END = struct.Struct("<4s5H3I2H"), struct.Struct("<4s6H3I5H2I"), struct.Struct("<4s4H2IH")
_MARKS = (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06")
_FLAGS, _DATE = 0x800, 0x21
"""Names are UTF-8; and every member is of 1 January 1980, the first day of zip, so that the same makes the same."""
_MOST = 2**32 - 1
_SMALL, _RATIO = 1 << 26, 250
"""What members may unpack to, which stand in memory together: 64 MiB, or so many times the archive."""


class _Part(NamedTuple):
    """A member as it lies in the archive."""

    name: bytes
    method: int
    crc: int
    packed: int
    size: int
    offset: int

    @property
    def head(self) -> bytes:
        fields = (20, _FLAGS, self.method, 0, _DATE, self.crc, self.packed, self.size, len(self.name), 0)
        return _LOCAL.pack(_MARKS[0], *fields) + self.name

    @property
    def entry(self) -> bytes:
        fields = (20, 20, _FLAGS, self.method, 0, _DATE, self.crc, self.packed, self.size, len(self.name), 0, 0, 0, 0)
        return _ENTRY.pack(_MARKS[1], *fields, 0, self.offset) + self.name


def pack(members: Mapping[str, bytes], about: Mapping[str, Any]) -> tuple[bytes, str]:
    """The bytes of the archive and its digest; ``about`` is what the manifest says besides its sums.

    Raises:
        UsageError: it is larger than a zip file can be.
    """
    out, parts = bytearray(), list[_Part]()
    for name in sorted(members):
        _append(out, parts, name, members[name], level=9)
    listed = [
        {"name": name, "bytes": len(members[name]), "sha256": sha256(members[name]).hexdigest()}
        for name in sorted(members)
    ]
    said = {**about, "members": listed, "archive": sha256(out).hexdigest(), "digest": ""}
    digest = sha256(text(said)).hexdigest()
    _append(out, parts, MANIFEST, text(said | {"digest": digest}), level=0)
    out += _directory(parts, len(out))
    return bytes(out), digest


def unpack(data: bytes) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The members and the manifest of an archive that is as it was written.

    Raises:
        AssertionsFailed: a byte of it is not.
    """
    parts = _parts(data)
    names, last = [part.name.decode("utf-8", "replace") for part in parts], parts[-1]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        _refuse(f"it has {twice[0]} twice")
    manifest = _manifest(_content(data, last))
    listed = {str(one["name"]): one for one in manifest["members"]}
    if missing := sorted(listed.keys() - {*names}):
        _refuse(f"{missing[0]} is missing")
    if added := sorted({*names[:-1]} - listed.keys()):
        _refuse(f"the manifest does not know {added[0]}")
    if sum(part.size for part in parts if part.method) > max(_SMALL, _RATIO * len(data)):
        _refuse(f"it unpacks to more than {_RATIO} times its size")
    members = {name: _content(data, part) for name, part in zip(names[:-1], parts, strict=False)}
    for name, content in members.items():
        if (len(content), sha256(content).hexdigest()) != (listed[name]["bytes"], listed[name]["sha256"]):
            _refuse(f"{name} is not what the manifest says")
    if sha256(data[: last.offset]).hexdigest() != manifest["archive"]:
        _refuse("its members do not lie in it as they were written")
    at = _after(last)
    expected = _directory(parts, at)
    if data[at : at + len(expected)] != expected:
        _refuse("its directory is not that of its members: it was cut short, or edited")
    if rest := len(data) - at - len(expected):
        _refuse(f"{rest:,} bytes follow its end")
    return members, manifest


def text(document: Any) -> bytes:
    """A document in the one way that it is written here."""
    return (json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def _parts(data: bytes) -> list[_Part]:
    """Where each member lies; the manifest is the last."""
    if not data.startswith(_MARKS[0]):
        before = data.find(_MARKS[0])
        _refuse(f"{before:,} bytes stand before its first member" if before > 0 else "it is no zip file")
    found, at = list[_Part](), 0
    while data[at : at + 4] == _MARKS[0] and len(data) >= at + _LOCAL.size:
        _, _, _, method, _, _, crc, packed, size, named, _ = _LOCAL.unpack_from(data, at)
        start = at + _LOCAL.size
        found.append(_Part(data[start : start + named], method, crc, packed, size, at))
        if data[at : start + named] != found[-1].head:
            _refuse(f"the head of member {len(found)} is not as it was written")
        at = _after(found[-1])
        if found[-1].name == MANIFEST.encode():
            return found
    return _refuse("its manifest is missing: it was cut short, or a member is damaged")


def _after(part: _Part) -> int:
    return part.offset + len(part.head) + part.packed


def _content(data: bytes, part: _Part) -> bytes:
    packed, name = data[_after(part) - part.packed : _after(part)], part.name.decode("utf-8", "replace")
    if len(packed) < part.packed:
        _refuse(f"it was cut short within {name}")
    if part.method == 0:
        return packed
    reader = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = reader.decompress(packed, part.size + 1)
    except zlib.error:
        _refuse(f"{name} is damaged")
    if len(content) != part.size or not reader.eof or reader.unused_data or zlib.crc32(content) != part.crc:
        _refuse(f"{name} is damaged")
    return content


def _manifest(content: bytes) -> dict[str, Any]:
    """The manifest, if it is the one whose digest it has."""
    try:
        said = json.loads(content)
        digest = said["digest"]
        is_sound = text(said) == content and sha256(text(said | {"digest": ""})).hexdigest() == digest
        is_sound = is_sound and {"archive", "schema"} <= said.keys() and _is_listed(said["members"])
    except (ValueError, TypeError, KeyError, RecursionError):
        is_sound = False
    if not is_sound:
        _refuse("its manifest was edited: its digest is another")
    found: dict[str, Any] = said
    return found


def _is_listed(members: Any) -> bool:
    """Whether it names members as :func:`pack` does: each once, in order, with its size and its sum."""
    names = [one["name"] for one in members]
    each = all(one.keys() == {"name", "bytes", "sha256"} and isinstance(one["name"], str) for one in members)
    return each and names == sorted({*names})


def _append(out: bytearray, parts: list[_Part], name: str, content: bytes, *, level: int) -> None:
    packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(content) + packer.flush() if level else content
    part = _Part(name.encode(), 8 if level else 0, zlib.crc32(content), len(packed), len(content), len(out))
    out += part.head + packed
    parts.append(part)
    if len(out) > _MOST or len(content) > _MOST:
        raise UsageError("the evidence would be larger than 4 GiB, which a zip file cannot be.")


def _directory(parts: Iterable[_Part], at: int) -> bytes:
    entries = [part.entry for part in parts]
    size = sum(map(len, entries))
    return b"".join(entries) + _END.pack(_MARKS[2], 0, 0, len(entries), len(entries), size, at, 0)


def _refuse(what: str) -> NoReturn:
    raise AssertionsFailed(
        f"this is not the evidence that was written: {what}.",
        published="What it says cannot be relied on. No warehouse was asked.",
        hint="Fetch the file again from where it is kept, or make it anew: fees-etl evidence latest --out evidence.zip",
    )
