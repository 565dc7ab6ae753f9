"""A run as OpenLineage events (spec 2-0-2): what it read and wrote, column by column, and what its assertions said.

Where they go is the official client's own affair: ``OPENLINEAGE_URL``, ``OPENLINEAGE_CONFIG`` or ``openlineage.yml``.
Importing this module takes the extra ``openlineage``.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_input_dataset,
    error_message_run,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
)

from fees_etl.explain.lineage import all_dependences
from fees_etl.query import DIRECT
from fees_etl.types import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from openlineage.client.facet_v2 import RunFacet

    from fees_etl.explain.lineage import Dependence
    from fees_etl.results import AssertionResult, Result
    from fees_etl.script import StepResult
    from fees_etl.settings import Settings
    from fees_etl.types import Contract, Project

NAMESPACE = "fees-etl"
PRODUCER = "urn:python:fees-etl"
_STAGED = Table("staging", "stg_fees")
_FEES = Table("raw", "fees")
_SUBTYPES = {
    "copied": "IDENTITY", "computed": "TRANSFORMATION", "aggregated": "AGGREGATION", "filter": "FILTER", "join": "JOIN",
    "group": "GROUP_BY", "order": "SORT", "window": "WINDOW",
}  # fmt: skip
_ROLLED_BACK = "An assertion failed, and all of it was rolled back."

logging.getLogger("openlineage").addHandler(logging.NullHandler())  # what goes wrong is said once, by the caller


def send(result: Result, settings: Settings) -> None:
    """Tell of the run to whom the client's configuration names; whatever goes wrong is raised."""
    client = OpenLineageClient()
    try:
        for event in events(result, settings):
            client.emit(event)
    finally:
        client.close(timeout=10)


def events(result: Result, settings: Settings) -> list[RunEvent]:
    """The run and, within it, each model that it filled: when it began, and how it ended."""
    project, ended = result.plan.project, result.started_at + timedelta(seconds=result.seconds)
    where = _Where(settings)
    kept = result.status != "rejected"
    state = RunState.COMPLETE if kept else RunState.FAIL
    whole = Job(NAMESPACE, "run")
    run_id = _id(result.run_id)
    failed: dict[str, RunFacet] = (
        {} if kept else {"errorMessage": error_message_run.ErrorMessageRunFacet(_ROLLED_BACK, "SQL")}
    )
    parent = parent_run.ParentRunFacet(parent_run.Run(run_id), parent_run.Job(NAMESPACE, whole.name))
    lineage = defaultdict[str, list["Dependence"]](list)
    for one in all_dependences(project):
        lineage[one.table].append(one)

    told = [_event(RunState.START, result.started_at, Run(run_id), whole)]
    for step in result.steps:
        if step.table is None:
            continue
        run = Run(_id(f"{result.run_id} {step.table}"), facets={"parent": parent, **failed})
        job = Job(NAMESPACE, f"run.{step.table}")
        model = project.models[step.table]
        reads = [where.input(table) for table in sorted(model.reads) if table in project.contracts]
        wrote = where.output(step, model.contract, lineage[str(step.table)])
        told.append(_event(RunState.START, result.started_at, run, job))
        told.append(_event(state, ended, run, job, reads, [wrote]))
    judged = _judged(project, result.assertions)
    looked = [where.input(table, _quality(result, table, judged[table])) for table in sorted({_STAGED, *judged})]
    written = [OutputDataset(*where.names(step.table)) for step in result.steps if step.table]
    told.append(_event(state, ended, Run(run_id, facets=failed), whole, looked, written))
    return told


class _Where:
    """How tables are named: ``bigquery`` and ``project.dataset.table``, or the URL of a file and ``dataset.table``."""

    def __init__(self, settings: Settings) -> None:
        parts = urlsplit(settings.warehouse)
        self.suffix = settings.dataset_suffix
        self.is_remote = parts.scheme == "bigquery"
        self.namespace = "bigquery" if self.is_remote else settings.warehouse
        self.project = f"{parts.netloc}." if self.is_remote else ""

    def names(self, table: Table) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, f"{self.project}{table.dataset}{self.suffix}.{table.name}"

    def input(self, table: Table, facets: Mapping[str, object] | None = None) -> InputDataset:
        """A table that was read."""
        return InputDataset(*self.names(table), inputFacets=dict(facets or {}))  # type: ignore[arg-type]  # facets all

    def output(self, step: StepResult, made: Contract, steps: Iterable[Dependence]) -> OutputDataset:
        """A table that was filled: its columns, what each depends on, and the rows that were written."""
        fields = [schema_dataset.SchemaDatasetFacetFields(one.name, one.type, one.description) for one in made.columns]
        inputs = defaultdict[str, dict[tuple[str, str, str], list[column_lineage_dataset.Transformation]]](
            lambda: defaultdict(list)
        )
        for one in steps:
            kind = "DIRECT" if one.edge.kind in DIRECT else "INDIRECT"
            inputs[one.column][(*self.names(one.edge.table), one.edge.column)].append(
                column_lineage_dataset.Transformation(kind, _SUBTYPES[one.edge.kind], masking=False)
            )
        columns = {
            name: column_lineage_dataset.Fields(
                [column_lineage_dataset.InputField(*place, transformations=how) for place, how in found.items()]
            )
            for name, found in inputs.items()
        }
        return OutputDataset(
            *self.names(made.table),
            facets={
                "schema": schema_dataset.SchemaDatasetFacet(fields),
                "columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(columns),
            },
            outputFacets={
                "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(step.rows)
            },
        )


def _event(
    state: RunState,
    when: datetime,
    run: Run,
    job: Job,
    inputs: list[InputDataset] | None = None,
    outputs: list[OutputDataset] | None = None,
) -> RunEvent:
    return RunEvent(
        eventTime=when.isoformat(), producer=PRODUCER, run=run, job=job, eventType=state,
        inputs=inputs or [], outputs=outputs or [],
    )  # fmt: skip


def _id(name: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{PRODUCER}/{name}"))


def _judged(project: Project, results: Iterable[AssertionResult]) -> dict[Table, list[AssertionResult]]:
    """The assertions of each table: the first one that each reads; what asks of files is of the fees."""
    reads = {one.name: min(one.reads) for one in project.assertions if one.reads}
    found = defaultdict[Table, list["AssertionResult"]](list)
    for one in results:
        found[reads.get(one.name, _FEES)].append(one)
    return found


def _quality(result: Result, table: Table, judged: Iterable[AssertionResult]) -> dict[str, object]:
    """What assertions said of a table; of the staged fees their rows and pounds, too, which JSON makes a float of."""
    said = [
        data_quality_assertions_dataset.Assertion(
            "custom_sql", one.passed, severity=one.severity, name=one.name, description=one.description,
            expected="0", actual=str(one.failing),
        )
        for one in judged
    ]  # fmt: skip
    facets: dict[str, object] = {}
    if said:
        facets["dataQualityAssertions"] = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(said)
    if table == _STAGED:
        pounds = data_quality_metrics_input_dataset.ColumnMetrics(sum=float(result.after.staged_amount))
        facets["dataQualityMetrics"] = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
            {"fee_amount": pounds}, rowCount=result.after.staged_rows
        )
    return facets
