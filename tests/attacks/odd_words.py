"""Words that people write where settings, names and contracts are, and should not."""

# ruff: noqa: RUF001 - digits that look like others are what is tried
WORDS = (
    "", " ", "x", "0", "-1", "1", "1.5", "1e9", "999999999999999999999", "nan", "inf", "true", "null", "[]", "{}", "[1]", '{"a": 1}', '{"tolerance": 1}', '{"max_lost": "x"}', '{"lookback_days": 9999999}', '{"tolerance": {"a": []}}', '{"a": NaN}', '"x"', "{", "{{ 1 }}", "${HOME}", "../..", "/", "/dev/null", "/nowhere/x", "~",
    "duckdb://", "duckdb:///", "duckdb:////", "duckdb:///nowhere/x/y.duckdb", "duckdb:////dev/null", "duckdb:////etc/passwd", "duckdb:///.", "duckdb:///%00", "duckdb:///%ff", "duckdb:///a?b=c#d", "sqlite:///x", "gs://", "gs://x/y", "s3://x", "QQ271801A", "é", "\u202e", "\udcff", "a\nb", "\x1b[2J", "x" * 5000, "'; DROP TABLE raw.fees; --", "8GB", "1MB", "local", "prod", "restate", "fail", "synthetic",
)  # fmt: skip

SETTINGS = [(name, value) for name, values in {
    "DATASET_SUFFIX": ["_ci", "_", "1", "a b", "-x", "_CI", "x" * 300, "é", "'", "\u0660", "_ci\n"],
    "VARS": ['{"lookback_days": true}', '{"lookback_days": 1.0}', '{"lookback_days": "3"}', '{"lookback_days": -1}', '{"tolerance": 0.000000001}', '{"tolerance": 1e-10}', '{"tolerance": "0,1"}', '{"max_lost": 1.1}', '{"max_lost": 1}', '{"max_rejected": 0}', '{"anomaly_share": "x"}', '{"anomaly_share": null}', '{"anomaly_share": []}', '{"anomaly_history": "x"}', '{"anomaly_history": -1}', '{"anomaly_history": 1e400}', '{"anomaly_history": 0}', '{"anomaly_history": 99999999999999999999}', '{"anomaly_needs": "6; DROP"}', '{"anomaly_rows": {}}', '{"anomaly_rows": 1.5}', '{"anomaly_deviations": "1e5"}', '{"anomaly_deviations": "-1"}', '{"anomaly_season": "nan"}', '{"anomaly_rejects": "99999999999999999999999999999999999999999"}', '{"anomaly_rejects": 0.0000000000001}', '{"anomaly_share": "0.3\') OR (1=1"}', '{"anomaly_share": "QQ271801A"}', '{"": 1}', '{"a b": 1}', '{"contracts": {}}', '{"window": 1}', '{"today": "x"}', '{"range": 1}', '{"lookback_days": 3, "lookback_days": 4}', "[" * 5000, '{"a":' * 2000],
    "MEMORY": ["16MB", "15MB", "1024TB", "1025TB", "1 GB", "1GiB", "0.5GB", ".5GB", "1gb", "1G", "100%", "١GB", "9" * 20 + "KB", "1e3MB", "-1GB"],
    "WAREHOUSE": ["duckdb:///fees.duckdb", "duckdb:///lake/x.duckdb", "duckdb:///../x", "DUCKDB:///x", "duckdb:/x", "duckdb:x", "duckdb:///fees.duckdb/", "duckdb:///fees.duckdb/x", "duckdb:///raw.duckdb", "duckdb:///main.duckdb", "duckdb:///staging", "duckdb:///temp.duckdb", "duckdb:///system.duckdb", "duckdb:///memory", "duckdb:///:memory:", "duckdb:///a b.duckdb", "duckdb:///a'b.duckdb", 'duckdb:///a"b.duckdb', "duckdb:///a;b.duckdb", "duckdb:///é.duckdb", "duckdb:///😀", "duckdb:///QQ271801A.duckdb", "duckdb:///" + "x" * 251, "duckdb:///" + "x/" * 3000, "duckdb:///-", "duckdb:///--", "duckdb:///1", "duckdb:///select.duckdb", "duckdb:////proc/x", "duckdb:////dev/full", "duckdb:////dev/zero", "duckdb:////sys/x", "bigquery://", "bigquery://x?location=", "bigquery://x?region=EU", "bigquery://x/y", "bigquery://x?location=EU&location=US", "bigquery://x?location=E U", "bigquery:x"],
    "ARTIFACTS": ["here", "here/there/x", "fees.duckdb", "fees.duckdb/x", "/dev/full", "/proc/x", "/nowhere/\udcff", "gs:///x", "s3://x", "file:///x", "http://x", "a b", "-", "--out", "~/x", "x" * 300, "x/" * 3000, "QQ271801A", "a\nb", "lake", "."],
    "SPILL": ["here", "fees.duckdb", "/dev/null", "/proc/1", "x" * 300, "/nowhere", ".", "a\nb", "'", "gs://x", "/dev/full", "~"],
    "MAX_COST": ["0", "0.0000001", "1e9", "1e10", "-0", "£5", "5 ", "1_0", "٥", "sNaN"], "MAX_BYTES": ["1_000", "1.0", "1e3", "0x1", "9" * 400, "+5", " 5", "٥"], "PRICE_PER_TIB": ["0", "-0", "1e-400", "1e9", "sNaN", "Infinity"], "DEADLINE": ["0.5", "604800", "604801", "1e3", "-0"],
    "PII": ["Synthetic", "real", " synthetic"], "POLICY_TAGS": ['{"nino": 1}', '{"nino": "x"}', '{"": ""}', '{"nino": "projects/a/locations/b/taxonomies/c/policyTags/d"}', '{"nino": null}', '["nino"]', '{"nino": {"a": 1}}'], "GIT_SHA": ["", "x", "\x1b", "QQ271801A", "x" * 5000], "NOTHING": ["x"], "SOURCES": ["x"], "": ["x"],
}.items() for value in values]  # fmt: skip

