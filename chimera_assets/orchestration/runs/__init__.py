"""Runs: their tags, how they are started, retried, traced and summarised."""
