"""SQL: the query builder, and what a statement of Athena's dialect says and means elsewhere.

The one home of sqlglot. Must not know where a query is executed, nor import duckdb or pyarrow:
the Lambda `athena-query-builder` is this package.
"""
