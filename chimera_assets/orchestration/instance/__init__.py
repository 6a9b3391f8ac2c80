"""The Dagster instance on one machine: its storage, event log and dead runs."""
