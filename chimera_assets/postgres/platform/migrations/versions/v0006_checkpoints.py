"""Signed checkpoints of the audit log, and how far the tables' own logs are in it.

`audit.checkpoints` grows by `audit.keep_checkpoint` alone, which refuses a tree that is not larger
than the last one, or larger than the log. `platform.commit_positions` only says where to go on; how
far the log really is can be seen from its entries.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_CHECKPOINTS = """
    CREATE TABLE audit.checkpoints (
        size bigint PRIMARY KEY CHECK (size > 0),
        root bytea NOT NULL CHECK (length(root) = 32),
        at timestamptz NOT NULL,
        note text NOT NULL CHECK (length(note) <= 100000)
    )
"""
_TRIGGERS = (
    """CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit.checkpoints
    FOR EACH ROW EXECUTE FUNCTION audit.refuse()""",
    """CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()""",
    "ALTER TABLE audit.checkpoints ENABLE ALWAYS TRIGGER append_only",
    "ALTER TABLE audit.checkpoints ENABLE ALWAYS TRIGGER never_truncated",
)
_KEEP = """
    CREATE FUNCTION audit.keep_checkpoint(size bigint, root bytea, note text) RETURNS timestamptz
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        last bigint;
        entries bigint;
        moment timestamptz;
    BEGIN
        PERFORM pg_advisory_xact_lock(4811207);
        SELECT max(checkpoints.size), max(checkpoints.at) INTO last, moment
            FROM ONLY audit.checkpoints;
        SELECT max(sequence) + 1 INTO entries FROM ONLY audit.entries;
        IF keep_checkpoint.size <= last OR keep_checkpoint.size > coalesce(entries, 0) THEN
            RAISE EXCEPTION 'checkpoint of % entries: expected more than %, and at most %',
                keep_checkpoint.size, coalesce(last, 0), coalesce(entries, 0)
                USING ERRCODE = 'check_violation';
        END IF;
        moment := greatest(moment, clock_timestamp());
        INSERT INTO audit.checkpoints
            VALUES (keep_checkpoint.size, keep_checkpoint.root, moment, keep_checkpoint.note);
        RETURN moment;
    END
    $$
"""
_NOBODY_ELSE = "REVOKE EXECUTE ON FUNCTION audit.keep_checkpoint(bigint, bytea, text) FROM PUBLIC"
_INDEXES = (
    "CREATE INDEX entries_of_runs ON audit.entries (run_id, sequence) WHERE run_id IS NOT NULL",
    """CREATE INDEX commits_of_tables ON audit.entries (resource, sequence)
    WHERE action = 'table.commit'""",
)
_POSITIONS = """
    CREATE TABLE platform.commit_positions (
        resource text PRIMARY KEY,
        table_id text NOT NULL,
        version bigint NOT NULL,
        sha256 bytea NOT NULL
    )
"""
_COMMENTS = (
    """COMMENT ON TABLE audit.checkpoints IS
    'What was signed of the log''s tree, and when; the note is the signed text.'""",
    """COMMENT ON TABLE platform.commit_positions IS
    'The newest version of each lake table that has an entry in the audit log, and the SHA-256 of
its log entry; where to go on. The truth is in audit.entries.'""",
)


def upgrade() -> None:
    """Make the tables, and what guards them."""
    for statement in (
        _CHECKPOINTS,
        *_TRIGGERS,
        _KEEP,
        _NOBODY_ELSE,
        *_INDEXES,
        _POSITIONS,
        *_COMMENTS,
    ):
        op.execute(statement)
