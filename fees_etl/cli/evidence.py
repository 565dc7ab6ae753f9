"""``evidence``: what an auditor asks of one run, as one file; and ``evidence verify``, which needs that file alone."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path  # noqa: TC003  (typer reads annotations)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fees_etl.cli import completion
from fees_etl.cli import options as opt
from fees_etl.cli.pages import writing
from fees_etl.cli.session import Session, emit
from fees_etl.cli.text import paragraph, paragraphs
from fees_etl.errors import AssertionsFailed, FeesError, UsageError
from fees_etl.figures import plural
from fees_etl.streams import create

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fees_etl.evidence.contents import Claim
    from fees_etl.explain.history import Moment

VERIFY = "verify"
ANOTHER = "Name another file with --out."
UNASKED = "No warehouse was asked."
WORDS = {True: "holds", False: "FAIL", None: "not told"}


def evidence(
    context: typer.Context,
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|verify", autocompletion=completion.runs, help="A run id, latest, previous or a day; or verify."
        ),
    ],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]", help="With verify: evidence, oldest first.")
    ] = None,
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.zip", help="Where to write it; a file is not replaced.")
    ] = None,
    follows: Annotated[
        Path | None, typer.Option(metavar="FILE.zip", help="The evidence before, which this one is chained to.")
    ] = None,
    clients: Annotated[bool, typer.Option("--clients", help="With client ids, and tables of a row a client.")] = False,
    digest: Annotated[
        str | None, typer.Option(metavar="SHA256", help="With verify: what was noted when the file was written.")
    ] = None,
    output: opt.Output = "text",
) -> int:
    """Write one file of what an auditor asks of a run, or verify such files.

    \b
    fees-etl evidence latest --out 2025-09.zip
    fees-etl evidence latest --out 2025-10.zip --follows 2025-09.zip
    fees-etl evidence verify 2025-09.zip 2025-10.zip
    """
    session: Session = context.obj
    if run == VERIFY:
        if out or follows or clients or not files:
            raise UsageError("verify takes files, and nothing is written.", hint=f"{session.start} evidence --help")
        return _verify(files, digest, output)
    if out is None or files or digest:
        raise UsageError(
            "name one run, and where its evidence shall be written.",
            hint=f"{session.start} evidence {run} --out evidence.zip",
        )
    with writing(out, ANOTHER):
        if os.path.lexists(out) or not out.absolute().parent.is_dir():
            why = "is there already, and evidence is not replaced" if os.path.lexists(out) else "is in no folder"
            raise UsageError(f"{out} {why}.", hint=ANOTHER)
    return _write(session, run, out, follows, output, clients=clients)


def _write(session: Session, run: str, out: Path, follows: Path | None, output: Any, *, clients: bool) -> int:
    from fees_etl.cli import pack
    from fees_etl.evidence import archive
    from fees_etl.evidence.claims import claims
    from fees_etl.explain import history

    before = _read(follows)[1] if follows else None
    project = session.open(proven=False)
    with session.warehouse(project, read_only=True) as engine:
        known = history.moments(project, engine)
        now = history.moment(known, run)
        was = _before(known, now, before)
        members, about = pack.members(project, engine, now, was, start=session.start, clients=clients)
    about["chain"]["pack"] = before and {"run_id": before["run_id"], "digest": before["digest"]}
    found = claims(members, about)
    _judge(str(out), found, "Nothing was written. What was published before; this changed nothing.", "fees-etl assert")
    data, digest = archive.pack(members, about)
    with writing(out, ANOTHER):
        create(out, data)
    document = {
        "schema": "fees-etl/evidence/1", "file": str(out), "run_id": now.run_id, "bytes": len(data), "digest": digest,
        "members": sorted(members), "limits": about["limits"], "claims": [one._asdict() for one in found],
    }  # fmt: skip
    lines = [*_screen(f"Evidence of run {now.run_id}", found, about), "", f"Written: {out}, {len(data):,} bytes"]
    lines += [f"Digest:  {digest}", "Keep the digest where nobody who writes to the warehouse can change it."]
    emit(output, document, lines)
    return 0


def _verify(files: Sequence[Path], digest: str | None, output: Any) -> int:
    from fees_etl.evidence.claims import verified

    told, lines, manifests = list[dict[str, Any]](), list[str](), list[dict[str, Any]]()
    for file in files:
        members, manifest = _read(file)
        found = verified(members, manifest)
        lines += [*([""] if lines else []), *_screen(f"{file}: run {manifest['run_id']}", found, manifest)]
        names = {name: manifest[name] for name in ("run_id", "digest", "limits")}
        told.append({"file": str(file), **names, "claims": [one._asdict() for one in found]})
        _judge(str(file), found, UNASKED, "Ask who wrote it, and for the evidence of the run anew.")
        manifests.append(manifest)
    newest = manifests[-1]["digest"]
    if digest is not None and digest.strip().lower() != newest:
        said = f"{files[-1]} is not the evidence that was noted: its digest is {newest}."
        raise AssertionsFailed(said, published=UNASKED, hint="Fetch the file again from where it is kept.")
    for (one, first), (other, second) in pairwise(zip(files, manifests, strict=True)):
        _follow(one, first, other, second)
    links = [f"Each of the {len(files)} follows the one before."] if len(files) > 1 else []
    said = "which is the one that was noted" if digest else "compare it with the one that was noted, or add --digest"
    lines += ["", "Every byte is as it was written.", *links, f"Digest: {newest},", f"  {said}"]
    emit(output, {"schema": "fees-etl/evidence-verified/1", "files": told}, lines)
    return 0


def _read(file: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The members and the manifest of a file."""
    from fees_etl.evidence import archive

    try:
        if file.exists() and not file.is_file():  # a pipe waits for ever, and a device may have no end
            raise UsageError(f"{file} is no file.", hint="fees-etl evidence --help")
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.", hint="fees-etl evidence --help") from None
    try:
        return archive.unpack(data)
    except FeesError as error:
        raise AssertionsFailed(f"{file}: {error.message}", published=error.published, hint=error.hint) from None


