"""The configuration that was last seen, so that a change of it is noticed and goes into the log."""

from alembic import op

revision = "0003"
down_revision = "0002"

_TABLE = """
    CREATE TABLE platform.configuration (
        kind text NOT NULL,
        name text NOT NULL,
        value jsonb,
        seen_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (kind, name)
    )
"""
_COMMENT = """
    COMMENT ON TABLE platform.configuration IS
    'Contracts and settings as last seen by a run or command; what changed is in audit.entries.'
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(_TABLE)
    op.execute(_COMMENT)
