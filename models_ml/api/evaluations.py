"""Evaluations, walk-forwards, and versions side by side."""

from typing import Any

from django.http import HttpResponse
from django.urls import path, reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from models_ml import models
from models_ml.domain import tables
from models_ml.services import comparing, evaluating, pipelines, recent, walking
from monitoring.api.runs import RunSerializer
from monitoring.models import TaskRun
from monitoring.rest.access import actor_of, user_of
from monitoring.rest.filters import MomentField
from monitoring.rest.resources import (
    ACTING,
    ERRORS,
    REFUSED,
    ReadOnlyResource,
    refuse_unknown,
    resource,
)
from monitoring.services import running

MAY = "models_ml.add_evaluation"


class NewEvaluation(serializers.Serializer):
    """Which version to score on what, or, with ``weeks``, what was served."""

    pipeline = serializers.SlugField(max_length=50)
    number = serializers.IntegerField(
        required=False, min_value=1, max_value=2**31 - 1, help_text="Of the version in production."
    )
    since = MomentField(required=False, help_text="Not before its training ended.")
    until = MomentField(required=False)
    weeks = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=recent.MOST_WEEKS,
        help_text="Score what was really served for the events of so many weeks.",
    )


class NewWalk(serializers.Serializer):
    """What to train again and again."""

    pipeline = serializers.SlugField(max_length=50)
    step_weeks = serializers.IntegerField(
        required=False, min_value=1, max_value=walking.LONGEST_STEP, help_text="4; of races 1."
    )
    since = MomentField(required=False, help_text="A year before the last known event.")
    seed = serializers.IntegerField(required=False, default=0, min_value=0, max_value=2**31 - 1)


class WalkReason(serializers.Serializer):
    """Why; it is audited."""

    reason = serializers.CharField(max_length=250)


class EvaluationBase(ReadOnlyResource):
    """Evaluations: of versions on later events, of what was served, of walk-forwards."""

    permissions = {"create": MAY}


_Evaluations: Any = resource(
    models.Evaluation,
    fields=["id", "kind", "version", "since", "until", "at", "n", "figures", "actor"],
    texts={"pipeline": "pipeline.code", "is_simulated": "pipeline.is_simulated"},
    filters={
        "pipeline__code": ["exact"],
        "version": ["exact"],
        "kind": ["exact"],
        "at": ["gte", "lt"],
    },
    base=EvaluationBase,
)


class Evaluations(_Evaluations):
    @extend_schema(request=NewEvaluation, responses={202: RunSerializer, **ACTING})
    def create(self, request: Request) -> Response:
        """Queue an evaluation and say where its run can be followed."""
        told = _valid(NewEvaluation, request)
        pipeline = pipelines.chosen(name=told["pipeline"])[0]
        if weeks := told.get("weeks"):
            task = "models_ml.tasks.evaluate_recent"
            return _asked(request, task, {"pipeline": pipeline.code, "weeks": weeks})
        version = evaluating.version_of(pipeline=pipeline, number=told.get("number"))
        window: dict[str, Any] = {
            name: told[name].isoformat() for name in ("since", "until") if name in told
        }
        task = "models_ml.tasks.evaluate_version"
        return _asked(request, task, {"version": version.pk, **window})


class WalkBase(ReadOnlyResource):
    """Walk-forwards: a pipeline trained again and again, tried on the weeks that follow."""

    permissions = {"create": MAY, "cancel": MAY, "go_on": MAY}


_Walks: Any = resource(
    models.WalkForward,
    fields=[
        "id", "state", "since", "until", "step_weeks", "seed", "parameters", "evaluation", "why",
        "actor", "began_at", "finished_at",
    ],
    texts={"pipeline": "pipeline.code", "is_simulated": "pipeline.is_simulated"},
    filters={"pipeline__code": ["exact"], "state": ["exact"]},
    base=WalkBase,
)  # fmt: skip


