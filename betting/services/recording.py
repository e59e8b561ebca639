"""Bets that a person placed elsewhere: recorded, changed until they are taken, voided.

None of them is ever sent to a venue.  They count in the exposure of their bankroll from the moment
they are recorded, and are settled like any other once they are accepted.
"""

import hashlib
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from betting import queries
from betting.domain import compliance, price_ladder, recorded
from betting.domain.halts import Effect
from betting.domain.recorded import BadBet, Terms
from betting.domain.rules import Broken
from betting.models import Bankroll, Bet, TrackedBet
from betting.models.tracking import MANUAL
from betting.services import complying, holding
from markets.models import Book, Event, Selection
from monitoring.errors import Refused
from monitoring.services import audit

LONGEST_REASON = 250
_TAKES = (*Book.TAKES_BETS, Book.Kind.STARTING)
_SAME = ("bankroll_id", "selection_id", "book_id", "side", "price", "stake")


class BetRefused(Refused):
    """This bet cannot be recorded, changed or voided so; ``field`` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        self.field, self.message = field, message
        super().__init__(f"{field}: {message}" if field else message)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody says of a bet.  ``placed_at`` None: now.  ``currency`` "": the bankroll's."""

    bankroll_id: int
    selection_id: int
    book_id: int
    price: Decimal
    stake: Decimal
    side: str = Bet.Side.BACK
    placed_at: datetime | None = None
    reference: str = ""
    note: str = ""
    currency: str = ""

    @property
    def terms(self) -> Terms:
        return Terms(self.side, self.price, self.stake)


def record(
    *,
    told: Told,
    actor: str,
    now: datetime,
    is_accepted: bool = True,
    beyond_limits: bool = False,
) -> tuple[Bet, bool]:
    """Write down a bet; return it, and whether it is new.

    The same reference with the same bet is the bet that stands.  One that its book has not taken
    yet (``is_accepted`` false) reserves its money, and may still be changed.  One that its book
    took already may be written down ``beyond_limits``: what it breaks of them is kept with it.

    Raises:
        BetRefused: a rule forbids it; the field is named, and nothing is written.
    """
    if beyond_limits and not is_accepted:
        raise BetRefused("beyond_limits", "only of a bet that its book has taken already")
    reference = _reference(told.reference)
    try:
        with transaction.atomic():
            bankroll = _locked(told.bankroll_id)
            if found := _standing(reference, told):
                return found, False
            broken = allow(told=told, bankroll=bankroll, now=now, beyond_limits=beyond_limits)
            status = Bet.Status.ACCEPTED if is_accepted else Bet.Status.RESERVED
            bet = Bet.objects.create(
                **{name: getattr(told, name) for name in _SAME},
                venue=MANUAL,
                client_ref=client_ref(reference),
                status=status,
                placed_at=told.placed_at or now,
                reserved_at=now,
                answered_at=now if is_accepted else None,
            )
            TrackedBet.objects.create(
                bet=bet,
                reference=reference,
                note=_plain("note", told.note, 500),
                recorded_by=actor,
                recorded_at=now,
                beyond=holding.in_words(broken),
            )
            _audit(bet, "bet.recorded", actor=actor, now=now, reference=reference)
            if broken:
                beyond = holding.in_words(broken)
                _audit(bet, "bet.beyond_limits", actor=actor, now=now, beyond=beyond)
    except IntegrityError as taken:
        raise BetRefused("reference", "stands for another bet by now") from taken
    bet.refresh_from_db()
    return bet, True


def change(
    *, bet_id: int, actor: str, reason: str, now: datetime, note: str | None = None, **changes: Any
) -> Bet:
    """Change what was told of a bet that is not accepted yet; every rule is asked anew.

    ``changes``: selection_id, book_id, side, price, stake, placed_at.

    Raises:
        BetRefused: it is accepted, a rule forbids the change, or no reason was given.
    """
    why = _reason(reason)
    with transaction.atomic():
        bet = _own(bet_id)
        if bet.status != Bet.Status.RESERVED:
            raise BetRefused("", f"{bet} is {bet.get_status_display().lower()}: void it instead")
        before = {name: str(getattr(bet, name)) for name in changes}
        told = Told(
            **{name: getattr(bet, name) for name in _SAME},
            placed_at=bet.placed_at,
        )
        told = replace(told, **changes)
        allow(told=told, bankroll=bet.bankroll, now=now, instead_of=bet.pk)
        for name in changes:
            setattr(bet, name, getattr(told, name))
        bet.save(update_fields=[*changes])
        if note is not None:
            TrackedBet.objects.filter(bet=bet).update(note=_plain("note", note, 500))
        after = {name: str(getattr(bet, name)) for name in changes}
        _audit(bet, "bet.changed", actor=actor, now=now, reason=why, before=before, after=after)
    bet.refresh_from_db()
    return bet


