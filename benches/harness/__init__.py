"""What the benchmarks share: pinned processes, material, load, rows, the report."""
