"""Kind E: settings, project files, flags and names that are wrong or odd are refused in a sentence, or do no harm."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

import pytest
import typer
import yaml
from attacks import odd_words as odd
from attacks.attacked import harmless, some
from shells import put

from fees_etl import cli, load
from fees_etl.settings import _FIELDS

PROJECT = ("--project-dir", "project")
SQL = load().root


def looked(attacked, *words):
    """Read settings and project; where they are taken, a whole rehearsal by them."""
    attacked(*words, "run", "--skip-ingest", "--rehearse")


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for at, name in enumerate(_FIELDS) for value in some(odd.WORDS, 4, at)],
    ids=lambda text: ascii(text)[1:25],
)
def test_settings_of_the_environment(attacked, monkeypatch, name, value):
    if "\0" not in value:
        monkeypatch.setenv(f"FEES_ETL_{name.upper()}", harmless(value, attacked.folder))
    looked(attacked)


@pytest.mark.parametrize(("name", "value"), odd.SETTINGS, ids=lambda text: ascii(text)[1:40])
def test_settings_that_nearly_are(attacked, monkeypatch, name, value):
    monkeypatch.setenv(f"FEES_ETL_{name}", harmless(value, attacked.folder))
    looked(attacked)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for at, name in enumerate(_FIELDS) for value in some(odd.TOML, 4, at)]
)
def test_settings_of_a_target(attacked, own, name, value):
    Path("project/fees_etl.toml").write_text(f"[targets.local]\n{name} = {value}\n", encoding="utf-8")
    looked(attacked, *PROJECT)


@pytest.mark.parametrize("text", odd.TOMLS, ids=lambda text: ascii(text)[1:30])
@pytest.mark.parametrize("file", ["fees_etl.toml", "pyproject.toml"])
def test_files_of_targets(attacked, own, file, text):
    Path("project", file).write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    looked(attacked, *PROJECT)
    attacked(*PROJECT, "--target", "prod", "plan")


@pytest.mark.parametrize("text", odd.DOTENVS, ids=lambda text: ascii(text)[1:30])
def test_dotenv(attacked, text):
    Path(".env").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    looked(attacked)


FILES = (
    "raw/fees.yml", "staging/stg_fees.yml", "reporting/dim_clients.yml", "reporting/rpt_cohort_ltv.yml", "ops/runs.yml", "raw/files.yml",
    "assertions/assert_client_data.yml", "assertions/assert_file_row_count.yml", "variables.yml", "checks.yml", "glossary.yml",
)  # fmt: skip


@cache
def said(name):
    return yaml.safe_load((SQL / name).read_text())


def places(node, *at):
    """Every place in a document, as keys and numbers; of many columns the first two and the last."""
    if at:
        yield at
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    inner = list(inner)
    for key, value in [*inner[:2], *inner[-1:]] if isinstance(node, list) and len(inner) > 3 else inner:
        yield from places(value, *at, key)


def mutated():
    """Each place with an odd value, another at each, and every third one taken out."""
    for name in FILES:
        for number, at in enumerate(places(said(name))):
            for what, value in (*some(odd.YAML.items(), len(odd.YAML), number), *some([("gone", None)], 3, number)):
                yield pytest.param(name, at, what, value, id=f"{name}:{'.'.join(map(str, at))}:{what}")


@pytest.mark.parametrize(("name", "at", "what", "value"), list(mutated()))
def test_words_of_project_files(attacked, own, name, at, what, value):
    document = yaml.safe_load((own / name).read_text())
    node = document
    for step in at[:-1]:
        node = node[step]
    if what == "gone":
        del node[at[-1]]
    else:
        node[at[-1]] = value
    (own / name).write_text(yaml.safe_dump(document, allow_unicode=True))
    looked(attacked, *PROJECT)


@pytest.mark.parametrize(("name", "old", "new"), odd.CONTRACTS, ids=lambda text: ascii(text)[1:40])
def test_contracts(attacked, own, name, old, new):
    """One word of a contract changed for another that is one, too: then a file is read and published by it."""
    text = (own / name).read_text()
    assert text.count(old), (name, old)
    (own / name).write_text(text.replace(old, new, 1))
    put("a.csv", "C99,QQ271899A,A1,2025-02-01,5.00\n")
    for words in (["run", "--source", "lake"], ["docs", "--out", "docs"], ["ingest", "lake", "--reload"], ["assert"]):
        if attacked(*PROJECT, *words).code == 2:
            break
    attacked.left_behind()


@pytest.mark.parametrize("text", odd.LAYOUTS, ids=lambda text: ascii(text)[1:40])
def test_layouts(attacked, own, text):
    fees = own / "raw/fees.yml"
    fees.write_text(fees.read_text().replace("columns:\n", f"layouts:\n{text}\ncolumns:\n", 1))
    Path("lake/v2").mkdir(parents=True)
    put(
        "v2/a.csv",
        "C99;QQ271899A;A1;01/02/2025;5.00\n",
        header="client_id;client_nino;adviser_id;fee_date;fee_amount\n",
    )
    put("b.csv", "C98,QQ271898A,A1,2025-02-01,5.00\n")
    if attacked(*PROJECT, "run", "--source", "lake/**/*.csv").code == 0:
        assert attacked(*PROJECT, "assert").code == 0


@pytest.mark.parametrize("text", odd.WAIVERS, ids=lambda text: ascii(text)[1:40])
def test_waivers(attacked, own, text):
    (own / "waivers.yml").write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    put("a.csv", "C1,QQ271899A,A1,2025-02-01,5.00\n")
    for words in (["run", "--source", "lake"], ["runs", "show", "latest"], ["check"]):
        if attacked(*PROJECT, *words).code == 2:
            break
    attacked.left_behind()


KINDS = ("gone", "empty", "nonsense", "of another")
TREE = sorted(path.relative_to(SQL).as_posix() for path in SQL.rglob("*") if path.suffix in {".sql", ".yml"})


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for at, name in enumerate(TREE) for kind in some(KINDS, 4, at)]
)
def test_trees(attacked, own, name, kind):
    path = own / name
    if kind == "gone":
        path.unlink()
    else:
        same = [one for one in TREE if one.endswith(path.suffix)]
        other = SQL / same[(same.index(name) + 7) % len(same)]
        path.write_bytes({"empty": b"", "nonsense": b"SELECT 1 AS nonsense: [", "of another": other.read_bytes()}[kind])
    looked(attacked, *PROJECT)


@pytest.mark.parametrize("folder", sorted({name.partition("/")[0] for name in TREE if "/" in name}))
@pytest.mark.parametrize("how", ["gone", "empty", "a file", "a link", "in itself", "capitals"])
def test_folders_of_trees(attacked, own, folder, how):
    path = own / folder
    if how == "in itself":
        (path / folder).symlink_to("..")
    elif how == "capitals":
        path.rename(own / folder.upper())
    else:
        shutil.rmtree(path)
        {
            "gone": lambda: None,
            "empty": path.mkdir,
            "a file": path.touch,
            "a link": lambda: path.symlink_to("/nowhere"),
        }[how]()
    looked(attacked, *PROJECT)


ARGUMENTS = {
    "backfill": ["--start", "2025-01-01", "--end", "2025-02-01", "--rehearse"], "show": ["rpt_client_ltv"], "trace": ["rpt_client_ltv", "client_id=C1"],
    "evidence": ["latest", "--out", "e.zip"], "render": ["stg_fees"], "run": ["--rehearse"], "ingest": ["--rehearse"], "runs show": ["latest"], "init": ["made"],
}  # fmt: skip


def flags():
    """Every option of every command, as the parser knows them."""
    group = typer.main.get_command(cli.commands())
    for name in group.commands:
        command = group.get_command(None, name)
        for option in command.params:
            if option.param_type_name == "option" and not {"--help", "--version"} & set(option.opts):
                yield name, option.opts[0], bool(getattr(option, "is_flag", False))
    yield from (("", one, False) for one in ("--target", "--project-dir", "--var", "--log-format"))


FLAGS = [
    (name, option, value)
    for at, (name, option, is_flag) in enumerate(flags())
    for value in (["", "x"] if is_flag else some(odd.ARGUMENTS, 8, at))
]


@pytest.mark.parametrize(("name", "option", "value"), FLAGS, ids=lambda text: ascii(text)[1:25])
def test_flags(attacked, name, option, value):
    words = [name, *ARGUMENTS.get(name, [])] if name else ["ls"]
    attacked(
        *([f"{option}={value}"] if not name else []),
        *words,
        *([f"{option}={value}"] if name and value else [option] if name else []),
    )
    attacked.left_behind()


@pytest.mark.parametrize("words", odd.LINES, ids=" ".join)
def test_lines(attacked, words):
    attacked(*words)
    attacked.left_behind()


ASKED = (
    "run --rehearse --from {}", "run --rehearse --select {} --exclude {}", "render {}", "ls {}", "ls --lineage {}", "show {}", "show rpt_client_ltv client_id={}", "show rpt_client_ltv {}=1", "trace {}", "trace rpt_client_ltv client_id={} --column {}", "assert {}",
    "test {}", "diff {} latest", "diff --project {}", "runs show {}", "report --out - --run {}", "evidence {} --out e.zip", "evidence verify {}", "init made/{}", "init --model {}", "check --select state:modified+ --state {}", "{}", "init {}",
)  # fmt: skip


@pytest.mark.parametrize(
    ("line", "value"),
    [(line, value) for at, line in enumerate(ASKED) for value in some(odd.ARGUMENTS + odd.NAMES, 6, at)],
    ids=lambda text: ascii(text)[1:30],
)
def test_names(attacked, line, value):
    """What is given where a name is asked for."""
    attacked(*(word.replace("{}", value) for word in line.split()))
    attacked.left_behind()
