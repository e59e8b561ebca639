"""The admin site's pages of this app; importing them registers them."""

from markets.admin import catalogue, events, prices, sources

__all__ = ["catalogue", "events", "prices", "sources"]
