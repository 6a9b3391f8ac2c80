"""Assets by layer: what Dagster materializes, and what its catalogue says of it."""
