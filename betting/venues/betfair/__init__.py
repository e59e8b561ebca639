"""Betfair's exchange as a venue; see docs/venues.md."""

from betting.venues.betfair.venue import BetfairVenue

__all__ = ["BetfairVenue"]
