"""Chimera Assets: an evidence-grade analytics lakehouse on Dagster."""

__version__ = "0.1.0"
