"""The command line: reads arguments and settings, calls one room below, prints.

Must not compute: what a command shows comes from the packages below it.
"""
