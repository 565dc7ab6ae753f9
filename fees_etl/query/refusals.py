"""What DuckDB cannot do exactly as BigQuery does: refused with a reason, never run with a different result."""

from __future__ import annotations

from sqlglot import exp

REFUSED: dict[type[exp.Expr], str] = {
    exp.FarmFingerprint: "use TO_HEX(MD5(...))",
    exp.ApproxQuantiles: "use PERCENTILE_CONT(x, NUMERIC '0.5') OVER (...)",
    exp.ApproxDistinct: "use COUNT(DISTINCT x)",
    exp.ApproxTopK: "use GROUP BY and ORDER BY COUNT(*)",
    exp.ApproxTopSum: "use GROUP BY and ORDER BY SUM(x)",
    exp.Format: "use CONCAT and CAST",
    exp.JSONFormat: "use CAST or CONCAT",
    exp.SafeFunc: "only SAFE_CAST and SAFE_DIVIDE are safe on both engines",
    exp.Rand: "a model must give the same rows twice",
    exp.Uuid: "a model must give the same rows twice",
    exp.SessionUser: "a model must give the same rows for everybody",
    exp.Reverse: "DuckDB keeps combining characters together",
    exp.Initcap: "word boundaries differ",
    exp.Sqrt: "the last decimals differ",
    exp.Exp: "the last decimals differ",
    exp.Ln: "the last decimals differ",
    exp.Log: "the last decimals differ",
    exp.Pow: "the last decimals differ",
    exp.Stddev: "the last decimals differ",
    exp.StddevPop: "the last decimals differ",
    exp.Variance: "the last decimals differ",
    exp.StrToDate: "CAST texts like 2025-01-31 AS DATE",
    exp.StrToTime: "CAST texts AS TIMESTAMP",
    exp.CurrentDate: "a model must give the same rows tomorrow",
    exp.Pivot: "write one IF per column",
    exp.TableSample: "a model must give the same rows twice",
    exp.Version: "DuckDB has no time travel",
    exp.HavingMax: "use ROW_NUMBER",
    exp.PercentileDisc: "use PERCENTILE_CONT(x, NUMERIC '0.5') OVER (...)",
    exp.ArgMax: "use ROW_NUMBER",
    exp.ArgMin: "use ROW_NUMBER",
}
"""Expressions, by sqlglot's class, each with what to write instead or why not."""

TAKEN_AS_IS: frozenset[type[exp.Expr]] = frozenset((
    exp.Expr, exp.And, exp.Or, exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Exists, exp.Count, exp.Min, exp.Max,
    exp.AnyValue, exp.LogicalAnd, exp.LogicalOr, exp.ArrayAgg, exp.Array, exp.ArraySize, exp.RowNumber, exp.Rank,
    exp.DenseRank, exp.Ntile, exp.PercentRank, exp.CumeDist, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
    exp.NthValue, exp.Abs, exp.Replace, exp.Left, exp.Right, exp.Repeat, exp.StartsWith, exp.EndsWith, exp.Contains,
    exp.CurrentTimestamp, exp.DateFromParts, exp.TsOrDsToDate, exp.GroupConcat, exp.Struct, exp.UnixDate,
    exp.RegexpLike,
    exp.WeekStart,
))  # fmt: skip
"""Functions whose arguments and results are the same on both engines, as sqlglot writes them."""
