"""Who owns what is made anew in PostgreSQL, and who may use it: both would be gone with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import sqlalchemy as sa
from sqlalchemy import Connection

from alambique.adopt.definitions.definition import Definition
from alambique.text import literal

# Of everybody a function is, unless its list says otherwise; a view is only its owner's.
REVOKE = "REVOKE ALL ON ROUTINE {name} FROM PUBLIC"
GRANT = "GRANT {privileges} ON {name} TO {grantee}{option}"

# A role that another server does not have gets nothing there.
TO_ROLE = """\
DO $$ BEGIN IF to_regrole({role}) IS NOT NULL THEN
  {grant};
END IF; END $$"""
# And who may not act for the owner keeps what he makes.
TO_OWNER = """\
DO $$ BEGIN IF EXISTS (
  SELECT FROM pg_roles WHERE rolname = {role} AND pg_has_role(oid, 'MEMBER')
) THEN
  ALTER {kind} {name} OWNER TO {owner};
END IF; END $$"""

THINGS = """
    WITH things AS (
        SELECT
            c.oid,
            CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END AS kind,
            format('%I.%I', nspname, relname) AS name,
            relowner AS owner,
            relacl AS acl
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = relnamespace
        WHERE relkind IN ('v', 'm') AND c.oid >= 16384
        UNION ALL
        SELECT oid, 'ROUTINE', oid::regprocedure::text, proowner, proacl
        FROM pg_proc
        WHERE oid >= 16384
    )
"""
OWNED = f"""
    {THINGS}
    SELECT kind, name, pg_get_userbyid(owner) AS owner, acl IS NOT NULL AS has_list
    FROM things
    ORDER BY name
"""
GRANTED = f"""
    {THINGS}
    SELECT
        kind,
        name,
        string_agg(privilege, ', ' ORDER BY privilege) AS privileges,
        rolname AS role,
        is_grantable
    FROM (
        SELECT kind, name, a.privilege_type AS privilege, a.grantee, a.is_grantable
        FROM things, aclexplode(acl) AS a
        WHERE a.grantee <> owner
        UNION ALL
        SELECT kind, name, format('%s (%I)', a.privilege_type, attname), a.grantee, a.is_grantable
        FROM things JOIN pg_attribute ON attrelid = things.oid, aclexplode(attacl) AS a
    ) AS granted
    LEFT JOIN pg_roles ON pg_roles.oid = grantee
    GROUP BY kind, name, rolname, is_grantable
    ORDER BY name, rolname NULLS FIRST, is_grantable
"""


def rights_again(connection: Connection, dropped: Collection[Definition]) -> Iterator[str]:
    """Yield what grants again what was granted, and gives back to owners what they had.

    Args:
        connection: to a database of PostgreSQL.
        dropped: the things that are dropped and made anew.
    """
    names = {each.name for each in dropped}
    quote = connection.dialect.identifier_preparer.quote
    # So that every name is said as definitions say it.
    connection.execute(sa.text("SELECT set_config('search_path', 'pg_catalog', true)"))
    myself = connection.exec_driver_sql("SELECT current_user").scalar_one()
    owned = [row for row in connection.exec_driver_sql(_escaped(OWNED)) if row.name in names]

    for row in owned:
        if row.kind == "ROUTINE" and row.has_list:
            yield REVOKE.format(name=row.name)
    for row in connection.exec_driver_sql(_escaped(GRANTED)):
        if row.name not in names:
            continue
        grantee = "PUBLIC" if row.role is None else quote(row.role)
        grant = GRANT.format(
            privileges=row.privileges,
            name=f"ROUTINE {row.name}" if row.kind == "ROUTINE" else row.name,
            grantee=grantee,
            option=" WITH GRANT OPTION" if row.is_grantable else "",
        )
        is_role = row.role is not None
        yield TO_ROLE.format(role=literal(grantee), grant=grant) if is_role else grant
    for row in owned:
        if row.owner != myself:
            yield TO_OWNER.format(
                role=literal(row.owner), kind=row.kind, name=row.name, owner=quote(row.owner)
            )


def _escaped(query: str) -> str:
    return query.replace("%", "%%")
