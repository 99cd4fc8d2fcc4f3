"""Rows as a client asks for them: a page of a list, and what is written to one."""

from __future__ import annotations

from typing import TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, Field

# What an INTEGER column holds; SQLite's driver cannot even ask for 2**63.
LARGEST_ID = 2**31 - 1

Model = TypeVar("Model")


class Page(BaseModel):
    """Which part of a list is asked for, as the query says: `?limit=20&offset=40`."""

    limit: int = Field(20, ge=1, le=100)
    offset: int = Field(0, ge=0, le=LARGEST_ID)


def rows_of(model: type[Model], page: Page) -> sa.Select[Model]:
    """Return the query for the rows of a page, in the order of their primary key."""
    key = sa.inspect(model).primary_key
    return sa.select(model).order_by(*key).limit(page.limit).offset(page.offset)


def count_of(model: type[object]) -> sa.Select[int]:
    """Return the query for how many rows there are in all."""
    return sa.select(sa.func.count()).select_from(model)


def change(row: object, given: BaseModel) -> None:
    """Write every field that was given to the row."""
    for name, value in given.model_dump().items():
        setattr(row, name, value)
