"""Recordings of Betfair's exchange stream; see docs/sources/betfair_stream.md."""

from markets.connectors.betfair_stream.parser import BetfairStream

__all__ = ["BetfairStream"]
