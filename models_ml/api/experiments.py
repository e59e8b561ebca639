"""Changes tried against what stands: proposed, scored, reviewed by another, switched off."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from models_ml import models
from models_ml.domain import experiments
from models_ml.services import experimenting
from models_ml.services import pipelines as rows_of
from monitoring.rest.access import actor_of, user_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource

CHANGE = "models_ml.change_experiment"


class ProposalBody(serializers.Serializer):
    """What is to be tried, on which pipeline, and what is expected of it."""

    pipeline = serializers.CharField(max_length=60, help_text="Its code: soccer-1x2.")
    name = serializers.CharField(max_length=120)
    hypothesis = serializers.CharField(max_length=2000)
    candidate = serializers.DictField(
        help_text='The change alone: {"eta": 0.02}, or {"drop_features": ["rest_home"]}.'
    )
    minimum_n = serializers.IntegerField(
        default=experiments.FLOOR, min_value=experiments.FLOOR, max_value=1_000_000
    )


class Review(serializers.Serializer):
    """What the reviewer makes of the score."""

    review = serializers.CharField(max_length=250)


class Ending(serializers.Serializer):
    """Why a change is taken out again."""

    reason = serializers.CharField(max_length=250)


class ExperimentsBase(ReadOnlyResource):
    """Changes held against what stands, on the same folds; another person reviews them."""

    permissions = {
        "create": "models_ml.add_experiment",
        "accept": CHANGE,
        "reject": CHANGE,
        "switch_off": CHANGE,
    }


_Experiments: Any = resource(
    models.Experiment,
    fields=[
        "id",
        "name",
        "hypothesis",
        "kind",
        "incumbent",
        "candidate",
        "minimum_n",
        "state",
        "figures",
        "proposed_by",
        "proposed_at",
        "began_at",
        "scored_at",
        "reviewed_by",
        "reviewed_at",
        "review",
        "switched_off_at",
    ],
    texts={"pipeline": "pipeline.code"},
    filters={"state": ["exact"], "kind": ["exact"], "pipeline__code": ["exact"]},
    base=ExperimentsBase,
)
_ANSWER = {200: _Experiments.serializer_class, **ACTING}


class Experiments(_Experiments):
    @extend_schema(request=ProposalBody, responses={201: _Experiments.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Propose a change; `POST jobs/models_ml.tasks.train_experiment/runs` scores it."""
        told = _valid(ProposalBody, request)
        pipeline = rows_of.chosen(name=told.pop("pipeline"))[0]
        row = experimenting.propose(
            pipeline=pipeline, **told, actor=actor_of(request), now=timezone.now(),
            user_id=user_of(request).pk,
        )  # fmt: skip
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=Review, responses=_ANSWER)
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def accept(self, request: Request, pk: str) -> Response:
        """Let a scored change in: the pipeline's next training has it."""
        return self._decide(request, experimenting.accept)

    @extend_schema(request=Review, responses=_ANSWER)
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def reject(self, request: Request, pk: str) -> Response:
        """Turn a scored change down."""
        return self._decide(request, experimenting.reject)

    @extend_schema(request=Ending, responses=_ANSWER)
    @action(
        detail=True,
        methods=["post"],
        url_path="switch-off",
        pagination_class=None,
        filterset_class=None,
    )
    def switch_off(self, request: Request, pk: str) -> Response:
        """Take an accepted change out of the pipeline's parameters again."""
        row = experimenting.switch_off(
            experiment_id=self.get_object().pk,
            **_valid(Ending, request),
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(self.get_serializer(row).data)

    def _decide(self, request: Request, service: Any) -> Response:
        row = service(
            experiment_id=self.get_object().pk,
            user_id=user_of(request).pk,
            **_valid(Review, request),
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(self.get_serializer(row).data)


def _valid(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    body = serializer(data=request.data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


RESOURCES: dict[str, Any] = {"experiments": Experiments}
