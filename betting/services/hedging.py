"""Taking an arbitrage from its reserved legs to where nothing stands alone, from its rows alone.

Each step is decided under the bankroll's lock from what the database holds, so whoever comes
after a crash, or at the same time, goes on from there.  Bets are sent between the transactions,
one at a time; a bet is sent once, whoever sends it, and what its venue did not answer is waited
for: ``reconciling`` asks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from betting import venues
from betting.domain import arbitrage, legs, splitting, staking
from betting.domain.legs import Leg, Step
from betting.models import Arbitrage, ArbitrageLeg, Bet
from betting.models.arbitrages import LIVE
from betting.queries import arbitrages
from betting.services import (
    answering,
    breaking,
    covering,
    leg_rows,
    placing,
)
from betting.venues.base import Cancelling, Venue
from monitoring.domain.findings import Severity
from monitoring.errors import OutsideFailed, Refused
from monitoring.services import audit, incidents

KIND = "betting.arbitrage-unhedged"
HEDGES_AT_MOST = 12  # of one arbitrage, by itself; a person may ask for more
STEPS_AT_MOST = 60
LONGEST_NOTE = 250
_S = Arbitrage.State


class HedgingRefused(Refused):
    """This cannot be done with this arbitrage."""


@dataclass(frozen=True, slots=True)
class _Next:
    """What is to be done outside the transaction; nothing: it rests in its state."""

    send: Bet | None = None
    take_back: tuple[str, ...] = ()  # our references
    venue: str = ""
    state: str = ""


def advance(
    *,
    arbitrage_id: int,
    now: datetime,
    actor: str,
    venues_: Mapping[str, Venue] | None = None,
    is_asked: bool = False,
) -> str:
    """Go on with an arbitrage as far as can be; return the state that it rests in.

    ``is_asked``: by a person, who may ask for more hedges than are made by themselves.  Must not
    be called inside a transaction.
    """
    found = _Next()
    for _ in range(STEPS_AT_MOST):
        found = _decide(arbitrage_id, now=now, actor=actor, is_asked=is_asked)
        if found.send is not None:
            _send(found.send, venues_=venues_, now=now, actor=actor)
        elif found.take_back:
            if not _take_back(found, venues_=venues_, now=now, actor=actor):
                break
        elif found.state:
            break
    return found.state or _S.PLACING


def continue_due(
    *, now: datetime, actor: str = "task:arbitrage", venues_: Mapping[str, Venue] | None = None
) -> dict[str, int]:
    """Go on with every arbitrage of which bets may stand alone; return how many rest where.

    One that cannot go on keeps no other from it; what it raised is raised at the end.
    """
    counts: dict[str, int] = {}
    faults: list[Exception] = []
    for pk in list(arbitrages.to_go_on().values_list("pk", flat=True)):
        try:
            state = advance(arbitrage_id=pk, now=now, actor=actor, venues_=venues_)
        except Exception as fault:
            faults.append(fault)
        else:
            counts[state.lower()] = counts.get(state.lower(), 0) + 1
    if faults:
        raise faults[0]
    return counts


def close_out(
    *, arbitrage_id: int, actor: str, reason: str, now: datetime, max_loss: Decimal | None = None
) -> Arbitrage:
    """Cover what stands alone at the best prices there are, whatever it costs up to ``max_loss``
    (default: all that stands at stake).

    Raises:
        HedgingRefused: no reason, nothing stands alone, or a loss below zero.
    """
    why = _plain(reason)
    if max_loss is not None and not (max_loss.is_finite() and max_loss >= 0):
        raise HedgingRefused("max_loss: an amount of 0 or more")
    with transaction.atomic():
        row = leg_rows.locked(arbitrage_id)
        if row.state not in LIVE:
            raise HedgingRefused(f"nothing of {row} stands alone")
        stands = sum((leg.bet.stake for leg in leg_rows.of(row)), Decimal(0))
        row.max_loss = stands if max_loss is None else max_loss.quantize(splitting.CENT)
        row.save(update_fields=["max_loss"])
        audit.record(
            actor=actor, action="arbitrage.close_out", subject=row, at=now, reason=why,
            max_loss=str(row.max_loss),
        )  # fmt: skip
    advance(arbitrage_id=row.pk, now=now, actor=actor, is_asked=True)
    return arbitrages.latest().get(pk=row.pk)


def handle(*, arbitrage_id: int, actor: str, reason: str, now: datetime) -> Arbitrage:
    """Say that a lone leg is hedged elsewhere, or is to stand: nothing more is done about it.

    Raises:
        HedgingRefused: no reason, or it is not unhedged.
    """
    why = _plain(reason)
    with transaction.atomic():
        row = leg_rows.locked(arbitrage_id)
        if row.state != _S.UNHEDGED:
            raise HedgingRefused(f"{row} is not unhedged")
        row.state, row.closed_at, row.note = _S.HANDLED, now, why
        row.save(update_fields=["state", "closed_at", "note"])
        audit.record(actor=actor, action="arbitrage.handled", subject=row, at=now, reason=why)
    return row


def summary(row: Arbitrage) -> str:
    """Return what the incident of an arbitrage says."""
    about = f"{row.market.event}, {row.market}"
    if row.state == _S.PLACING:
        return f"{row} ({about}) is not through: a bet waits for its venue's answer"
    why = row.reason.replace("_", " ").lower()
    return f"{row} ({about}) is unhedged, {row.worst} at worst: {why}"


@transaction.atomic(durable=True)
def _decide(arbitrage_id: int, *, now: datetime, actor: str, is_asked: bool) -> _Next:
    """Do what the database alone needs, and return what is to be done outside."""
    row = leg_rows.locked(arbitrage_id)
    held = leg_rows.of(row)
    if row.closed_at is not None and not leg_rows.is_torn(held):
        return _Next(state=row.state)
    if row.state == _S.UNHEDGED and not any(leg.bet.status in Bet.OPEN for leg in held):
        return _rest(row, held, _S.SETTLED, row.reason, now=now, actor=actor)
    stands = covering.position(row, held)
    todo = legs.following(
        selections=list(stands.paid),
        legs=[leg_rows.as_leg(leg) for leg in held],
        tolerance=staking.share_of(
            covering.position(row, held).sunk, row.strategy.max_hedge_loss_share
        ),
        max_loss=row.max_loss,
        step=row.strategy.stake_step,
        least=row.strategy.min_stake,
    )
    about = [leg for leg in held if leg.bet_id in todo.bets]
    match todo.step:
        case Step.WAIT:
            return _Next(state=row.state)
        case Step.TAKE_BACK:
            return _Next(take_back=tuple(leg.bet.client_ref for leg in about), venue=_venue(about))
        case Step.RELEASE:
            leg_rows.release(about, arbitrage.LEG_NOT_TAKEN, actor=actor, now=now)
        case Step.CUT:
            leg_rows.cut(about, todo.stakes, actor=actor, now=now)
        case Step.SEND:
            return _may_send(row, held, about[0].bet, now=now, actor=actor)
        case Step.COVER:
            return _cover(row, held, now=now, actor=actor, is_asked=is_asked)
        case Step.FAIL:
            reason = row.reason or arbitrage.LEG_NOT_TAKEN
            return _rest(row, held, _S.FAILED, reason, now=now, actor=actor)
        case Step.CLOSE:
            return _close(row, held, now=now, actor=actor)
    return _Next()


def _may_send(
    row: Arbitrage, held: Sequence[ArbitrageLeg], bet: Bet, *, now: datetime, actor: str
) -> _Next:
    """Send the next bet, unless a halt, the law or the start of the event stops it.

    Where only what lowers an exposure is let by, the rest of what was begun is.
    """
    standing = [leg_rows.as_leg(leg) for leg in held]
    whole = [leg if not leg.is_unsent else _as_if_matched(leg) for leg in standing]
    selections = leg_rows.selections(row)
    before = legs.position(selections=selections, legs=standing)
    after = legs.position(selections=selections, legs=whole)
    rules = covering.asked(row, now=now)
    lowers = bool(before.sunk) and after.worst > before.worst
    if code := rules.stopped(book_id=bet.book_id, lowers=lowers):
        unsent = [leg for leg in held if leg.bet.order_state == Bet.OrderState.CREATED]
        leg_rows.release(unsent, code, actor=actor, now=now)
        row.reason = code
        row.save(update_fields=["reason"])
        return _Next()
    return _Next(send=bet)


def _cover(
    row: Arbitrage, held: Sequence[ArbitrageLeg], *, now: datetime, actor: str, is_asked: bool
) -> _Next:
    """Reserve bets that cover what stands alone, or say why there are none."""
    hedges = sum(leg.role == ArbitrageLeg.Role.HEDGE for leg in held)
    if hedges >= HEDGES_AT_MOST and not is_asked:
        return _alone(row, held, arbitrage.HEDGES_USED_UP, now=now, actor=actor)
    found = covering.find(row=row, held=held, now=now)
    if found.reason:
        return _alone(row, held, found.reason, now=now, actor=actor)
    leg_rows.reserve(
        row=row,
        bankroll=row.strategy.bankroll,
        stakes=found.stakes,
        role=ArbitrageLeg.Role.HEDGE,
        now=now,
    )
    row.state, row.closed_at, row.reason = _S.PLACING, None, arbitrage.LEG_NOT_TAKEN
    row.save(update_fields=["state", "closed_at", "reason"])
    audit.record(
        actor=actor, action="arbitrage.hedging", subject=row, at=now, worst=str(found.worst),
        stakes={str(offer.selection_id): str(stake) for offer, stake in found.stakes.items()},
    )  # fmt: skip
    return _Next()


def _close(row: Arbitrage, held: Sequence[ArbitrageLeg], *, now: datetime, actor: str) -> _Next:
    """End it: complete where its own legs pay for every outcome, else closed out."""
    stands = legs.position(
        selections=leg_rows.selections(row), legs=[leg_rows.as_leg(leg) for leg in held]
    )
    has_hedge = any(leg.role == ArbitrageLeg.Role.HEDGE and leg.bet.matched_stake for leg in held)
    state = _S.HEDGED if stands.worst >= 0 and not has_hedge else _S.CLOSED_OUT
    return _rest(row, held, state, row.reason, now=now, actor=actor)


def _alone(
    row: Arbitrage, held: Sequence[ArbitrageLeg], reason: str, *, now: datetime, actor: str
) -> _Next:
    """Leave it unhedged, and say so at once."""
    rests = _rest(row, held, _S.UNHEDGED, reason, now=now, actor=actor)
    incidents.open_incident(
        kind=KIND,
        severity=Severity.P1,
        summary=summary(row),
        subject=audit.label(row),
        at=now,
        actor=actor,
    )
    return rests


def _rest(
    row: Arbitrage,
    held: Sequence[ArbitrageLeg],
    state: str,
    reason: str,
    *,
    now: datetime,
    actor: str,
) -> _Next:
    """Write down where it rests; what is no news is not audited again."""
    is_news = (row.state, row.reason) != (state, reason)
    stands = legs.position(
        selections=leg_rows.selections(row), legs=[leg_rows.as_leg(leg) for leg in held]
    )
    row.state, row.reason = state, reason
    row.closed_at = None if state == _S.UNHEDGED else row.closed_at or now
    if state != _S.SETTLED:
        row.worst, row.best = stands.worst, stands.best
        row.total = stands.sunk or row.total
    row.save(update_fields=["state", "reason", "closed_at", "worst", "best", "total"])
    if is_news:
        audit.record(
            actor=actor, action=f"arbitrage.{state.lower()}", subject=row, at=now, reason=reason,
            staked=str(stands.sunk), worst=str(row.worst), best=str(row.best),
        )  # fmt: skip
    return _Next(state=state)


def _as_if_matched(leg: Leg) -> Leg:
    return replace(leg, matched=leg.asked, state=Bet.OrderState.FILLED)


def _venue(about: Sequence[ArbitrageLeg]) -> str:
    return about[0].bet.venue


def _send(bet: Bet, *, venues_: Mapping[str, Venue] | None, now: datetime, actor: str) -> None:
    venue = (venues_ or {}).get(bet.venue)
    recorded = placing.send(bets=[bet], venue=venue, as_of=now, actor=actor, now=now)
    breaking.note_answers(bankroll_id=bet.bankroll_id, states=recorded.statuses, now=now)


def _take_back(
    found: _Next, *, venues_: Mapping[str, Venue] | None, now: datetime, actor: str
) -> bool:
    """Have the venue end what waits there; tell whether it said anything new."""
    venue = (venues_ or venues.VENUES).get(found.venue)
    if not isinstance(venue, Cancelling):
        return False
    try:
        answers = venue.cancel(found.take_back, now=now)
    except OutsideFailed:
        return False
    return bool(answering.record(answers=answers, actor=actor, now=now).orders)


def _plain(text: str) -> str:
    kept = " ".join(text.split())
    if not kept or len(kept) > LONGEST_NOTE or not kept.isprintable():
        raise HedgingRefused(f"reason: plain text of 1 to {LONGEST_NOTE} characters")
    return kept
