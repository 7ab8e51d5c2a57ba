"""AWS on a laptop: Athena on DuckDB, S3 as a directory, Glue and the executions in SQLite.

Must not know how a metric is computed nor how a document is executed.
"""
