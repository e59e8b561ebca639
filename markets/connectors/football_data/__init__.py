"""football-data.co.uk: one CSV file per division and season, prices and results in one row."""

from markets.connectors.football_data.parser import FootballData

__all__ = ["FootballData"]
