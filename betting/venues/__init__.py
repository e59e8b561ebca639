"""The venues by name.  A kind of bankroll without one cannot be staked."""

from betting.venues.base import Venue
from betting.venues.paper import PaperVenue

VENUES: dict[str, Venue] = {"paper": PaperVenue()}

VENUE_OF_KIND = {"PAPER": "paper", "REPLAY": "paper"}
