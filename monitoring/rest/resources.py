"""Read-only resources from a model's declaration: list, retrieve, filter, order, fewer fields.

Rows go from the database to JSON as plain values: no model instance is built and no serializer
runs per row, and only the columns that were asked for are read.  The serializer class describes
the resource in the OpenAPI document and shows the one row that an action answers with.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Field, Model, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.rest.filters import Filters
from monitoring.rest.pages import Pages
from monitoring.rest.problems import problems

ERRORS = problems(400, 401, 403, 404)
REFUSED = problems(409)
ACTING = {**ERRORS, **problems(409, 413, 415)}
_FIELDS = OpenApiParameter(
    "fields", str, description="Only these fields, separated by commas.", required=False
)


class SparseSerializer(serializers.ModelSerializer):
    """The fields of a resource, or those of them that ``?fields=`` asks for."""

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        request = self.context.get("request")
        if not isinstance(request, Request):
            return fields
        return {name: fields[name] for name in asked_fields(request, fields)}


def asked_fields(request: Request, known: Iterable[str]) -> list[str]:
    """Return the names that ``?fields=`` asks for, in its order; all of them where it is empty.

    Raises:
        ValidationError: there is no such field.
    """
    known = list(known)
    asked = request.query_params.get("fields")
    if not asked:
        return known
    names = list(dict.fromkeys(name.strip() for name in asked.split(",")))
    if unknown := sorted(set(names) - set(known)):
        raise ValidationError(
            {"fields": f"unknown: {', '.join(unknown)}; there are {', '.join(known)}"}
        )
    return names


class ReadOnlyResource(viewsets.GenericViewSet):
    """List and retrieve one model; its permission is to view that model."""

    lookup_value_regex = "[0-9]{1,18}"
    pagination_class = Pages
    paths: Mapping[str, str] = {}  # field -> where its value lies, for ``values_list``
    filterset_class: type[Filters] = Filters
    orderings: Sequence[str] = ("-id",)  # columns that are never null; the first is the default

    def _list(self, request: Request) -> Response:
        known = self.filterset_class.base_filters
        refuse_unknown(request, {*known, "fields", *Pages.PARAMETERS})
        names = asked_fields(request, self.paths)
        found = self.filter_queryset(self.get_queryset())
        pages = Pages()
        page = pages.page(found, request, self.orderings)
        rows = _rows(page.rows, {name: self.paths[name] for name in names}, page.keys)
        return Response(pages.answer(page, rows, request))

    def _retrieve(self, request: Request, pk: str) -> Response:
        refuse_unknown(request, {"fields"})
        names = asked_fields(request, self.paths)
        found = self.get_queryset().filter(pk=pk)
        for row, _ in _rows(found, {name: self.paths[name] for name in names}, ()):
            return Response(row)
        raise Http404


def resource(
    model: type[Model],
    *,
    fields: Sequence[str],
    texts: Mapping[str, str] | None = None,
    filters: Mapping[str, Sequence[str]] | None = None,
    orderings: Sequence[str] = ("-id", "id"),
    base: type[ReadOnlyResource] = ReadOnlyResource,
    rows: QuerySet[Any] | None = None,
    figures: Mapping[str, serializers.Field] | None = None,
) -> type[ReadOnlyResource]:
    """Make the resource of a model.

    ``texts`` adds fields that read along a relation: {"event": "market.event.name"}.
    ``figures`` adds what ``rows`` are annotated with, under the same names.
    ``orderings`` are what ``?ordering=`` may ask for, the default first.
    """
    texts, figures = texts or {}, figures or {}
    serializer = _serializer(model, fields, texts, figures)
    view = type(
        f"{model.__name__}Resource",
        (base,),
        {
            "__doc__": (model.__doc__ or "").strip() or f"Read {model._meta.verbose_name_plural}.",
            "queryset": model._default_manager.all() if rows is None else rows,
            "serializer_class": serializer,
            "paths": {
                **{name: _column(model, name).attname for name in fields},
                **{name: source.replace(".", "__") for name, source in texts.items()},
                **{name: name for name in figures},
            },
            "orderings": tuple(orderings),
            "filterset_class": _filters(model, filters or {}),
            "permission": f"{model._meta.app_label}.view_{model._meta.model_name}",
        },
    )
    ordering = OpenApiParameter("ordering", str, enum=list(orderings), required=False)
    _add_reading(view, serializer, ordering)
    return view


def _add_reading(
    view: type[ReadOnlyResource], serializer: type[SparseSerializer], ordering: OpenApiParameter
) -> None:
    """Give the view methods of its own: a description is kept on the function it describes."""

    def list(self: ReadOnlyResource, request: Request) -> Response:
        return self._list(request)

    def retrieve(self: ReadOnlyResource, request: Request, pk: str) -> Response:
        return self._retrieve(request, pk)

    doc = (view.__doc__ or "").split("\n\n")[0]
    view.list = extend_schema(  # type: ignore[attr-defined]
        description=doc,
        parameters=[_FIELDS, ordering],
        responses={200: serializer(many=True), **ERRORS},
    )(list)
    view.retrieve = extend_schema(  # type: ignore[attr-defined]
        description=doc, parameters=[_FIELDS], responses={200: serializer, **ERRORS}
    )(retrieve)


def _serializer(
    model: type[Model],
    fields: Sequence[str],
    texts: Mapping[str, str],
    figures: Mapping[str, serializers.Field],
) -> type[SparseSerializer]:
    added = {name: _described(model, source) for name, source in texts.items()} | dict(figures)
    meta = type(
        "Meta", (), {"model": model, "fields": [*fields, *added], "read_only_fields": fields}
    )
    return type(f"{model.__name__}Serializer", (SparseSerializer,), {**added, "Meta": meta})


def _filters(model: type[Model], filters: Mapping[str, Sequence[str]]) -> type[Filters]:
    meta = type("Meta", (), {"model": model, "fields": filters})
    return type(f"{model.__name__}Filters", (Filters,), {"Meta": meta})


def _described(model: type[Model], source: str) -> serializers.Field:
    """Return the serializer field of a value along a relation, with its type and nullness."""
    *steps, last = source.split(".")
    at: Any = model
    may_be_null = False
    for step in steps:
        relation = _column(at, step)
        may_be_null |= relation.null
        at = relation.related_model
    column = _column(at, last.removesuffix("_id"))
    may_be_null |= column.null
    kind = serializers.ModelSerializer.serializer_field_mapping.get(
        type(column), serializers.IntegerField if column.is_relation else serializers.CharField
    )
    if not issubclass(kind, serializers.IntegerField | serializers.BooleanField):
        kind = serializers.CharField
    return kind(source=source, read_only=True, allow_null=may_be_null)


def _column(model: type[Model], name: str) -> "Field[Any, Any]":
    field = model._meta.get_field(name)
    assert isinstance(field, Field), f"{model.__name__}.{name} is no column"
    return field


def refuse_unknown(request: Request, known: Iterable[str]) -> None:
    unknown = sorted(set(request.query_params) - set(known))
    if unknown:
        raise ValidationError(dict.fromkeys(unknown, "there is no such parameter"))


def _rows(
    found: QuerySet[Any], paths: Mapping[str, str], keys: Sequence[str]
) -> list[tuple[dict[str, Any], tuple[Any, ...]]]:
    """Return each row's fields, and beside them the values of its keys."""
    width = len(paths)
    names = list(paths)
    return [
        (dict(zip(names, row, strict=False)), row[width:])
        for row in found.values_list(*paths.values(), *keys)
    ]
