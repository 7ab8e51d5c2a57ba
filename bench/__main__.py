"""Every benchmark, one after the other: `python -m bench`, or `make bench`."""

from bench import asl, dashboard, ingest, levels, pipeline, refresh

for benchmark in (ingest, pipeline, asl, refresh, levels, dashboard):
    print(f"── {benchmark.__name__}", flush=True)
    benchmark.main()
