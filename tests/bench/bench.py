"""Compare whole processes of fees-etl with the least they could do: ``python tests/bench/bench.py [help ls plan run honest]``.

Both sides run in turn (ours, floor, ours, floor, ...) after a warm-up of each, every time in a new empty folder, so
that the machine's mood strikes both. Modules are compiled to bytecode by the warm-up, as an installer does. Wall time
and peak memory are the kernel's own, of the process and all it waited for. The ratio is the median over pairs of
neighbours.

    help   fees-etl --help against a Python that does nothing
    ls     1,000 models (--models) against parsing the same files with sqlglot
    plan   the same project
    run    a CSV file (--source), or generated ones (--rows, repeatable), against the same statements straight to DuckDB
    honest the same files against the same tables by hand (honest.py): what books, proofs and one transaction cost

The statements of ``run`` are those of --statements, or what one run of ours logs.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
PYTHON = sys.executable
MANY_ROWS = 10_000_000
HONEST = (2.0, 1.5)
"""Goals beside the tables by hand: of a small file, where the start of a process counts, and of a large one."""
MEBIBYTE = 2**20
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Scenario:
    """Two commands to compare; the limits are what the project promises, where it does."""

    name: str
    ours: tuple[str, ...]
    floor: tuple[str, ...]
    most_seconds: float | None = None
    most_times: float | None = None
    most_memory: float | None = None


@dataclass(frozen=True)
class Process:
    """What one process took."""

    seconds: float
    cpu: float
    """Seconds of all its processors together."""
    peak: float
    """Mebibytes. The kernel counts this harness too, as it was when it forked: hence it imports so little."""


@dataclass(frozen=True)
class Comparison:
    """All pairs of one scenario, as (ours, floor)."""

    scenario: Scenario
    pairs: tuple[tuple[Process, Process], ...]

    @property
    def seconds(self) -> tuple[float, float]:
        """Medians of ours and of the floor."""
        return median(ours.seconds for ours, _ in self.pairs), median(least.seconds for _, least in self.pairs)

    @property
    def cpu(self) -> float:
        """The median of how many times the floor's processor time ours took."""
        return median(ours.cpu / least.cpu for ours, least in self.pairs)

    @property
    def peaks(self) -> tuple[float, float]:
        """Medians of ours and of the floor."""
        return median(ours.peak for ours, _ in self.pairs), median(least.peak for _, least in self.pairs)

    @property
    def ratios(self) -> list[float]:
        """How many times the floor's seconds ours took, pair by pair, in ascending order."""
        return sorted(ours.seconds / least.seconds for ours, least in self.pairs)

    @property
    def memory(self) -> float:
        """The median of how many times the floor's peak ours had."""
        return median(ours.peak / least.peak for ours, least in self.pairs)

    @property
    def broken(self) -> list[str]:
        """The limits that were exceeded."""
        limits = (
            ("seconds", self.seconds[0], self.scenario.most_seconds),
            ("times", median(self.ratios), self.scenario.most_times),
            ("memory", self.memory, self.scenario.most_memory),
        )
        return [f"{name} {value:.2f} > {most}" for name, value, most in limits if most is not None and value > most]


