"""Mappings of bets' files that are shipped: our own format, and files of known publishers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OWN = "closing_line"


@dataclass(frozen=True, slots=True)
class Preset:
    name: str
    title: str
    spec: Mapping[str, Any] = field(repr=False)


_OWN = {
    "bankroll": {
        "name": {"column": "bankroll"},
        "currency": {"column": "currency"},
    },
    "selection": {
        "kind": "KNOWN",
        "event": "event",
        "market": {"column": "market"},
        "selection": "selection",
        "line": "line",
        "period": {"column": "period"},
        "about": "about",
        "competition": "competition",
        "starts_at": {"column": "starts_at"},
    },
    "book": {"column": "book"},
    "side": {"column": "side"},
    "price": "price",
    "stake": {"column": "stake"},
    "placed_at": {"column": "placed_at"},
    "reference": "reference",
    "note": "note",
    "outcome": {"told": {"column": "outcome", "instead": "published_outcome"}},
    "commission": {"column": "published_commission"},
    "profit": {"column": "profit", "instead": "published_profit"},
    "keep": ["strategy"],
}
_HUB_TIPS = {
    "bankroll": {"name": "Betfair Hub tips", "currency": "AUD", "is_made": True},
    "selection": {
        "kind": "RACE",
        "sport": {
            "column": "Racing_Code",
            "map": {
                "Thoroughbred": "horse_racing",
                "Harness": "horse_racing",
                "Greyhounds": "greyhound_racing",
            },
        },
        "country": {"column": "International_Meeting", "map": {"FALSE": "AU", "TRUE": ""}},
        "track": "TrackName",
        "day": {
            "column": "MeetingDate",
            "format": "%d/%m/%Y",
            "zone": "Australia/Melbourne",
            "clock": "12:00",
        },
        "number": "Race",
        "market": {"column": "MarketType", "map": {"WIN": "WIN", "PLACE": "PLACE"}},
        "market_id": "Market_ID",
        "runner_id": "Selection_ID",
        "runner": "SelectionName",
        "namespace": "betfair",
        "market_prefix": "1.",
    },
    "book": "betfair_sp",
    "side": {"column": "BettingStrategy", "map": {"BACK": "BACK", "LAY": "LAY"}},
    "price": "BSP",
    "stake": {"column": "Stake", "of_lays": "LIABILITY"},
    "placed_at": {
        "column": "MeetingDate",
        "format": "%d/%m/%Y",
        "zone": "Australia/Melbourne",
        "clock": "09:00",
    },
    "outcome": {
        "told": {"column": "RESULT", "map": {"1": "WON", "0": "LOST"}},
        "of": "SELECTION",
    },
    "commission": {"column": "MBR", "unit": "PERCENT"},
    "profit": {"column": "PROFIT_BSP"},
    "keep": [
        "Tipster_Name", "Content", "RP", "BestBet", "PROFIT_BSP_RP", "PROFIT_BESTBET",
        "Racing_Code", "Selection",
    ],
    "rules": "tips_at_sp",
    "without_price": "KEPT",
}  # fmt: skip

PRESETS = {
    preset.name: preset
    for preset in (
        Preset(OWN, "Our own format, as bets are exported", _OWN),
        Preset("betfair_hub_tips", "Betfair Hub: tipsters' results at starting price", _HUB_TIPS),
    )
}
