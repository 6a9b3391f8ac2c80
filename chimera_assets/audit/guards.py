"""What would let somebody change the audit log, as the database's own catalogue shows it.

The owner or a superuser can take every guard away. So the catalogue is compared with what the
migrations made, all of it, and not with a list of the ways that somebody thought of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chimera_assets.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chimera_assets.postgres.platform.database import PlatformDatabase
    from chimera_assets.postgres.platform.session import Session

_TEXT = "text"
_NEEDED = "text not null"
#: What the migrations made; see `_FOUND`.
_MADE = {
    "table audit.entries": "ordinary, permanent, without row-level security",
    "column id": "bigint not null, generated always",
    "column at": "timestamp with time zone not null, clock_timestamp()",
    "column failure_of": "bigint",
    "column actor_kind": _NEEDED,
    "column actor_name": _NEEDED,
    "column actor_origin": _NEEDED,
    "column actor_stated_by": _TEXT,
    "column action": _NEEDED,
    "column resource": _NEEDED,
    "column before": "jsonb",
    "column after": "jsonb",
    "column reason": _TEXT,
    "column run_id": _TEXT,
    "constraint entries_pkey": "PRIMARY KEY (id)",
    "constraint entries_actor_kind_check": "CHECK ((actor_kind = ANY (ARRAY['os_user'::text, "
    "'person'::text, 'service'::text, 'system'::text, 'dagster'::text])))",
    "constraint entries_before_check": "CHECK ((jsonb_typeof(before) = 'object'::text))",
    "constraint entries_after_check": "CHECK ((jsonb_typeof(after) = 'object'::text))",
    "constraint entries_bounded": "CHECK (((length(concat(actor_name, actor_origin, "
    "actor_stated_by, action, resource, reason, run_id)) <= 10000) AND "
    "(length(concat(before, after)) <= 100000))) NOT VALID",
    "trigger append_only": "ENABLE ALWAYS, "
    "CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON audit.entries "
    "FOR EACH ROW EXECUTE FUNCTION audit.refuse()",
    "trigger never_truncated": "ENABLE ALWAYS, "
    "CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit.entries "
    "FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse()",
    "function audit.refuse": "plpgsql BEGIN RAISE EXCEPTION 'audit.entries is append-only' "
    "USING ERRCODE = 'insufficient_privilege'; END",
    "sequence audit.entries_id_seq": "1 by 1 from 1 to 9223372036854775807",
}

#: Names are qualified by what the session finds of itself.
_QUALIFIED = "SELECT set_config('search_path', 'pg_catalog', true)"
_FOUND = """
    SELECT 'table audit.entries' AS name,
        CASE relkind WHEN 'r' THEN 'ordinary' ELSE 'no ordinary one' END || ', '
        || CASE relpersistence WHEN 'p' THEN 'permanent' ELSE 'unlogged' END || ', '
        || CASE WHEN relrowsecurity THEN 'with' ELSE 'without' END || ' row-level security' AS made
    FROM pg_class WHERE oid = to_regclass('audit.entries')
    UNION ALL SELECT 'column ' || attname, format_type(atttypid, atttypmod)
        || CASE WHEN attnotnull THEN ' not null' ELSE '' END
        || CASE attidentity WHEN 'a' THEN ', generated always' WHEN 'd' THEN ', generated' ELSE ''
            END
        || coalesce(', ' || pg_get_expr(adbin, adrelid), '')
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = to_regclass('audit.entries') AND attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 'constraint ' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE conrelid = to_regclass('audit.entries') AND contype <> 'n'
    UNION ALL SELECT 'trigger ' || tgname, CASE tgenabled
        WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'D' THEN 'disabled' ELSE 'not ENABLE ALWAYS' END
        || ', ' || pg_get_triggerdef(oid)
    FROM pg_trigger WHERE tgrelid = to_regclass('audit.entries') AND NOT tgisinternal
    UNION ALL SELECT 'rule ' || rulename, pg_get_ruledef(oid)
    FROM pg_rewrite WHERE ev_class = to_regclass('audit.entries')
    UNION ALL SELECT 'child table ' || inhrelid::regclass, 'its rows are read as entries'
    FROM pg_inherits WHERE inhparent = to_regclass('audit.entries')
    UNION ALL SELECT 'parent table ' || inhparent::regclass, 'entries are changed through it'
    FROM pg_inherits WHERE inhrelid = to_regclass('audit.entries')
    UNION ALL SELECT 'function audit.refuse',
        lanname || ' ' || trim(regexp_replace(prosrc, '\\s+', ' ', 'g'))
    FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
    WHERE pg_proc.oid = to_regprocedure('audit.refuse()')
    UNION ALL SELECT 'sequence audit.entries_id_seq', seqstart || ' by ' || seqincrement
        || ' from ' || seqmin || ' to ' || seqmax
        || CASE WHEN seqcycle THEN ' and again' ELSE '' END
    FROM pg_sequence WHERE seqrelid = to_regclass('audit.entries_id_seq')
