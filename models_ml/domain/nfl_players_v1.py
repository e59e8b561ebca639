"""The feature set ``nfl_players_v1``: a row per player, of one statistic of an NFL game."""

from models_ml.domain import players_v1
from models_ml.domain.sports import NFL

NFL_PLAYERS_V1 = players_v1.of_sport(name="nfl_players_v1", code="american_football", sport=NFL)
