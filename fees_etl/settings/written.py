"""Where settings are written: sections of fees_etl.toml and pyproject.toml, .env, the environment."""

from __future__ import annotations

import json
import os
import re
import tomllib
from decimal import Decimal
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource

from fees_etl.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


PREFIX = "FEES_ETL_"
NO_SETTINGS = {"FEES_ETL_GIT_SHA"}
"""Names of ours that an image has, and no target."""
FILES = {"pyproject.toml": ("tool", "fees-etl", "targets"), "fees_etl.toml": ("targets",)}


def section(
    project_dir: Path, target: str, ambient: dict[str, tuple[Any, str]], fields: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """Where the target is written and what is written there.

    The built-in ``local`` needs no section, nor does a target that the environment names together with its warehouse:
    a container has no file to write it in.
    """
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for file in FILES:
        written = _targets(project_dir / file)
        if twice := sorted(found.keys() & written):
            raise UsageError(f"target {twice[0]!r} is in {' and in '.join(FILES)}.", hint=f"Remove it from {file}.")
        found |= {name: (file, section) for name, section in written.items()}
    if target in found:
        file, section = found[target]
        where = f"{file} [{'.'.join((*FILES[file], target))}]"
        known = [name for name in fields if name != "target"]
        for name in (one for one in section if one not in known):
            near = get_close_matches(name, known, n=1)
            raise UsageError(
                f"{where}: {name!r} is no setting." + (f" Did you mean {near[0]!r}?" if near else ""),
                hint=f"A target may set {', '.join(known)}.",
            )
        return where, section
    near = get_close_matches(target, [*found, "local"], n=1)
    if target == "local" or (not near and is_ambient(target, ambient)):
        return "", {}
    raise UsageError(
        f"There is no target {target!r}." + (f" Did you mean {near[0]!r}?" if near else ""),
        hint=f"Known targets: {', '.join(sorted({*found, 'local'}))}. "
        f"Write [targets.{target}] in {project_dir / 'fees_etl.toml'} to add one.",
    )


def is_ambient(target: str, ambient: dict[str, tuple[Any, str]]) -> bool:
    """Whether the environment names this target and its warehouse."""
    return "warehouse" in ambient and "target" in ambient and bool(ambient["target"][0] == target)


def _targets(path: Path) -> dict[str, dict[str, Any]]:
    if not _is_file(path):
        return {}
    try:
        found: Any = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError, OSError) as error:
        raise UsageError(f"{path}: this is not TOML: {error}.", hint=f"Correct {path}.") from None
    for depth, name in enumerate(FILES[path.name]):
        if not isinstance(found, dict):
            break
        near = get_close_matches(name, found, n=1, cutoff=0.8) if depth == 1 else [*found] if name == "targets" else []
        if wrong := sorted(set(near) - {name}):
            raise UsageError(
                f"{path}: {wrong[0]!r} is not known there; what it may say is {'.'.join(FILES[path.name])}.NAME.",
                hint=f"Write it as [{'.'.join((*FILES[path.name], 'local'))}], or remove it.",
            )
        found = found.get(name, {})
    if not isinstance(found, dict) or not all(isinstance(section, dict) for section in found.values()):
        raise UsageError(f"{path}: targets must be tables, such as [targets.prod].", hint=f"Correct {path}.")
    return found


def _is_file(path: Path) -> bool:
    """Whether there is one; something else of its name is not passed over."""
    try:
        if path.is_file():
            return True
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", hint=f"Correct {path}.") from None
    if os.path.lexists(path):
        raise UsageError(f"{path} is no plain file.", hint=f"Remove or rename {path}.")
    return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _dotenv(path: Path) -> Mapping[str, str | None]:
    """The variables of a .env; its library passes over lines that it cannot read."""
    try:
        found = DotEnvSettingsSource(BaseSettings, env_file=path, env_file_encoding="utf-8-sig").env_vars
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (UnicodeDecodeError, OSError):
        raise UsageError(f"{path} is not UTF-8, or cannot be read.", hint=f"Correct {path}.") from None
    places: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        named = re.match(rf"\s*(?:export\s+)?({PREFIX}\w+)", line, re.IGNORECASE)
        if named and found.get(named[1].lower()) is None:
            raise UsageError(
                f"{path}:{number}: {named[1]} has no value that can be read.", hint=f"Write {named[1]}=value."
            )
        if named and (before := places.setdefault(named[1].upper(), number)) != number:
            raise UsageError(
                f"{path}:{number}: {named[1]} stands in line {before}, too.", hint="Remove the one that is not meant."
            )
    return found


_json = partial(json.loads, object_pairs_hook=_once, parse_constant=_no_number, parse_float=Decimal)


def ambient(project_dir: Path, fields: Sequence[str]) -> dict[str, tuple[Any, str]]:
    """Field name -> (value, where it stands), of .env and the environment; other names of ours are refused."""
    file = project_dir / ".env"
    written = _dotenv(file) if _is_file(file) else {}
    places = ((written, str(file)), (EnvSettingsSource(BaseSettings).env_vars, "the environment"))
    found: dict[str, tuple[Any, str]] = {}
    for values, place in places:
        for name, text in values.items():
            setting = name.upper().removeprefix(PREFIX).lower()
            if not text or not name.upper().startswith(PREFIX):
                continue
            if setting in fields:
                where = f"{PREFIX}{setting.upper()} in {place}"
                value, kind, hint = text, "UTF-8", f"Correct {where}."
                try:
                    utf8(text)
                    if setting in ("vars", "policy_tags"):
                        kind, hint = "JSON", f'Write it as {PREFIX}{setting.upper()}=\'{{"name": "value"}}\'.'
                        value = _json(text)
                except (ValueError, RecursionError):
                    raise UsageError(f"{where} is not {kind}.", hint=hint) from None
                found[setting] = (joined(found.get(setting, ("",))[0], value), where)
            elif name.upper() not in NO_SETTINGS:
                near = get_close_matches(setting, fields, n=1, cutoff=0.75)
                raise UsageError(
                    f"{name.upper()} in {place} is no setting."
                    + (f" Did you mean {PREFIX}{near[0].upper()}?" if near else ""),
                    hint=f"Rename or unset {name.upper()}.",
                )
    return found


def joined(below: Any, above: Any) -> Any:
    """The value above; of two tables both, name by name."""
    return below | above if isinstance(below, dict) and isinstance(above, dict) else above


def utf8(text: str) -> str:
    """The text; a ValueError where its bytes were not UTF-8, or have a NUL."""
    if re.search("[\\0\ud800-\udfff]", text):
        raise ValueError(f"{text[:60]!a} is not UTF-8, or has a NUL")
    return text