def _before(known: tuple[Moment, ...], now: Moment, before: Mapping[str, Any] | None) -> Moment | None:
    """The run that the evidence begins after: that of the evidence before, or the one that published before."""
    earlier = [one for one in known if (one.at, one.run_id) < (now.at, now.run_id)]
    if before is None:
        return earlier[-1] if earlier else None
    for one in earlier:
        if one.run_id == before["run_id"]:
            return one
    raise UsageError(f"run {before['run_id']}, of the evidence before, did not publish before {now.run_id}.",
                     hint="fees-etl runs")  # fmt: skip


def _follow(one: Path, first: Mapping[str, Any], other: Path, second: Mapping[str, Any]) -> None:
    """One evidence follows another: by its digest where it says so, and by the seals of the ledger."""
    after, named = second["chain"]["after"], second["chain"]["pack"]
    is_next = after and (after["run_id"], after["seal"]) == (first["run_id"], first["chain"]["seal"])
    before = f"run {after['run_id']}" if after else "no other"
    if not is_next or (named and named["digest"] != first["digest"]):
        what = "it was made after another file of that run" if is_next else f"it follows {before}"
        hint = "Name the evidence of every run in between, oldest first."
        raise AssertionsFailed(f"{other} does not follow {one}: {what}.", published=UNASKED, hint=hint)


def _judge(name: str, found: Sequence[Claim], published: str, hint: str) -> None:
    if failing := [one for one in found if one.holds is False]:
        first = "; ".join(f"{one.said} ({one.found})" for one in failing[:3])
        said = f"{name}: {plural(len(failing), 'claim')} not so: {first}."
        raise AssertionsFailed(said, published=published, hint=hint)


def _screen(title: str, found: Sequence[Claim], about: Mapping[str, Any]) -> list[str]:
    lines, subjects = [title], dict.fromkeys(one.subject for one in found)
    for subject in subjects:
        lines += ["", subject.capitalize()]
        for one in found:
            if one.subject == subject:
                lines += [*paragraph(f"{WORDS[one.holds]:<9}{one.said}", 2, 9), *paragraph(one.found, 11)]
    limits = paragraphs(about["limits"], 2, 2)
    return [*lines, *(["", "Not in it", *limits] if limits else [])]
