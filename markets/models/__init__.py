from markets.models.events import (
    Event,
    EventAlias,
    EventChange,
)
from markets.models.imports import ImportMapping, ImportMappingRevision
from markets.models.markets import (
    Market,
    MarketAlias,
    Selection,
    SelectionAlias,
)
from markets.models.names import (
    Competition,
    CompetitionAlias,
    ParkedRow,
    Participant,
    ParticipantAlias,
    Season,
    Sport,
    UnknownName,
)
from markets.models.notices import Notice
from markets.models.prices import (
    Book,
    ClosingPrice,
    LadderSnapshot,
    LatestPrice,
    Mark,
    PriceSnapshot,
    RetentionPolicy,
)
from markets.models.quality import QualityFinding
from markets.models.references import ReferenceRule
from markets.models.results import (
    Result,
    ResultDispute,
    RunnerResult,
    StatisticResult,
)
from markets.models.sources import (
    AskedAddress,
    Fetch,
    FetchProblem,
    PayloadLook,
    RawPayload,
    Source,
)

__all__ = [
    "AskedAddress",
    "Book",
    "ClosingPrice",
    "Competition",
    "CompetitionAlias",
    "Event",
    "EventAlias",
    "EventChange",
    "Fetch",
    "FetchProblem",
    "ImportMapping",
    "ImportMappingRevision",
    "LadderSnapshot",
    "LatestPrice",
    "Mark",
    "Market",
    "MarketAlias",
    "Notice",
    "ParkedRow",
    "Participant",
    "ParticipantAlias",
    "PayloadLook",
    "PriceSnapshot",
    "QualityFinding",
    "RawPayload",
    "ReferenceRule",
    "Result",
    "ResultDispute",
    "RetentionPolicy",
    "RunnerResult",
    "Season",
    "Selection",
    "SelectionAlias",
    "Source",
    "Sport",
    "StatisticResult",
    "UnknownName",
]
