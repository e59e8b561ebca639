"""Training: a pipeline's parameters, and the searches for better ones."""

from typing import Any

from django.http import Http404
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from models_ml import models
from models_ml.domain import spaces
from models_ml.services import pipelines, searching, training
from monitoring.rest.access import actor_of, user_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource


class PipelineParameters(serializers.Serializer):
    """What training is told; what is left out is as it usually is."""

    parameters = serializers.DictField(child=serializers.JSONField(allow_null=True))
    reason = serializers.CharField(max_length=250)


class StandingParameters(serializers.Serializer):
    id = serializers.IntegerField()
    code = serializers.CharField()
    parameters = serializers.DictField(child=serializers.JSONField())


class NewSearch(serializers.Serializer):
    """What is searched for, and where."""

    pipeline = serializers.CharField(max_length=60, help_text="Its code: soccer-1x2.")
    trials = serializers.IntegerField(
        min_value=1, max_value=spaces.MOST_TRIALS, default=searching.TRIALS
    )
    seed = serializers.IntegerField(min_value=0, max_value=2**31 - 1, default=0)
    space = serializers.DictField(
        child=serializers.ListField(child=serializers.JSONField(), min_length=2, max_length=2),
        required=False,
        help_text='The least and the most of each: {"eta": [0.01, 0.1]}.',
    )


class SearchReason(serializers.Serializer):
    reason = serializers.CharField(max_length=250)


class SearchBase(ReadOnlyResource):
    """Searches for a pipeline's parameters; what one finds is a candidate, never the pipeline's."""

    permissions = {
        "create": "models_ml.add_search",
        "cancel": "models_ml.add_search",
        "resume": "models_ml.add_search",
    }


_Searches: Any = resource(
    models.Search,
    fields=[
        "id", "until", "seed", "trials", "space", "state", "began_at", "finished_at", "best",
        "run", "actor",
    ],
    texts={"pipeline": "pipeline.code", "is_simulated": "pipeline.is_simulated"},
    filters={"pipeline__code": ["exact"], "state": ["exact"]},
    base=SearchBase,
)  # fmt: skip
_SEARCH = _Searches.serializer_class


class Searches(_Searches):
    @extend_schema(request=NewSearch, responses={201: _SEARCH, **ACTING})
    def create(self, request: Request) -> Response:
        """Begin a search; its trials are runs on the training queue."""
        wanted = _valid(NewSearch, request)
        try:
            pipeline = pipelines.named(code=wanted.pop("pipeline"))
        except pipelines.UnknownPipeline as unknown:
            raise ValidationError({"pipeline": str(unknown)}) from unknown
        try:
            search = searching.start(
                pipeline=pipeline,
                **wanted,
                actor=actor_of(request),
                user=user_of(request),
                now=timezone.now(),
            )
        except training.BadParameters as wrong:
            raise ValidationError({"space": str(wrong)}) from wrong
        return Response(self.get_serializer(search).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=SearchReason, responses={200: _SEARCH, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def cancel(self, request: Request, pk: str) -> Response:
        """Call a search off; finished trials are kept."""
        why = _valid(SearchReason, request)
        search = searching.cancel(
            search_id=self.get_object().pk, actor=actor_of(request), now=timezone.now(), **why
        )
        return Response(self.get_serializer(search).data)

    @extend_schema(request=SearchReason, responses={200: _SEARCH, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def resume(self, request: Request, pk: str) -> Response:
        """Take a search up where it stopped; no trial that ended is made again."""
        why = _valid(SearchReason, request)
        search = searching.resume(
            search_id=self.get_object().pk,
            actor=actor_of(request),
            user=user_of(request),
            now=timezone.now(),
            **why,
        )
        return Response(self.get_serializer(search).data)


class Parameters(APIView):
    """The parameters that a pipeline's training is told."""

    permission = "models_ml.change_pipeline"

    @extend_schema(request=PipelineParameters, responses={200: StandingParameters, **ACTING})
    def put(self, request: Request, pk: int) -> Response:
        """Write a pipeline's parameters whole; versions that stand keep theirs."""
        told = _valid(PipelineParameters, request)
        wrong = training.wrong_parameters(told["parameters"])
        if wrong:
            raise ValidationError({"parameters": wrong})
        try:
            row = pipelines.set_parameters(
                pipeline_id=pk, **told, actor=actor_of(request), now=timezone.now()
            )
        except models.Pipeline.DoesNotExist as absent:
            raise Http404 from absent
        answer = {"id": row.pk, "code": row.code, "parameters": row.parameters}
        return Response(StandingParameters(answer).data)


def _valid(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    data = serializer(data=request.data)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "searches": Searches,
    "search-trials": resource(
        models.SearchTrial,
        fields=["id", "search", "number", "parameters", "state", "value", "run"],
        filters={"search": ["exact"], "state": ["exact"]},
    ),
}
PATHS = [
    path("pipelines/<int:pk>/parameters", Parameters.as_view(), name="pipeline-parameters"),
]
