"""Performance over windows of betting days, and what it is held against."""

from dataclasses import asdict
from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from monitoring.rest.access import actor_of
from monitoring.rest.resources import (
    ACTING,
    ERRORS,
    REFUSED,
    ReadOnlyResource,
    refuse_unknown,
    resource,
)
from settlements import queries
from settlements.api.performance import Rate
from settlements.domain.targets import Band
from settlements.models import PerformanceTarget
from settlements.services import targets, windows


class WindowFigures(serializers.Serializer):
    bets = serializers.IntegerField()
    events = serializers.IntegerField()
    void = serializers.IntegerField()
    turnover = serializers.DecimalField(max_digits=18, decimal_places=2)
    profit = serializers.DecimalField(max_digits=18, decimal_places=2)
    commission = serializers.DecimalField(max_digits=18, decimal_places=2)
    win_rate = Rate()
    valued = serializers.IntegerField()
    clv = Rate()
    clv_by_stake = serializers.FloatField(allow_null=True)
    clv_raw = serializers.FloatField(allow_null=True)
    beat_close = Rate()
    expected = serializers.DecimalField(max_digits=18, decimal_places=2)
    excess = Rate(help_text="Yield less what the close expected of the valued bets.")
    excess_p = serializers.FloatField(allow_null=True)
    modelled = serializers.IntegerField()
    model_expected = serializers.DecimalField(max_digits=18, decimal_places=2)
    model_profit = serializers.DecimalField(max_digits=18, decimal_places=2)

    def get_fields(self) -> dict[str, serializers.Field]:
        return {**super().get_fields(), "yield": Rate(source="yield_")}


class WindowMoney(serializers.Serializer):
    opening = serializers.DecimalField(max_digits=18, decimal_places=2)
    equity = serializers.DecimalField(max_digits=18, decimal_places=2)
    growth = serializers.FloatField(allow_null=True, help_text="Return on the opening money.")
    max_drawdown = serializers.FloatField(allow_null=True)
    drawdown = serializers.FloatField(allow_null=True)
    sharpe = Rate()
    sortino = serializers.FloatField(allow_null=True)
    days = serializers.IntegerField()


class WindowLine(serializers.Serializer):
    key = serializers.CharField(allow_blank=True)
    title = serializers.CharField()
    figures = WindowFigures()


class WindowOut(serializers.Serializer):
    first = serializers.DateField(allow_null=True)
    last = serializers.DateField()
    figures = WindowFigures()
    money = WindowMoney()
    by = WindowLine(many=True)


class StandingOut(serializers.Serializer):
    group = serializers.CharField()
    target = serializers.IntegerField()
    source = serializers.CharField()  # type: ignore[assignment]
    figure = serializers.CharField()
    window = serializers.CharField()
    value = Rate()
    n = serializers.IntegerField()
    band = serializers.ChoiceField(choices=[(band.value, band.value) for band in Band])


class PerformanceWindow(APIView):
    """Figures of a window of betting days of all real bankrolls, or of one."""

    permission = "settlements.view_performanceday"

    class WindowQuery(serializers.Serializer):
        bankroll = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
        strategy = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
        window = serializers.CharField(
            required=False, default="30d", help_text="7d, 30d, 90d, any days such as 14d, or all"
        )
        by = serializers.ChoiceField(choices=windows.Cut.choices, required=False)

    @extend_schema(parameters=[WindowQuery], responses={200: WindowOut, **ERRORS, **REFUSED})
    def get(self, request: Request) -> Response:
        """Return yield, CLV, drawdown and the rest, and the figures of each key of a cut."""
        refuse_unknown(request, self.WindowQuery().fields)
        asked = self.WindowQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        chosen = asked.validated_data
        ids = queries.compatible([chosen["bankroll"]] if "bankroll" in chosen else None)
        within = windows.span(
            bankroll_ids=ids, days=windows.days_of(chosen["window"]), now=timezone.now()
        )
        about: dict[str, Any] = {
            "bankroll_ids": ids,
            "within": within,
            "strategy_id": chosen.get("strategy"),
        }
        cut = chosen.get("by")
        found = {
            "first": within.first,
            "last": within.last,
            "figures": asdict(windows.total(**about)),
            "money": asdict(windows.money(**about)),
            "by": [asdict(line) for line in windows.by(cut=cut, **about)] if cut else [],
        }
        return Response(WindowOut(found).data)


