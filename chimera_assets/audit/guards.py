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

_TABLE = "ordinary, permanent, without row-level security"
_NUMBER, _TEXT, _BYTES = "bigint not null", "text not null", "bytea not null"
_REFUSES = "EXECUTE FUNCTION audit.refuse()"
#: What the migrations made; see `_FOUND`. Of a function's text there is the SHA-256.
MADE = {
    "table entries": _TABLE,
    "column entries.sequence": _NUMBER,
    "column entries.at": "timestamp with time zone not null",
    "column entries.failure_of": "bigint",
    "column entries.actor_kind": _TEXT,
    "column entries.actor_name": _TEXT,
    "column entries.actor_origin": _TEXT,
    "column entries.actor_stated_by": "text",
    "column entries.action": _TEXT,
    "column entries.resource": _TEXT,
    "column entries.run_id": "text",
    "column entries.commitment": _BYTES,
    "constraint entries_pkey": "PRIMARY KEY (sequence)",
    "constraint entries_sequence_check": "CHECK ((sequence >= 0))",
    "constraint entries_commitment_check": "CHECK ((length(commitment) = 32))",
    "constraint entries_actor_kind_check": "CHECK ((actor_kind = ANY (ARRAY['os_user'::text, "
    "'person'::text, 'service'::text, 'system'::text, 'dagster'::text])))",
    "constraint entries_bounded": "CHECK ((length(concat(actor_name, actor_origin, "
    "actor_stated_by, action, resource, run_id)) <= 8000)) NOT VALID",
    "trigger entries.append_only": "ENABLE ALWAYS, CREATE TRIGGER append_only BEFORE DELETE OR "
    f"UPDATE ON audit.entries FOR EACH ROW {_REFUSES}",
    "trigger entries.never_truncated": "ENABLE ALWAYS, CREATE TRIGGER never_truncated BEFORE "
    f"TRUNCATE ON audit.entries FOR EACH STATEMENT {_REFUSES}",
    "table details": _TABLE,
    "column details.sequence": _NUMBER,
    "column details.salt": _BYTES,
    "column details.details": _TEXT,
    "constraint details_pkey": "PRIMARY KEY (sequence)",
    "constraint details_salt_check": "CHECK ((length(salt) = 32))",
    "constraint details_readable": "CHECK (((jsonb_typeof((details)::jsonb) = 'object'::text) AND "
    "(COALESCE(jsonb_typeof(((details)::jsonb -> 'before'::text)), 'object'::text) = "
    "'object'::text) AND (COALESCE(jsonb_typeof(((details)::jsonb -> 'after'::text)), "
    "'object'::text) = 'object'::text) AND (COALESCE(jsonb_typeof(((details)::jsonb -> "
    "'reason'::text)), 'string'::text) = 'string'::text)))",
    "constraint details_bounded": "CHECK ((length(details) <= 100000)) NOT VALID",
    "trigger details.never_changed": "ENABLE ALWAYS, CREATE TRIGGER never_changed BEFORE UPDATE "
    f"ON audit.details FOR EACH ROW {_REFUSES}",
    "trigger details.never_truncated": "ENABLE ALWAYS, CREATE TRIGGER never_truncated BEFORE "
    f"TRUNCATE ON audit.details FOR EACH STATEMENT {_REFUSES}",
    "table checkpoints": _TABLE,
    "column checkpoints.size": _NUMBER,
    "column checkpoints.root": _BYTES,
    "column checkpoints.at": "timestamp with time zone not null",
    "column checkpoints.note": _TEXT,
    "constraint checkpoints_pkey": "PRIMARY KEY (size)",
    "constraint checkpoints_size_check": "CHECK ((size > 0))",
    "constraint checkpoints_root_check": "CHECK ((length(root) = 32))",
    "constraint checkpoints_note_check": "CHECK ((length(note) <= 100000))",
    "trigger checkpoints.append_only": "ENABLE ALWAYS, CREATE TRIGGER append_only BEFORE DELETE OR "
    f"UPDATE ON audit.checkpoints FOR EACH ROW {_REFUSES}",
    "trigger checkpoints.never_truncated": "ENABLE ALWAYS, CREATE TRIGGER never_truncated BEFORE "
    f"TRUNCATE ON audit.checkpoints FOR EACH STATEMENT {_REFUSES}",
    "function audit.keep_checkpoint(bigint,bytea,text)": "as its owner, search_path=pg_catalog, "
    "pg_temp, sha256 c5f8a780f80f627d8625a07c372ec1a000fbd56249ce221674125debb8936e34",
    "function audit.append(jsonb)": "as its owner, search_path=pg_catalog, pg_temp, sha256 "
    "61a9c920fb9474c061e73556834cffd81d06ea997d499807146d3c2fe06f88ca",
    "function audit.leaf(audit.entries)": "sha256 "
    "4e48b5f5b400ab99d77dc7d2fd8defa2e085fbefbd1139a85fa0ff2914395002",
    "function audit.refuse()": "search_path=pg_catalog, pg_temp, sha256 "
    "c38384daadb179ecef87b3a6ee13eb0c5101062448ffaa08437b5cdf1631f070",
}

