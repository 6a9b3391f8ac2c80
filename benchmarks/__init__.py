"""What the pipeline's speed is measured with: `python -m benchmarks`, see `docs/benchmarks.md`."""
