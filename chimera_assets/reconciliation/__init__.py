"""Reconciliation: rows counted again, layer by layer, and every promise verified."""
