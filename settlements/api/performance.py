"""GET performance: the figures of the bets settled in a window."""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ERRORS, REFUSED, refuse_unknown
from settlements import queries


class Rate(serializers.Serializer):
    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class Performance(APIView):
    """Figures of all real bankrolls, or of one; replays only by their own bankroll."""

    permission = "settlements.view_settlement"

    class PerformanceQuery(serializers.Serializer):
        bankroll = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
        since = MomentField(required=False)
        until = MomentField(required=False)

    class PerformanceFigures(serializers.Serializer):
        n = serializers.IntegerField()
        events = serializers.IntegerField()
        void = serializers.IntegerField()
        turnover = serializers.DecimalField(max_digits=16, decimal_places=2)
        profit = serializers.DecimalField(max_digits=16, decimal_places=2)
        win_rate = Rate()
        valued = serializers.IntegerField()
        clv = Rate()
        clv_by_stake = serializers.FloatField(allow_null=True)
        clv_raw = serializers.FloatField(allow_null=True)
        beat_close = Rate()
        opening = serializers.DecimalField(max_digits=16, decimal_places=2)
        equity = serializers.DecimalField(max_digits=16, decimal_places=2)
        max_drawdown = serializers.FloatField(allow_null=True)
        drawdown = serializers.FloatField(allow_null=True)
        sharpe = serializers.FloatField(allow_null=True)
        sortino = serializers.FloatField(allow_null=True)

        def get_fields(self) -> dict[str, serializers.Field]:
            return {**super().get_fields(), "yield": Rate(source="yield_")}

    @extend_schema(
        parameters=[PerformanceQuery], responses={200: PerformanceFigures, **ERRORS, **REFUSED}
    )
    def get(self, request: Request) -> Response:
        """Return yield, CLV and the rest with their intervals."""
        refuse_unknown(request, self.PerformanceQuery().fields)
        asked = self.PerformanceQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        window = dict(asked.validated_data)
        bankroll = window.pop("bankroll", None)
        figures = queries.performance(bankroll_ids=[bankroll] if bankroll else None, **window)
        return Response(self.PerformanceFigures(asdict(figures)).data)
