"""Names that nobody has mapped, what waits for them, and what an operator makes of them."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets import models
from markets.services import mapping_names
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource

TIME = ("gte", "lt")
PERMISSION = "markets.change_unknownname"


class Mapping(serializers.Serializer):
    """Whom a name means."""

    participant = serializers.IntegerField(required=False, min_value=1)
    competition = serializers.IntegerField(required=False, min_value=1)
    everywhere = serializers.BooleanField(
        default=False, help_text="In every competition of the sport."
    )
    reason = serializers.CharField(max_length=250)


class Creation(serializers.Serializer):
    """What is to be made of a name."""

    name = serializers.CharField(required=False, max_length=120, default="")
    kind = serializers.ChoiceField(
        choices=models.Participant.Kind.choices, required=False, default="", allow_blank=True
    )
    code = serializers.CharField(required=False, max_length=30, default="")
    sport_code = serializers.CharField(required=False, max_length=30, default="")
    time_zone = serializers.CharField(required=False, max_length=64, default="UTC")
    reason = serializers.CharField(max_length=250)


class Why(serializers.Serializer):
    reason = serializers.CharField(max_length=250)


class NamesBase(ReadOnlyResource):
    """Names that a source uses and nobody has mapped; records wait for them."""

    permissions = {"map": PERMISSION, "make": PERMISSION, "ignore": PERMISSION}


_Names: Any = resource(
    models.UnknownName,
    fields=[
        "id", "source", "kind", "sport", "competition", "name", "state", "rows", "suggestions",
        "margin", "first_seen_at", "last_seen_at", "resolved_at", "resolved_by", "reason",
    ],
    texts={"source_code": "source.code"},
    filters={
        "source": ["exact"],
        "state": ["exact"],
        "kind": ["exact"],
        "sport": ["exact"],
        "competition": ["exact"],
        "last_seen_at": TIME,
    },
    orderings=["-rows", "-id", "id"],
    base=NamesBase,
)  # fmt: skip


class Names(_Names):
    def _answer(self, request: Request, data: Any, service: Any) -> Response:
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        for name in ("participant", "competition"):
            if name in values:
                values[f"{name}_id"] = values.pop(name)
        row = service(
            unknown_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **values,
        )
        return Response(self.get_serializer(row).data)

    @extend_schema(request=Mapping, responses={200: _Names.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def map(self, request: Request, pk: str) -> Response:
        """Say whom the name means; the records that wait for it are loaded then."""
        return self._answer(request, Mapping(data=request.data), mapping_names.map_name)

    @extend_schema(request=Creation, responses={200: _Names.serializer_class, **ACTING})
    @action(
        detail=True,
        methods=["post"],
        url_path="create",
        pagination_class=None,
        filterset_class=None,
    )
    def make(self, request: Request, pk: str) -> Response:
        """Make what the name means; the records that wait for it are loaded then."""
        return self._answer(request, Creation(data=request.data), mapping_names.create_from_name)

    @extend_schema(request=Why, responses={200: _Names.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def ignore(self, request: Request, pk: str) -> Response:
        """Let what waits for the name rest; it can still be mapped later."""
        return self._answer(request, Why(data=request.data), mapping_names.ignore_name)


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "unknown-names": Names,
    "parked-rows": resource(
        models.ParkedRow,
        fields=[
            "id", "source", "payload", "name", "record", "reason", "detail", "excerpt",
            "fetched_at", "parked_at", "state", "settled_at",
        ],
        texts={"source_code": "source.code"},
        filters={
            "source": ["exact"],
            "state": ["exact"],
            "reason": ["exact"],
            "names": ["exact"],
            "parked_at": TIME,
        },
    ),
    "event-changes": resource(
        models.EventChange,
        fields=["id", "event", "source", "field", "before", "after", "known_at"],
        filters={"event": ["exact"], "source": ["exact"], "known_at": TIME},
    ),
    "event-aliases": resource(
        models.EventAlias,
        fields=["id", "namespace", "ref", "event"],
        filters={"namespace": ["exact"], "ref": ["exact"], "event": ["exact"]},
    ),
}  # fmt: skip
