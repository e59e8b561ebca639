"""How runners came in, what players did, and results that two sources tell differently."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets import models
from markets.services import disputing
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource

TIME = ("gte", "lt")


class Decision(serializers.Serializer):
    """Which result is kept, and why."""

    keep = serializers.ChoiceField(
        choices=[(disputing.STANDING, "what stands"), (disputing.TOLD, "what the source told")]
    )
    reason = serializers.CharField(max_length=250)


class DisputeBase(ReadOnlyResource):
    """Results that a source contradicts: while one is open, nobody is paid by its event."""

    permissions = {"resolve": "markets.change_resultdispute"}


_Disputes: Any = resource(
    models.ResultDispute,
    fields=[
        "id",
        "event",
        "standing",
        "source",
        "told",
        "told_at",
        "state",
        "resolved_at",
        "resolved_by",
        "reason",
    ],
    texts={
        "event_name": "event.name",
        "source_code": "source.code",
        "is_simulated": "event.competition.is_simulated",
    },
    filters={"event": ["exact"], "source": ["exact"], "state": ["exact"], "told_at": TIME},
    orderings=["-told_at", "told_at", "-id", "id"],
    base=DisputeBase,
)


class Disputes(_Disputes):
    @extend_schema(request=Decision, responses={200: _Disputes.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def resolve(self, request: Request, pk: str) -> Response:
        """Keep the result that stands, or take the other one; its bets are settled by it then."""
        data = Decision(data=request.data)
        data.is_valid(raise_exception=True)
        resolved = disputing.resolve(
            dispute_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(self.get_serializer(resolved).data)


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "result-disputes": Disputes,
    "runner-results": resource(
        models.RunnerResult,
        fields=[
            "id",
            "result",
            "participant",
            "number",
            "position",
            "is_winner",
            "is_placed",
            "is_removed",
            "reduction",
        ],
        texts={
            "name": "participant.name",
            "event": "result.event_id",
            "version": "result.version",
        },
        filters={"result": ["exact"], "result__event": ["exact"], "participant": ["exact"]},
    ),
    "statistic-results": resource(
        models.StatisticResult,
        fields=["id", "result", "participant", "statistic", "value", "took_part"],
        texts={
            "name": "participant.name",
            "event": "result.event_id",
            "version": "result.version",
        },
        filters={
            "result": ["exact"],
            "result__event": ["exact"],
            "participant": ["exact"],
            "statistic": ["exact"],
        },
    ),
}
