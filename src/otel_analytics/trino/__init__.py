"""Trino in DuckDB's place: the same Athena over the same home, its queries on a cluster.

The one home of the Trino client. Stands on `local`, whose catalog stays the record of all tables;
must not know how a metric is computed.
"""