TOML = (
    '""',
    '" "',
    "0",
    "-1",
    "1.5",
    "inf",
    "nan",
    "true",
    "[]",
    "[[]]",
    "{}",
    "{a = 1}",
    "{a = {b = []}}",
    "2025-01-31",
    "2025-01-31T00:00:00Z",
    "10:00:00",
    '"x"',
    '"\\u0000"',
    '"QQ271801A"',
    "0x7fffffffffffffffff",
    "1e400",
    "'''\nx'''",
    "{tolerance = 0.1}",
    "{tolerance = 2025-01-01}",
    '"duckdb:///x.duckdb"',
)

TOMLS = [
    "", "x", "=", "[", "[targets", "[targets]", "[targets]\nx = 1", "[[targets.prod]]\nsource = 'x'", "targets = 1", "targets = []", "[targets.prod]", "[targets.prod]\n[targets.prod]", "[targets.prod]\nsource = 'x'\nsource = 'y'", "[targets.prod.x]\ny = 1", "[target.prod]\nsource = 'x'", "[Targets.prod]", "[tool.fees-etl.targets.prod]\nsource = 'x'", "[tool.fees_etl.targets.prod]", "[tool.fees-etl]\ntargets = 1",
    "[tool]\nfees-etl = 1", "tool = 1", "[tool.fees-etl.targets]\nprod = 1", "[targets.prod]\nproject_dir = 'x'", "[targets.prod]\ntarget = 'x'", "[targets.prod]\nwarehous = 'x'", '[targets."QQ271801A"]', '[targets."a b"]', '[targets."\\u001b[2J"]', '[targets.""]', "[targets.local]\nvars = {tolerance = 1, tolerance = 2}", "[targets.prod]\nvars.a.b.c = 1", "\ufeff[targets.prod]", b"\xff\xfe", b"\x00", b"[targets.prod]\r\nsource = 'x'\r", "[targets.prod]\rsource = 1",
    "# QQ271801A\n[", "[targets.prod]\nwarehouse = 'QQ271801A'", "a." * 3000 + "b = 1", "x = " + "[" * 5000, "x = " + "{a=" * 2000, "x = '" + "y" * 2_000_000 + "'", '[targets.prod]\nsource = "\\ud800"', "[targets.prod]\nsource = 'x", "[targets.prod]\nvars = {\n}", "[targets.prod]\nlate_policy = 'restat'", "[targets.prod]\nmax_cost = 1e999", "[targets.local]\npolicy_tags.nino = 'x'", "[targets.prod]\n\x07", "x = 9" + "9" * 5000,
]  # fmt: skip

