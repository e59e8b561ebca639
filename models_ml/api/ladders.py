"""When events are looked at, what became of each look, and matchdays practised."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from models_ml import models
from models_ml.api.registry import ModelsReason
from models_ml.domain import stages
from models_ml.services import laddering, ladders, pipelines, rehearsing
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource

TIME = ("gte", "lt")


class LadderWanted(ModelsReason):
    """What of a ladder is changed; what is left out stays."""

    stages = serializers.ListField(
        child=serializers.ChoiceField(choices=list(stages.STAGES)),
        required=False, min_length=1, max_length=len(stages.STAGES),
        help_text="The earliest first; the last one is the final look.",
    )  # fmt: skip
    grace_seconds = serializers.IntegerField(required=False, min_value=0, max_value=3_600)
    horizon_hours = serializers.IntegerField(required=False, min_value=1, max_value=336)
    is_enabled = serializers.BooleanField(required=False, default=None, allow_null=True)


class LadderBase(ReadOnlyResource):
    """The moments before the start at which a sport's events are looked at."""

    permissions = {"change": "models_ml.change_ladder"}


_Ladders: Any = resource(
    models.Ladder,
    fields=["id", "is_simulated", "stages", "grace_seconds", "horizon_hours", "is_enabled"],
    texts={"sport": "sport.code"},
    filters={"sport__code": ["exact"], "is_simulated": ["exact"]},
    base=LadderBase,
)


class Ladders(_Ladders):
    @extend_schema(request=LadderWanted, responses={200: _Ladders.serializer_class, **ACTING})
    @action(
        detail=True, methods=["post"], url_path="set", pagination_class=None, filterset_class=None
    )
    def change(self, request: Request, pk: str) -> Response:
        """Change a ladder; looks that are still due are planned anew."""
        data = LadderWanted(data=request.data)
        data.is_valid(raise_exception=True)
        given = dict(data.validated_data)
        row = ladders.change(
            ladder_id=self.get_object().pk,
            names=given.pop("stages", None),
            actor=actor_of(request),
            now=timezone.now(),
            **given,
        )
        return Response(self.get_serializer(row).data)


class LookBase(ReadOnlyResource):
    """One stage of one event: when it is due, when it closes, and what became of it."""

    permissions = {"again": "models_ml.add_featurerow"}


_Looks: Any = resource(
    models.StageLook,
    fields=[
        "id", "event", "feature_set", "stage", "due_at", "closes_at", "planned_at", "starts_at",
        "state", "done_at", "as_of", "rows", "why",
    ],
    texts={
        "is_simulated": "event.competition.is_simulated",
        "sport": "event.competition.sport.code",
    },
    filters={
        "event": ["exact"], "stage": ["exact"], "state": ["exact"], "feature_set": ["exact"],
        "due_at": TIME, "event__competition__sport__code": ["exact"],
        "event__competition__is_simulated": ["exact"],
    },
    orderings=["-due_at", "due_at", "-id", "id"],
    base=LookBase,
)  # fmt: skip


class Looks(_Looks):
    @extend_schema(request=ModelsReason, responses={200: _Looks.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def again(self, request: Request, pk: str) -> Response:
        """Forget what the look brought and take it anew, where nothing refers to it yet."""
        data = ModelsReason(data=request.data)
        data.is_valid(raise_exception=True)
        look = self.get_object()
        row = laddering.again(
            event_id=look.event_id,
            feature_set=look.feature_set,
            stage=look.stage,
            now=timezone.now(),
            actor=actor_of(request),
            reason=data.validated_data["reason"],
        )
        return Response(self.get_serializer(row).data)


class RehearsalWanted(serializers.Serializer):
    pipeline = serializers.CharField(max_length=60, help_text="Its code.")
    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)


class RehearsalBase(ReadOnlyResource):
    """Rows and predictions made to practise a matchday; they feed nobody."""

    permissions = {
        "begin": "models_ml.add_rehearsal",
        "remove": "models_ml.add_rehearsal",
    }


_Rehearsals: Any = resource(
    models.Rehearsal,
    fields=["id", "name", "actor", "made_at", "removed_at", "rows", "predictions"],
    texts={"pipeline": "pipeline.code", "is_simulated": "pipeline.is_simulated"},
    filters={"pipeline__code": ["exact"], "removed_at": ["isnull"]},
    base=RehearsalBase,
)


class Rehearsals(_Rehearsals):
    @extend_schema(request=RehearsalWanted, responses={200: _Rehearsals.serializer_class, **ACTING})
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def begin(self, request: Request) -> Response:
        """Rehearse a pipeline's next matchday."""
        data = RehearsalWanted(data=request.data)
        data.is_valid(raise_exception=True)
        row = rehearsing.rehearse(
            pipeline=pipelines.named(code=data.validated_data["pipeline"]),
            name=data.validated_data["name"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(self.get_serializer(row).data)

    @extend_schema(request=None, responses={200: _Rehearsals.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def remove(self, request: Request, pk: str) -> Response:
        """Delete exactly the rows and predictions of a rehearsal."""
        row = rehearsing.remove(
            rehearsal_id=self.get_object().pk, actor=actor_of(request), now=timezone.now()
        )
        return Response(self.get_serializer(row).data)


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "ladders": Ladders,
    "stage-looks": Looks,
    "rehearsals": Rehearsals,
}
