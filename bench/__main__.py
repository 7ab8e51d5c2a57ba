"""Every benchmark, one after the other: `python -m bench`, or `make bench`."""

from bench import asl, ingest, pipeline, refresh

for benchmark in (ingest, pipeline, asl, refresh):
    print(f"── {benchmark.__name__}", flush=True)
    benchmark.main()
