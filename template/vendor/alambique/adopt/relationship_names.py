"""What people would call a relationship, as candidates: the best that is free is taken.

What leads to many is in the plural, what leads to one in the singular; where the table alone does
not say which one it is, the columns of its key do. Names are in small letters with underscores,
however the database writes its own.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlacodegen.models import RelationshipAttribute, RelationshipType

from alambique.adopt.words import plural, singular, snake

# What says of a column that it holds a key.
ID = re.compile(r"(.+)_(?:id|uuid)|id_(.+)")


def names_for(relationship: RelationshipAttribute) -> list[str]:
    """Return names for a relationship, the best one first.

    Args:
        relationship: one of a model whose other relationships are there; of two ends in one model
            the one along the key is named before the other.
    """
    if relationship.type is RelationshipType.MANY_TO_MANY:
        return _names_over_a_link(relationship)
    if _is_the_other_end(relationship):
        return _names_of_the_other_end(relationship)
    return _names_along_a_key(relationship)


def _names_along_a_key(relationship: RelationshipAttribute) -> list[str]:
    """Return names for what a key leads to: what its column says, or what the table is one of."""
    one = singular(snake(relationship.target.table.name))
    said, by = _said_by(relationship.constraint), _by(relationship.constraint)
    first = said or (by if _is_one_of_several(relationship) else one)
    names = [first, f"{first}_{one}", f"{first}_row"]
    if first == one:
        names.remove(f"{one}_{one}")
    return [*names, f"{by}_row"]


def _names_of_the_other_end(relationship: RelationshipAttribute) -> list[str]:
    """Return names for what refers to a model: where several keys do, it is said by which."""
    table = snake(relationship.target.table.name)
    is_many = relationship.type is RelationshipType.ONE_TO_MANY
    name = plural(table) if is_many else singular(table)
    by = _by(relationship.constraint)
    by_key = f"{name}_{by}" if by.endswith("_by") else f"{name}_by_{by}"
    is_plain = is_many and _keys_between(relationship) == 1
    return [name, by_key] if is_plain or not _is_one_of_several(relationship) else [by_key]


def _names_over_a_link(relationship: RelationshipAttribute) -> list[str]:
    """Return names for the models at the other end of a link."""
    assert relationship.association_table is not None
    table = plural(snake(relationship.target.table.name))
    by_link = f"{table}_by_{_without(table, relationship.association_table.table.name)}"
    said = _said_by(relationship.constraint)
    if relationship.source is relationship.target:
        by = said or _by(relationship.constraint)
        return [plural(by), f"{table}_by_{by}", by_link]
    links = {
        each.association_table.table
        for each in relationship.source.relationships
        if each.target is relationship.target and each.association_table is not None
    }
    return [by_link] if len(links) > 1 else [plural(said) if said else table, table, by_link]


def _without(table: str, link: str) -> str:
    """Return what the name of a link says beside a table's: `likes` for `post_likes` of posts."""
    words = {singular(word) for word in table.split("_")}
    rest = [word for word in snake(link).split("_") if singular(word) not in words]
    return "_".join(rest) or snake(link)


def _is_the_other_end(relationship: RelationshipAttribute) -> bool:
    """Tell whether it goes against the direction of its key."""
    key, back = relationship.constraint, relationship.backref
    if key is None or key.table is not relationship.source.table:
        return True
    return relationship.source is relationship.target and back is not None and back.name != ""


def _is_one_of_several(relationship: RelationshipAttribute) -> bool:
    """Tell whether the table alone does not say which relationship it is."""
    return relationship.source is relationship.target or _keys_between(relationship) > 1


def _keys_between(relationship: RelationshipAttribute) -> int:
    """Return how many foreign keys two tables have on each other."""
    one, other = relationship.source.table, relationship.target.table
    keys = {
        key
        for table, there in ((one, other), (other, one))
        for key in table.foreign_key_constraints
        # By its name: a key may lead to a table that is not written, too.
        if key.elements[0].target_fullname.rpartition(".")[0] == there.fullname
    }
    return len(keys)


def _said_by(key: sa.ForeignKeyConstraint | None) -> str | None:
    """Return what a key's columns say of what it leads to; None if they say nothing.

    `boss` for `boss_id`, `BossID`, `id_boss`, and for `tenant` with `boss_id`.
    """
    found = [
        match[1] or match[2]
        for column in ([] if key is None else key.columns)
        if (match := ID.fullmatch(snake(str(column.name))))
    ]
    return found[0] if len(found) == 1 else None


def _by(key: sa.ForeignKeyConstraint | None) -> str:
    """Return what tells a key from the others: what it says, or its columns."""
    columns = [] if key is None else [snake(str(column.name)) for column in key.columns]
    return _said_by(key) or "_".join(column.removesuffix("_id") for column in columns)
