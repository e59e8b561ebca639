"""Read incidents; acknowledge and resolve them."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.models import Incident
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource
from monitoring.services import incidents


class Note(serializers.Serializer):
    note = serializers.CharField(default="", allow_blank=True, max_length=2_000)


class IncidentBase(ReadOnlyResource):
    """Incidents: what is or was wrong, and who looks at it."""

    permissions = {
        "acknowledge": "monitoring.change_incident",
        "resolve": "monitoring.change_incident",
    }


_Incidents: Any = resource(
    Incident,
    fields=[
        "id",
        "kind",
        "subject",
        "severity",
        "state",
        "summary",
        "opened_at",
        "latest_at",
        "occurrences",
        "acknowledged_at",
        "acknowledged_by",
        "resolved_at",
        "resolved_by",
        "run",
    ],
    filters={
        "kind": ["exact"],
        "severity": ["exact"],
        "state": ["exact"],
        "subject": ["exact"],
        "opened_at": ["gte", "lt"],
    },
    orderings=["-id", "id", "-latest_at", "latest_at"],
    base=IncidentBase,
)
_ANSWERS = {200: _Incidents.serializer_class, **ACTING}


class Incidents(_Incidents):
    @extend_schema(request=Note, responses=_ANSWERS)
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Say that you are looking at it."""
        return self._act(request, incidents.acknowledge)

    @extend_schema(request=Note, responses=_ANSWERS)
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def resolve(self, request: Request, pk: str) -> Response:
        """Say that it is over."""
        return self._act(request, incidents.resolve)

    def _act(self, request: Request, act: Any) -> Response:
        data = Note(data=request.data)
        data.is_valid(raise_exception=True)
        incident = act(
            incident_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            note=data.validated_data["note"],
        )
        return Response(self.get_serializer(incident).data)
