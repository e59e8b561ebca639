"""Pages by cursor: stable while rows are added, and as fast at the end as at the start.

A cursor says where the last row of a page stood: its value in the ordering's column and its
key.  The next page is what lies beyond, found by index however deep it is and however many rows
share one value.  Cursors are signed, so what comes back is what was given out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core import signing
from django.db.models import Field, Model, Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

SIZE, LARGEST = 100, 1_000
_SALT = "api.cursor"


@dataclass(frozen=True, slots=True)
class Page:
    rows: QuerySet[Any]  # one more than the page holds, to tell whether another follows
    keys: tuple[str, str]
    ordering: str
    size: int


class Pages(BasePagination):
    PARAMETERS = ("limit", "cursor", "ordering")

    def page(self, found: QuerySet[Any], request: Request, orderings: Sequence[str]) -> Page:
        """Return one page of a queryset.

        Raises:
            ValidationError: limit, cursor or ordering is none that there is.
        """
        ordering = request.query_params.get("ordering") or orderings[0]
        if ordering not in orderings:
            raise ValidationError({"ordering": f"one of {', '.join(orderings)} is expected"})
        size = _size(request.query_params.get("limit"))
        column, sign = ordering.lstrip("-"), "-" if ordering.startswith("-") else ""
        order = [ordering] if column == "id" else [ordering, f"{sign}id"]
        if cursor := request.query_params.get("cursor"):
            found = found.filter(_beyond(cursor, ordering, found.model))
        return Page(found.order_by(*order)[: size + 1], (column, "id"), ordering, size)

    def answer(
        self, page: Page, rows: Sequence[tuple[dict[str, Any], tuple[Any, ...]]], request: Request
    ) -> dict[str, Any]:
        """Return the page as it is sent; ``next`` is null on the last one."""
        following = None
        if len(rows) > page.size:
            value, key = rows[page.size - 1][1]
            cursor = signing.dumps([page.ordering, _plain(value), _plain(key)], salt=_SALT)
            following = replace_query_param(request.build_absolute_uri(), "cursor", cursor)
        return {"next": following, "results": [row for row, _ in rows[: page.size]]}

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {
                    "type": ["string", "null"],
                    "format": "uri",
                    "description": "Where the next page is; null on the last one.",
                },
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "limit",
                "in": "query",
                "required": False,
                "description": f"Rows on a page; {SIZE} where none is asked for.",
                "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST},
            },
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "As given out in `next`.",
                "schema": {"type": "string"},
            },
        ]


def _size(asked: str | None) -> int:
    if asked is None:
        return SIZE
    if asked.isascii() and asked.isdecimal() and len(asked) <= 5 and 1 <= int(asked) <= LARGEST:
        return int(asked)
    raise ValidationError({"limit": f"a whole number from 1 to {LARGEST} is expected"})


def _beyond(cursor: str, ordering: str, model: type[Model]) -> Q:
    """Return the condition for the rows after a cursor."""
    try:
        made_for, value, key = signing.loads(cursor, salt=_SALT)
    except signing.BadSignature:
        raise ValidationError({"cursor": "a cursor that `next` gave out is expected"}) from None
    if made_for != ordering:
        raise ValidationError({"cursor": f"this cursor belongs to ordering={made_for}"})
    column = ordering.lstrip("-")
    side = "lt" if ordering.startswith("-") else "gt"
    if column == "id":
        return Q((f"id__{side}", key))
    field = model._meta.get_field(column)
    assert isinstance(field, Field), "an ordering is a column"
    value = field.to_python(value)
    # The first half lets the index find the place; the second settles rows of the same value.
    return Q((f"{column}__{side}e", value)) & (
        Q((f"{column}__{side}", value)) | Q((f"id__{side}", key))
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal | UUID) else value
