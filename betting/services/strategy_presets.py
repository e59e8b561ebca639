"""Settings of strategies that are shipped: what to ask of prices, spreads, players, tired sides.

A preset sets what it names and leaves the rest of the row as it stands; from then on it is the
operator's.  How much all strategies of a bankroll may bet together stands in its limits.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from betting.domain.programs import fatigue, value
from betting.models import Strategy
from betting.services import strategies
from betting.services.strategies import StrategyRefused
from markets.domain import lineups


@dataclass(frozen=True, slots=True)
class Preset:
    """What a strategy of one program on some kinds of markets is set to; no kinds: any."""

    name: str
    title: str
    code: str
    limits: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()

    def unfit(self, strategy: Strategy) -> str:
        """Say why it is not for a strategy, or ""."""
        if strategy.code != self.code:
            return f"{self.name} is for the program {self.code}, not for {strategy.code}"
        kind = strategy.pipeline.market_kind if strategy.pipeline else ""
        if self.kinds and kind not in self.kinds:
            return f"{self.name} is for {', '.join(self.kinds)}, not for {kind}"
        return ""


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "soccer",
            "Soccer: likely sides at middling prices of fair books",
            "value",
            {
                "min_probability": 0.48,
                "min_edge": 0.02,
                "min_price": "1.30",
                "max_price": "5.00",
                "max_overround": 0.15,
                "max_day_bets": 15,
            },
            kinds=("MATCH_ODDS", "MONEYLINE", "DRAW_NO_BET"),
        ),
        Preset(
            "spread",
            "Spreads and handicaps: more edge, most at home",
            "value",
            {"max_day_bets": 5, "allocation": 0.20},
            {"spread_min_edge": 0.07, "spread_min_edge_home": 0.10},
            kinds=value.SPREADS,
        ),
        Preset(
            "props",
            "Players: confirmed starters alone",
            "value",
            {"max_day_bets": 7, "allocation": 0.35},
            {"needs_confirmed_starter": True},
            kinds=lineups.OF_PLAYERS,
        ),
        Preset(
            "back_to_back",
            "Back to back: a rested side against one that played the day before",
            "fatigue",
            {},
            {"max_rest_days": 1.0, "min_own_rest_days": 2.0, "min_rest_advantage": 1.0},
            kinds=tuple(sorted(fatigue.KINDS)),
        ),
    )
}


def fitting(strategy: Strategy) -> list[Preset]:
    """Return the presets that are for a strategy."""
    return [preset for preset in PRESETS.values() if not preset.unfit(strategy)]


def apply(*, strategy_id: int, preset: str, actor: str, reason: str, now: datetime) -> Strategy:
    """Set a strategy as a preset says; the audit keeps what changes, with the preset's name.

    Raises:
        StrategyRefused: no such strategy or preset, one that is not for it, or no reason.
    """
    if not reason.strip():
        raise StrategyRefused("give a reason for changing a strategy")
    if preset not in PRESETS:
        raise StrategyRefused(f"no preset {preset!r:.40}; there are {', '.join(PRESETS)}")
    chosen = PRESETS[preset]
    strategy = Strategy.objects.select_related("pipeline").filter(pk=strategy_id).first()
    if strategy is None:
        raise StrategyRefused(f"there is no strategy #{strategy_id}")
    if no := chosen.unfit(strategy):
        raise StrategyRefused(no)
    limits = dict(chosen.limits)
    if chosen.parameters:
        limits["parameters"] = {**strategy.parameters, **chosen.parameters}
    return strategies.change_strategy(
        strategy_id=strategy_id,
        actor=actor,
        reason=f"preset {preset}: {reason.strip()}",
        now=now,
        **limits,
    )