DOTENVS = [
    "", "x", "=", "FEES_ETL_", "FEES_ETL_TARGET", "FEES_ETL_TARGET=", "FEES_ETL_TARGET=prod", "FEES_ETL_TARGET='prod", 'FEES_ETL_TARGET="prod', "FEES_ETL_TARGET=a\nFEES_ETL_TARGET=b", "fees_etl_target=a\nFEES_ETL_TARGET=b", "export FEES_ETL_SOURCE=lake", "export FEES_ETL_SOURCE", "FEES_ETL_SOURCE = lake # x", "FEES_ETL_SOURCE=$(ls)", "FEES_ETL_SOURCE=${HOME}", "FEES_ETL_SOURCE=${FEES_ETL_SOURCE}", "FEES_ETL_SOURCE=${A:-${B:-c}}", "FEES_ETL_VARS={'a': 1}",
    'FEES_ETL_VARS={"tolerance": 1}', 'FEES_ETL_VARS={"tolerance":', "FEES_ETL_MEMORY=1", "FEES_ETL_X=1", "A=QQ271801A", "FEES_ETL_TARGET=QQ271801A", "FEES_ETL_SOURCE=\x1b[2J", "FEES_ETL_SOURCE='a\nb'", "\ufeffFEES_ETL_TARGET=local", b"\xff\xfe", b"FEES_ETL_SOURCE=\xff", b"FEES_ETL_SOURCE=\x00", "FEES_ETL_SOURCE=\ud800", "A=1\r\nFEES_ETL_TARGET=local\r\n", "x\n" * 100_000, "A=" + "x" * 3_000_000, "FEES_ETL_SOURCE==", "=FEES_ETL_SOURCE", "FEES ETL_SOURCE=1", "FEES_ETL_SOURCE:lake", "FEES_ETL_SÖURCE=1",
]  # fmt: skip

YAML = {
    "null": None, "empty": "", "blank": " ", "word": "x", "zero": 0, "minus": -1, "big": 10**40, "float": 1.5, "inf": float("inf"), "true": True, "list": [], "lists": [[]], "mapping": {}, "mapping of lists": {"a": ["b"]}, "a NINO": "QQ271801A", "SQL": "x') OR ('1'='1", "Jinja": "{{ 1 / 0 }}", "long": "x" * 20_000, "odd": "\u202eé😀\u2028", "markup": "</script><b>", "date": "2025-02-30", "column": "fee_amount", "columns": ["fee_id", "fee_id"], "table": "raw.fees", "STRING": "STRING", "a line": "a\nb", "percent": "100%", "word of SQL": "select", "dots": "...", "number": "1e3", "quote": "'", "back": "\\",
}  # fmt: skip

