"""The venues by name.  A kind of bankroll without one cannot be staked."""

from betting.venues.base import Venue
from betting.venues.betfair import BetfairVenue
from betting.venues.paper import PaperVenue
from markets.services import exchanges
from monitoring.errors import Refused

VENUES: dict[str, Venue] = {"paper": PaperVenue(), "betfair": BetfairVenue()}

_PAPER_KINDS = ("PAPER", "REPLAY")


def name_for(kind: str) -> str:
    """Return the venue where a kind of bankroll is staked, "" where there is none.

    Live money has one only where betting at it is switched on and every secret for it is set.
    """
    if kind in _PAPER_KINDS:
        return "paper"
    try:
        exchanges.check_betting()
    except Refused:
        return ""
    return "betfair"
