"""Other databases' SQL is named where it is evident, and PostgreSQL's is never taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given

from tests.sql.test_lexer import TEXTS
from txsafe.sql.dialects import foreign_dialect


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("SELECT `a` FROM `b`", "mysql"),
        ("SET @x = 1", "mysql"),
        ("SET @@session.time_zone = 'UTC'", "mysql"),
        ("SET SESSION sql_mode = 'ANSI'", "mysql"),
        ("SET GLOBAL x = 1", "mysql"),
        ("GRANT ALL ON a TO b;\nFLUSH PRIVILEGES;\nRESET MASTER;", "mysql"),
        ("RESET MASTER", "mysql"),
        ("STOP SLAVE; CHANGE MASTER TO MASTER_HOST = 'a'", "mysql"),
        ("SET FOREIGN_KEY_CHECKS=0", "mysql"),
        ("SET NAMES utf8mb4", "mysql"),
        ("SET NAMES 'utf8mb4'", "mysql"),
        ("LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "mysql"),
        ("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "mysql"),
        ("CREATE TEMPORARY TABLE t (a int) ENGINE=MEMORY", "mysql"),
        ("SELECT GET_LOCK('x', 10)", "mysql"),
        ("SELECT 1; LOCK TABLES t WRITE", "mysql"),
        ("CREATE TABLE t (id bigint NOT NULL AUTO_INCREMENT)", "mysql"),
        ("/*!40101 SET NAMES utf8 */;", "mysql"),
        ("SHOW TABLES", "mysql"),
        ("DELIMITER //\nSELECT 1//", "mysql"),
        ("PRAGMA foreign_keys = ON", "sqlite"),
        ("PRAGMA foreign_keys", "sqlite"),
        ("SELECT 1;\nPRAGMA table_info(t);", "sqlite"),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)", "sqlite"),
        ("BEGIN IMMEDIATE", "sqlite"),
        ("ATTACH DATABASE 'x' AS y", "sqlite"),
        ("CREATE TABLE #x (a int)", "mssql"),
        ("SELECT * INTO #x FROM t", "mssql"),
        ("SELECT * FROM t WITH (NOLOCK)", "mssql"),
        ("SET TRANSACTION ISOLATION LEVEL SNAPSHOT", "mssql"),
        ("SET NOCOUNT ON", "mssql"),
        ("SET IDENTITY_INSERT t ON", "mssql"),
        ("DECLARE @x int", "mssql"),
        ("SELECT * FROM [dbo].[t]", "mssql"),
        ("ALTER SESSION SET NLS_DATE_FORMAT = 'x'", "oracle"),
        ("SELECT 1 FROM dual", "oracle"),
        ("ALTER SESSION SET QUERY_TAG = 'x'", "snowflake"),
        ("USE WAREHOUSE w", "snowflake"),
        ("SELECT * FROM `project.dataset.table`", "bigquery"),
        ("CREATE TEMP FUNCTION f(x INT64) AS (x)", "bigquery"),
        ("CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a", "clickhouse"),
        ("RESET SESSION query_max_run_time", "trino"),
        ("SET SESSION query_max_run_time = '1h'", "trino"),
        ("SET hive.exec.dynamic.partition = true", "hive"),
        ("set spark.sql.shuffle.partitions = 10", "hive"),
        ("create or replace temporary table t as (select 1)", "snowflake"),
        ("CREATE OR REPLACE TABLE t (a int)", "snowflake"),
        ("CREATE TABLE t (a int) STORED AS PARQUET", "hive"),
    ],
)
def test_evidence(text: str, dialect: str) -> None:
    assert foreign_dialect(text) == dialect


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SET SESSION search_path TO a",
        "SET NAMES 'utf8'",
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "RESET SESSION AUTHORIZATION",
        "CREATE TEMP TABLE t AS SELECT 1",
        "LOAD 'auto_explain'",
        "-- use `ticks` in comments, PRAGMA too\nSELECT 1",
        "/* SET @x = 1 */ SELECT '`x`', \"`y`\", $$ SET @x = 1; PRAGMA x; $$",
        "DO $$ BEGIN EXECUTE 'SET NOCOUNT ON'; END $$",
        "SELECT a @> b, a #> b, a ->> 'engine' FROM engine",
        "SELECT pragma, dual, get_lock FROM t",
        "UPDATE t SET engine = 'memory'",
        "SELECT app.get_lock(1)",
        "SELECT count(*) FROM dual_t; LOCK TABLE t",
        "ALTER ROLE x SET search_path = a",
        "SELECT a[1], ARRAY[1, 2] FROM t",
        "INSERT INTO t VALUES ('/*!')",
        "CREATE OR REPLACE TEMPORARY VIEW v AS TABLE t",
        "SET sparkle.x = 1",
        "SELECT x IS NOT NULL AND @ x > 1",
    ],
)
def test_no_evidence(text: str) -> None:
    assert foreign_dialect(text) is None


@pytest.mark.parametrize("text", Path(__file__).with_name("grammar.sql").read_text(encoding="utf-8").splitlines()[1:])
def test_what_the_servers_grammar_accepts_is_not_foreign(text: str) -> None:
    # MySQL's form is in the server's grammar by accident of how SET SESSION is put together.
    assert foreign_dialect(text) is None or text == "SET SESSION TRANSACTION READ ONLY"


@given(TEXTS)
def test_any_text_has_an_answer(text: str) -> None:
    assert foreign_dialect(text) in (None, "mysql", "mssql", "sqlite")
