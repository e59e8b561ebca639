"""What others may ask of the markets: events, prices and results as they were known at a moment.

Every frame that feeds a model or a bet takes ``as_of`` and holds nothing known later.
"""

from markets.queries.arrears import owed_by
from markets.queries.events import (
    event_start,
    events_awaiting_close,
    events_starting,
    match_history,
)
from markets.queries.prices import (
    CONSENSUS,
    LONGEST_STANDING,
    estimated_prices,
    event_board,
    reference_probabilities,
)
from markets.queries.sources import (
    SourceHealth,
    latest_error,
    problems_since,
    source_health,
    sources_due,
)

__all__ = [
    "CONSENSUS",
    "LONGEST_STANDING",
    "SourceHealth",
    "estimated_prices",
    "event_board",
    "event_start",
    "events_awaiting_close",
    "events_starting",
    "latest_error",
    "match_history",
    "owed_by",
    "problems_since",
    "reference_probabilities",
    "source_health",
    "sources_due",
]
