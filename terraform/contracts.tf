# The tables with policy tags, as the BigQuery API describes them, read from the same contracts as fees-etl reads: a column is
# told once, in sql/. A column names its tag by the alias of its contract; tables.tf puts the tag there.
locals {
  tables = {
    for name, contract in local._contracts : name => merge(
      {
        description = contract.description
        schema = {
          fields = [
            for column in local._columns[name] : merge(
              {
                name        = column.name
                type        = lookup(local._api_types, column.type, column.type)
                mode        = try(column.required, false) ? "REQUIRED" : "NULLABLE"
                description = column.description
              },
              try(column.policy_tag, null) != null ? { policyTags = { names = [column.policy_tag] } } : null,
            )
          ]
        }
      },
      try(contract.partition_by, null) != null ? { timePartitioning = { type = "DAY", field = contract.partition_by } } : null,
      length(try(contract.cluster_by, [])) > 0 ? { clustering = { fields = contract.cluster_by } } : null,
    ) if anytrue([for column in local._columns[name] : try(column.policy_tag, null) != null])
  }

  # What the API calls the types that GoogleSQL has another name for.
  _api_types = { BOOL = "BOOLEAN", INT64 = "INTEGER" }

  # Of `like`: the columns of a file in the other table, each of which may be absent; then the table's own.
  _columns = {
    for name, contract in local._contracts : name => concat(
      [
        for column in flatten([for other in compact([try(contract.like, null)]) : local._contracts[other].columns]) :
        merge(column, { required = false }) if !startswith(column.name, "_")
      ],
      contract.columns,
    )
  }

  # Assertions have a .yml too, and no columns.
  _contracts = { for path, found in local._yaml : replace(trimsuffix(path, ".yml"), "/", ".") => found if can(found.columns) }
  _yaml      = { for path in fileset(local._sql, "*/*.yml") : path => yamldecode(file("${local._sql}/${path}")) }
  _sql       = "${path.module}/${var.sql}"
}