"""

#: What the application's login may do beyond reading and adding, by itself or through the owner.
_LOGIN = """
    SELECT 'its login is a superuser' AS found
    FROM pg_roles WHERE rolname = current_user AND rolsuper
    UNION ALL SELECT 'its login owns the audit log''s table'
    FROM pg_class
    WHERE oid = to_regclass('audit.entries') AND pg_has_role(current_user, relowner, 'MEMBER')
    UNION ALL SELECT 'its login may make temporary tables'
    WHERE has_database_privilege(current_database(), 'TEMP')
    UNION ALL SELECT 'its login owns what guards the audit log'
    FROM pg_class WHERE oid = to_regclass('audit.entries')
        AND NOT pg_has_role(current_user, relowner, 'MEMBER') AND EXISTS (
            SELECT nspowner FROM pg_namespace
            WHERE nspname = 'audit' AND pg_has_role(current_user, nspowner, 'MEMBER')
            UNION ALL SELECT proowner FROM pg_proc
            WHERE oid = to_regprocedure('audit.refuse()')
                AND pg_has_role(current_user, proowner, 'MEMBER'))
"""
_RIGHTS = """
    WITH granted AS (
        SELECT 'the table' AS thing, relowner AS owner, aclexplode(relacl) AS acl
        FROM pg_class WHERE oid = to_regclass('audit.entries')
        UNION ALL SELECT 'the sequence', relowner, aclexplode(relacl)
        FROM pg_class WHERE oid = to_regclass('audit.entries_id_seq')
        UNION ALL SELECT 'column ' || attname, relowner, aclexplode(attacl)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE attrelid = to_regclass('audit.entries')
        UNION ALL SELECT 'schema audit', nspowner, aclexplode(nspacl)
        FROM pg_namespace WHERE nspname = 'audit'
    )
    SELECT coalesce(rolname, 'everybody') || ' has ' || (acl).privilege_type || ' on ' || thing
        AS found
    FROM granted LEFT JOIN pg_roles ON pg_roles.oid = (acl).grantee
    WHERE (acl).grantee <> owner AND (acl).privilege_type NOT IN ('SELECT', 'USAGE')
        AND NOT ((acl).privilege_type = 'INSERT' AND rolname = current_user
            AND thing LIKE 'column %' AND thing NOT IN ('column id', 'column at'))
    ORDER BY found
"""
#: Settings of the database or the login that keep entries out, or the triggers from what they do.
_SETTINGS = """
    SELECT 'setting ' || setting || ' of ' || coalesce(rolname, 'the database') AS found
    FROM pg_db_role_setting CROSS JOIN unnest(setconfig) AS setting
    LEFT JOIN pg_roles ON pg_roles.oid = setrole
    WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
        AND (setrole = 0 OR rolname = current_user)
        AND split_part(setting, '=', 1)
            IN ('session_replication_role', 'default_transaction_read_only', 'row_security')
        AND split_part(setting, '=', 2) NOT IN ('origin', 'off')
"""
#: NULL, and so nothing, while the login may not read the sequence.
_NUMBERS = """
    SELECT 'sequence audit.entries_id_seq gives numbers that there are' AS found
    FROM pg_sequences
    WHERE schemaname = 'audit' AND sequencename = 'entries_id_seq'
        AND last_value < (SELECT max(id) FROM ONLY audit.entries)
"""


def weaknesses(database: PlatformDatabase) -> tuple[str, ...]:
    """What would let somebody change the audit log, in words; see `find_weaknesses`.

    Raises:
        DatabaseError: The platform's database cannot be asked.
    """
    with database.transaction() as session:
        return find_weaknesses(session)


def find_weaknesses(session: Session) -> tuple[str, ...]:
    """What guards the audit log and is not as it was made, in words; empty if all of it stands.

    Args:
        session: As the application, in a transaction.

    Raises:
        psycopg.Error: The database cannot be asked.
    """
    session.execute(_QUALIFIED)
    said = [
        str(row["found"])
        for query in (_LOGIN, _RIGHTS, _SETTINGS, _NUMBERS)
        for row in session.execute(query).fetchall()
    ]
    rows = session.execute(_FOUND).fetchall()
    return (*said, *_differences({str(row["name"]): str(row["made"]) for row in rows}))


def _differences(found: dict[str, str]) -> Iterator[str]:
    for name in sorted(_MADE.keys() | found.keys()):
        if name not in found:
            yield f"{name} is missing"
        elif name not in _MADE:
            yield f"{name} was added"
        elif found[name] != _MADE[name]:
            yield f"{name} was changed: expected {_short(_MADE[name])}, found {_short(found[name])}"


def _short(made: str) -> str:
    return one_line(made, 100)
