"""Entries become the leaves of a Merkle tree: numbered without gaps, their details apart.

Each entry has a sequence, from 0 without a gap, and a commitment: the SHA-256 of a random salt of
32 bytes and of its details as they are kept, in a table of their own. Without the row there nobody
can tell what the details were, and the entry, with all that is proven of it, stays as it is.

Only `audit.append` adds entries. It takes turns, so that sequence and time grow together, and makes
sequence, time, salt and commitment itself.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

_OLD = (
    "ALTER TABLE audit.entries RENAME TO old_entries",
    "ALTER TABLE audit.old_entries DROP CONSTRAINT entries_pkey",
    "ALTER TABLE audit.old_entries DROP CONSTRAINT entries_bounded",
    "ALTER TABLE audit.old_entries DROP CONSTRAINT entries_actor_kind_check",
    "DROP INDEX audit.configuration_changes",
)
_ENTRIES = """
    CREATE TABLE audit.entries (
        sequence bigint PRIMARY KEY CHECK (sequence >= 0),
        at timestamptz NOT NULL,
        failure_of bigint,
        actor_kind text NOT NULL
            CHECK (actor_kind IN ('os_user', 'person', 'service', 'system', 'dagster')),
        actor_name text NOT NULL,
        actor_origin text NOT NULL,
        actor_stated_by text,
        action text NOT NULL,
        resource text NOT NULL,
        run_id text,
        commitment bytea NOT NULL CHECK (length(commitment) = 32)
    )
"""
_DETAILS = """
    CREATE TABLE audit.details (
        sequence bigint PRIMARY KEY,
        salt bytea NOT NULL CHECK (length(salt) = 32),
        details text NOT NULL,
        CONSTRAINT details_readable CHECK (
            jsonb_typeof(details::jsonb) = 'object'
            AND coalesce(jsonb_typeof(details::jsonb -> 'before'), 'object') = 'object'
            AND coalesce(jsonb_typeof(details::jsonb -> 'after'), 'object') = 'object'
            AND coalesce(jsonb_typeof(details::jsonb -> 'reason'), 'string') = 'string'
        )
    )
"""
_SALT = "uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())"
#: A salt of each row, made once: the rows are read twice.
_SALTED = f"""
    CREATE TABLE audit.salted AS
    SELECT row_number() OVER (ORDER BY id) - 1 AS sequence, old_entries AS entry, {_SALT} AS salt,
        (SELECT coalesce(json_object_agg(name, said ORDER BY name), '{{}}')::text
            FROM (VALUES ('after', after::json), ('before', before::json),
                ('reason', to_json(reason))) AS given (name, said)
            WHERE said IS NOT NULL) AS details
    FROM ONLY audit.old_entries
"""  # noqa: S608 - of constants
_TAKE_OVER = (
    "INSERT INTO audit.details SELECT sequence, salt, details FROM audit.salted",
    """
    INSERT INTO audit.entries
    SELECT sequence, max((entry).at) OVER (ORDER BY sequence),
        (SELECT cause.sequence FROM audit.salted AS cause
            WHERE (cause.entry).id = (salted.entry).failure_of),
        (entry).actor_kind, (entry).actor_name, (entry).actor_origin, (entry).actor_stated_by,
        (entry).action, (entry).resource, (entry).run_id,
        sha256(salt || convert_to(details, 'UTF8'))
    FROM audit.salted
    """,
    "DROP TABLE audit.salted",
    "DROP TABLE audit.old_entries",
)
#: Of what was there nothing is looked at: what writes the log cuts its texts well below the bounds.
_BOUNDED = (
    """
    ALTER TABLE audit.entries ADD CONSTRAINT entries_bounded CHECK (length(
        concat(actor_name, actor_origin, actor_stated_by, action, resource, run_id)) <= 8000
    ) NOT VALID
    """,
    """
    ALTER TABLE audit.details ADD CONSTRAINT details_bounded CHECK (length(details) <= 100000)
    NOT VALID
    """,
)
_COMMENTS = (
    """COMMENT ON TABLE audit.entries IS
    'Who changed what, written before the change; append-only, by audit.append alone.'""",
    """COMMENT ON TABLE audit.details IS
    'What an entry''s commitment was made of. A row may be erased; the entry stays.'""",
    """COMMENT ON COLUMN audit.entries.failure_of IS
    'The entry whose change failed; null for an entry of a change.'""",
    """COMMENT ON COLUMN audit.entries.actor_stated_by IS
    'The login of the machine that said to act for somebody else.'""",
    """COMMENT ON COLUMN audit.entries.commitment IS
    'SHA-256 of the salt and the details, as they are in audit.details.'""",
)
_REFUSE = """
    CREATE OR REPLACE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
    BEGIN
        RAISE EXCEPTION '%.% is append-only', TG_TABLE_SCHEMA, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END
    $$
