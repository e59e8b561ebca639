"""The cells of football-data.co.uk under the name by which they were first known."""

from markets.connectors.football_data.cells import (
    UK,
    belongs,
    collected_at,
    day,
    number,
    price,
    season_from_name,
    season_label,
    team,
)

__all__ = [
    "UK",
    "belongs",
    "collected_at",
    "day",
    "number",
    "price",
    "season_from_name",
    "season_label",
    "team",
]