def accept(*, bet_id: int, actor: str, now: datetime) -> Bet:
    """Write down that the book took the bet; accepting it again changes nothing.

    Raises:
        BetRefused: it is no recorded bet, or it is over.
    """
    with transaction.atomic():
        bet = _own(bet_id)
        if bet.status == Bet.Status.ACCEPTED:
            return bet
        if bet.status != Bet.Status.RESERVED:
            raise BetRefused("", f"{bet} is {bet.get_status_display().lower()}")
        bet.status, bet.answered_at = Bet.Status.ACCEPTED, now
        bet.save(update_fields=["status", "answered_at"])
        _audit(bet, "bet.accepted", actor=actor, now=now)
    return bet


def void(*, bet_id: int, actor: str, reason: str, now: datetime) -> Bet:
    """Take a recorded or imported bet back: it stakes nothing and is settled by nothing.

    Raises:
        BetRefused: it was sent to a venue, it is settled or void already, no reason was given.
    """
    why = _reason(reason)
    with transaction.atomic():
        bet = _own(bet_id)
        if bet.status not in Bet.OPEN:
            raise BetRefused("", f"{bet} is {bet.get_status_display().lower()}")
        bet.status, bet.status_reason = Bet.Status.CANCELLED, why
        bet.save(update_fields=["status", "status_reason"])
        _audit(bet, "bet.voided", actor=actor, now=now, reason=why)
    return bet


def allow(
    *,
    told: Told,
    bankroll: Bankroll,
    now: datetime,
    instead_of: int | None = None,
    beyond_limits: bool = False,
) -> list[Broken]:
    """Ask every rule of a bet; ``instead_of`` names the bet that it replaces.

    Returns the limits that it breaks, which refuse it unless it goes ``beyond_limits``.

    Raises:
        BetRefused: the first that forbids it.
    """
    selection = _selection(told.selection_id)
    book = Book.objects.filter(pk=told.book_id).first()
    if book is None:
        raise BetRefused("book", f"there is no book #{told.book_id}")
    _belongs(told, bankroll, selection, book)
    _stands(told, selection, book, now=now)
    bet = Bet(
        selection=selection, side=told.side, price=told.price, stake=told.stake,
        book_id=book.pk, placed_at=told.placed_at or now,
    )  # fmt: skip
    held = holding.Held(bankroll=bankroll, at=bet.placed_at, instead_of=instead_of)
    _halts(bet, held, bankroll, now=now)
    rules = complying.Compliance(bankroll=bankroll, as_of=now, now=now, instead_of=instead_of)
    if code := rules.forbids(book_id=book.pk, amount=told.terms.liability):
        raise BetRefused("", f"{code}: {compliance.SAID[code]}")
    _funds(told, bankroll, instead_of)
    broken = held.broken(bet)
    if instead_of is None and not beyond_limits:
        broken += holding.tried(bankroll=bankroll, now=now)
    if broken and not beyond_limits:
        raise BetRefused("", "; ".join(holding.in_words(broken)))
    return broken


def _stands(told: Told, selection: Selection, book: Book, *, now: datetime) -> None:
    """Hold the slip itself to what can be: its terms, its time, its selection."""
    event = selection.market.event
    is_exchange = book.kind == Book.Kind.EXCHANGE
    ladder = price_ladder.kind_for(selection.market.kind) if is_exchange else ""
    placed_at = told.placed_at or now
    try:
        recorded.check_terms(told.terms, ladder=ladder)
        recorded.check_moment(
            placed_at=placed_at,
            starts_at=min(event.starts_at, event.started_at or event.starts_at),
            now=now,
        )
    except BadBet as bad:
        raise BetRefused(bad.field, f"expected {bad.expected}, found {bad.found}") from bad
    if selection.removed_at is not None and selection.removed_at <= placed_at:
        raise BetRefused("selection", f"{selection} was withdrawn before the bet was placed")


def client_ref(reference: str) -> str:
    """Return our short reference of a bet that is known outside by another one.

    >>> client_ref("slip 17")
    'ma046d6b850c209c1b6c2d7c9'
    """
    return f"m{hashlib.sha256(reference.encode()).hexdigest()[:24]}"


