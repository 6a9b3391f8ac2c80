"""The audit log: a table that rows can be added to and read from, and that lets nobody change one.

The application is not its owner. The triggers are ENABLE ALWAYS: they refuse the owner and a
superuser too, even one who says to be a replica.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_TABLE = """
    CREATE TABLE audit.entries (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        failure_of bigint,
        actor_kind text NOT NULL
            CHECK (actor_kind IN ('os_user', 'person', 'service', 'system', 'dagster')),
        actor_name text NOT NULL,
        actor_origin text NOT NULL,
        actor_stated_by text,
        action text NOT NULL,
        resource text NOT NULL,
        before jsonb CHECK (jsonb_typeof(before) = 'object'),
        after jsonb CHECK (jsonb_typeof(after) = 'object'),
        reason text,
        run_id text
    )
"""
_COMMENTS = (
    """COMMENT ON TABLE audit.entries IS
    'Who changed what, written before the change; append-only.'""",
    """COMMENT ON COLUMN audit.entries.failure_of IS
    'The entry whose change failed; null for an entry of a change.'""",
    """COMMENT ON COLUMN audit.entries.actor_stated_by IS
    'The login of the machine that said to act for somebody else.'""",
)
_REFUSE = """
    CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        RAISE EXCEPTION 'audit.entries is append-only'
            USING ERRCODE = 'insufficient_privilege';
    END
    $$
"""
_TRIGGERS = (
    """CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit.entries
    FOR EACH ROW EXECUTE FUNCTION audit.refuse()""",
    """CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit.entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()""",
    "ALTER TABLE audit.entries ENABLE ALWAYS TRIGGER append_only",
    "ALTER TABLE audit.entries ENABLE ALWAYS TRIGGER never_truncated",
)


def upgrade() -> None:
    """Make the table and what guards it."""
    op.execute("CREATE SCHEMA audit")
    for statement in (_TABLE, *_COMMENTS, _REFUSE, *_TRIGGERS):
        op.execute(statement)
