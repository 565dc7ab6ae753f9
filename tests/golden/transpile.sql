-- GoogleSQL, and what DuckDB gets for it. test.t has n, m NUMERIC; i, j INT64; s, r STRING; d, e DATE.

-- money

-- input
SELECT n / m AS a, n / i AS b, i / j AS c, SAFE_DIVIDE(n, i) AS d FROM test.t
-- expected
SELECT bq_div("n", "m") AS "a", bq_div("n", "i") AS "b", bq_div_float(CAST("i" AS DOUBLE), CAST("j" AS DOUBLE)) AS "c", bq_div("n", NULLIF("i", 0)) AS "d" FROM "test_ci"."t"

-- input
SELECT n * m AS a, n * i AS b, n * 1.5 AS c, i * j AS d, n + 1 AS e, i + 1 AS f FROM test.t
-- expected
SELECT bq_mul("n", "m") AS "a", "n" * "i" AS "b", bq_by("n", CAST('1.5' AS DECIMAL(9, 1))) AS "c", "i" * "j" AS "d", "n" + 1 AS "e", "i" + CAST(1 AS BIGINT) AS "f" FROM "test_ci"."t"

-- input
SELECT DIV(i, j) AS a, MOD(i, 2) AS b, DIV(n, m) AS c, MOD(n, 2) AS d FROM test.t
-- expected
SELECT bq_cut_int("i", "j") AS "a", bq_mod_int("i", 2) AS "b", bq_cut("n", "m") AS "c", bq_mod("n", 2) AS "d" FROM "test_ci"."t"

-- input
SELECT SIGN(n) * DIV(ABS(n) * 200 + i, 2 * i) * NUMERIC '0.01' AS pennies FROM test.t
-- expected
SELECT bq_by(bq_mul(CAST(SIGN("n") AS DECIMAL(38, 9)), bq_cut(ABS("n") * 200 + "i", CAST(2 AS BIGINT) * "i")), CAST('0.01' AS DECIMAL(9, 2))) AS "pennies" FROM "test_ci"."t"

-- input
SELECT ROUND(n, 2) AS a, TRUNC(n) AS b, CEIL(n) AS c, SIGN(i) AS d FROM test.t
-- expected
SELECT CAST(ROUND("n", 2) AS DECIMAL(38, 9)) AS "a", CAST(TRUNC("n") AS DECIMAL(38, 9)) AS "b", CAST(CEIL("n") AS DECIMAL(38, 9)) AS "c", CAST(SIGN("i") AS BIGINT) AS "d" FROM "test_ci"."t"

-- input
SELECT AVG(n) AS a, SUM(n) AS b, SUM(i) AS c, COUNT(*) AS d, COUNTIF(n > 0) AS e FROM test.t
-- expected
SELECT bq_div(SUM("n"), COUNT("n")) AS "a", SUM("n") AS "b", CAST(SUM("i") AS BIGINT) AS "c", COUNT(*) AS "d", COUNT(CASE WHEN "n" > 0 THEN 1 END) AS "e" FROM "test_ci"."t"

-- input
SELECT AVG(n) OVER (PARTITION BY s ORDER BY d) AS a, SUM(i) OVER w AS b FROM test.t WINDOW w AS (ORDER BY d)
-- expected
SELECT bq_div(SUM("n") OVER (PARTITION BY "s" ORDER BY "d" NULLS FIRST), COUNT("n") OVER (PARTITION BY "s" ORDER BY "d" NULLS FIRST)) AS "a", CAST(SUM("i") OVER "w" AS BIGINT) AS "b" FROM "test_ci"."t" WINDOW "w" AS (ORDER BY "d" NULLS FIRST)

-- input
SELECT PERCENTILE_CONT(n, NUMERIC '0.5') OVER (PARTITION BY s) AS median FROM test.t
-- expected
SELECT bq_by(QUANTILE_DISC(CAST("n" AS DECIMAL(38, 9)), 0.5) OVER (PARTITION BY "s") - QUANTILE_DISC(-CAST("n" AS DECIMAL(38, 9)), 0.5) OVER (PARTITION BY "s"), CAST('0.5' AS DECIMAL(2, 1))) AS "median" FROM "test_ci"."t"

