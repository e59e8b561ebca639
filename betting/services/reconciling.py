"""Finding out what became of bets whose venue's answer was never written down."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from betting import queries
from betting.models import Bet
from betting.services import answering
from betting.venues import VENUES
from betting.venues.base import Answer, State, Venue
from monitoring.errors import OutsideFailed


def reconcile(
    *,
    now: datetime,
    older_than: timedelta,
    actor: str = "task:reconcile",
    venues: dict[str, Venue] | None = None,
) -> dict[str, int]:
    """Ask the venues, by our reference, about every bet reserved or unknown for too long.

    Nothing is ever sent again.  ``older_than`` must be more than a placing run may last, or a
    bet that is being placed at this moment is closed under its feet.

    Returns how many were asked, and how many are now accepted, rejected or still unknown.
    """
    waiting: dict[str, list[str]] = {}
    stuck = queries.unanswered(reserved_before=now - older_than)
    for venue, client_ref in stuck.values_list("venue", "client_ref"):
        waiting.setdefault(venue, []).append(client_ref)
    found: Counter[str] = Counter()
    for name, client_refs in waiting.items():
        found += answering.record(
            answers=_ask((venues or VENUES).get(name), client_refs, now=now),
            waiting=[Bet.Status.RESERVED, Bet.Status.UNKNOWN],
            actor=actor,
            now=now,
        )
    asked = sum(len(client_refs) for client_refs in waiting.values())
    accepted, rejected = found[Bet.Status.ACCEPTED], found[Bet.Status.REJECTED]
    return {
        "asked": asked,
        "accepted": accepted,
        "rejected": rejected,
        "unknown": asked - accepted - rejected,
    }


def _ask(venue: Venue | None, client_refs: Sequence[str], *, now: datetime) -> list[Answer]:
    """Return the venue's answers; where it gives none, the bets stay unknown."""
    if venue is None:
        return [Answer(ref, State.UNKNOWN, reason="no such venue") for ref in client_refs]
    try:
        return list(venue.ask(client_refs, now=now))
    except OutsideFailed as fault:
        return [Answer(ref, State.UNKNOWN, reason=str(fault)) for ref in client_refs]
