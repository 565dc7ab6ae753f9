"""Datasets and tables over dicts: locations, rights, etags, policy tags, and a view of columns that may lag behind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bigquery.wire import Answer

TYPES = {"INTEGER": "INT64", "BOOLEAN": "BOOL"}
SCHEMA = {"ordinal_position": "INTEGER", "clustering_ordinal_position": "INTEGER"}


@dataclass
class Tables:
    """``forbidden`` are datasets this account may not see, ``hidden`` tables; ``stale`` tables miss in the view until somebody makes them."""

    datasets: dict[str, str] = field(default_factory=dict)
    tables: dict[str, dict] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    stale: set[str] = field(default_factory=set)
    before_patch: list = field(default_factory=list)

    def put(self, resource):
        """A table, as the library describes one."""
        self.datasets.setdefault(resource.dataset_id, "EU")
        self.tables[f"{resource.dataset_id}.{resource.table_id}"] = resource.to_api_repr() | {"etag": "1"}

    def new_dataset(self, request):
        body = request.sent
        return self._new(self.datasets, body["datasetReference"]["datasetId"], body["location"], body)

    def new_table(self, request, dataset):
        body = request.sent | {"etag": "1"}
        return self._new(self.tables, f"{dataset}.{body['tableReference']['tableId']}", body, body)

    def dataset(self, _, name):
        if name in self.forbidden:
            raise Answer(403, "accessDenied", f"Access Denied: Dataset p:{name}")
        if name not in self.datasets:
            raise Answer(404, "notFound", f"Not found: Dataset p:{name}")
        return {"datasetReference": {"projectId": "p", "datasetId": name}, "location": self.datasets[name]}

    def table(self, _, dataset, name):
        if f"{dataset}.{name}" in self.hidden:
            raise Answer(403, "accessDenied", f"Access Denied: Table p:{dataset}.{name}")
        return self.tables[f"{dataset}.{name}"]

    def patch(self, request, dataset, name):
        table = self.tables[f"{dataset}.{name}"]
        for change in self.before_patch:
            change(table)
        if table["etag"] != request.headers["If-Match"]:
            raise Answer(412, "conditionNotMet", "Precondition check failed.")
        table |= request.sent
        return table

    def view(self, body):
        """What INFORMATION_SCHEMA.COLUMNS answers."""
        asked = re.findall(r"`(\w+)`\.INFORMATION_SCHEMA\.COLUMNS", body["query"])
        listed = re.search(r"SELECT (.*?) FROM", body["query"])[1].split(", ")
        for dataset in asked:
            if dataset in self.forbidden:
                raise Answer(403, "accessDenied", f"Access Denied: Table p:{dataset}.INFORMATION_SCHEMA.COLUMNS")
            if self.datasets.get(dataset) != body["location"]:
                raise Answer(404, "notFound", f"Not found: Dataset p:{dataset} was not found in location EU")
        shown = [
            name for name in self.tables if name.partition(".")[0] in asked if name not in self.stale | self.hidden
        ]
        rows = [row for name in shown for row in _columns(name, self.tables[name])]
        return {
            "jobComplete": True,
            "jobReference": {"projectId": "p", "jobId": "j"},
            "schema": {"fields": [_field(name) for name in listed]},
            "rows": [{"f": [{"v": row[name]} for name in listed]} for row in rows],
            "totalRows": str(len(rows)),
        }

    def _new(self, things, name, thing, shown):
        if name in things:
            self.stale.discard(name)
            raise Answer(409, "duplicate", f"Already Exists: {name}")
        things[name] = thing
        return shown


def _columns(name, table):
    dataset, _, short = name.partition(".")
    clustered = table.get("clustering", {}).get("fields", [])
    partition = table.get("timePartitioning", {}).get("field")
    for position, column in enumerate(table["schema"]["fields"], 1):
        known = column["name"]
        yield {
            "table_schema": dataset,
            "table_name": short,
            "column_name": known,
            "ordinal_position": str(position),
            "data_type": TYPES.get(column["type"], column["type"]),
            "is_nullable": "NO" if column["mode"] == "REQUIRED" else "YES",
            "is_partitioning_column": "YES" if partition == known else "NO",
            "clustering_ordinal_position": str(clustered.index(known) + 1) if known in clustered else None,
            "policy_tags": [{"v": tag} for tag in column.get("policyTags", {}).get("names", [])],
        }


def _field(name):
    mode = "REPEATED" if name == "policy_tags" else "NULLABLE"
    return {"name": name, "type": SCHEMA.get(name, "STRING"), "mode": mode}
