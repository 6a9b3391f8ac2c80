"""The migrations of the platform's database, run by Alembic; `versions/` has one a file."""
