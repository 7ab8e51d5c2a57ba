"""SQL: the query builder, and what a statement of Athena's dialect says and means elsewhere.

The one home of sqlglot. Must not know where a query is executed, nor import duckdb or pyarrow:
the Lambda `athena-query-builder` is this package.
"""

# sqlglot imports a dialect where it is first named; the branches of a Parallel state would do so at
# once, and one of them would meet half a module.
import sqlglot.dialects.athena
import sqlglot.dialects.duckdb
import sqlglot.dialects.hive
import sqlglot.dialects.trino  # noqa: F401
