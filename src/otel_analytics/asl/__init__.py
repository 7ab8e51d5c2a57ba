"""A runtime for the Amazon States Language.

Must not know Athena, metrics or where anything is stored: what a Task does, the time, chance
and where the history goes are passed in.
"""
