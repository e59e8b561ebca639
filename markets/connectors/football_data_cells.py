"""The cells of football-data.co.uk under the name by which they were first known."""

from markets.connectors.football_data.cells import (
    UK,
    collected_at,
    day,
    number,
    price,
    season_days,
    season_from_name,
    season_label,
    team,
)

__all__ = [
    "UK",
    "collected_at",
    "day",
    "number",
    "price",
    "season_days",
    "season_from_name",
    "season_label",
    "team",
]
