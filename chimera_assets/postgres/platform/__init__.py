"""The platform's own database: what it keeps of itself, apart from the events.

Everyday work goes through psycopg, as a login that owns nothing there. SQLAlchemy and Alembic are
imported only when the tables are of another version than this release expects.
"""
