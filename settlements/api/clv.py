"""GET clv/…: what bets were worth by the close, and what half a point is worth."""

from dataclasses import asdict

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring.rest.resources import ERRORS, REFUSED, refuse_unknown
from settlements.services import half_points


class HalfPoints(APIView):
    """What half a point is worth in each sport, by the results known now."""

    permission = "settlements.view_betvalue"

    class HalfPointsQuery(serializers.Serializer):
        sport = serializers.CharField(required=False, max_length=30)
        is_simulated = serializers.BooleanField(required=False, default=False)

    class HalfPointsOfSport(serializers.Serializer):
        class HalfPointRow(serializers.Serializer):
            line = serializers.FloatField(help_text="The favourite's handicap, or the total.")
            push = serializers.FloatField(help_text="The share of stakes that comes back.")
            better = serializers.FloatField(help_text="Chance with half a point more.")
            worse = serializers.FloatField(help_text="Chance with half a point less.")
            worth = serializers.FloatField(help_text="Mean gain in probability.")

        sport = serializers.CharField()
        measure = serializers.CharField(help_text="MARGIN or TOTAL.")
        distribution = serializers.CharField(help_text="EMPIRICAL or NORMAL.")
        history = serializers.IntegerField(help_text="Results it was drawn from.")
        sd = serializers.FloatField()
        rows = HalfPointRow(many=True)

    @extend_schema(
        parameters=[HalfPointsQuery],
        responses={200: HalfPointsOfSport(many=True), **ERRORS, **REFUSED},
    )
    def get(self, request: Request) -> Response:
        """Return half points, line by line, each line closing at even chances."""
        refuse_unknown(request, self.HalfPointsQuery().fields)
        asked = self.HalfPointsQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = half_points.table(now=timezone.now(), **asked.validated_data)
        return Response(
            [
                {**asdict(one), "rows": [{**asdict(row), "worth": row.worth} for row in one.rows]}
                for one in found
            ]
        )


PATHS = [path("clv/half-points", HalfPoints.as_view(), name="half-points")]
