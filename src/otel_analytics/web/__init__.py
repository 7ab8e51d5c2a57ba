"""Look at the published tables: panels, the report, Grafana's dashboard and the local dashboard.

Reads only. Must not know how a table is made, nor which engine answers a query: panels build SQL
in Athena's dialect and draw the rows that come back.
"""
