"""GET fills: how orders are filled, by book, kind of market and strategy."""

from datetime import timedelta

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from betting.models import Bankroll
from betting.services import filling, twinning
from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ERRORS, refuse_unknown

DAYS = timedelta(days=7)


class Fills(APIView):
    """Orders that ended in an interval, the last week where none is named; no replays."""

    permission = "betting.view_bet"

    class FillsQuery(serializers.Serializer):
        since = MomentField(required=False)
        until = MomentField(required=False)
        kind = serializers.ChoiceField(
            required=False, choices=[Bankroll.Kind.LIVE, Bankroll.Kind.PAPER]
        )
        is_simulated = serializers.BooleanField(required=False, allow_null=True, default=None)

    class FillFigures(serializers.Serializer):
        dimension = serializers.ChoiceField(
            choices=[filling.ALL, filling.BOOK, filling.MARKET, filling.STRATEGY]
        )
        id = serializers.IntegerField(allow_null=True)
        name = serializers.CharField()
        n = serializers.IntegerField()
        filled = serializers.IntegerField()
        rejected = serializers.IntegerField()
        in_part = serializers.IntegerField()
        fill_rate = serializers.FloatField(allow_null=True)
        fill_rate_low = serializers.FloatField(allow_null=True)
        fill_rate_high = serializers.FloatField(allow_null=True)
        asked = serializers.DecimalField(max_digits=16, decimal_places=2)
        matched = serializers.DecimalField(max_digits=16, decimal_places=2)
        matched_share = serializers.FloatField(allow_null=True)
        slippage = serializers.FloatField(allow_null=True)
        slippage_error = serializers.FloatField(allow_null=True)
        priced = serializers.IntegerField()
        median_ms = serializers.FloatField(allow_null=True)
        late_ms = serializers.FloatField(allow_null=True)

    @extend_schema(parameters=[FillsQuery], responses={200: FillFigures(many=True), **ERRORS})
    def get(self, request: Request) -> Response:
        """Return fill rates with their 95 % intervals, slippage and answer times."""
        refuse_unknown(request, self.FillsQuery().fields)
        asked = self.FillsQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        window = dict(asked.validated_data)
        until = window.pop("until", None) or timezone.now()
        since = window.pop("since", None) or until - DAYS
        found = filling.figures(since=since, until=until, **window)
        return Response([each.as_dict() for each in found])


class Twins(APIView):
    """Live bets beside their twins on paper, of an interval; the last week where none is named."""

    permission = "betting.view_bet"

    class TwinsQuery(serializers.Serializer):
        since = MomentField(required=False)
        until = MomentField(required=False)

    class TwinGap(serializers.Serializer):
        strategy = serializers.CharField(help_text="Empty: all of them.", allow_blank=True)
        n = serializers.IntegerField()
        live_rejected = serializers.IntegerField()
        paper_rejected = serializers.IntegerField()
        live_matched = serializers.FloatField()
        paper_matched = serializers.FloatField()
        priced = serializers.IntegerField()
        price_gap = serializers.FloatField(allow_null=True)
        price_gap_error = serializers.FloatField(allow_null=True)
        live_ms = serializers.FloatField(allow_null=True)
        paper_ms = serializers.FloatField(allow_null=True)

    @extend_schema(parameters=[TwinsQuery], responses={200: TwinGap(many=True), **ERRORS})
    def get(self, request: Request) -> Response:
        """Return how far live bets were from paper: price, share matched, refusals, time."""
        refuse_unknown(request, self.TwinsQuery().fields)
        asked = self.TwinsQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        until = asked.validated_data.get("until") or timezone.now()
        since = asked.validated_data.get("since") or until - DAYS
        return Response([each.as_dict() for each in twinning.gaps(since=since, until=until)])
