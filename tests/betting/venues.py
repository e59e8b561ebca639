"""A venue that remembers what it was sent, and placing through it as a user does."""

from betting.models import Decision
from betting.services import placing
from betting.venues.base import Answer, State
from tests.betting.builders import NOON


class FakeVenue:
    """Remembers what it was sent; answers as told, or accepts everything."""

    def __init__(self, says=State.ACCEPTED):
        self.says, self.batches = says, []

    @property
    def tickets(self):
        return [ticket for batch in self.batches for ticket in batch]

    def place(self, tickets):
        self.batches.append(list(tickets))
        if isinstance(self.says, Exception):
            raise self.says
        return [Answer(ticket.client_ref, self.says, venue_ref="v1") for ticket in tickets]

    def ask(self, client_refs, *, now):
        return []


def place(*decisions: Decision, venue=None, as_of=NOON) -> placing.PlacingReport:
    return placing.place(
        decision_ids=[decision.pk for decision in decisions],
        as_of=as_of,
        now=NOON,
        actor="user:alice",
        venue=venue,
    )
