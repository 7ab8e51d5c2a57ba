"""The peers: the seven questions as someone who knows each engine asks them, over the same files.

They run in an environment of their own and know nothing of the package that they are measured
beside.
"""
