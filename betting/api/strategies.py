"""Strategies: what they bet on and how much they stake; change it with a reason."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from betting.api import phases, programs
from betting.models import Strategy
from betting.services import strategies, strategy_presets
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource

LIMITS = [
    "is_enabled",
    "decide_at_stage",
    "min_hours_to_start",
    "max_hours_to_start",
    "parameters",
    "min_edge",
    "max_edge",
    "min_probability",
    "min_price",
    "max_price",
    "max_overround",
    "min_liquidity",
    "max_price_age_seconds",
    "staking",
    "kelly_fraction",
    "flat_stake",
    "stake_share",
    "commission",
    "is_drawdown_scaled",
    "is_correlation_discounted",
    "allocation",
    "max_stake_share",
    "max_event_share",
    "max_day_share",
    "max_open_share",
    "max_day_bets",
    "min_stake",
    "stake_step",
    "max_hedge_loss_share",
]


class StrategyChange(serializers.ModelSerializer):
    """What is to change, and why; it is audited with the values before and after."""

    reason = serializers.CharField(max_length=500)
    parameters = serializers.DictField(
        required=False, help_text="All that the program is told; what is left out is as made."
    )

    class Meta:
        model = Strategy
        fields = [*LIMITS, "reason"]
        extra_kwargs = {name: {"required": False} for name in LIMITS}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what no limit is called, rather than pass over it."""
        if unknown := sorted(set(self.initial_data) - set(self.Meta.fields)):
            raise ValidationError(dict.fromkeys(unknown, "unknown: there is no such limit"))
        return attrs


class StrategyBase(ReadOnlyResource):
    """Strategies, and how each of them stakes."""

    permissions = {
        "partial_update": "betting.change_strategy",
        **phases.PHASE_PERMISSIONS,
        **programs.PROGRAM_PERMISSIONS,
    }


_Strategies: Any = resource(
    Strategy,
    fields=["id", "name", "code", "bankroll", "pipeline", "phase", *LIMITS],
    texts={"is_simulated": "bankroll.is_simulated"},
    filters={
        "bankroll": ["exact"],
        "is_enabled": ["exact"],
        "code": ["exact"],
        "staking": ["exact"],
        "phase": ["exact"],
    },
    base=StrategyBase,
)


class Strategies(programs.ProgramDoors, phases.PhaseDoors, _Strategies):
    @extend_schema(
        request=programs.AppliedPreset, responses={200: _Strategies.serializer_class, **ACTING}
    )
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def preset(self, request: Request, pk: str) -> Response:
        """Set what a preset names, and leave the rest as it stands."""
        data = programs.AppliedPreset(data=request.data)
        data.is_valid(raise_exception=True)
        changed = strategy_presets.apply(
            strategy_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(self.get_serializer(changed).data)

    @extend_schema(request=StrategyChange, responses={200: _Strategies.serializer_class, **ACTING})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a strategy's limits or how it stakes; the next decision heeds it."""
        data = StrategyChange(data=request.data)
        data.is_valid(raise_exception=True)
        changed = strategies.change_strategy(
            strategy_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(self.get_serializer(changed).data)
