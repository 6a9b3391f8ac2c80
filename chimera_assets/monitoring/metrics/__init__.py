"""What monitoring reads: numbers from the lake and from Dagster's runs, for Prometheus."""