STG, FEES, DIM, LTV = (
    "staging/stg_fees.yml",
    "raw/fees.yml",
    "reporting/dim_clients.yml",
    "reporting/rpt_client_ltv.yml",
)
CONTRACTS = [
    (STG, "key: [fee_date, fee_id]", new) for new in ("key: [fee_id]", "key: [fee_id, fee_date]", "key: [fee_date]", "key: [client_nino]", "key: [fee_date, client_id]", "key: [fee_date, fee_id, fee_id]", "key: [fee_date, fee_id, fee_amount, client_id, adviser_id]", "key: []", "key: fee_id", "key: [nothing]")
] + [
    (STG, "partition_by: fee_date", new) for new in ("partition_by: fee_id", "partition_by: client_id", "partition_by: [fee_date]", "partition_by: nothing", "partition_by: fee_amount", "partition_by: ''", "")
] + [
    (STG, "cluster_by: [client_id]", new) for new in ("cluster_by: [fee_amount]", "cluster_by: [client_nino]", "cluster_by: [nothing]", "cluster_by: []", "cluster_by: [client_id, client_id]", "cluster_by: [client_id, adviser_id, fee_id, fee_date, fee_amount]", "")
] + [
    (STG, "materialized: merge", new) for new in ("materialized: rebuild", "materialized: matches", "materialized: contract", "materialized: part", "materialized: history", "materialized: ../x", "materialized: 'no'", "materialized: null")
] + [
    (STG, "lookback: lookback_days", new) for new in ("lookback: tolerance", "lookback: max_lost", "lookback: 3", "lookback: nothing", "lookback: anomaly_rows", "")
] + [
    (STG, line, new) for line in ("beforehand: causes", "afterwards: staged", "shared: ranked") for new in ("", line.partition(":")[0] + ": nothing", line.partition(":")[0] + ": lock", line.partition(":")[0] + ": cleaned", line.partition(":")[0] + ": state")
] + [
    (STG, "required: true, minimum", new) for new in ("minimum", "unique: true, minimum", "required: false, maximum: 2025-01-15, minimum", "accepted: [2025-01-01], minimum", "references: reporting.dim_clients.first_fee_date, minimum", "references: raw.fees.fee_date, minimum", "references: staging.stg_fees.fee_date, minimum", "references: x, minimum", "policy_tag: nino, minimum", "policy_tag: other, minimum")
] + [
    (FEES, "partition_by: fee_date", new) for new in ("partition_by: client_id", "partition_by: _ingested_at", "partition_by: _source_row", "partition_by: [fee_date]", "")
] + [
    (FEES, "total: fee_amount", new) for new in ("total: fee_date", "total: client_id", "total: _source_row", "total: nothing", "total: [fee_amount]", "")
] + [
    (FEES, "freshness: {due: 1st of month, grace: 3 working days, calendar: GB}", f"freshness: {new}") for new in ("{}", "null", "x", "[]", "{due: 1st of month}", "{due: 31st of month, grace: 0 days, calendar: GB}", "{due: 32nd of month, grace: 1 day, calendar: GB}", "{due: 0th of month, grace: 1 day}", "{due: every day, grace: 1 day}", "{due: daily, grace: 1 day}", "{due: Monday, grace: 1 day}", "{due: 1st of month, grace: -1 days, calendar: GB}", "{due: 1st of month, grace: 99999999 days}", "{due: 1st of month, grace: 99999 working days, calendar: GB}", "{due: 1st of month, grace: 3 working days, calendar: XX}", "{due: 1st of month, grace: 3 working days}", "{due: 1st of month, grace: 3 working days, calendar: GB-NIR}", "{due: 1st of month, grace: 3 working days, calendar: QQ271801A}", "{due: 29th of month, grace: 1 working day, calendar: US}")
] + [
    (FEES, "type: NUMERIC, required_in_file: true", f"type: {new}, required_in_file: true") for new in ("INT64", "STRING", "FLOAT64", "BIGNUMERIC", "DATE", "BOOL", "NUMERIC(5, 2)", "numeric", "BYTES", "JSON", "TIMESTAMP", "ARRAY<NUMERIC>")
] + [
    (FEES, "{name: adviser_id, type: STRING, required_in_file: true", new) for new in ("{name: adviser_id, type: STRING", "{name: adviser_id, aliases: [client_id], type: STRING", "{name: adviser_id, aliases: [Client ID], type: STRING", "{name: adviser_id, aliases: [''], type: STRING", "{name: adviser_id, aliases: [x, X], type: STRING", "{name: adviser_id, aliases: [QQ271801A], type: STRING", "{name: adviser_id, aliases: x, type: STRING", "{name: adviser_id, policy_tag: nino, type: STRING", "{name: adviser_id, required: true, type: STRING", "{name: adviser_id, unique: true, type: STRING", "{name: adviser_id, accepted: [A1], type: STRING", "{name: Adviser_id, type: STRING", "{name: client_id, type: STRING", "{name: _adviser, type: STRING", "{name: adviser_id, type: STRING, required_in_file: false")
] + [
    (FEES, "policy_tag: nino, ", new) for new in ("", "policy_tag: other, ", "policy_tag: '', ", "policy_tag: [nino], ", "policy_tag: nino, accepted: [x], ", "policy_tag: nino, unique: true, ")
] + [
    (DIM, "materialized: rebuild", new) for new in ("materialized: merge", "materialized: rebuild\npartition_by: first_fee_date", "materialized: rebuild\nlookback: lookback_days", "materialized: rebuild\nshared: x", "materialized: rebuild\nbeforehand: causes", "materialized: rebuild\nafterwards: staged", "materialized: rebuild\ntotal: client_id", "materialized: rebuild\nlayouts: []", "materialized: rebuild\nlike: raw.fees", "materialized: rebuild\nfreshness: {due: 1st of month, grace: 1 day}", "materialized: rebuild\nowner: ''", "materialized: rebuild\nowner: QQ271801A")
] + [
    (LTV, "key: [client_id]", new) for new in ("key: [client_id, ltv_total]", "key: [ltv_total]", "key: [first_fee_date]", "key: []", "key: [is_complete_1_month]", "", "key: [client_id]\ncluster_by: [is_complete_1_month]", "key: [client_id]\npartition_by: ltv_total", "key: [client_id]\npartition_by: first_fee_date")
]  # fmt: skip

