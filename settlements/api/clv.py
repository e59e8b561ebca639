"""GET clv/…: what bets were worth by the close, and what half a point is worth."""

from dataclasses import asdict

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ERRORS, REFUSED, refuse_unknown
from settlements.services import clv_figures, half_points, methods
from settlements.services.clv_figures import Asked


class FiguresQuery(serializers.Serializer):
    bankroll = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
    since = MomentField(required=False, help_text="Events that started from then on.")
    until = MomentField(required=False, help_text="Events that started before.")
    method = serializers.CharField(required=False, max_length=40)

    def asked(self) -> Asked:
        told = {name: value for name, value in self.validated_data.items() if name != "by"}
        bankroll = told.pop("bankroll", None)
        return Asked(bankroll_ids=(bankroll,) if bankroll else None, **told)


class ClvRow(serializers.Serializer):
    """The bets of one key, each rate with its 95 % interval."""

    key = serializers.CharField(help_text="Empty where all bets are together.", allow_blank=True)
    n = serializers.IntegerField()
    events = serializers.IntegerField()
    valued = serializers.IntegerField()
    coverage = serializers.FloatField(allow_null=True)
    moved = serializers.IntegerField(help_text="Valued by a close on another line.")
    clv = serializers.FloatField(allow_null=True)
    clv_low = serializers.FloatField(allow_null=True)
    clv_high = serializers.FloatField(allow_null=True)
    clv_by_stake = serializers.FloatField(allow_null=True)
    clv_by_stake_low = serializers.FloatField(allow_null=True)
    clv_by_stake_high = serializers.FloatField(allow_null=True)
    beat_close = serializers.FloatField(allow_null=True)
    beat_close_low = serializers.FloatField(allow_null=True)
    beat_close_high = serializers.FloatField(allow_null=True)
    clv_raw = serializers.FloatField(allow_null=True)
    expected_profit = serializers.DecimalField(16, 2)


class Figures(APIView):
    """CLV by a dimension: of all real bankrolls, or of one; replays only by their own."""

    permission = "settlements.view_betvalue"

    class ClvBy(FiguresQuery):
        by = serializers.CharField(
            required=False, default=clv_figures.ALL, max_length=20,
            help_text=f"One of {', '.join(clv_figures.DIMENSIONS)}.",
        )  # fmt: skip

    @extend_schema(parameters=[ClvBy], responses={200: ClvRow(many=True), **ERRORS, **REFUSED})
    def get(self, request: Request) -> Response:
        """Return the figures of each key, those of most bets first."""
        refuse_unknown(request, self.ClvBy().fields)
        query = self.ClvBy(data=request.query_params)
        query.is_valid(raise_exception=True)
        found = clv_figures.figures(by=query.validated_data["by"], asked=query.asked())
        return Response([one.as_dict() for one in found])


class Before(APIView):
    """CLV against the market 24, 12, 4 and 1 hours before the start."""

    permission = "settlements.view_betvalue"

    @extend_schema(
        parameters=[FiguresQuery], responses={200: ClvRow(many=True), **ERRORS, **REFUSED}
    )
    def get(self, request: Request) -> Response:
        """Return the figures of each hour, the earliest first."""
        refuse_unknown(request, FiguresQuery().fields)
        query = FiguresQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response([one.as_dict() for one in clv_figures.before(asked=query.asked())])


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


class BetByMethod(APIView):
    """One bet by every method of taking the margin off, from the same closing prices."""

    permission = "settlements.view_betvalue"

    class BetMethods(serializers.Serializer):
        class BetMethod(serializers.Serializer):
            method = serializers.CharField()
            used = serializers.CharField(help_text="Another where there was no margin to take.")
            probability = serializers.FloatField(allow_null=True)
            clv = serializers.FloatField(allow_null=True)
            expected_profit = serializers.DecimalField(14, 2, allow_null=True)
            is_recorded = serializers.BooleanField(help_text="Its row was reckoned by this one.")
            reason = serializers.CharField(help_text="Why there is no probability; else empty.")

        bet = serializers.IntegerField(source="value.bet_id")
        reference = serializers.CharField(source="value.reference")
        basis = serializers.CharField(source="value.basis")
        closing_line = serializers.DecimalField(7, 2, source="value.closing_line", allow_null=True)
        closing_price = serializers.DecimalField(9, 3, source="value.closing_price")
        clv_raw = serializers.FloatField(source="value.clv_raw")
        is_simulated = serializers.BooleanField(source="value.bet.bankroll.is_simulated")
        methods = BetMethod(many=True, source="rows")

    @extend_schema(responses={200: BetMethods, **ERRORS, **REFUSED})
    def get(self, request: Request, bet: int) -> Response:
        """Return the bet's value by each method; refused with the reason where it has none."""
        refuse_unknown(request, ())
        return Response(self.BetMethods(methods.of_bet(bet_id=bet)).data)


PATHS = [
    path("clv", Figures.as_view(), name="clv"),
    path("clv/before", Before.as_view(), name="clv-before"),
    path("clv/bets/<int:bet>", BetByMethod.as_view(), name="bet-by-method"),
    path("clv/half-points", HalfPoints.as_view(), name="half-points"),
]
