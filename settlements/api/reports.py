"""Reports over HTTP: what was told, as JSON, as the page, as its tables."""

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ERRORS, ReadOnlyResource, resource
from settlements.models import Report
from settlements.services import reporting


class ReportAsked(serializers.Serializer):
    """Of which period; without one, of the last that is over."""

    kind = serializers.ChoiceField(choices=Report.Kind.choices)
    period = serializers.CharField(max_length=10, required=False, default="", allow_blank=True)
    group = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)


class ReportBase(ReadOnlyResource):
    """What was told of a period; what changed afterwards is a revision."""

    permissions = {
        "create": "settlements.add_report",
        "page": "settlements.view_report",
        "tables": "settlements.view_report",
    }


_Reports: Any = resource(
    Report,
    fields=[
        "id", "kind", "period", "group", "revision", "first", "last", "as_of", "content",
        "digest", "made_by", "made_at",
    ],
    filters={
        "kind": ["exact"],
        "period": ["exact"],
        "group": ["exact"],
        "made_at": ["gte", "lt"],
    },
    orderings=["-id", "id"],
    base=ReportBase,
)  # fmt: skip


class ReportsTold(serializers.Serializer):
    """One for each live group of money."""

    reports = _Reports.serializer_class(many=True)


class Reports(_Reports):
    @extend_schema(request=ReportAsked, responses={201: ReportsTold, **ACTING})
    def create(self, request: Request) -> Response:
        """Tell a period; where nothing changed since it was told last, that telling is answered."""
        data = ReportAsked(data=request.data)
        data.is_valid(raise_exception=True)
        made = reporting.make(**data.validated_data, actor=actor_of(request), now=timezone.now())
        told = self.get_serializer(made, many=True).data
        return Response({"reports": told}, status=status.HTTP_201_CREATED)

    @extend_schema(responses={(200, "text/html"): OpenApiTypes.STR, **ERRORS})
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def page(self, request: Request, pk: str) -> HttpResponse:
        """Return the page, which needs no script."""
        return HttpResponse(self.get_object().html)

    @extend_schema(responses={(200, "text/csv"): OpenApiTypes.STR, **ERRORS})
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def tables(self, request: Request, pk: str) -> HttpResponse:
        """Return the tables, one under the other."""
        text = reporting.as_csv(self.get_object())
        return HttpResponse(text, content_type="text/csv; charset=utf-8")


RESOURCES: dict[str, type[ReadOnlyResource]] = {"reports": Reports}