L = "  - files: "
LAYOUTS = [
    "", "  - {}", "  - x", "  - []", f"{L}''", f"{L}'*'", f"{L}'**'", f"{L}v2/**", f"{L}'['", f"{L}'/'", f"{L}'../**'", f"{L}[v2/**]", f"{L}'" + "*" * 400 + "'", f"{L}'**/" + "**/" * 100 + "x'", f'{L}v2/**\n    delimiter: ";"\n    date_format: DD/MM/YYYY', f'{L}v2/**\n    delimiter: ""', f'{L}v2/**\n    delimiter: ";;"', f'{L}v2/**\n    delimiter: "\\t"', f'{L}v2/**\n    delimiter: "\\n"', f"{L}v2/**\n    delimiter: '\"'", f'{L}v2/**\n    delimiter: "\\0"', f"{L}v2/**\n    delimiter: é", f"{L}v2/**\n    delimiter: 1", f"{L}v2/**\n    delimiter: '-'", f"{L}v2/**\n    delimiter: '.'", f"{L}v2/**\n    delimiter: ' '", f"{L}v2/**\n    delimiter: null",
    *(f'{L}v2/**\n    delimiter: ";"\n    date_format: {form}' for form in ("x", "''", "DD", "DD/DD/YYYY", "DDMMYYYY", "YY-MM-DD", "MM/DD/YYYY", "dd/mm/yyyy", "'%d/%m/%Y'", "YYYY", "D/M/YYYY", "DD/MM/YYYY HH:MI", "'DD/MM/YYYY '", "DD.MM.YYYY", "YYYYMMDD", "null", "[]", "QQ271801A", "'DD''MM''YYYY'")), *(f'{L}v2/**\n    delimiter: ";"\n    columns: {names}' for names in ("{}", "x", "[]", "null", "{x: client_id}", "{x: nothing}", "{client_id: adviser_id}", "{client_id: adviser_id, adviser_id: client_id}", "{x: client_id, y: client_id}", "{'': client_id}", "{x: _source_row}", "{x: ''}", "{QQ271801A: client_id}", "{' client_id ': client_id}", "{x: [client_id]}", "{client_nino: client_id, client_id: client_nino}")), f"{L}v2/**\n{L}v2/**", f"{L}v2/**\n    nothing: x", f"{L}v2/**\n    encoding: cp1252",
]  # fmt: skip

