"""The operational database that the simulator fills."""

from tests.sources.conftest import database, server

__all__ = ["database", "server"]