def main() -> int:
    """Measure what was asked for; exit 1 if a limit is broken and --check was given."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work) as scratch:
        comparisons = []
        print(HEADER)
        for scenario in _scenarios(options, Path(scratch)):
            comparisons.append(compare(scenario, options.times, Path(scratch)))
            print(line(comparisons[-1]), flush=True)
    return int(options.check and any(found.broken for found in comparisons))


def compare(scenario: Scenario, times: int, scratch: Path) -> Comparison:
    """A warm-up of each side, then both in turn."""
    measure(scenario.ours, scratch)
    measure(scenario.floor, scratch)
    pairs = tuple((measure(scenario.ours, scratch), measure(scenario.floor, scratch)) for _ in range(times))
    return Comparison(scenario, pairs)


def measure(command: tuple[str, ...], scratch: Path, folder: Path | None = None, **variables: str) -> Process:
    """Run it in a new folder, without fees-etl's settings of this shell; a command that fails ends the benchmark."""
    unwanted = ("FEES_ETL_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    kept["PYTHONPYCACHEPREFIX"] = str(scratch / "bytecode")
    with tempfile.TemporaryDirectory(dir=scratch) as new, tempfile.TemporaryFile() as complaints:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder or new, env=kept | variables, stdout=subprocess.DEVNULL, stderr=complaints
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            complaints.seek(0)
            raise SystemExit(f"{' '.join(command)}: exit {process.returncode}\n{complaints.read().decode()[-2000:]}")
    return Process(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * MAXRSS_UNIT / MEBIBYTE)


def record(arguments: tuple[str, ...], scratch: Path) -> Path:
    """The statements that one run of ours executes, with its folder written as ``{folder}``."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        traced = Path(folder, "statements.sql")
        measure((PYTHON, str(HERE / "recorded.py"), str(traced), *arguments), scratch, Path(folder))
        text = traced.read_text(encoding="utf-8").replace(folder, "{folder}")
    statements = scratch / "statements.sql"
    statements.write_text(text, encoding="utf-8")
    return statements


HEADER = (
    f"{'scenario':<22}{'ours':>9}{'floor':>9}{'ratio':>7}{'(pairs)':>14}{'cpu':>7}{'ours':>10}{'floor':>10}{'ratio':>7}"
)


def line(found: Comparison) -> str:
    """One row of the table.

    >>> Comparison(Scenario("x", (), ()), ((Process(2, 2, 90), Process(1, 1, 60)),)).peaks
    (90, 60)
    """
    (ours, least), (peak, least_peak), ratios = found.seconds, found.peaks, found.ratios
    spread = f"({ratios[0]:.2f}..{ratios[-1]:.2f})"
    time = f"{ours:>7.3f} s{least:>7.3f} s{median(ratios):>7.2f}{spread:>14}{found.cpu:>7.2f}"
    memory = f"{peak:>6.0f} MiB{least_peak:>6.0f} MiB{found.memory:>7.2f}"
    return f"{found.scenario.name:<22}{time}{memory}  {'; '.join(found.broken) or 'ok'}"


def _scenarios(options: argparse.Namespace, scratch: Path) -> Iterator[Scenario]:
    """In the order asked for; what they need is made when their turn comes."""
    fees_etl = tuple(shlex.split(options.command))
    for name in options.scenarios:
        if name == "help":
            yield Scenario("--help", (*fees_etl, "--help"), (PYTHON, "-c", "pass"), most_seconds=0.25)
        elif name in ("run", "honest"):
            yield from _runs(options, fees_etl, scratch, by_hand=name == "honest")
        else:
            project = str(scratch / "project")
            if not Path(project).exists():
                _make("project_1000.py", project, "--models", str(options.models))
            ours = (*fees_etl, "--project-dir", project, name)
            parse = (PYTHON, str(HERE / "parse.py"), project)
            yield Scenario(f"{name} {options.models:,} models", ours, parse, most_times={"ls": 1.2, "plan": 2.5}[name])


def _runs(
    options: argparse.Namespace, fees_etl: tuple[str, ...], scratch: Path, *, by_hand: bool
) -> Iterator[Scenario]:
    """The given files, which are small, and then the generated ones, of which large ones have closer limits."""
    sources = [("run on the source", source, 0) for source in options.source]
    sources += [(f"run {rows:,} rows", None, rows) for rows in options.rows]
    for name, given, rows in sources:
        source = given or _make("generate.py", str(rows), str(options.work or scratch))
        arguments = ("run", "--source", str(source.resolve()))
        ours = (*fees_etl, *arguments)
        if by_hand:
            least = (PYTHON, str(HERE / "honest.py"), str(source.resolve()))
            yield Scenario(name.replace("run", "honest"), ours, least, most_times=HONEST[bool(rows)])
            continue
        statements = options.statements or record(arguments, scratch)
        least = (PYTHON, str(HERE / "floor.py"), str(statements.resolve()), "fees.duckdb")
        many = rows >= MANY_ROWS
        yield Scenario(name, ours, least, None, 1.2 if many else 2.0, 1.2 if many else None)


def _make(script: str, *arguments: str) -> Path:
    """Run one of the generators beside this file; it prints the path of what it made."""
    made = subprocess.run((PYTHON, str(HERE / script), *arguments), check=True, stdout=subprocess.PIPE, text=True)
    return Path(made.stdout.strip())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "scenarios", nargs="*", default=["help", "ls", "plan", "run"], metavar="help|ls|plan|run|honest"
    )
    parser.add_argument("--source", type=Path, action="append", default=[], help="a CSV file to run on (repeatable)")
    parser.add_argument("--rows", type=int, action="append", default=[], help="generate that many (repeatable)")
    parser.add_argument("--statements", type=Path, help="the floor of run, with lines '-- ;;' between")
    parser.add_argument("--models", type=int, default=1000, help="of the generated project")
    parser.add_argument("--times", type=int, default=7, help="pairs to measure")
    parser.add_argument("--work", type=Path, help="folder for large files, kept; otherwise a temporary one")
    parser.add_argument("--command", default=shlex.join((PYTHON, "-m", "fees_etl")), help="how fees-etl is called")
    parser.add_argument("--check", action="store_true", help="exit 1 when a limit is broken")
    options = parser.parse_args()
    if unknown := set(options.scenarios) - {"help", "ls", "plan", "run", "honest"}:
        parser.error(f"unknown scenario {', '.join(sorted(unknown))}; there are help, ls, plan, run, honest")
    if options.work:
        options.work.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    sys.exit(main())