W = "- {assertion: assert_client_data, key: [C1], reason: known, expires: 2099-01-01}\n"
WAIVERS = [
    "", "x", "- x", "{}", "[]", "null", "- {}", "- []", W, W + W, W.replace("C1", "c1"), W.replace("[C1]", "C1"), W.replace("[C1]", "[]"), W.replace("[C1]", "[C1, C2]"), W.replace("[C1]", "[[C1]]"), W.replace("[C1]", "{a: b}"), W.replace("[C1]", "['*']"), W.replace("[C1]", "[null]"), W.replace("C1", "QQ271801A"), W.replace("known", "''"), W.replace("known", "null"), W.replace("known", "QQ 27 18 01 A"), W.replace("known", '"a\\nb"'), W.replace("known", '"\\e[2J"'), W.replace("known", "x" * 20_000), W.replace("known", "[a]"), W.replace("known", "'<b>'"),
    *(W.replace("2099-01-01", day) for day in ("2025-02-30", "2020-01-01", "0001-01-01", "9999-12-31", "10000-01-01", "never", "20990101", "2099-1-1", "2099-01-01T00:00:00", "2099-01-01T00:00:00Z", "null", "''", "[2099-01-01]", "1e3", "2099-01-01 # x", "'2099-01-01'", "-2099-01-01", "٢٠٩٩-01-01")), *(W.replace("assert_client_data", name) for name in ("assert_clients", "''", "contract_stg_fees", "matches_stg_fees", "check_names", "check_nothing", "freshness", "assert_ledger", "assert_raw_as_ingested", "published_before", "null", "[assert_client_data]", "'*'", "QQ271801A", "x" * 3000)),
    W.replace(", reason: known", ""), W.replace(", expires: 2099-01-01", ""), W.replace("key: [C1], ", ""), W.replace("reason", "raison"), W.replace("}", ", x: 1}"), W.replace("\n", "\r"), "\ufeff" + W, b"\xff\xfe", b"- \x00", b"- {reason: \xe9}", W * 400, "&a " + W, "- &a {assertion: assert_client_data, key: [C1], reason: known, expires: 2099-01-01}\n- *a\n", "!!python/object:x {}", "%YAML 9.9\n---\n" + W, "--- x\n--- y\n", "\t- x",
]  # fmt: skip

ARGUMENTS = [
    "",
    " ",
    "x",
    "-",
    "--",
    "0",
    "-1",
    "1",
    "1.5",
    "1e9",
    "99999999999999999999",
    "latest",
    "previous",
    "2025-01-31",
    "2025-02-30",
    "0001-01-01",
    "9999-12-31",
    "2025-01-31T10:00",
    ".",
    "..",
    "/",
    "/dev/full",
    "/dev/null",
    "/nowhere/x",
    "*",
    "+",
    "+x+",
    "stg_fees",
    "+stg_fees+",
    "layer:reporting",
    "state:modified",
    "json",
    "text",
    "csv",
    "x=y",
    "=",
    "a\nb",
    "\udcff",
    "\u202e\x1b[2J",
    "QQ271801A",
    "{{ 1 }}",
    "'; DROP TABLE raw.fees; --",
    "x" * 5000,
    "HEAD",
    "HEAD~9999",
    "--help",
    "@",
    "fees.duckdb",
]

