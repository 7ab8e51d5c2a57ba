"""The Lambdas of the state machine: an event in, what `operations` or `query` make of it out.

Must not load more than these, sqlglot and boto3: what is packaged is small, and starts at once.
"""
