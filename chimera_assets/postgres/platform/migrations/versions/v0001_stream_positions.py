"""The copy of each stream's watermark; one that an earlier release made is kept as it is."""

from alembic import op

revision = "0001"
down_revision = None

_TABLE = """
    CREATE TABLE IF NOT EXISTS public.stream_positions (
        stream text PRIMARY KEY,
        taken_in_until timestamptz,
        hours_owed int NOT NULL,
        owed text[] NOT NULL,
        snapshot text,
        landing_version bigint NOT NULL,
        raw_version bigint NOT NULL,
        run_id text NOT NULL,
        written_at timestamptz NOT NULL DEFAULT now()
    )
"""
_COMMENT = """
    COMMENT ON TABLE public.stream_positions IS
    'How far each stream was taken in; a copy for people. The truth is in the log of raw.'
"""


def upgrade() -> None:
    """Make the table if it is missing."""
    op.execute(_TABLE)
    op.execute(_COMMENT)