NAMES = [
    "*+*",
    "++",
    "9" * 400 + "+x",
    "1+",
    "+1",
    "1+1+1",
    "-1+stg_fees",
    "2+stg_fees+2",
    "layer:",
    "layer:*",
    "layer:nothing",
    "state:",
    "state:x",
    "x:y",
    "[",
    "[a-",
    "rpt_*",
    "*.*",
    "staging.stg_fees",
    "STAGING.STG_FEES",
    "raw.fees",
    "ops.runs",
    "history.dim_clients",
    "rpt_client_ltv.ltv_total",
    "rpt_client_ltv.nothing",
    ".",
    "...",
    "a.b.c.d",
    "rpt_client_ltv.",
    ".ltv_total",
    "rpt_client_ltv.*",
    "select",
    "main.x",
    "information_schema.tables",
    "stg_fees\0",
    "`stg_fees`",
    "stg_fees;",
    "stg_fees -- x",
    "1=1",
    "NULL",
    "nan",
    "a:1",
    "a:0",
    "a:-1",
    "a:" + "9" * 400,
    "a:1:2",
    ":1",
    "sound.csv:1",
    "sound.csv:31",
    "sound.csv:0",
    "sound.csv:1-5",
    "sound.csv:1.5",
    "sound.csv:٣",
    "sound.csv:1e1",
    "/sound.csv:1",
    "*.csv:1",
    "gs://x/y.csv:1",
    "HEAD^{/x}",
    "main..x",
    "-x",
    "--output=/tmp/x",
    "refs/../x",
    ":/x",
    "HEAD:sql",
]