"""
_TRIGGERS = (
    """CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit.entries
    FOR EACH ROW EXECUTE FUNCTION audit.refuse()""",
    """CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit.entries
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()""",
    """CREATE TRIGGER never_changed BEFORE UPDATE ON audit.details
    FOR EACH ROW EXECUTE FUNCTION audit.refuse()""",
    """CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit.details
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()""",
    "ALTER TABLE audit.entries ENABLE ALWAYS TRIGGER append_only",
    "ALTER TABLE audit.entries ENABLE ALWAYS TRIGGER never_truncated",
    "ALTER TABLE audit.details ENABLE ALWAYS TRIGGER never_changed",
    "ALTER TABLE audit.details ENABLE ALWAYS TRIGGER never_truncated",
)
_APPEND = f"""
    CREATE FUNCTION audit.append(given jsonb) RETURNS SETOF bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DECLARE
        next bigint;
        moment timestamptz;
    BEGIN
        PERFORM pg_advisory_xact_lock(4811206);
        SELECT entries.sequence + 1, entries.at INTO next, moment
            FROM ONLY audit.entries ORDER BY entries.sequence DESC LIMIT 1;
        next := coalesce(next, 0);
        moment := greatest(moment, clock_timestamp());
        RETURN QUERY
        WITH said AS MATERIALIZED (
            SELECT next + ordinality - 1 AS number, value, {_SALT} AS salt
            FROM jsonb_array_elements(given) WITH ORDINALITY
        ), kept AS (
            INSERT INTO audit.details SELECT number, salt, value ->> 'details' FROM said
        )
        INSERT INTO audit.entries
        SELECT number, moment, (value ->> 'failure_of')::bigint, value ->> 'actor_kind',
            value ->> 'actor_name', value ->> 'actor_origin', value ->> 'actor_stated_by',
            value ->> 'action', value ->> 'resource', value ->> 'run_id',
            sha256(salt || convert_to(value ->> 'details', 'UTF8'))
        FROM said
        RETURNING entries.sequence;
    END
    $$
"""  # noqa: S608 - of constants
#: RFC 8785: names in order, no space, and texts escaped as PostgreSQL does, too.
_LEAF = """
    CREATE FUNCTION audit.leaf(entry audit.entries) RETURNS text LANGUAGE sql STABLE AS $$
        SELECT pg_catalog.concat(
            '{"action":', pg_catalog.to_json(entry.action),
            ',"actor":{"kind":', pg_catalog.to_json(entry.actor_kind),
            ',"name":', pg_catalog.to_json(entry.actor_name),
            ',"origin":', pg_catalog.to_json(entry.actor_origin),
            ',"stated_by":', coalesce(pg_catalog.to_json(entry.actor_stated_by)::text, 'null'),
            '},"commitment":"', pg_catalog.encode(entry.commitment, 'hex'),
            '","failure_of":', coalesce(entry.failure_of::text, 'null'),
            ',"resource":', pg_catalog.to_json(entry.resource),
            ',"run_id":', coalesce(pg_catalog.to_json(entry.run_id)::text, 'null'),
            ',"sequence":', entry.sequence,
            ',"time":"', pg_catalog.to_char(pg_catalog.timezone('UTC', entry.at),
                'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"}')
    $$
"""
_NEWEST = """
    CREATE INDEX configuration_changes ON audit.entries (action, resource, sequence DESC)
    WHERE action IN ('contract.change', 'setting.change') AND failure_of IS NULL
"""
_NOBODY_ELSE = "REVOKE EXECUTE ON FUNCTION audit.append(jsonb) FROM PUBLIC"


def upgrade() -> None:
    """Make the new tables of what the old one holds."""
    made = (*_OLD, _ENTRIES, _DETAILS, _SALTED, *_TAKE_OVER, *_BOUNDED, *_COMMENTS)
    guards = (_REFUSE, *_TRIGGERS, _APPEND, _LEAF, _NEWEST, _NOBODY_ELSE)
    for statement in (*made, *guards):
        op.execute(statement)
