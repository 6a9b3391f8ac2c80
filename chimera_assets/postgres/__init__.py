"""PostgreSQL: connections with readable errors, the embedded server, the platform's database."""
