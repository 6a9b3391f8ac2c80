"""Ingestion: how far each stream is extracted, what is pending, and extracting it."""
