"""tennis-data.co.uk: one workbook per tour and year, matches with results and prices."""

from markets.connectors.tennis_data.parser import TennisData

__all__ = ["TennisData"]
