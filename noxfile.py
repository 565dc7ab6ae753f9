"""The one entry to everything a change must pass: `nox`. Versions come from requirements.lock."""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.11"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests", "googlesql", "emulator", "pages", "terraform"]
nox.options.error_on_missing_interpreters = False

HERE = Path(__file__).parent
LINTED = ("staging", "reporting", "assertions")  # the rest of sql/ are statements in parts, judged as rendered


def install(session: nox.Session, group: str) -> None:
    """The package as a user gets it, and one group of tools, at the locked versions."""
    locked = ("--constraint", "requirements.lock", "--group", group, ".")
    session.install("--quiet", "--no-compile", *locked, silent=True)  # most of it is never imported


@nox.session
def lint(session: nox.Session) -> None:
    """Format, lint, types, import floors, dependencies, SQL style."""
    install(session, "dev")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("lint-imports")
    session.run("deptry", ".")
    session.run("sqlfluff", "lint", "--disable-progress-bar", *(f"sql/{name}" for name in LINTED))


@nox.session
def tests(session: nox.Session) -> None:
    """Tests and doctests, with branch coverage of the package as installed."""
    install(session, "test")
    session.run("pytest", "-n", "auto", "--dist", "worksteal", "--cov", "--cov-report=", "tests", *session.posargs)
    session.run("pytest", "--cov", "--cov-append", "--cov-report=term", "--doctest-modules", "--pyargs", "fees_etl")


@nox.session(default=False)
def night(session: nox.Session) -> None:
    """All that tests/tiers.py leaves out by day: every statement, every request, worlds by the hundred. Takes hours."""
    session.env["TESTS"] = "night"
    tests(session)
    googlesql(session)
    emulator(session)


@nox.session
def googlesql(session: nox.Session) -> None:
    """Every statement through Google's own analyzer, every model against its reference execution."""
    install(session, "googlesql")
    session.run("pytest", "-n", "auto", "--dist", "worksteal", "tests/googlesql", "-q", *session.posargs)


@nox.session
def emulator(session: nox.Session) -> None:
    """Google's clients over HTTP against BigQuery and GCS emulators, which live in an environment of their own."""
    install(session, "emulator")
    home = Path(session.create_tmp()).resolve() / "emulators"
    python = home / "bin" / "python"
    if not python.exists():
        session.run("python", "-m", "venv", str(home))
    wanted = ("-q", "--no-compile", "-r", "tests/emulator/requirements.txt")
    session.run(str(python), "-m", "pip", "install", *wanted, external=True, silent=True)
    served = {"EMULATOR_PYTHON": str(python)}
    session.run("pytest", "-n", "auto", "--dist", "worksteal", "tests/emulator", "-q", *session.posargs, env=served)


@nox.session
def pages(session: nox.Session) -> None:
    """Pages in headless Chromium: requests, WCAG 2.2 AA, widths, prints; `GOLDEN=write` makes the README's picture."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))) or not shutil.which(
        "chromedriver"
    ):
        session.skip("no Chromium with its driver: apt-get install chromium chromium-driver")
    install(session, "pages")
    session.run("pytest", "tests/pages", "-q", *session.posargs)


@nox.session(venv_backend="none")
def terraform(session: nox.Session) -> None:
    """Format and validity of terraform/, where there is one and terraform is installed."""
    if not (HERE / "terraform").is_dir() or shutil.which("terraform") is None:
        session.skip("no terraform folder, or no terraform binary")
    session.run("terraform", "fmt", "-check", "-recursive", "terraform", external=True)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Ratios against the floor, the same statements straight into DuckDB: nox -s bench -- run --rows 1000000."""
    install(session, "dev")
    session.run("python", "tests/bench/bench.py", *session.posargs)


@nox.session(default=False)
def lock(session: nox.Session) -> None:
    """Write the locks anew: the newest versions that pyproject.toml allows, for development and for the image."""
    session.install("uv")
    plain = ("--universal", "--upgrade", "--no-header", "--no-annotate", "--no-emit-index-url", "--python-version=3.11")
    groups = [flag for name in ("dev", "emulator", "googlesql", "pages") for flag in ("--group", name)]
    session.run("uv", "pip", "compile", *plain, *groups, "pyproject.toml", "--output-file", "requirements.lock")
    build = Path(session.create_tmp()).resolve() / "build.in"
    build.write_text("\n".join(nox.project.load_toml("pyproject.toml")["build-system"]["requires"]), encoding="utf-8")
    hashed = (*plain, "--generate-hashes", "--constraint", "requirements.lock")
    session.run("uv", "pip", "compile", *hashed, "pyproject.toml", "--output-file", "requirements-runtime.lock")
    session.run("uv", "pip", "compile", *hashed, str(build), "--output-file", "requirements-build.lock")
