"""News feeds: RSS 2.0, Atom, and JSON lists."""

from markets.connectors.feeds.parser import Feeds

__all__ = ["Feeds"]
