"""Backtests over HTTP: ask for one, read its bets, hold it against live ones, call it off."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from betting.models import Bankroll
from monitoring.rest.access import actor_of, user_of
from monitoring.rest.resources import ACTING, ERRORS, ReadOnlyResource, refuse_unknown, resource
from settlements.models import Backtest
from settlements.services import backtest_files, backtest_plans, backtesting
from settlements.services.backtest_plans import BacktestRefused

PAGE = 500  # bets at a time


class BacktestBody(serializers.Serializer):
    """What is to be tried; ``plan`` goes before the strategy's own numbers."""

    strategy = serializers.CharField(
        max_length=60, default="value", help_text="A strategy's name, or a program's code."
    )
    source: Any = serializers.CharField(
        max_length=100, required=False, allow_blank=True, default="",
        help_text="predictions:PIPELINE[:VERSION], replay:N, walk:N, market[:KIND].",
    )  # fmt: skip
    is_simulated = serializers.BooleanField(default=False)
    since = serializers.CharField(max_length=40, help_text="2023-08-01")
    until = serializers.CharField(max_length=40, help_text="The day after the last.")
    competitions = serializers.ListField(
        child=serializers.CharField(max_length=30), required=False, default=list, max_length=200
    )
    stage = serializers.CharField(max_length=10, required=False, allow_blank=True, default="")
    latency_seconds = serializers.FloatField(default=0.0, min_value=0, max_value=86_400)
    plan = serializers.DictField(required=False, default=dict)
    name = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**31 - 1)


class BacktestEnding(serializers.Serializer):
    """Why a backtest is called off."""

    reason = serializers.CharField(max_length=250)


class BetsAsked(serializers.Serializer):
    offset = serializers.IntegerField(default=0, min_value=0, max_value=2**31 - 1)


class BacktestBet(serializers.Serializer):
    """Money in minor units, the price in thousandths."""

    event = serializers.IntegerField()
    selection = serializers.IntegerField()
    role = serializers.CharField()
    book = serializers.CharField()
    placed_at = serializers.DateTimeField()
    starts_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    probability = serializers.FloatField()
    price = serializers.IntegerField()
    edge = serializers.FloatField()
    stake = serializers.IntegerField()
    outcome = serializers.CharField(help_text='"" while it is open.')
    profit = serializers.IntegerField()
    commission = serializers.IntegerField()
    clv = serializers.FloatField(allow_null=True)
    clv_raw = serializers.FloatField(allow_null=True)


class BacktestBets(serializers.Serializer):
    count = serializers.IntegerField()
    offset = serializers.IntegerField()
    bets = BacktestBet(many=True)


class BankrollAsked(serializers.Serializer):
    bankroll = serializers.IntegerField(min_value=1, max_value=2**62)


class BacktestDifference(serializers.Serializer):
    """A bet of one side alone, or one that differs."""

    event = serializers.IntegerField()
    selection = serializers.IntegerField()
    backtest = serializers.JSONField()
    live = serializers.JSONField()


class BacktestCompared(serializers.Serializer):
    backtest = serializers.IntegerField()
    bankroll = serializers.CharField()
    bets = serializers.IntegerField()
    live_bets = serializers.IntegerField()
    equal = serializers.IntegerField()
    profit = serializers.CharField()
    live_profit = serializers.CharField()
    differences = BacktestDifference(many=True)


class BacktestsBase(ReadOnlyResource):
    """Strategies tried on history; nothing of them is real."""

    permissions = {
        "create": "settlements.add_backtest",
        "cancel": "settlements.add_backtest",
        "bets": "settlements.view_backtest",
        "compare": "settlements.view_backtest",
    }


_Backtests: Any = resource(
    Backtest,
    fields=[
        "id", "name", "source", "spec", "seed", "as_of", "code_version", "state", "why", "events",
        "n_bets", "figures", "account", "curve", "digest", "seconds", "run", "actor", "asked_at",
        "finished_at",
    ],
    texts={"strategy": "strategy.name"},
    filters={"state": ["exact"], "source": ["exact"], "strategy": ["exact"]},
    base=BacktestsBase,
)  # fmt: skip


class Backtests(_Backtests):
    @extend_schema(request=BacktestBody, responses={201: _Backtests.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Ask for a backtest; its run tells how far it is."""
        told = _valid(BacktestBody, request.data)
        strategy, plan = backtest_plans.named(told.pop("strategy"))
        name, seed, own = told.pop("name"), told.pop("seed"), told.pop("plan")
        source = told["source"] or (backtest_plans.source_of(strategy) if strategy else "market")
        row = backtesting.start(
            spec={**told, "source": source, "plan": {**plan.as_dict(), **own}},
            name=name, strategy=strategy, seed=seed, user=user_of(request),
            actor=actor_of(request), now=timezone.now(),
        )  # fmt: skip
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=BacktestEnding, responses={200: _Backtests.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def cancel(self, request: Request, pk: str) -> Response:
        """Call a backtest off."""
        row = backtesting.cancel(
            backtest_id=self.get_object().pk, **_valid(BacktestEnding, request.data),
            actor=actor_of(request), now=timezone.now(),
        )  # fmt: skip
        return Response(self.get_serializer(row).data)

    @extend_schema(parameters=[BetsAsked], responses={200: BacktestBets, **ERRORS})
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def bets(self, request: Request, pk: str) -> Response:
        """Return its bets in the order of time, some hundred at once."""
        refuse_unknown(request, {"offset"})
        offset = _valid(BetsAsked, request.query_params)["offset"]
        row = self.get_object()
        found = backtest_files.bets_of(row)[offset : offset + PAGE]
        told = {"count": row.n_bets, "offset": offset, "bets": found}
        return Response(BacktestBets(told).data)

    @extend_schema(parameters=[BankrollAsked], responses={200: BacktestCompared, **ACTING})
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def compare(self, request: Request, pk: str) -> Response:
        """Hold its bets against a bankroll's, to the cent."""
        refuse_unknown(request, {"bankroll"})
        number = _valid(BankrollAsked, request.query_params)["bankroll"]
        bankroll = Bankroll.objects.filter(pk=number).first()
        if bankroll is None:
            raise BacktestRefused(f"there is no bankroll {number}")
        return Response(
            BacktestCompared(backtesting.compare(row=self.get_object(), bankroll=bankroll)).data
        )


def _valid(serializer: type[serializers.Serializer], data: Any) -> dict[str, Any]:
    body = serializer(data=data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


RESOURCES: dict[str, Any] = {"backtests": Backtests}
