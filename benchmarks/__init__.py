"""Benchmarks, one claim per file, with results in RESULTS.md. Run `python -m benchmarks.NAME` from the checkout."""
