"""Reads Parquet files with DuckDB: the rows of all of them as JSON lines, in the order of the first column."""

import json
import sys

import duckdb

rows = duckdb.sql("SELECT * FROM read_parquet($files) ORDER BY 1", params={"files": sys.argv[1:]})
names = [column[0] for column in rows.description]
for row in rows.fetchall():
    print(json.dumps(dict(zip(names, row)), default=lambda value: value.isoformat()))
