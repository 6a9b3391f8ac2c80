"""What would let somebody change the audit log, as the database's own catalogue shows it.

The table is guarded by two triggers and their function, by columns whose values are the database's
own, and by a login that may do nothing else than read and add. The owner or a superuser can take
each of these away; here it is seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimera_assets.postgres.platform.session import Session

#: The function of both triggers, as its migration made it.
_REFUSE = """
    BEGIN
        RAISE EXCEPTION 'audit.entries is append-only'
            USING ERRCODE = 'insufficient_privilege';
    END
"""

_LOGIN = """
    SELECT 'its login is a superuser' AS found
    FROM pg_roles WHERE rolname = current_user AND rolsuper
    UNION ALL SELECT 'its login owns the audit log''s table'
    FROM pg_class
    WHERE oid = to_regclass('audit.entries') AND pg_has_role(current_user, relowner, 'MEMBER')
    UNION ALL SELECT 'its login may make temporary tables'
    WHERE has_database_privilege(current_database(), 'TEMP')
"""
#: The kinds of triggers (pg_trigger.tgtype): before update or delete of a row, before truncate.
_TRIGGERS = """
    SELECT 'trigger ' || wanted.name || CASE
        WHEN found.oid IS NULL THEN ' is missing'
        WHEN tgenabled = 'D' THEN ' is disabled'
        WHEN tgenabled <> 'A' THEN ' is not ENABLE ALWAYS'
        ELSE ' was replaced' END AS found
    FROM (VALUES ('append_only', 27), ('never_truncated', 34)) AS wanted (name, type)
    LEFT JOIN pg_trigger AS found
        ON tgrelid = to_regclass('audit.entries') AND tgname = wanted.name
    WHERE found.oid IS NULL OR tgenabled <> 'A' OR tgtype <> wanted.type OR tgqual IS NOT NULL
        OR tgattr::text <> '' OR tgfoid IS DISTINCT FROM to_regprocedure('audit.refuse()')
"""
_FUNCTION = """
    SELECT 'function audit.refuse was replaced' AS found
    WHERE NOT EXISTS (
        SELECT FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
        WHERE pg_proc.oid = to_regprocedure('audit.refuse()') AND lanname = 'plpgsql'
            AND regexp_replace(prosrc, '\\s+', ' ', 'g') = regexp_replace(%s, '\\s+', ' ', 'g')
    )
"""
#: What can keep entries out in silence, hide them from readers, or give them another time.
_TABLE = """
    SELECT 'trigger ' || tgname || ' stands beside ours' AS found
    FROM pg_trigger
    WHERE tgrelid = to_regclass('audit.entries') AND NOT tgisinternal
        AND tgname NOT IN ('append_only', 'never_truncated')
    UNION ALL SELECT 'rule ' || rulename || ' changes what is written'
    FROM pg_rewrite WHERE ev_class = to_regclass('audit.entries')
    UNION ALL SELECT 'audit.entries has row-level security'
    FROM pg_class WHERE oid = to_regclass('audit.entries') AND relrowsecurity
    UNION ALL SELECT 'audit.entries is no ordinary table'
    FROM pg_class WHERE oid = to_regclass('audit.entries') AND relkind <> 'r'
    UNION ALL SELECT 'column ' || wanted.name || ' no longer gets its value from the database'
    FROM (VALUES ('id', 'a', NULL), ('at', '', 'clock_timestamp()')) AS wanted (name, own, value)
    WHERE NOT EXISTS (
        SELECT FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = to_regclass('audit.entries') AND attname = wanted.name
            AND attidentity = wanted.own
            AND pg_get_expr(adbin, adrelid) IS NOT DISTINCT FROM wanted.value
    )
"""


def find_weaknesses(session: Session) -> tuple[str, ...]:
    """What guards the audit log and is not as it was made, in words; empty if all of it stands.

    Raises:
        psycopg.Error: The database cannot be asked.
    """
    asked = ((_LOGIN, ()), (_TRIGGERS, ()), (_FUNCTION, (_REFUSE,)), (_TABLE, ()))
    return tuple(
        str(row["found"])
        for query, parameters in asked
        for row in session.execute(query, parameters).fetchall()
    )
