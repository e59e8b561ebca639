"""Finding out what became of bets whose venue's answer was never written down, or not the last."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet

from betting import queries
from betting.models import Bet
from betting.services import answering
from betting.venues import VENUES
from betting.venues.base import Answer, State, Venue
from monitoring.errors import OutsideFailed

ANSWER_WITHIN = timedelta(minutes=1)  # twice what a placing run may last


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
    stuck = queries.unanswered(reserved_before=now - older_than)
    asked, found = _record(stuck, venues=venues or VENUES, actor=actor, now=now)
    accepted, rejected = found[Bet.Status.ACCEPTED], found[Bet.Status.REJECTED]
    return {
        "asked": asked,
        "accepted": accepted,
        "rejected": rejected,
        "unknown": asked - accepted - rejected,
    }


def follow(
    *, now: datetime, actor: str = "task:reconcile", venues: dict[str, Venue] | None = None
) -> dict[str, int]:
    """Ask the venues about every order that waits there to be matched.

    Returns how many were asked about, and of how many something was new.
    """
    waiting = Bet.objects.waiting().order_by("pk")
    asked, found = _record(waiting, venues=venues or VENUES, actor=actor, now=now)
    return {"followed": asked, "moved": sum(found.values())}


def _record(
    bets: QuerySet[Bet], *, venues: Mapping[str, Venue], actor: str, now: datetime
) -> tuple[int, Counter[str]]:
    """Ask the venue of each bet, write down what it says; return how many and what they became."""
    waiting: dict[str, list[str]] = {}
    for name, client_ref in bets.values_list("venue", "client_ref"):
        waiting.setdefault(name, []).append(client_ref)
    found: Counter[str] = Counter()
    for name, client_refs in waiting.items():
        answers = _ask(venues.get(name), client_refs, now=now)
        found += answering.record(answers=answers, actor=actor, now=now).statuses
    return sum(len(client_refs) for client_refs in waiting.values()), found


def _ask(venue: Venue | None, client_refs: Sequence[str], *, now: datetime) -> list[Answer]:
    """Return the venue's answers; where it gives none, the bets stay unknown."""
    if venue is None:
        return [Answer(ref, State.UNKNOWN, reason="no such venue") for ref in client_refs]
    try:
        return list(venue.ask(client_refs, now=now))
    except OutsideFailed as fault:
        return [Answer(ref, State.UNKNOWN, reason=str(fault)) for ref in client_refs]