LINES = [
    ["run", "--start", "2025-01-01"], ["run", "--end", "2025-01-01"], ["run", "--start", "2025-02-01", "--end", "2025-01-01"], ["run", "--start", "0001-01-01", "--end", "9999-12-31", "--rehearse"], ["run", "--full-refresh", "--start", "2025-01-01", "--end", "2025-01-02"], ["run", "--source", "a", "--source", "b"], ["run", "--source", "a", "--skip-ingest"], ["run", "--from", "stg_fees", "--source", "x"], ["run", "--from", "rpt_client_ltv", "--to", "stg_fees"], ["run", "--select", "a", "--exclude", "a"], ["run", "--exclude", "*"], ["run", "x"],
    ["backfill"], ["backfill", "--start", "2025-01-01"], ["backfill", "--start", "0001-01-01", "--end", "9999-12-31", "--chunk", "month", "--rehearse"], ["backfill", "--start", "1990-01-01", "--end", "2100-01-01"], ["backfill", "--start", "2025-01-01", "--end", "2025-01-01", "--resume"], ["backfill", "--start", "2025-01-01", "--end", "2025-03-01", "--chunk", "month", "--resume"], ["backfill", "--start", "2025-01-01", "--end", "2025-03-01", "--resume", "--rehearse"], ["backfill", "--start", "x", "--end", "y"], ["backfill", "--start", "2025-01-01", "--end", "2025-03-01", "--chunk", "year"],
    ["ingest", "--reload", "--forget", "x"], ["ingest", "--reload"], ["ingest", "--forget"], ["ingest", "--forget", ""], ["ingest", "a", "b"], ["ingest", "--reload", "x", "--rehearse"], ["assert", "--source"], ["assert", "--source", "nowhere"], ["assert", "contract_stg_fees", "contract_stg_fees"], ["diff"], ["diff", "latest"], ["diff", "latest", "latest"], ["diff", "a", "b", "c"], ["diff", "--fail"], ["diff", "latest", "--project", "."], ["diff", "--project", "/"], ["diff", "--project", "HEAD"],
    ["show", "rpt_client_ltv", "client_id"], ["show", "rpt_client_ltv", "=C1"], ["show", "rpt_client_ltv", "client_id=C1", "client_id=C2"], ["show", "rpt_client_ltv", "ltv_total=x"], ["show", "rpt_client_ltv", "ltv_total=1e400"], ["show", "rpt_client_ltv", "first_fee_date=2025-02-30"], ["show", "rpt_client_ltv", "is_complete_1_month=maybe"], ["show", "rpt_client_ltv", "--limit", "0"], ["show", "stg_fees"], ["show", "stg_fees", "client_nino=QQ271801A"], ["show", "stg_fees", "--column", "client_nino"], ["show", "fees"], ["show", "fees_rejected"], ["show", "ops.runs"], ["show", "ops.sql"], ["show", "rpt_client_ltv", "--column", "ltv_total", "--column", "ltv_total"],
    ["trace", "rpt_client_ltv"], ["trace", "rpt_client_ltv", "client_id=C1"], ["trace", "rpt_client_ltv", "client_id=C1", "--column", "client_id"], ["trace", "rpt_client_ltv", "client_id=C1", "--column", "first_fee_date", "--verify"], ["trace", "rpt_cohort_ltv", "cohort_month=2025-01", "--column", "median_ltv_6_month"], ["trace", "rpt_adviser_ltv", "adviser_id=A1", "--column", "rank_by_ltv_6_month", "--output", "csv"], ["trace", "stg_fees", "client_id=C1", "--column", "client_nino"], ["trace", "stg_fees", "client_nino=QQ271801A", "--column", "fee_amount"], ["trace", "fees", "client_id=C1"], ["trace", "ops.runs", "run_id=x"],
    ["evidence"], ["evidence", "latest"], ["evidence", "verify"], ["evidence", "verify", "fees.duckdb"], ["evidence", "verify", "a", "b"], ["evidence", "latest", "--out", "fees.duckdb"], ["evidence", "latest", "--out", "e.zip", "--follows", "fees.duckdb"], ["evidence", "latest", "--out", "e.zip", "--digest", "x"], ["docs", "--out", ""], ["docs", "x"], ["render"], ["render", "a", "b"], ["render", "stg_fees", "--dialect", "mysql"], ["render", "assert_ledger", "--start", "2025-01-01", "--end", "2025-01-01"], ["ls", "--lineage", "raw.fees"], ["ls", "--lineage", "stg_fees", "--output", "odcs"], ["ls", "--output", "mermaid"],
    ["report", "--run", "nothing"], ["runs", "show"], ["runs", "show", "x", "y"], ["runs", "--limit", "0"], ["runs", "--limit", "10001"], ["runs", "--html", "--output", "json"], ["runs", "--out", "x"], ["runs", "--html", "--out", "-"], ["init", "."], ["init", "fees.duckdb"], ["init", "a", "b"], ["init", "--model", "a.b.c"], ["init", "/dev/null/x"], ["test", "nothing"], ["check", "--state", "latest"], ["check", "--select", "state:modified", "--state", "latest"], ["--var", "tolerance=1", "--var", "tolerance=2", "ls"], ["--var", "tolerance", "ls"], ["--target", "local", "--target", "local", "ls"], ["-q", "-v", "ls"], ["--log-format", "xml", "ls"], ["--project-dir", "fees.duckdb", "ls"],
    ["--install-completion", "x"], ["--show-completion", "tcsh"], ["--version", "x"], [], ["--"], ["--", "ls"], ["ls", "--"], ["help"], ["RUN"], ["rnu"], ["run", "--ful-refresh"], ["run", "-x"], ["run", "--rehearse=1"], ["run", "--output=JSON"], ["@ls"], ["QQ271801A"], ["run", "--QQ271801A"], ["\x1b[2J"], ["\udcff"], ["x" * 100_000],
]  # fmt: skip