def _reference(text: str) -> str:
    return _plain("reference", text, 120) or f"manual-{uuid.uuid4().hex[:16]}"


def _plain(field: str, text: str, at_most: int) -> str:
    kept = " ".join(text.split())
    if len(kept) > at_most or not kept.isprintable():
        raise BetRefused(field, f"expected plain text of at most {at_most} characters")
    return kept


def _reason(text: str) -> str:
    if not (why := _plain("reason", text, LONGEST_REASON)):
        raise BetRefused("reason", "say why: it is kept in the audit")
    return why


def _locked(bankroll_id: int) -> Bankroll:
    found = Bankroll.objects.select_for_update(of=("self",)).filter(pk=bankroll_id).first()
    if found is None:
        raise BetRefused("bankroll", f"there is no bankroll #{bankroll_id}")
    return found


def _own(bet_id: int) -> Bet:
    """Return a bet that no venue of ours knows, locked after its bankroll."""
    bet = Bet.objects.filter(pk=bet_id, tracked__isnull=False).first()
    if bet is None:
        raise BetRefused("", "only bets that were recorded or imported are changed by hand")
    bankroll = _locked(bet.bankroll_id)
    bet = Bet.objects.select_for_update(of=("self",)).get(pk=bet_id)
    bet.bankroll = bankroll
    return bet


def _standing(reference: str, told: Told) -> Bet | None:
    """Return the bet that bears a reference already.

    Raises:
        BetRefused: it is another bet.
    """
    found = Bet.objects.filter(tracked__reference=reference).first()
    if found is None:
        return None
    others = [name for name in _SAME if getattr(found, name) != getattr(told, name)]
    if told.placed_at is not None and told.placed_at != found.placed_at:
        others.append("placed_at")
    if others:
        names = ", ".join(name.removesuffix("_id") for name in others)
        raise BetRefused("reference", f"{reference} stands for another bet: {names} differ")
    return found


def _selection(selection_id: int) -> Selection:
    rows = Selection.objects.select_related("market__event__competition")
    if (found := rows.filter(pk=selection_id).first()) is None:
        raise BetRefused("selection", f"there is no selection #{selection_id}")
    return found


def _belongs(told: Told, bankroll: Bankroll, selection: Selection, book: Book) -> None:
    """Hold money, simulated and replayed things to where they belong."""
    if bankroll.kind == Bankroll.Kind.REPLAY:
        raise BetRefused("bankroll", "nothing is recorded in a replay")
    if told.currency and told.currency != bankroll.currency:
        raise BetRefused(
            "currency", f"expected {bankroll.currency} as the bankroll's, found {told.currency}"
        )
    event = selection.market.event
    if event.competition.is_simulated != bankroll.is_simulated:
        raise BetRefused("selection", "simulated money is bet on simulated events, and no other")
    if event.status in (Event.Status.CANCELLED, Event.Status.ABANDONED):
        raise BetRefused("selection", f"{event} is {event.get_status_display().lower()}")
    if book.kind not in _TAKES:
        raise BetRefused("book", f"{book} takes no bets: {book.get_kind_display().lower()}")
    if not book.is_enabled:
        raise BetRefused("book", f"{book} is switched off: {book.disabled_reason or 'no reason'}")


def _halts(bet: Bet, held: holding.Held, bankroll: Bankroll, *, now: datetime) -> None:
    competition = bet.selection.market.event.competition
    effect = queries.halted(at=now).effect(
        strategy_id=0,
        bankroll_id=bankroll.pk,
        pipeline_id=0,
        sport_id=competition.sport_id,
        competition_id=competition.pk,
        book_id=bet.book_id,
        live=True,
    )
    if effect is Effect.STOP:
        raise BetRefused("", "a halt stands: nothing is staked")
    if effect is Effect.REDUCE_ONLY and not held.lowers(bet):
        raise BetRefused("", "a halt lets through only what lowers its market's exposure")


def _funds(told: Told, bankroll: Bankroll, instead_of: int | None) -> None:
    free = queries.available(bankroll_id=bankroll.pk)
    if instead_of is not None:
        free += Bet.objects.values_list("liability", flat=True).get(pk=instead_of)
    if (needed := told.terms.liability) > free:
        raise BetRefused("stake", f"{needed} is at risk, and {free} {bankroll.currency} is free")


def _audit(bet: Bet, action: str, *, actor: str, now: datetime, **detail: object) -> None:
    about = {"stake": str(bet.stake), "price": str(bet.price), "side": bet.side, **detail}
    audit.record(actor=actor, action=action, subject=bet, at=now, **about)
