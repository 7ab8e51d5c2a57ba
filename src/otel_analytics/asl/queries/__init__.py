"""The two query languages: JSONPath with intrinsic functions, and JSONata.

Compiles a field of the document once and evaluates it in a `Scope`. Must not know states,
executions or time.
"""
