"""Benchmarks: what a night costs, as a ratio to the least it could cost, measured in the same run."""
