"""What others may ask of the markets: events, prices and results as they were known at a moment.

Every frame that feeds a model or a bet takes ``as_of`` and holds nothing known later.
"""

from markets.queries.arrears import owed_by
from markets.queries.closes import closes, closing_by_method, closing_fair, fair_of, main_lines
from markets.queries.events import (
    event_start,
    events_awaiting_close,
    events_starting,
    match_history,
)
from markets.queries.ladders import best_offers, ladder_history
from markets.queries.movement import movement_report
from markets.queries.moves import Movement, Timing
from markets.queries.notices import notices
from markets.queries.prices import (
    CONSENSUS,
    LONGEST_STANDING,
    ShownPrice,
    estimated_prices,
    event_board,
    reference_probabilities,
    shown_prices,
)
from markets.queries.references import rules as reference_rules
from markets.queries.sources import (
    SourceHealth,
    errors_by_kind,
    latency_histogram,
    latest_error,
    problems_since,
    refused_prices,
    source_health,
    sources_due,
)
from markets.queries.starting import starters

__all__ = [
    "CONSENSUS",
    "LONGEST_STANDING",
    "Movement",
    "ShownPrice",
    "SourceHealth",
    "Timing",
    "best_offers",
    "closes",
    "closing_by_method",
    "closing_fair",
    "errors_by_kind",
    "estimated_prices",
    "event_board",
    "event_start",
    "events_awaiting_close",
    "events_starting",
    "fair_of",
    "ladder_history",
    "latency_histogram",
    "latest_error",
    "main_lines",
    "match_history",
    "movement_report",
    "notices",
    "owed_by",
    "problems_since",
    "reference_probabilities",
    "reference_rules",
    "refused_prices",
    "shown_prices",
    "source_health",
    "sources_due",
    "starters",
]
