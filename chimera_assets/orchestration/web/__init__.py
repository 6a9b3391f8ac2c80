"""Dagster's pages as `chimera up` serves them: guarded, and ended with what started them."""
