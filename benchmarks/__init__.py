"""One claim a file, its figures in RESULTS.md: run `python -m benchmarks.NAME` from the root of the repository."""
