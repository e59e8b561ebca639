"""The pipelines that every installation has: one question each, and a simulated twin."""

from dataclasses import dataclass

from markets.models import Market
from models_ml.models import Pipeline

Kind, Target = Market.Kind, Pipeline.Target


@dataclass(frozen=True, slots=True)
class Default:
    """A pipeline as it is made; it is the operator's from then on."""

    code: str
    sport: str
    feature_set: str
    market_kind: Market.Kind
    target: Pipeline.Target
    statistic: str = ""


SPORTS = {
    "soccer": "Soccer",
    "american_football": "American football",
    "basketball": "Basketball",
    "horse_racing": "Horse racing",
}
DEFAULTS = (
    Default("soccer-1x2", "soccer", "soccer_v1", Kind.MATCH_ODDS, Target.OUTCOME),
    Default("soccer-handicap", "soccer", "soccer_v1", Kind.ASIAN_HANDICAP, Target.GOALS),
    Default("soccer-total", "soccer", "soccer_v1", Kind.TOTAL, Target.GOALS),
    Default("nfl-moneyline", "american_football", "nfl_v1", Kind.MONEYLINE, Target.OUTCOME),
    Default("nfl-spread", "american_football", "nfl_v1", Kind.SPREAD, Target.MARGIN),
    Default("nfl-total", "american_football", "nfl_v1", Kind.TOTAL, Target.TOTAL),
    Default("nba-moneyline", "basketball", "nba_v1", Kind.MONEYLINE, Target.OUTCOME),
    Default("nba-spread", "basketball", "nba_v1", Kind.SPREAD, Target.MARGIN),
    Default("nba-total", "basketball", "nba_v1", Kind.TOTAL, Target.TOTAL),
    Default(
        "nba-player-points", "basketball", "players_v1", Kind.PLAYER_TOTAL, Target.FIGURE, "points"
    ),
    Default("racing-win", "horse_racing", "racing_v1", Kind.WIN, Target.WINNER),
    Default("racing-place", "horse_racing", "racing_v1", Kind.PLACE, Target.WINNER),
)
TWIN = "-simulated"