class Standings(APIView):
    """Where each live group of bankrolls stands by each target that is heeded."""

    permission = "settlements.view_performancetarget"

    @extend_schema(responses={200: StandingOut(many=True), **ERRORS})
    def get(self, request: Request) -> Response:
        """Return figures with their intervals, and the band that each is in."""
        refuse_unknown(request, set())
        now = timezone.now()
        found = [
            {
                "group": group.title,
                "target": one.target.pk,
                "source": one.target.source,
                "figure": one.target.figure,
                "window": targets.window_of(one.target),
                "value": asdict(one.value),
                "n": one.n,
                "band": one.band,
            }
            for group in queries.groups()
            for one in targets.standings(group=group, now=now)
        ]
        return Response(StandingOut(found, many=True).data)


class BoundsIn(serializers.Serializer):
    """What is not named stays; null takes a bound away."""

    green_low = serializers.FloatField(required=False, allow_null=True)
    green_high = serializers.FloatField(required=False, allow_null=True)
    amber_low = serializers.FloatField(required=False, allow_null=True)
    amber_high = serializers.FloatField(required=False, allow_null=True)
    red_low = serializers.FloatField(required=False, allow_null=True)
    red_high = serializers.FloatField(required=False, allow_null=True)
    min_n = serializers.IntegerField(required=False, min_value=0, max_value=10_000_000)
    needs_interval = serializers.BooleanField(required=False)
    tells = serializers.BooleanField(required=False)
    is_enabled = serializers.BooleanField(required=False)
    reason = serializers.CharField(max_length=targets.LONGEST_REASON)


class NewTarget(BoundsIn):
    """Of which figure over how many betting days; without days: all of them."""

    source = serializers.SlugField(max_length=40)  # type: ignore[assignment]
    figure = serializers.ChoiceField(choices=PerformanceTarget.Figure.choices)
    window_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=3660
    )


class TargetBase(ReadOnlyResource):
    """What performance is held against."""

    permissions = {
        "create": "settlements.change_performancetarget",
        "partial_update": "settlements.change_performancetarget",
    }


_Targets: Any = resource(
    PerformanceTarget,
    fields=[
        "id",
        "source",
        "figure",
        "window_days",
        *targets.EDITABLE,
        "reason",
        "changed_by",
        "changed_at",
    ],
    filters={"source": ["exact"], "figure": ["exact"], "is_enabled": ["exact"]},
    base=TargetBase,
)


class Targets(_Targets):
    @extend_schema(request=NewTarget, responses={201: _Targets.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Hold performance against one more target."""
        data = NewTarget(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        named = {name: values.pop(name, None) for name in ("source", "figure", "window_days")}
        made = targets.add(
            **named, reason=values.pop("reason"), values=values, actor=actor_of(request),
            now=timezone.now(),
        )  # fmt: skip
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=BoundsIn, responses={200: _Targets.serializer_class, **ACTING})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change bounds, the fewest observations, or whether it is heeded."""
        data = BoundsIn(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        made = targets.change(
            target_id=self.get_object().pk, reason=values.pop("reason"), values=values,
            actor=actor_of(request), now=timezone.now(),
        )  # fmt: skip
        return Response(self.get_serializer(made).data)


RESOURCES: dict[str, type[ReadOnlyResource]] = {"performance-targets": Targets}
PATHS = [
    path("performance/window", PerformanceWindow.as_view(), name="performance-window"),
    path("performance/standings", Standings.as_view(), name="performance-standings"),
]