-- input
SELECT CAST(n AS STRING) AS a, CAST(s AS NUMERIC) AS b, SAFE_CAST(s AS INT64) AS c, CAST('1.5' AS NUMERIC) AS d FROM test.t
-- expected
SELECT bq_text("n") AS "a", CAST(REPLACE("s", '_', '?') AS DECIMAL(38, 9)) AS "b", TRY_CAST(bq_int_text("s") AS BIGINT) AS "c", CAST('1.5' AS DECIMAL(38, 9)) AS "d" FROM "test_ci"."t"

-- input
SELECT COALESCE(n, 0) AS a, IF(n > 0.5, n, 1.5) AS b, IF(i > 1, 1, 0) AS c FROM test.t
-- expected
SELECT COALESCE("n", 0) AS "a", CASE WHEN "n" > CAST(0.5 AS DECIMAL(38, 9)) THEN "n" ELSE CAST(1.5 AS DECIMAL(38, 9)) END AS "b", CASE WHEN "i" > 1 THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END AS "c" FROM "test_ci"."t"

-- input
SELECT GREATEST(n, m) AS a, LEAST(i, 3) AS b FROM test.t
-- expected
SELECT CASE WHEN "n" IS NULL OR "m" IS NULL THEN NULL ELSE GREATEST("n", "m") END AS "a", CASE WHEN "i" IS NULL OR CAST(3 AS BIGINT) IS NULL THEN NULL ELSE LEAST("i", CAST(3 AS BIGINT)) END AS "b" FROM "test_ci"."t"

-- dates

-- input
SELECT DATE_ADD(d, INTERVAL 1 MONTH) AS a, DATE_SUB(d, INTERVAL i DAY) AS b, d + 1 AS c FROM test.t
-- expected
SELECT bq_date("d" + to_months(1)) AS "a", bq_date("d" + to_days(CAST(("i") * -1 AS INT))) AS "b", bq_date("d" + to_days(1)) AS "c" FROM "test_ci"."t"

-- input
SELECT DATE_TRUNC(d, MONTH) AS a, LAST_DAY(d) AS b, DATE_DIFF(e, d, MONTH) AS c, FORMAT_DATE('%Y-%m', d) AS f FROM test.t
-- expected
SELECT CAST(DATE_TRUNC('MONTH', "d") AS DATE) AS "a", LAST_DAY("d") AS "b", DATE_DIFF('MONTH', "d", "e") AS "c", STRFTIME(bq_modern("d"), '%Y-%m') AS "f" FROM "test_ci"."t"

-- input
SELECT day FROM UNNEST(GENERATE_DATE_ARRAY(DATE '2025-01-01', DATE '2025-06-01', INTERVAL 1 MONTH)) AS day
-- expected
SELECT "day" FROM UNNEST(CAST(GENERATE_SERIES(CAST('2025-01-01' AS DATE), CAST('2025-06-01' AS DATE), INTERVAL '1' MONTH) AS DATE[])) AS _t0("day")

-- input
SELECT d >= DATE '2025-01-31' AS a, d IN UNNEST([DATE '2025-01-31', DATE '2025-02-28']) AS b FROM test.t
-- expected
SELECT "d" >= CAST('2025-01-31' AS DATE) AS "a", "d" IN (CAST('2025-01-31' AS DATE), CAST('2025-02-28' AS DATE)) AS "b" FROM "test_ci"."t"

-- input
SELECT EXTRACT(DAYOFWEEK FROM d) AS a, EXTRACT(YEAR FROM d) AS b, d - i AS c, DATE(2025, 1, i) AS f FROM test.t
-- expected
SELECT (EXTRACT(DAYOFWEEK FROM "d") + 1) AS "a", EXTRACT(YEAR FROM "d") AS "b", bq_date("d" + to_days(CAST(("i") * -1 AS INT))) AS "c", MAKE_DATE(2025, 1, "i") AS "f" FROM "test_ci"."t"

