"""Grids of backtests over HTTP: ask for one, read its cells, call it off, go on with it."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.rest.access import actor_of, user_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource
from settlements.models import BacktestCell, BacktestGrid
from settlements.services import backtest_plans, gridding

MAY = "settlements.add_backtestgrid"


class GridBody(serializers.Serializer):
    """What is to be tried: a plan, and which of its numbers take which values."""

    strategy = serializers.CharField(max_length=60, default="value")
    source: Any = serializers.CharField(
        max_length=100, required=False, allow_blank=True, default=""
    )
    is_simulated = serializers.BooleanField(default=False)
    since = serializers.CharField(max_length=40)
    until = serializers.CharField(max_length=40)
    competitions = serializers.ListField(
        child=serializers.CharField(max_length=30), required=False, default=list, max_length=200
    )
    stage = serializers.CharField(max_length=10, required=False, allow_blank=True, default="")
    latency_seconds = serializers.FloatField(default=0.0, min_value=0, max_value=86_400)
    plan = serializers.DictField(required=False, default=dict)
    axes = serializers.DictField(
        child=serializers.ListField(max_length=200), help_text='{"min_edge": [0.01, 0.02]}'
    )
    walk = serializers.DictField(
        required=False, default=dict, help_text='{"days": 90, "look_back": 0, "measure": "sharpe"}'
    )
    name = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**31 - 1)


class GridReason(serializers.Serializer):
    """Why a grid is called off, or taken up again."""

    reason = serializers.CharField(max_length=250)


class GridsBase(ReadOnlyResource):
    """Every choice of some numbers of a plan, over one history."""

    permissions = {"create": MAY, "cancel": MAY, "resume": MAY}


_Grids: Any = resource(
    BacktestGrid,
    fields=[
        "id", "name", "source", "spec", "axes", "walk", "seed", "as_of", "code_version", "state",
        "why", "figures", "actor", "asked_at", "finished_at",
    ],
    texts={"strategy": "strategy.name"},
    filters={"state": ["exact"], "source": ["exact"]},
    base=GridsBase,
)  # fmt: skip
Cells: Any = resource(
    BacktestCell,
    fields=["id", "grid", "number", "part", "changes", "state", "figures", "run"],
    filters={"grid": ["exact"], "state": ["exact"]},
    orderings=["id", "-id"],
)


class Grids(_Grids):
    @extend_schema(request=GridBody, responses={201: _Grids.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Ask for a grid; its parts are runs of their own."""
        told = _valid(GridBody, request.data)
        strategy, plan = backtest_plans.named(told.pop("strategy"))
        asked = {name: told.pop(name) for name in ("axes", "walk", "name", "seed")}
        source = told["source"] or (backtest_plans.source_of(strategy) if strategy else "market")
        grid = gridding.start(
            spec={**told, "source": source, "plan": {**plan.as_dict(), **told["plan"]}},
            strategy=strategy, user=user_of(request), actor=actor_of(request),
            now=timezone.now(), **asked,
        )  # fmt: skip
        return Response(self.get_serializer(grid).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=GridReason, responses={200: _Grids.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def cancel(self, request: Request, pk: str) -> Response:
        """Call a grid off; the cells that are done stay."""
        grid = gridding.cancel(
            grid_id=self.get_object().pk, **_valid(GridReason, request.data),
            actor=actor_of(request), now=timezone.now(),
        )  # fmt: skip
        return Response(self.get_serializer(grid).data)

    @extend_schema(request=GridReason, responses={200: _Grids.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def resume(self, request: Request, pk: str) -> Response:
        """Take a grid up again; no cell that is done is reckoned again."""
        number, actor, now = self.get_object().pk, actor_of(request), timezone.now()
        grid = gridding.go_on(
            grid_id=number, **_valid(GridReason, request.data), actor=actor, now=now
        )
        gridding.ask(grid_id=number, actor=actor, now=now, user=user_of(request))
        return Response(self.get_serializer(grid).data)


def _valid(serializer: type[serializers.Serializer], data: Any) -> dict[str, Any]:
    body = serializer(data=data)
    body.is_valid(raise_exception=True)
    return dict(body.validated_data)


RESOURCES: dict[str, Any] = {"backtest-grids": Grids, "backtest-cells": Cells}
