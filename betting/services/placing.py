"""Placing bets in three steps: write the intent, call the venue, write the answer.

The venue is called between two transactions, never inside one.  A worker that dies after the
call leaves RESERVED bets; ``reconciling`` asks the venue about them by our reference.  A run
that finds another's reservation never calls the venue for it, and what was taken back or closed
before the call is not sent.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection, transaction

from betting import venues
from betting.models import Bankroll, Bet, Decision
from betting.services import answering, breaking, heartbeats, permitting
from betting.venues.base import Answer, State, Ticket, Venue, VenueRejected
from markets import queries as markets
from markets.models import Event
from monitoring.errors import OutsideFailed
from monitoring.services import audit

_ORDER = ("prediction__as_of", "prediction__event_id", "selection_id", "pk")


@dataclass(slots=True)
class PlacingReport:
    """How many bets a call placed; ``refusals`` names the rule of ours by decision."""

    accepted: int = 0
    rejected: int = 0
    unknown: int = 0
    refused: int = 0
    refusals: dict[int, str] = field(default_factory=dict)

    def count(self, states: Counter[str], refusals: dict[int, str]) -> None:
        """Add what one bankroll's batch came to."""
        self.accepted += states[Bet.Status.ACCEPTED]
        self.rejected += states[Bet.Status.REJECTED]
        self.unknown += states[Bet.Status.UNKNOWN]
        self.refused += len(refusals)
        self.refusals |= refusals


def place(
    *,
    decision_ids: Sequence[int],
    as_of: datetime,
    now: datetime,
    actor: str,
    venue: Venue | None = None,
) -> PlacingReport:
    """Place the bets of these decisions, once each, however often and by whomever called.

    A decision that a rule forbids now is refused: it keeps the reason, and may be asked for
    again until its event starts.  Must not be called inside a transaction.
    """
    report = PlacingReport()
    for bankroll_id, batch in _by_bankroll(decision_ids).items():
        bets, refusals = _reserve(
            bankroll_id=bankroll_id,
            decision_ids=batch,
            quotes=_quotes(batch, as_of=as_of),
            as_of=as_of,
            now=now,
            actor=actor,
            venue=venue,
        )
        recorded = send(bets=bets, venue=venue, as_of=as_of, actor=actor, now=now)
        breaking.note_answers(bankroll_id=bankroll_id, states=recorded.statuses, now=now)
        report.count(recorded.statuses, refusals)
    return report


def send(
    *, bets: Sequence[Bet], as_of: datetime, now: datetime, actor: str, venue: Venue | None = None
) -> answering.Recorded:
    """Send reserved bets to their venue, and write down what it says.

    What was closed since it was reserved is not sent.  Must not be called inside a transaction.
    """
    sent = _submit(bets)
    answers = _call(venue or venues.VENUES[sent[0].venue], sent, as_of=as_of) if sent else []
    return answering.record(answers=answers, actor=actor, now=now)


def place_due(*, now: datetime, actor: str = "task:place_due") -> dict[str, int]:
    """Place every bet that was decided, is not placed, and whose event has not started."""
    due = (
        Decision.objects.filter(
            verdict=Decision.Verdict.BET,
            bet=None,
            strategy__is_enabled=True,
            strategy__bankroll__kind__in=[Bankroll.Kind.LIVE, Bankroll.Kind.PAPER],
            prediction__event__starts_at__gt=now,
            prediction__event__status=Event.Status.SCHEDULED,
        )
        .order_by(*_ORDER)
        .values_list("pk", flat=True)
    )
    report = place(decision_ids=list(due), as_of=now, now=now, actor=actor)
    return {
        "accepted": report.accepted,
        "rejected": report.rejected,
        "unknown": report.unknown,
        "refused": report.refused,
    }


def client_ref(decision_id: int) -> str:
    """Return our reference for a decision's bet: the same one, whoever places it.

    >>> client_ref(12345)
    'd9ix'
    """
    return f"d{np.base_repr(decision_id, base=36).lower()}"


def _by_bankroll(decision_ids: Sequence[int]) -> dict[int, list[int]]:
    batches: dict[int, list[int]] = {}
    rows = Decision.objects.filter(pk__in=list(decision_ids)).order_by(*_ORDER)
    for pk, bankroll_id in rows.values_list("pk", "strategy__bankroll_id"):
        batches.setdefault(bankroll_id, []).append(pk)
    return dict(sorted(batches.items()))


def _quotes(decision_ids: Sequence[int], *, as_of: datetime) -> dict[tuple[int, int], Any]:
    """Return what is quoted now for the decisions' events: rows by selection and book."""
    rows = set(
        Decision.objects.filter(pk__in=decision_ids).values_list(
            "prediction__event_id", "selection__market__kind"
        )
    )
    board = markets.event_board(
        event_ids=sorted({event_id for event_id, _ in rows}),
        as_of=as_of,
        kinds=tuple(sorted({kind for _, kind in rows})),
    )
    return {
        (int(selection_id), int(book_id)): row
        for selection_id, book_id, row in zip(
            board["selection_id"], board["book_id"], board.itertuples(index=False), strict=True
        )
    }