-- input
SELECT DATE(TIMESTAMP '2025-01-31 23:30:00+00') AS a, EXTRACT(DATE FROM CURRENT_TIMESTAMP()) AS b, CAST(d AS TIMESTAMP) AS c FROM test.t
-- expected
SELECT CAST(CAST('2025-01-31 23:30:00+00' AS TIMESTAMPTZ) AS DATE) AS "a", CAST(CURRENT_TIMESTAMP AS DATE) AS "b", CAST("d" AS TIMESTAMPTZ) AS "c" FROM "test_ci"."t"

-- input
SELECT DATE_TRUNC(d, ISOWEEK) AS a, DATE_DIFF(d, e, ISOWEEK) AS b, DATE_DIFF(d, '2025-01-31', DAY) AS c FROM test.t
-- expected
SELECT CAST(DATE_TRUNC('WEEK', "d") AS DATE) AS "a", (DATE_DIFF('DAY', DATE_TRUNC('WEEK', "e"), DATE_TRUNC('WEEK', "d")) // 7) AS "b", DATE_DIFF('DAY', CAST('2025-01-31' AS DATE), "d") AS "c" FROM "test_ci"."t"

-- texts

-- input
SELECT LPAD(s, 5) AS a, STRPOS(s, 'x') AS b, SUBSTR(s, 2, 3) AS c, BYTE_LENGTH(s) AS d, CHR(160) AS e FROM test.t
-- expected
SELECT LPAD("s", 5, ' ') AS "a", STRPOS("s", 'x') AS "b", SUBSTRING("s", 2, 3) AS "c", OCTET_LENGTH(ENCODE("s")) AS "d", ' ' AS "e" FROM "test_ci"."t"

-- input
SELECT REGEXP_EXTRACT(s, r'^(a)b') AS a, REGEXP_REPLACE(s, 'a', 'b') AS b, TRANSLATE(s, 'ab', 'c') AS c FROM test.t
-- expected
SELECT CASE WHEN REGEXP_MATCHES("s", '^(a)b') THEN REGEXP_EXTRACT("s", '^(a)b', 1) END AS "a", REGEXP_REPLACE("s", 'a', 'b', 'g') AS "b", CASE WHEN CONTAINS("s", 'a') OR CONTAINS("s", 'b') THEN TRANSLATE("s", 'ab', 'c') ELSE "s" END AS "c" FROM "test_ci"."t"

-- input
SELECT CAST(CAST(s AS BYTES) AS STRING) AS a, TO_HEX(b'abc') AS b, LENGTH(MD5(s)) AS c, TO_HEX(CAST(s AS BYTES)) AS d FROM test.t
-- expected
SELECT DECODE(ENCODE("s")) AS "a", '616263' AS "b", OCTET_LENGTH(UNHEX(MD5("s"))) AS "c", LOWER(HEX(ENCODE("s"))) AS "d" FROM "test_ci"."t"

-- input
SELECT CAST(CURRENT_TIMESTAMP() AS STRING) AS a, CAST(d AS STRING) AS b, CONCAT(s, d) AS c FROM test.t
-- expected
SELECT bq_stamp(CURRENT_TIMESTAMP) AS "a", CAST("d" AS TEXT) AS "b", ("s" || CAST("d" AS TEXT)) AS "c" FROM "test_ci"."t"

-- input
SELECT TO_HEX(MD5(s)) AS a, TO_HEX(SHA256(CAST(s AS BYTES))) AS b, MD5(s) AS c, SHA256(s) AS d FROM test.t
-- expected
SELECT MD5("s") AS "a", SHA256(ENCODE("s")) AS "b", UNHEX(MD5("s")) AS "c", UNHEX(SHA256("s")) AS "d" FROM "test_ci"."t"

-- input
SELECT CONCAT(CAST(CHAR_LENGTH(s) AS STRING), ':', s) AS a, s || r AS b, LENGTH(s) AS c FROM test.t
-- expected
SELECT (CAST(LENGTH("s") AS TEXT) || ':' || "s") AS "a", ("s" || "r") AS "b", LENGTH("s") AS "c" FROM "test_ci"."t"

-- input
SELECT NULLIF(TRIM(s, ' x'), '') AS a, RTRIM(s, CODE_POINTS_TO_STRING([120, 121])) AS b, UPPER(s) AS c FROM test.t
-- expected
SELECT NULLIF(CASE WHEN CONTAINS("s", ' ') OR CONTAINS("s", 'x') THEN bq_trim("s", ' x') ELSE "s" END, '') AS "a", CASE WHEN CONTAINS("s", 'x') OR CONTAINS("s", 'y') THEN RTRIM("s", 'xy') ELSE "s" END AS "b", bq_upper("s") AS "c" FROM "test_ci"."t"

-- input
SELECT 'it\'s' AS a, r'\d' AS b, "say 'no'" AS c, s LIKE 'a\\_%' AS d FROM test.t
-- expected
SELECT 'it''s' AS "a", '\d' AS "b", 'say ''no''' AS "c", "s" LIKE 'a\_%' ESCAPE '\' AS "d" FROM "test_ci"."t"

-- input
SELECT STRING_AGG(s, ',' ORDER BY s DESC) AS a FROM test.t
-- expected
SELECT LISTAGG("s", ',' ORDER BY "s" DESC) AS "a" FROM "test_ci"."t"

-- names and clauses

-- input
SELECT CASE i WHEN 1 THEN 'one' ELSE s END AS a, CASE WHEN i > 1 THEN n WHEN i = 1 THEN 0 END AS b FROM test.t
-- expected
SELECT CASE "i" WHEN 1 THEN 'one' ELSE "s" END AS "a", CASE WHEN "i" > 1 THEN "n" WHEN "i" = 1 THEN 0 END AS "b" FROM "test_ci"."t"

-- input
SELECT [1, i][OFFSET(0)] AS a, ARRAY_AGG(s ORDER BY i) AS b, STRUCT(i AS x).x AS c FROM test.t GROUP BY i
-- expected
SELECT [1, "i"][1] AS "a", ARRAY_AGG("s" ORDER BY "i" NULLS FIRST) AS "b", {'x': "i"}."x" AS "c" FROM "test_ci"."t" GROUP BY "i"

-- input
SELECT (SELECT AS STRUCT s, n).n AS a, i IN UNNEST((SELECT ARRAY_AGG(u.i) FROM test.t AS u)) AS b FROM test.t
-- expected
SELECT (SELECT {'s': "s", 'n': "n"})."n" AS "a", CASE WHEN (SELECT ARRAY_AGG("u"."i") FROM "test_ci"."t" AS "u") IS NULL OR ARRAY_LENGTH((SELECT ARRAY_AGG("u"."i") FROM "test_ci"."t" AS "u")) = 0 THEN FALSE WHEN ARRAY_CONTAINS((SELECT ARRAY_AGG("u"."i") FROM "test_ci"."t" AS "u"), "i") THEN TRUE WHEN "i" IS NULL OR ARRAY_LENGTH((SELECT ARRAY_AGG("u"."i") FROM "test_ci"."t" AS "u")) <> LIST_COUNT((SELECT ARRAY_AGG("u"."i") FROM "test_ci"."t" AS "u")) THEN NULL ELSE FALSE END AS "b" FROM "test_ci"."t"

-- input
SELECT -n AS n, COUNT(*) AS c FROM test.t GROUP BY n HAVING c > 1 ORDER BY n
-- expected
SELECT -"n" AS "n", COUNT(*) AS "c" FROM "test_ci"."t" GROUP BY (-"n") HAVING "c" > 1 ORDER BY "n" NULLS FIRST

-- input
SELECT s FROM test.t QUALIFY ROW_NUMBER() OVER (PARTITION BY s ORDER BY d DESC, i) = 1
-- expected
SELECT "s" FROM "test_ci"."t" QUALIFY ROW_NUMBER() OVER (PARTITION BY "s" ORDER BY "d" DESC, "i" NULLS FIRST) = 1

-- input
WITH t AS (SELECT * FROM test.t) SELECT t.s, t.`d` AS `order` FROM t WHERE t.n IS DISTINCT FROM t.m
-- expected
WITH "t" AS (SELECT * FROM "test_ci"."t") SELECT "t"."s", "t"."d" AS "order" FROM "t" WHERE "t"."n" IS DISTINCT FROM "t"."m"

-- input
SELECT s FROM test.t AS a WHERE NOT EXISTS (SELECT 1 FROM test.t AS b WHERE b.s = a.r)
-- expected
SELECT "s" FROM "test_ci"."t" AS "a" WHERE NOT EXISTS(SELECT CAST(1 AS BIGINT) FROM "test_ci"."t" AS "b" WHERE "b"."s" = "a"."r")

-- input
SELECT s FROM test.t UNION ALL SELECT r FROM test.t ORDER BY 1 LIMIT 3
-- expected
SELECT "s" FROM "test_ci"."t" UNION ALL SELECT "r" FROM "test_ci"."t" ORDER BY 1 NULLS FIRST LIMIT 3

-- statements

-- input
INSERT INTO test.t (s, n) WITH a AS (SELECT r, AVG(m) AS mean FROM test.t GROUP BY r) SELECT r, mean FROM a
-- expected
INSERT INTO "test_ci"."t" ("s", "n") WITH "a" AS (SELECT "r", bq_div(SUM("m"), COUNT("m")) AS "mean" FROM "test_ci"."t" GROUP BY "r") SELECT "r", "mean" FROM "a"

-- input
MERGE INTO test.t AS t USING (SELECT s, SUM(n) AS n FROM test.t GROUP BY s) AS u ON t.s = u.s AND t.d IN (DATE '2025-01-01') WHEN MATCHED AND t.n IS DISTINCT FROM u.n THEN UPDATE SET n = u.n / 3 WHEN NOT MATCHED THEN INSERT (s, n) VALUES (u.s, u.n)
-- expected
MERGE INTO "test_ci"."t" AS "t" USING (SELECT "s", SUM("n") AS "n" FROM "test_ci"."t" GROUP BY "s") AS "u" ON "t"."s" = "u"."s" AND "t"."d" IN (CAST('2025-01-01' AS DATE)) WHEN MATCHED AND "t"."n" IS DISTINCT FROM "u"."n" THEN UPDATE SET "n" = bq_div("u"."n", 3) WHEN NOT MATCHED THEN INSERT ("s", "n") VALUES ("u"."s", "u"."n")

-- input
MERGE INTO test.t AS t USING (SELECT * FROM test.t) AS u ON t.s = u.r WHEN NOT MATCHED THEN INSERT ROW
-- expected
MERGE INTO "test_ci"."t" AS "t" USING (SELECT * FROM "test_ci"."t") AS "u" ON "t"."s" = "u"."r" WHEN NOT MATCHED THEN INSERT ("n", "m", "i", "j", "s", "r", "d", "e") VALUES ("u"."n", "u"."m", "u"."i", "u"."j", "u"."s", "u"."r", "u"."d", "u"."e")

-- input
DELETE FROM test.t AS t WHERE t.d = DATE '2025-01-01' AND NOT EXISTS (SELECT 1 FROM test.t AS u WHERE u.r = t.s)
-- expected
DELETE FROM "test_ci"."t" AS "t" WHERE "t"."d" = CAST('2025-01-01' AS DATE) AND NOT EXISTS(SELECT CAST(1 AS BIGINT) FROM "test_ci"."t" AS "u" WHERE "u"."r" = "t"."s")

-- input
DELETE test.t WHERE TRUE
-- expected
DELETE FROM "test_ci"."t" WHERE TRUE

-- input
UPDATE test.t AS t SET n = u.m, s = UPPER(t.s) FROM test.t AS u WHERE u.r = t.s
-- expected
UPDATE "test_ci"."t" AS "t" SET "n" = "u"."m", "s" = bq_upper("t"."s") FROM "test_ci"."t" AS "u" WHERE "u"."r" = "t"."s"

-- input
TRUNCATE TABLE test.t
-- expected
TRUNCATE TABLE "test_ci"."t"

-- input
CREATE TABLE IF NOT EXISTS test.u (a STRING NOT NULL OPTIONS (description = 'x'), b NUMERIC, c ARRAY<NUMERIC>, PRIMARY KEY (a) NOT ENFORCED) PARTITION BY d CLUSTER BY a OPTIONS (labels = [('x', 'y')])
-- expected
CREATE TABLE IF NOT EXISTS "test_ci"."u" ("a" TEXT NOT NULL, "b" DECIMAL(38, 9), "c" DECIMAL(38, 9)[])
