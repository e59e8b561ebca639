"""Pinnacle: match-ups and their straight markets, in the guest shape and the older v3 shape."""

from markets.connectors.pinnacle.parser import Pinnacle

__all__ = ["Pinnacle"]
