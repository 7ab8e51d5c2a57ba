"""Every benchmark, one after the other: `python -m bench`, or `make bench`."""

from bench import asl, dashboard, ingest, levels, pipeline, refresh, start, trino

for benchmark in (ingest, pipeline, asl, refresh, levels, start, dashboard, trino):
    print(f"── {benchmark.__name__}", flush=True)
    benchmark.main()