#: Names are qualified by what the session finds of itself.
_QUALIFIED = "SELECT set_config('search_path', 'pg_catalog', true)"
_FOUND = """
    WITH kept AS (
        SELECT * FROM pg_class
        WHERE relnamespace = to_regnamespace('audit') AND relkind NOT IN ('i', 'S', 't')
    )
    SELECT 'table ' || relname AS name,
        CASE relkind WHEN 'r' THEN 'ordinary' ELSE 'no ordinary one' END || ', '
        || CASE relpersistence WHEN 'p' THEN 'permanent' ELSE 'unlogged' END || ', '
        || CASE WHEN relrowsecurity THEN 'with' ELSE 'without' END || ' row-level security' AS made
    FROM kept
    UNION ALL SELECT 'column ' || relname || '.' || attname, format_type(atttypid, atttypmod)
        || CASE WHEN attnotnull THEN ' not null' ELSE '' END
        || CASE WHEN attidentity = '' THEN '' ELSE ', generated' END
        || coalesce(', ' || pg_get_expr(adbin, adrelid), '')
    FROM kept JOIN pg_attribute ON attrelid = kept.oid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped
    UNION ALL SELECT 'constraint ' || conname, pg_get_constraintdef(pg_constraint.oid)
    FROM kept JOIN pg_constraint ON conrelid = kept.oid WHERE contype <> 'n'
    UNION ALL SELECT 'trigger ' || relname || '.' || tgname, CASE tgenabled
        WHEN 'A' THEN 'ENABLE ALWAYS' WHEN 'D' THEN 'disabled' ELSE 'not ENABLE ALWAYS' END
        || ', ' || pg_get_triggerdef(pg_trigger.oid)
    FROM kept JOIN pg_trigger ON tgrelid = kept.oid WHERE NOT tgisinternal
    UNION ALL SELECT 'rule ' || rulename, pg_get_ruledef(pg_rewrite.oid)
    FROM kept JOIN pg_rewrite ON ev_class = kept.oid
    UNION ALL SELECT 'child table ' || inhrelid::regclass, 'its rows are read as entries'
    FROM kept JOIN pg_inherits ON inhparent = kept.oid
    UNION ALL SELECT 'parent table ' || inhparent::regclass, 'entries are changed through it'
    FROM kept JOIN pg_inherits ON inhrelid = kept.oid
    UNION ALL SELECT 'function ' || oid::regprocedure,
        CASE WHEN prosecdef THEN 'as its owner, ' ELSE '' END
        || coalesce(array_to_string(proconfig, ', ') || ', ', '')
        || 'sha256 ' || encode(sha256(convert_to(prosrc, 'UTF8')), 'hex')
    FROM pg_proc WHERE pronamespace = to_regnamespace('audit')
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
            WHERE pronamespace = to_regnamespace('audit')
                AND pg_has_role(current_user, proowner, 'MEMBER'))
"""
_RIGHTS = """
    WITH granted AS (
        SELECT 'audit.' || relname AS thing, relowner AS owner, aclexplode(relacl) AS acl
        FROM pg_class WHERE relnamespace = to_regnamespace('audit')
        UNION ALL SELECT 'column ' || attname || ' of audit.' || relname, relowner,
            aclexplode(attacl)
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = to_regnamespace('audit')
        UNION ALL SELECT 'schema audit', nspowner, aclexplode(nspacl)
        FROM pg_namespace WHERE nspname = 'audit'
        UNION ALL SELECT oid::regprocedure::text, proowner,
            aclexplode(coalesce(proacl, acldefault('f', proowner)))
        FROM pg_proc WHERE pronamespace = to_regnamespace('audit') AND prosecdef
    )
    SELECT coalesce(rolname, 'everybody') || ' has ' || (acl).privilege_type || ' on ' || thing
        AS found
    FROM granted LEFT JOIN pg_roles ON pg_roles.oid = (acl).grantee
    WHERE (acl).grantee <> owner AND (acl).privilege_type NOT IN ('SELECT', 'USAGE')
        AND NOT ((acl).privilege_type = 'EXECUTE' AND rolname IS NOT DISTINCT FROM current_user)
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
        for query in (_LOGIN, _RIGHTS, _SETTINGS)
        for row in session.execute(query).fetchall()
    ]
    return (*said, *guard_differences(session))


def guard_differences(session: Session) -> list[str]:
    """What in the schema of the audit log is not as the migrations made it, in words.

    Args:
        session: As the application, in a transaction.

    Raises:
        psycopg.Error: The database cannot be asked.
    """
    session.execute(_QUALIFIED)
    rows = session.execute(_FOUND).fetchall()
    return list(_differences({str(row["name"]): str(row["made"]) for row in rows}))


def _differences(found: dict[str, str]) -> Iterator[str]:
    for name in sorted(MADE.keys() | found.keys()):
        if name not in found:
            yield f"{name} is missing"
        elif name not in MADE:
            yield f"{name} was added"
        elif found[name] != MADE[name]:
            yield f"{name} was changed: expected {_short(MADE[name])}, found {_short(found[name])}"


def _short(made: str) -> str:
    return one_line(made, 100)