@transaction.atomic(durable=True)
def _reserve(
    *,
    bankroll_id: int,
    decision_ids: Sequence[int],
    quotes: dict[tuple[int, int], Any],
    as_of: datetime,
    now: datetime,
    actor: str,
    venue: Venue | None,
) -> tuple[list[Bet], dict[int, str]]:
    """Write our intent for each decision that every rule allows now, under the bankroll's lock."""
    bankroll = Bankroll.objects.select_for_update(of=("self",)).get(pk=bankroll_id)
    name, decisions = venues.name_for(bankroll.kind), _unplaced(decision_ids)
    venue = venue or venues.VENUES.get(name)
    permit = permitting.Permit(
        bankroll=bankroll,
        decisions=decisions,
        quotes=quotes,
        as_of=as_of,
        now=now,
        has_venue=venue is not None,
        is_silent=venue is not None and heartbeats.is_silent(name=name, venue=venue, now=now),
    )
    bets, refusals = [], {}
    for decision in decisions:
        if refusal := permit.refusal(decision):
            refusals[decision.pk] = refusal
        else:
            permit.take(decision)
            bets.append(_bet(decision, bankroll=bankroll, as_of=as_of, now=now))
    Bet.objects.bulk_create(bets)
    audit.record_all(
        actor=actor,
        action="bet.reserved",
        at=now,
        details={
            audit.label(bet): {"stake": str(bet.stake), "price": str(bet.price)} for bet in bets
        },
    )
    _remember(decisions, refusals, actor=actor, now=now)
    return bets, refusals


def _unplaced(decision_ids: Sequence[int]) -> list[Decision]:
    decisions = Decision.objects.filter(pk__in=decision_ids, bet=None).select_related(
        "strategy__pipeline",
        "prediction__event__competition",
        "prediction__version__pipeline",
        "prediction__feature_row",
        "selection__market",
    )
    return list(decisions.order_by(*_ORDER))


def _bet(decision: Decision, *, bankroll: Bankroll, as_of: datetime, now: datetime) -> Bet:
    assert decision.book_id is not None and decision.price is not None  # its constraint says so
    return Bet(
        bankroll=bankroll,
        strategy=decision.strategy,
        decision=decision,
        selection=decision.selection,
        book_id=decision.book_id,
        venue=venues.name_for(bankroll.kind) or bankroll.kind.lower(),
        client_ref=client_ref(decision.pk),
        price=decision.price,
        stake=decision.stake,
        probability=decision.probability,
        placed_at=as_of,
        reserved_at=now,
    )


def _remember(
    decisions: Iterable[Decision], refusals: dict[int, str], *, actor: str, now: datetime
) -> None:
    """Keep each decision's present refusal, "" where it was placed; audit those that are new."""
    changed = [d for d in decisions if d.refusal != refusals.get(d.pk, "")]
    for decision in changed:
        decision.refusal = refusals.get(decision.pk, "")
    Decision.objects.bulk_update(changed, ["refusal"])
    audit.record_all(
        actor=actor,
        action="bet.refused",
        at=now,
        details={audit.label(d): {"reason": d.refusal} for d in changed if d.refusal},
    )


def _submit(bets: Sequence[Bet]) -> list[Bet]:
    """Say of orders that they are being sent from now on; return those that still may be."""
    if not bets:
        return []
    sent = "update betting_bet set order_state = 'SUBMITTED' where id = any(%s)"
    with connection.cursor() as cursor:
        cursor.execute(f"{sent} and order_state = 'CREATED' returning id", [[b.pk for b in bets]])
        ours = {bet_id for (bet_id,) in cursor.fetchall()}
    return [bet for bet in bets if bet.pk in ours]


def _call(venue: Venue, bets: Sequence[Bet], *, as_of: datetime) -> list[Answer]:
    """Send the tickets and return one answer for each; silence is UNKNOWN, never guessed."""
    began = time.monotonic()
    try:
        given = {answer.client_ref: answer for answer in venue.place(_tickets(bets, as_of=as_of))}
    except VenueRejected as no:
        given = {b.client_ref: Answer(b.client_ref, State.REJECTED, reason=str(no)) for b in bets}
    except OutsideFailed as fault:
        return [Answer(bet.client_ref, State.UNKNOWN, reason=str(fault)) for bet in bets]
    waited = round((time.monotonic() - began) * 1000)
    silent = "the venue did not answer for it"
    answers = [
        given.get(bet.client_ref, Answer(bet.client_ref, State.UNKNOWN, reason=silent))
        for bet in bets
    ]
    return [
        replace(answer, latency_ms=waited)
        if answer.latency_ms is None and answer.state != State.UNKNOWN
        else answer
        for answer in answers
    ]


def _tickets(bets: Sequence[Bet], *, as_of: datetime) -> list[Ticket]:
    return [
        Ticket(
            client_ref=bet.client_ref,
            event_id=bet.selection.market.event_id,
            market_kind=bet.selection.market.kind,
            selection_id=bet.selection_id,
            book_id=bet.book_id,
            side=bet.side,
            price=bet.price,
            stake=bet.stake,
            asked_at=as_of,
            currency=bet.bankroll.currency,
            is_replay=bet.bankroll.replay_id is not None,
        )
        for bet in bets
    ]
