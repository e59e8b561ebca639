"""Drift reports with their features, rules that change, decisions to train anew."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from models_ml import models
from models_ml.services import drifting, flagging
from monitoring.rest.access import actor_of
from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ACTING, ERRORS, ReadOnlyResource, resource

TIME = ("gte", "lt")


class ReportsBase(ReadOnlyResource):
    """What versions learned on against what they see now."""

    permissions = {"features": "models_ml.view_driftreport"}


_Reports: Any = resource(
    models.DriftReport,
    fields=[
        "id",
        "version",
        "at",
        "reference_from",
        "reference_to",
        "current_from",
        "current_to",
        "n_reference",
        "n_current",
        "breaches",
        "figures",
        "actor",
    ],
    texts={"pipeline": "pipeline.code", "is_simulated": "pipeline.is_simulated"},
    filters={"pipeline__code": ["exact"], "version": ["exact"], "at": TIME},
    orderings=["-at", "at", "-id", "id"],
    base=ReportsBase,
)


class Reports(_Reports):
    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR, **ERRORS})
    @action(
        detail=True,
        methods=["get"],
        url_path="features.csv",
        url_name="features",
        pagination_class=None,
        filterset_class=None,
    )
    def features(self, request: Request, pk: str) -> HttpResponse:
        """Return every feature of a report as CSV, those that stand out first."""
        row = self.get_object()
        answer = HttpResponse(drifting.as_csv(row=row), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="drift-{row.pk}.csv"'
        return answer


class FlagBody(serializers.Serializer):
    """A change of rules: when it was announced, and from when to when it holds."""

    sport = serializers.CharField(max_length=30, help_text="Its code: soccer.")
    code = serializers.SlugField(max_length=60)
    title = serializers.CharField(max_length=200)
    announced_at = MomentField()
    effective_from = MomentField()
    effective_until = MomentField(required=False, default=None, allow_null=True)


class FlagChange(serializers.Serializer):
    """What is to be corrected; the rest stays."""

    title = serializers.CharField(max_length=200, required=False)
    announced_at = MomentField(required=False)
    effective_from = MomentField(required=False)
    effective_until = MomentField(required=False, allow_null=True)


class FlagsBase(ReadOnlyResource):
    """Changes of the rules of sports."""

    permissions = {
        "create": "models_ml.add_ruleflag",
        "partial_update": "models_ml.change_ruleflag",
    }


_Flags: Any = resource(
    models.RuleFlag,
    fields=["id", "code", "title", "announced_at", "effective_from", "effective_until"],
    texts={"sport": "sport.code"},
    filters={"sport__code": ["exact"], "code": ["exact"], "effective_from": TIME},
    base=FlagsBase,
)
_FLAG = _Flags.serializer_class


class Flags(_Flags):
    @extend_schema(request=FlagBody, responses={201: _FLAG, **ACTING})
    def create(self, request: Request) -> Response:
        """Write a change of rules; versions that learned before it are judged by it."""
        body = FlagBody(data=request.data)
        body.is_valid(raise_exception=True)
        made = flagging.add(**body.validated_data, actor=actor_of(request), now=timezone.now())
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=FlagChange, responses={200: _FLAG, **ACTING})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Correct a change of rules: its title and its dates."""
        row = self.get_object()
        body = FlagChange(data=request.data)
        body.is_valid(raise_exception=True)
        changed = flagging.change(
            flag_id=row.pk,
            changes=body.validated_data,
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(self.get_serializer(changed).data)


RESOURCES: dict[str, Any] = {
    "drift-reports": Reports,
    "rule-flags": Flags,
    "retrain-decisions": resource(
        models.RetrainDecision,
        fields=["id", "at", "fired", "reasons", "report", "version", "run", "actor"],
        texts={"pipeline": "pipeline.code", "is_simulated": "pipeline.is_simulated"},
        filters={"pipeline__code": ["exact"], "fired": ["exact"], "at": TIME},
        orderings=["-at", "at", "-id", "id"],
    ),
    "version-clv": resource(
        models.VersionClv,
        fields=["id", "version", "as_of", "n", "mean", "low", "high"],
        texts={
            "pipeline": "version.pipeline.code",
            "is_simulated": "version.pipeline.is_simulated",
        },
        filters={"version": ["exact"], "as_of": TIME},
        orderings=["-as_of", "as_of", "-id", "id"],
    ),
}
