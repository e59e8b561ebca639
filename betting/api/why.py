"""GET why-no-bets: a day's funnel and missed prices; GET strategies/{id}/preview: a dry run."""

from dataclasses import asdict
from typing import Any

from django.http import Http404
from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from betting.models import Strategy
from betting.services import explaining
from monitoring.rest.resources import ERRORS, REFUSED, refuse_unknown

COUNTS = serializers.DictField(child=serializers.IntegerField())


class FunnelStep(serializers.Serializer):
    reason = serializers.CharField()
    count = serializers.IntegerField(help_text="Candidates that ended here.")
    left = serializers.IntegerField(help_text="Candidates that went further.")
    failed = serializers.IntegerField(help_text="Candidates that fail it, wherever they ended.")
    alone = serializers.IntegerField(help_text="Candidates that fail nothing else.")


class Cause(serializers.Serializer):
    code = serializers.CharField()
    text = serializers.CharField()


class BeforeDeciding(serializers.Serializer):
    strategy_id = serializers.IntegerField()
    strategy = serializers.CharField()
    stage = serializers.CharField()
    is_simulated = serializers.BooleanField()
    is_enabled = serializers.BooleanField()
    is_served = serializers.BooleanField()
    events = serializers.IntegerField()
    looked_at = serializers.IntegerField()
    missed = serializers.IntegerField()
    foretold = serializers.IntegerField()
    priced = serializers.IntegerField()
    decided = serializers.IntegerField()
    causes = Cause(many=True)


class NearestMiss(serializers.Serializer):
    decision = serializers.IntegerField()
    event_id = serializers.IntegerField()
    event = serializers.CharField()
    selection = serializers.CharField()
    strategy = serializers.CharField()
    book = serializers.CharField(allow_null=True)
    price = serializers.CharField(allow_null=True)
    probability = serializers.FloatField()
    edge = serializers.FloatField(allow_null=True)
    reason = serializers.CharField()
    values = serializers.ListField(
        child=serializers.FloatField(), help_text="What it came to, and the bounds."
    )
    missing = serializers.FloatField(help_text="Distance as a share of the bound.")
    needed = serializers.CharField()


class Shopping(serializers.Serializer):
    strategy_id = serializers.IntegerField()
    strategy = serializers.CharField()
    currency = serializers.CharField()
    bets = serializers.IntegerField()
    bettered = serializers.IntegerField(help_text="Bets with a better price at an enabled book.")
    missed = serializers.FloatField(allow_null=True, help_text="Best price / taken - 1, mean.")
    winnings = serializers.DecimalField(max_digits=20, decimal_places=2)
    expected = serializers.FloatField()
    lost = serializers.IntegerField(help_text="Passes that would have been worth a bet at it.")


class ShoppingBook(serializers.Serializer):
    strategy_id = serializers.IntegerField()
    book = serializers.CharField()
    offered = serializers.IntegerField()
    taken = serializers.IntegerField()
    bettered = serializers.IntegerField()
    behind = serializers.FloatField(help_text="Best price / its own - 1, mean.")
    winnings = serializers.DecimalField(max_digits=20, decimal_places=2)
    why = serializers.CharField(help_text="What kept the strategy from its better price.")


class WhyNoBetsReport(serializers.Serializer):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    time_zone = serializers.CharField()
    candidates = serializers.IntegerField()
    steps = FunnelStep(many=True)
    staked = serializers.IntegerField(help_text="Candidates that reached the stake.")
    bets = serializers.IntegerField()
    sent = serializers.IntegerField()
    waiting = serializers.IntegerField()
    refusals = COUNTS
    placed = COUNTS
    before = BeforeDeciding(many=True)
    nearest = NearestMiss(many=True)
    shopping = Shopping(many=True)
    shopping_books = ShoppingBook(many=True)


class WhyNoBetsQuery(serializers.Serializer):
    date = serializers.DateField(required=False, help_text="A betting day; without it, today.")
    strategy = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
    nearest = serializers.IntegerField(default=10, min_value=0, max_value=100)


class WhyNoBets(APIView):
    """Where a day's candidates stopped; replays count only where their strategy is named."""

    permission = "betting.view_decision"

    @extend_schema(
        parameters=[WhyNoBetsQuery], responses={200: WhyNoBetsReport, **ERRORS, **REFUSED}
    )
    def get(self, request: Request) -> Response:
        """Return the funnel, what came before it, the nearest misses and missed prices."""
        refuse_unknown(request, WhyNoBetsQuery().fields)
        asked = WhyNoBetsQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        found = explaining.account(
            now=timezone.now(),
            day=wanted.get("date"),
            strategy=_strategy(wanted["strategy"]) if "strategy" in wanted else None,
            nearest=wanted["nearest"],
        )
        report = {
            **asdict(found.funnel),
            "since": found.since,
            "until": found.until,
            "time_zone": found.time_zone,
            "before": [{**asdict(one.seen), "causes": one.causes} for one in found.stood],
            "nearest": found.nearest,
            "shopping": found.shopped,
            "shopping_books": found.shopped_books,
        }
        return Response(WhyNoBetsReport(report).data)


class PreviewedDecision(serializers.Serializer):
    event_id = serializers.IntegerField()
    event = serializers.CharField()
    starts_at = serializers.DateTimeField()
    selection_id = serializers.IntegerField(source="decision.selection_id")
    selection = serializers.CharField()
    book = serializers.CharField(allow_null=True)
    prediction = serializers.IntegerField(source="decision.prediction_id")
    verdict = serializers.CharField(source="decision.verdict", help_text="BET or PASS.")
    reason = serializers.CharField(source="decision.reason")
    probability = serializers.FloatField(source="decision.probability")
    price = serializers.DecimalField(
        max_digits=9, decimal_places=3, allow_null=True, source="decision.price"
    )
    edge = serializers.FloatField(allow_null=True, source="decision.edge")
    stake = serializers.DecimalField(max_digits=12, decimal_places=2, source="decision.stake")
    chain = serializers.JSONField(source="decision.chain")


class StrategyPreview(serializers.Serializer):
    strategy = serializers.IntegerField(source="strategy.pk")
    is_simulated = serializers.BooleanField(source="strategy.bankroll.is_simulated")
    as_of = serializers.DateTimeField()
    is_cut = serializers.BooleanField(help_text="There are more predictions than were decided.")
    causes = Cause(many=True, help_text="Why there is nothing to decide on.")
    decisions = PreviewedDecision(many=True, source="candidates")


class PreviewNow(APIView):
    """What a strategy would bet at this moment; nothing is written, nothing is placed."""

    permission = "betting.view_decision"

    @extend_schema(responses={200: StrategyPreview, **ERRORS, **REFUSED})
    def get(self, request: Request, pk: int) -> Response:
        """Decide the latest predictions of coming events dry, with the whole chain of each."""
        refuse_unknown(request, ())
        found = explaining.preview(strategy=_strategy(pk), now=timezone.now())
        return Response(StrategyPreview(found).data)


def _strategy(pk: int) -> Strategy:
    rows: Any = Strategy.objects.select_related("bankroll", "pipeline")
    found = rows.filter(pk=pk).first() if pk < 2**63 else None
    if found is None:
        raise Http404
    return found


PATHS = [
    path("why-no-bets", WhyNoBets.as_view(), name="why-no-bets"),
    path("strategies/<int:pk>/preview", PreviewNow.as_view(), name="strategy-preview"),
]
