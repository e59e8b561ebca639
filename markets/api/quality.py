"""Findings about the quality of the data, and what an operator accepts of them."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets import models
from markets.services import qualifying
from monitoring.rest.access import actor_of
from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource

TIME = ("gte", "lt")
PERMISSION = "markets.change_qualityfinding"


class Dismissal(serializers.Serializer):
    """Why a flaw is accepted, and until when."""

    reason = serializers.CharField(max_length=250)
    until = MomentField(
        required=False, default=None, allow_null=True, help_text="Left out: while it stands."
    )


class TakingBack(serializers.Serializer):
    """Why somebody is to be told of it again."""

    reason = serializers.CharField(max_length=250)


class FindingsBase(ReadOnlyResource):
    """Flaws in the data: open as long as a look still sees them."""

    permissions = {"dismiss": PERMISSION, "take_back": PERMISSION}


_Findings: Any = resource(
    models.QualityFinding,
    fields=[
        "id", "kind", "subject", "detail", "value", "season", "event", "market", "book", "source",
        "n", "found_at", "seen_at", "resolved_at", "dismissed_at", "dismissed_until",
        "dismissed_by", "dismissed_reason",
    ],
    texts={
        "event_name": "event.name",
        "competition": "season.competition.code",
        "season_label": "season.label",
        "book_code": "book.code",
    },
    filters={
        "kind": ["exact"],
        "season": ["exact"],
        "season__competition": ["exact"],
        "event": ["exact"],
        "market": ["exact"],
        "book": ["exact"],
        "resolved_at": ["isnull"],
        "dismissed_at": ["isnull"],
        "found_at": TIME,
        "seen_at": TIME,
    },
    orderings=["-id", "id", "-found_at", "-seen_at"],
    base=FindingsBase,
)  # fmt: skip


class Findings(_Findings):
    @extend_schema(request=Dismissal, responses={200: _Findings.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def dismiss(self, request: Request, pk: str) -> Response:
        """Accept a flaw for what it is; it stays listed and nobody is told of it."""
        return self._answer(request, Dismissal(data=request.data), qualifying.dismiss)

    @extend_schema(request=TakingBack, responses={200: _Findings.serializer_class, **ACTING})
    @action(
        detail=True,
        methods=["post"],
        url_path="take-back",
        pagination_class=None,
        filterset_class=None,
    )
    def take_back(self, request: Request, pk: str) -> Response:
        """Tell of a dismissed finding again."""
        return self._answer(request, TakingBack(data=request.data), qualifying.take_back)

    def _answer(self, request: Request, data: Any, service: Any) -> Response:
        data.is_valid(raise_exception=True)
        row = service(
            finding_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(self.get_serializer(row).data)


RESOURCES: dict[str, type[ReadOnlyResource]] = {"quality-findings": Findings}
