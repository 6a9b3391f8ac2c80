"""Bounds the length of an entry, and makes the log tell which configuration was last seen.

What writes the log cuts its texts well below the bounds. Entries that are there are not looked at.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

_BOUNDED = """
    ALTER TABLE audit.entries ADD CONSTRAINT entries_bounded CHECK (
        length(concat(actor_name, actor_origin, actor_stated_by, action, resource, reason, run_id))
            <= 10000
        AND length(concat(before, after)) <= 100000
    ) NOT VALID
"""
_NEWEST = """
    CREATE INDEX configuration_changes ON audit.entries (action, resource, id DESC)
    WHERE action IN ('contract.change', 'setting.change') AND failure_of IS NULL
"""
#: The application could change it, and with it what counts as a change.
_NO_LONGER_READ = "DROP TABLE platform.configuration"


def upgrade() -> None:
    """Add the bounds and the index, and drop what is no longer read."""
    for statement in (_BOUNDED, _NEWEST, _NO_LONGER_READ):
        op.execute(statement)
