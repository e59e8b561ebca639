from markets.models.catalogue import (
    Competition,
    Event,
    Market,
    Participant,
    ParticipantAlias,
    Season,
    Selection,
    Sport,
)
from markets.models.prices import Book, ClosingPrice, LatestPrice, PriceSnapshot
from markets.models.results import Result
from markets.models.sources import Fetch, FetchProblem, RawPayload, Source

__all__ = [
    "Book",
    "ClosingPrice",
    "Competition",
    "Event",
    "Fetch",
    "FetchProblem",
    "LatestPrice",
    "Market",
    "Participant",
    "ParticipantAlias",
    "PriceSnapshot",
    "RawPayload",
    "Result",
    "Season",
    "Selection",
    "Source",
    "Sport",
]
