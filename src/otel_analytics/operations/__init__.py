"""What executions do to a catalog and a store: publish, refresh, look up for checks, clean.

Must not know whose catalog and store these are: the engines have them, and bring them along.
"""
