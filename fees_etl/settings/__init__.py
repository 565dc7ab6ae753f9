"""Which warehouse, which source, which variables: flag > FEES_ETL_* > .env > the target's section > default.

A target's section is ``[tool.fees-etl.targets.NAME]`` in pyproject.toml or ``[targets.NAME]`` in fees_etl.toml of the
project folder::

    [targets.dev]
    warehouse = "bigquery://my-project?location=EU"
    dataset_suffix = "_dev"
    pii = "synthetic"  # no real National Insurance number ever gets there

    [targets.prod]
    warehouse = "bigquery://my-project?location=EU"
    source = "gs://my-lake/fees/*.csv"
    max_cost = 5
    policy_tags.nino = "projects/my-project/locations/eu/taxonomies/123/policyTags/456"

Importing this module costs a quarter of a second (pydantic), so the command line does it late.
"""

from __future__ import annotations

import re
from dataclasses import field, fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, quote, unquote, urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic.dataclasses import dataclass

from fees_etl.errors import UsageError
from fees_etl.settings import written
from fees_etl.settings.written import PREFIX, is_ambient, joined, utf8

LOCATION = "EU"
TAG = re.compile(r"projects/[^/]+/locations/[^/]+/taxonomies/[^/]+/policyTags/[^/]+")
_TIB = Decimal(2**40)
_LONGEST = 250
"""Bytes in the name of a file that has files beside it, such as its write-ahead log."""
_UNITS = {"K": 1, "M": 2, "G": 3, "T": 4}


def read(project_dir: Path, **flags: Any) -> Settings:
    """The settings of one command. A flag that is None was not given.

    >>> read(Path(), warehouse="duckdb:///tmp/x.duckdb").target
    'local'
    """
    flags = {name: value for name, value in flags.items() if value is not None}
    ambient = written.ambient(project_dir, _FIELDS)
    target = flags.get("target") or ambient.get("target", ("local", ""))[0]
    where, section = written.section(project_dir, target, ambient, _FIELDS)
    above = {name: joined(section.get(name), value) for name, (value, _) in ambient.items()}
    if "vars" in flags:
        flags["vars"] = joined((section | above).get("vars"), flags["vars"])
    try:
        settings = Settings(**section | above | flags, project_dir=project_dir)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, said = str(first["loc"][0]), first["msg"].removeprefix("Value error, ")
        place, field = where, f" {name}"
        if name in flags:
            place, field = f"--{name.replace('_', '-').removesuffix('s')}", ""
        elif name in ambient:
            place, field = ambient[name][1], ""
        raise UsageError(f"{place}{field}: {said}.", hint=f"Correct {place}.") from None
    _refuse_contradiction(flags, ambient, where, section)
    return settings


def aimed(url: str, suffix: str, settings: Settings | None = None) -> Settings:
    """These settings, or those of a target that says nothing, for the warehouse of a URL and its suffix.

    Raises:
        UsageError: the URL is none, or the suffix.
    """
    try:
        return replace(settings or Settings(), warehouse=url, dataset_suffix=suffix)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
        raise UsageError(f"{said}.", hint="Correct the URL or the suffix.") from None


def _url(text: str) -> str:
    scheme, found, _ = text.partition("://")
    if not found or scheme not in ("duckdb", "bigquery"):
        raise ValueError(
            f"{text!r} is no warehouse; write duckdb:///folder/fees.duckdb or bigquery://project?location=EU"
        )
    if scheme == "duckdb" and not text.startswith("duckdb:///"):
        raise ValueError(f"{text!r} lacks a slash; a path begins with one: duckdb:///folder/fees.duckdb")
    if scheme == "bigquery":
        _location(text)
    elif any(len(part.encode()) > _LONGEST or "\0" in part for part in unquote(text).split("/")):
        raise ValueError(f"{text[:60]!r} has a name longer than {_LONGEST} bytes, or a NUL")
    return text


def _location(url: str) -> str:
    """Where the datasets of a bigquery:// URL are, spelt as BigQuery does: EU, europe-west2."""
    parts = urlsplit(url)
    asked = parse_qs(parts.query, keep_blank_values=True)
    if not parts.netloc:
        raise ValueError(f"{url!r} names no project; write bigquery://project?location=EU")
    if parts.path.strip("/") or parts.fragment:
        raise ValueError(f"{url!r} names more than a project; write bigquery://{parts.netloc}?location=EU")
    if unknown := sorted(asked.keys() - {"location"}):
        raise ValueError(f"{url!r} has the parameter {unknown[0]!r}; the only one is location")
    location, *more = asked.get("location", [LOCATION])
    if more or not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", location):
        raise ValueError(f"{url!r} must name one location, such as EU or europe-west2")
    return location.lower() if "-" in location else location.upper()


def _memory(text: str) -> str:
    found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,9})?) ?([KMGT])i?B", text)
    if not found or not 2**24 <= Decimal(found[1]) * 1024 ** _UNITS[found[2]] <= 2**50:
        raise ValueError(f"{text[:40]!r} is no size of memory from 16MB to 1024TB; write 512MB or 8GB")
    return text


