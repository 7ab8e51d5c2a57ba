"""The lake: OTLP log exports in, the partitioned table `logall` out.

Must not know metrics, SQL engines' catalogs or the state machine.
"""
