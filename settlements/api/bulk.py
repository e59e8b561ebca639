"""GET exports: the bets, settlements or transfers of a time as a file, streamed."""

from typing import Any

from django.http import StreamingHttpResponse
from django.urls import path
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ERRORS, REFUSED, refuse_unknown
from settlements.services import bulk


class Exports(APIView):
    """Whole tables for spreadsheets and other programs; replays are left out."""

    permission = "settlements.view_settlement"

    class ExportQuery(serializers.Serializer):
        what = serializers.ChoiceField(choices=list(bulk.TABLES))
        since = MomentField(required=False)
        until = MomentField(required=False)

    @extend_schema(
        parameters=[ExportQuery],
        responses={(200, "text/csv"): OpenApiTypes.BINARY, **ERRORS, **REFUSED},
    )
    def get(self, request: Request) -> Any:
        """Return the rows of [since, until) as CSV, by their ids."""
        refuse_unknown(request, self.ExportQuery().fields)
        asked = self.ExportQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        chosen = dict(asked.validated_data)
        answer = StreamingHttpResponse(bulk.pieces(**chosen), content_type="text/csv")
        answer["Content-Disposition"] = f'attachment; filename="{chosen["what"]}.csv"'
        return answer


PATHS = [path("exports", Exports.as_view(), name="exports")]
