"""Read the numbers that decide; change them with a reason, or put them back."""

from collections.abc import Iterable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.models import Threshold
from monitoring.rest.access import actor_of
from monitoring.rest.pages import Pages
from monitoring.rest.resources import (
    ACTING,
    ERRORS,
    ReadOnlyResource,
    SparseSerializer,
    asked_fields,
    refuse_unknown,
    resource,
)
from monitoring.services import thresholding

PERMISSION = "monitoring.change_threshold"
_FIELDS = OpenApiParameter(
    "fields", str, description="Only these fields, separated by commas.", required=False
)


class ThresholdSerializer(SparseSerializer):
    """A number that decides: what it is now, its default and what it may be."""

    value = serializers.FloatField(
        allow_null=True, help_text="What decides now; null: nothing reads the row."
    )
    changed_to = serializers.FloatField(
        source="value", allow_null=True, help_text="null: the default decides."
    )
    is_used = serializers.BooleanField()
    default = serializers.FloatField(allow_null=True)
    unit = serializers.CharField()
    lowest = serializers.FloatField(allow_null=True)
    highest = serializers.FloatField(allow_null=True)
    is_whole = serializers.BooleanField()
    text = serializers.CharField(help_text="What happens at this number.")

    class Meta:
        model = Threshold
        fields = [
            "id", "key", "value", "changed_to", "default", "unit", "lowest", "highest",
            "is_whole", "is_used", "text", "reason", "changed_by", "changed_at",
        ]  # fmt: skip
        read_only_fields = fields


class ThresholdReason(serializers.Serializer):
    """Why a number is changed; it is audited."""

    reason = serializers.CharField(max_length=thresholding.LONGEST_REASON)


class ThresholdChange(ThresholdReason):
    """What the number is to be, within its bounds, and why."""

    value = serializers.FloatField(min_value=-1e15, max_value=1e15)


_Thresholds: Any = resource(
    Threshold,
    fields=["id", "key", "reason", "changed_by", "changed_at"],
    filters={"key": ["exact", "startswith"], "changed_by": ["exact"]},
    orderings=["key", "-key", "id", "-id"],
)


class Thresholds(_Thresholds):
    """Numbers that decide, declared in the code; a row may hold another one."""

    permissions = {"partial_update": PERMISSION, "reset": PERMISSION}
    serializer_class = ThresholdSerializer

    @extend_schema(
        parameters=[
            _FIELDS,
            OpenApiParameter("ordering", str, enum=_Thresholds.orderings, required=False),
        ],
        responses={200: ThresholdSerializer(many=True), **ERRORS},
    )
    def list(self, request: Request) -> Response:
        """Return every number that decides, by key."""
        known = self.filterset_class.base_filters
        refuse_unknown(request, {*known, "fields", *Pages.PARAMETERS})
        names = asked_fields(request, ThresholdSerializer.Meta.fields)
        pages = Pages()
        page = pages.page(self.filter_queryset(self.get_queryset()), request, self.orderings)
        rows = [
            (_shown(row, names), tuple(getattr(row, name) for name in page.keys))
            for row in page.rows
        ]
        return Response(pages.answer(page, rows, request))

    @extend_schema(parameters=[_FIELDS], responses={200: ThresholdSerializer, **ERRORS})
    def retrieve(self, request: Request, pk: str) -> Response:
        """Return one number that decides."""
        refuse_unknown(request, {"fields"})
        names = asked_fields(request, ThresholdSerializer.Meta.fields)
        return Response(_shown(self.get_object(), names))

    @extend_schema(request=ThresholdChange, responses={200: ThresholdSerializer, **ACTING})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a number within its bounds; it decides within seconds, and is audited."""
        data = ThresholdChange(data=request.data)
        data.is_valid(raise_exception=True)
        row = thresholding.change(
            key=self.get_object().key,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(_shown(row, ThresholdSerializer.Meta.fields))

    @extend_schema(request=ThresholdReason, responses={200: ThresholdSerializer, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def reset(self, request: Request, pk: str) -> Response:
        """Let the default decide again, also a newer one that a later version brings."""
        data = ThresholdReason(data=request.data)
        data.is_valid(raise_exception=True)
        row = thresholding.back_to_default(
            key=self.get_object().key,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(_shown(row, ThresholdSerializer.Meta.fields))


def _shown(row: Threshold, names: Iterable[str]) -> dict[str, Any]:
    """Return a row beside what the code declares of it."""
    stand = thresholding.stand_of(row)
    declared = stand.declared
    shown = {
        "id": row.pk,
        "key": row.key,
        "value": stand.value,
        "changed_to": stand.changed_to,
        "default": declared and declared.default,
        "unit": declared.unit if declared else "",
        "lowest": declared and declared.lowest,
        "highest": declared and declared.highest,
        "is_whole": declared.is_whole if declared else False,
        "is_used": declared is not None,
        "text": declared.text if declared else "",
        "reason": row.reason,
        "changed_by": row.changed_by,
        "changed_at": row.changed_at,
    }
    return {name: shown[name] for name in names}


RESOURCES: dict[str, type[ReadOnlyResource]] = {"thresholds": Thresholds}