def _folder(path: Path) -> Path:
    utf8(str(path))
    try:
        if path.exists() and not path.is_dir():
            raise ValueError(f"{path} is no folder")
    except OSError as error:
        raise ValueError(f"{str(path)[:60]} cannot be a folder: {error.strerror}") from None
    return path


def _left(place: str) -> str:
    scheme, found, rest = place.partition("://")
    if not place or (found and (scheme != "gs" or not rest.partition("/")[0])):
        raise ValueError(f"{place!r} is no place for artifacts; write a folder, or gs://bucket/path")
    if not found:
        _folder(Path(place))
    return place


def _tags(names: dict[str, str]) -> dict[str, str]:
    for alias, name in names.items():
        if not TAG.fullmatch(name):
            raise ValueError(
                f"{alias} = {name!r} is no policy tag; write projects/P/locations/L/taxonomies/N/policyTags/M"
            )
    return names


def _exact(variables: dict[str, Any]) -> dict[str, Any]:
    """JSON and TOML write 0.01 as a float; a tolerance in pounds is a decimal."""
    return {name: Decimal(str(value)) if isinstance(value, float) else value for name, value in variables.items()}


def _here() -> str:
    try:
        return f"duckdb://{quote(str(Path.cwd() / 'fees.duckdb'), safe='/ ')}"
    except (UnicodeEncodeError, OSError):
        hint = "Name a file elsewhere: FEES_ETL_WAREHOUSE=duckdb:////srv/fees/fees.duckdb"
        raise UsageError("the working folder is gone, or its name is not UTF-8.", hint=hint) from None


@dataclass(frozen=True)
class Settings:
    """What a command and its engine need to know; :func:`read` explains every mistake. Money is in US dollars."""

    target: str = "local"
    warehouse: Annotated[str, AfterValidator(utf8), AfterValidator(_url)] = field(default_factory=_here)
    dataset_suffix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]*$")] = ""
    source: Annotated[str, AfterValidator(utf8)] | None = None
    vars: Annotated[dict[str, Any], AfterValidator(_exact)] = field(default_factory=dict)
    late_policy: Literal["restate", "fail"] = "restate"
    sql_policy: Literal["restate", "fail"] = "restate"
    max_bytes: Annotated[int, Field(gt=0)] | None = None
    max_cost: Annotated[Decimal, Field(gt=0, le=10**9)] | None = None
    price_per_tib: Annotated[Decimal, Field(ge=0, le=10**9)] = Decimal("6.25")
    """For each TiB that queries read on demand.

    The default is the list price of the US multi-region on the page "BigQuery pricing". That page has one price for
    each location: a target elsewhere, or with a contract of its own, sets its own.
    """
    policy_tags: Annotated[dict[str, str], AfterValidator(_tags)] = field(default_factory=dict)
    """The aliases that contracts use, each with the resource name of a policy tag."""
    pii: Literal["synthetic"] | None = None
    """Says that every National Insurance number is made up, so that columns need no policy tags."""
    memory: Annotated[str, AfterValidator(_memory)] | None = None
    """What the embedded engine may hold in memory; it spills the rest. Left out, ``modest`` decides for who writes."""
    spill: Annotated[Path, AfterValidator(_folder)] | None = None
    """The folder for working copies; on Cloud Run the file system is memory, so mount a volume there."""
    artifacts: Annotated[str, AfterValidator(utf8), AfterValidator(_left)] | None = None
    """The folder, or place in a bucket, where runs leave what they did for others to read."""
    deadline: Annotated[int, Field(gt=0, le=604_800)] = 3600
    """Seconds that one BigQuery job may run before it is cancelled."""
    project_dir: Path = Path()

    @property
    def location(self) -> str:
        """Where BigQuery keeps the datasets."""
        return _location(self.warehouse) if self.warehouse.startswith("bigquery:") else LOCATION

    def price(self, bytes_billed: int) -> Decimal:
        """US dollars, to a millionth.

        >>> Settings().price(10 * 2**20)
        Decimal('0.000060')
        """
        return (bytes_billed / _TIB * self.price_per_tib).quantize(Decimal("0.000001"))


_FIELDS = sorted({one.name for one in fields(Settings)} - {"project_dir"})


def _refuse_contradiction(
    flags: dict[str, Any], ambient: dict[str, tuple[Any, str]], where: str, section: dict[str, Any]
) -> None:
    """An explicit target against an ambient warehouse: somebody is about to write to the wrong place."""
    if "target" not in flags or "warehouse" not in ambient or (not where and is_ambient(flags["target"], ambient)):
        return
    (text, place), target = ambient["warehouse"], flags["target"]
    own = section.get("warehouse") if where else _here()
    if own and own != text:
        raise UsageError(
            f"--target {target} means {own}{f' ({where})' if where else ''}, but {place} says {text}.",
            hint=f"Unset {PREFIX}WAREHOUSE, or leave out --target {target}.",
        )
