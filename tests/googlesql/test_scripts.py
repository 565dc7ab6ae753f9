"""Every job that BigQuery is sent, as a whole: each statement of each script passes Google's analyzer and our rules."""

from __future__ import annotations

import re

import goldens
from googlesql.constructs import DOCUMENTED, constructs, control
from googlesql.rules import house_rules
from pipeline import project
from written import first, run_and_ingestion

ALLOWED = {"CURRENT_TIMESTAMP: the same run would not give the same rows twice"}
"""The books say when they were written; no model is."""
SHOWN = {"stg_fees", "dim_clients", "assert_client_data", "assert_file_row_count", "contract_stg_fees"}
"""Of the steps that models and assertions make, these stand for the others: merged, rebuilt, waived, warning, derived."""


def steady(text):
    """Without what differs from run to run."""
    text = re.sub(r"/[^ ']*/(?=[^ '/]*\.csv)", "/lake/", goldens.steady(text, "/nowhere"))
    text = re.sub(r"\b[0-9a-f]{64}\b", "SHA256", text)
    text = re.sub(r"'[0-9a-f]{40}' AS git_sha", "'COMMIT' AS git_sha", text)
    text = re.sub(r"'[0-9a-f]{32}'", "'MD5'", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", "2025-09-30 12:00:00.000000", text)
    return re.sub(r"'[^']*' AS package_version", "'VERSION' AS package_version", text)


def frame(text, longest=12):
    """A script without the steps that are like others, each longer query told by the tables it reads.

    Those queries are the files of sql/, and a golden that repeated them would only say that they were edited.
    """
    models = [model.name for model in project().models.values()]
    kinds = ("assert_", "contract_", "matches_", "anomalies", "freshness_")
    checks = {name for name in re.findall(r"step:(\w+)", text) if name.startswith(kinds)}
    for name in {*models, *checks} - SHOWN:
        text = re.sub(rf"DECLARE answer_{name} STRING;\n|, answer_{name}\b| +SET @@query_label = 'step:{name}';\n.*?(?= +SET @@query)", "", text, flags=re.DOTALL)  # fmt: skip
    text = text.replace(f"'{' '.join(models)}' AS selection", "'MODELS' AS selection")
    told, query, depth = [], [], 0
    for line in [*text.splitlines(), ";"]:
        if query or line.lstrip().startswith(("WITH ", "SELECT")):
            bare = re.sub(r"'(?:[^'\\]|\\.)*'", "", line)
            depth += bare.count("(") - bare.count(")")
            if depth >= 0 and line.strip() != ";":
                query.append(line)
                continue
            told += shortened(query, longest)
            query, depth = [], 0
        told.append(line)
    return "\n".join(told[:-1]) + "\n"


def shortened(query, longest):
    tables = sorted(set(re.findall(r"\b(?:FROM|JOIN) (\w+_ci\.\w+)", "\n".join(query))))
    if len(query) <= longest or not tables:
        return query
    indent = " " * (len(query[0]) - len(query[0].lstrip()))
    return [f"{indent}SELECT .. FROM {', '.join(tables)}"]


def test_every_script_passes_googles_analyzer_and_computes_nothing_in_floating_point(reference, written):
    assert len(written.jobs) > 10

    found = {kind for text in written.jobs for kind in reference.script_types(text, written.tables)}
    assert "NUMERIC" in found
    assert found & {"FLOAT64", "FLOAT", "DOUBLE"} == set()


def test_every_question_is_one_query_of_one_row_of_texts(reference, written):
    for text in written.questions:
        assert {kind for _, kind in reference.analyze(text, written.tables)} == {"STRING"}


def test_every_statement_of_a_script_keeps_our_own_rules(reference, written):
    offences = {offence for text in written.jobs for sql in reference.statements(text) for offence in house_rules(sql)}
    assert offences <= ALLOWED


def test_every_construct_has_a_page_in_bigquerys_documentation_and_no_page_is_without_use(reference, written):
    statements = {sql for text in (*written.jobs, *written.questions) for sql in reference.statements(text)}
    used = {name for text in written.jobs for name in control(text)}
    used |= {name for sql in statements for name in constructs(sql)}

    assert used - set(DOCUMENTED) == set()
    assert set(DOCUMENTED) - used == set()


def test_a_script_is_one_transaction_that_ends_one_way_only(written):
    for text in written.jobs:
        recorded = text.count("IF script_verdict = 'rejected' AND (")  # an attempt that was rolled back, by itself
        assert text.count("BEGIN TRANSACTION;") == 1 + recorded
        assert text.count("COMMIT TRANSACTION;") <= 1 + recorded
        assert text.count("CREATE") == text.count("CREATE TEMP TABLE stg_fees_ranked") == text.count("DROP TABLE stg_")
        assert "TRUNCATE" not in text


def test_the_scripts_of_a_run_and_of_an_ingestion_read_as_reviewed(written):
    run, ingestion = run_and_ingestion(written.jobs)
    goldens.check("bigquery/run.sql", frame(steady(run)))
    goldens.check("bigquery/ingest.sql", frame(steady(ingestion)))


def test_a_table_that_was_empty_is_filled_without_a_merge(written):
    found = first(written.jobs, "INSERT INTO staging_ci.stg_fees")
    filled = re.search(r" +SET @@query_label = 'step:stg_fees';\n.*?(?= +SET @@query)", found, flags=re.DOTALL)
    goldens.check("bigquery/first_fill.sql", frame(steady(filled[0])))
