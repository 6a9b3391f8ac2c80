"""The embedded PostgreSQL: what laptops and tests use when no database URL is set."""