class Walks(_Walks):
    @extend_schema(request=NewWalk, responses={202: RunSerializer, **ACTING})
    def create(self, request: Request) -> Response:
        """Queue a walk-forward; its run asks for one run of each step."""
        told = _valid(NewWalk, request)
        code = pipelines.chosen(name=told["pipeline"])[0].code
        asked: dict[str, Any] = {"pipeline": code, "seed": told["seed"]}
        if "since" in told:
            asked["since"] = told["since"].isoformat()
        if "step_weeks" in told:
            asked["step_weeks"] = told["step_weeks"]
        return _asked(request, "models_ml.tasks.train_walk_forward", asked)

    @extend_schema(request=WalkReason, responses={200: _Walks.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def cancel(self, request: Request, pk: str) -> Response:
        """Call it off: the steps that are done stay, and it may be gone on with."""
        reason = _valid(WalkReason, request)["reason"]
        walk = walking.cancel(
            walk_id=self.get_object().pk,
            actor=actor_of(request),
            reason=reason,
            now=timezone.now(),
        )
        return Response(self.get_serializer(walk).data)

    @extend_schema(request=WalkReason, responses={200: _Walks.serializer_class, **ACTING})
    @action(
        detail=True, methods=["post"], url_path="go-on", pagination_class=None, filterset_class=None
    )
    def go_on(self, request: Request, pk: str) -> Response:
        """Go on with it: ask for the steps that wait; finished ones are not repeated."""
        reason = _valid(WalkReason, request)["reason"]
        told = {"walk_id": self.get_object().pk, "actor": actor_of(request), "now": timezone.now()}
        walk = walking.go_on(reason=reason, **told)
        walking.ask(**told)
        return Response(self.get_serializer(walk).data)


class ComparedVersion(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    stage = serializers.CharField()
    kind = serializers.CharField()
    trained_from = serializers.CharField()
    trained_until = serializers.CharField()
    n_rows = serializers.IntegerField()
    seed = serializers.IntegerField()
    code_version = serializers.CharField()
    columns = serializers.CharField()
    calibration = serializers.DictField()
    card = serializers.DictField()
    reliability = serializers.ListField(child=serializers.DictField())


class ComparedDifference(serializers.Serializer):
    first = serializers.CharField()
    second = serializers.CharField()
    mean = serializers.FloatField(help_text="Log loss of the first less that of the second.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    sigma = serializers.FloatField()
    n = serializers.IntegerField()
    clusters = serializers.IntegerField(help_text="Weeks.")
    dm_p = serializers.FloatField(allow_null=True, help_text="Diebold and Mariano's.")


class ComparedParameter(serializers.Serializer):
    name = serializers.CharField()
    values = serializers.DictField()


class Comparison(serializers.Serializer):
    pipeline = serializers.CharField()
    market_kind = serializers.CharField()
    unit = serializers.CharField()
    n = serializers.IntegerField()
    n_left_out = serializers.IntegerField()
    since = serializers.CharField()
    until = serializers.CharField()
    why = serializers.CharField()
    versions = ComparedVersion(many=True)
    others = serializers.DictField(child=serializers.DictField())
    differences = ComparedDifference(many=True)
    parameters = ComparedParameter(many=True)


IDS = OpenApiParameter("ids", str, required=True, description="Two to four, with commas between.")
AS_CSV = OpenApiParameter("csv", bool, description="A table instead of JSON.")


class Compare(APIView):
    """Two to four versions on events that none of them learned from."""

    permission = "models_ml.view_modelversion"

    @extend_schema(
        parameters=[IDS, AS_CSV],
        responses={
            (200, "application/json"): Comparison,
            (200, "text/csv"): OpenApiTypes.STR,
            **ERRORS,
            **REFUSED,
        },
    )
    def get(self, request: Request) -> Response | HttpResponse:
        """Return their scores, paired differences, reliability and what they differ in."""
        refuse_unknown(request, {"ids", "csv"})
        as_csv = serializers.BooleanField().run_validation(request.query_params.get("csv", False))
        ids = comparing.ids_of(text=request.query_params.get("ids", ""))
        compared = comparing.compare(versions=comparing.chosen(ids=ids), now=timezone.now())
        if as_csv:
            rows = comparing.table(compared=compared)
            return HttpResponse(tables.csv_of(rows), content_type="text/csv; charset=utf-8")
        return Response(compared)


def _valid(kind: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    data = kind(data=request.data)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)


def _asked(request: Request, task: str, arguments: dict[str, Any]) -> Response:
    """Ask for a run and answer with it and where it can be followed."""
    run = running.request_run(
        task=task,
        arguments=arguments,
        trigger=TaskRun.Trigger.API,
        actor=actor_of(request),
        user=user_of(request),
        now=timezone.now(),
    )
    url = request.build_absolute_uri(reverse("api:run-detail", args=[run.pk]))
    data = RunSerializer(run, context={"request": request}).data
    return Response(data, status=status.HTTP_202_ACCEPTED, headers={"Location": url})


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "evaluations": Evaluations,
    "walk-forwards": Walks,
}
PATHS = [path("model-versions/compare", Compare.as_view(), name="model-versions-compare")]
