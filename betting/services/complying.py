"""Holding bets to what law and oneself allow; the limits, the rules of books, the rests.

Placing and recording ask under the bankroll's lock, so what is staked beside them counts.  Replays
risk no money and are asked nothing.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import DecimalField, Q, Sum, Value
from django.db.models.functions import Coalesce

from betting import queries
from betting.domain import compliance
from betting.domain.compliance import Limits, Spent, Standing
from betting.models import Bankroll, Bet, BookRule, CoolDown, Decision, GamingLimits
from markets.models import Book
from monitoring.errors import Refused
from monitoring.services import audit

LONGEST_REASON = 250
LONGEST = timedelta(days=5 * 366)
LIMITS = (
    "jurisdiction", "max_day_stake", "max_day_loss", "max_session_stake", "max_session_loss",
    "session_minutes",
)  # fmt: skip
RULES = ("jurisdictions", "is_banned", "banned_reason", "push_rule", "overtime_rule")
_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", re.ASCII)
_Row = TypeVar("_Row", GamingLimits, BookRule)
_NOT_STAKED = (Bet.Status.REJECTED, Bet.Status.CANCELLED)
_ZERO = Value(Decimal("0.00"), output_field=DecimalField(max_digits=14, decimal_places=2))


class ComplianceRefused(Refused):
    """A limit, a rule or a rest cannot be set so."""


class Compliance:
    """What holds for one bankroll now; ``take`` counts what was let by.

    ``instead_of``: the bet that is to be replaced, which does not count.
    """

    def __init__(
        self,
        *,
        bankroll: Bankroll,
        as_of: datetime,
        now: datetime,
        instead_of: int | None = None,
    ) -> None:
        self.is_asked = bankroll.kind != Bankroll.Kind.REPLAY
        self.now = now
        self.standing = Standing()
        if self.is_asked:
            self.standing = _standing(bankroll, as_of=as_of, now=now, instead_of=instead_of)

    def refusal(self, decision: Decision) -> str:
        """Return the code of the first rule that forbids a decision's bet, or ""."""
        return self.forbids(book_id=decision.book_id or 0, amount=decision.stake)

    def forbids(self, *, book_id: int, amount: Decimal) -> str:
        """Return the code of the first rule that forbids a bet that can lose so much, or ""."""
        if not self.is_asked:
            return ""
        return compliance.refusal(
            standing=self.standing, book_id=book_id, amount=amount, now=self.now
        )

    def take(self, decision: Decision) -> None:
        """Count a bet that goes on, so that the next of the batch sees it."""
        self.standing.take(decision.stake)


def forbidden_books(*, bankroll: Bankroll) -> frozenset[tuple[int, str]]:
    """Return the books that a bankroll may not be bet with at all, each with the reason."""
    if bankroll.kind == Bankroll.Kind.REPLAY or not (books := _books()):
        return frozenset()
    limits = GamingLimits.objects.filter(bankroll=bankroll).values_list("jurisdiction", flat=True)
    jurisdiction = limits.first() or ""
    found = {pk: compliance.of_book(rule, jurisdiction=jurisdiction) for pk, rule in books.items()}
    return frozenset((pk, code) for pk, code in found.items() if code)


def _books() -> dict[int, compliance.BookRule]:
    return {
        rule.book_id: compliance.BookRule(rule.is_banned, frozenset(rule.jurisdictions))
        for rule in BookRule.objects.all()
    }


def _standing(
    bankroll: Bankroll, *, as_of: datetime, now: datetime, instead_of: int | None
) -> Standing:
    rests = CoolDown.objects.filter(
        Q(bankroll=bankroll) | Q(bankroll=None), begins_at__lte=now, ends_at__gt=now
    )
    row = GamingLimits.objects.filter(bankroll=bankroll).first()
    standing = Standing(
        cools_until=rests.order_by("-ends_at").values_list("ends_at", flat=True).first(),
        books=_books(),
    )
    if row is None:
        return standing
    standing.limits = Limits(
        jurisdiction=row.jurisdiction,
        day_stake=row.max_day_stake,
        day_loss=row.max_day_loss,
        session_stake=row.max_session_stake,
        session_loss=row.max_session_loss,
    )
    session = timedelta(minutes=row.session_minutes) / queries.time_scale(bankroll)
    day_start, _ = queries.day_of(bankroll=bankroll, at=as_of)
    standing.day = _spent(bankroll, since=day_start, without=instead_of)
    standing.session = _spent(bankroll, since=as_of - session, without=instead_of)
    return standing


def _spent(bankroll: Bankroll, *, since: datetime, without: int | None) -> Spent:
    """Return what was staked and lost since a moment, and what may be lost of all that stands."""
    bets = Bet.objects.filter(bankroll=bankroll)
    if without is not None:
        bets = bets.exclude(pk=without)
    is_open = Q(status__in=Bet.OPEN)
    found = bets.filter(is_open | Q(placed_at__gte=since) | Q(settled_at__gte=since)).aggregate(
        staked=Coalesce(
            Sum("liability", filter=Q(placed_at__gte=since) & ~Q(status__in=_NOT_STAKED)), _ZERO
        ),
        won=Coalesce(Sum("profit", filter=Q(settled_at__gte=since)), _ZERO),
        at_risk=Coalesce(Sum("liability", filter=is_open), _ZERO),
    )
    return Spent(staked=found["staked"], lost=-found["won"], at_risk=found["at_risk"])


# -- rests ---------------------------------------------------------------------------
def cool_down(
    *, until: datetime, reason: str, actor: str, now: datetime, bankroll_id: int | None = None
) -> CoolDown:
    """Impose a rest, on one bankroll or on everything; it ends at its time and never before.

    Raises:
        ComplianceRefused: no reason, an end that is past or too far, an unknown bankroll.
    """
    why = _reason(reason)
    if not now < until <= now + LONGEST:
        raise ComplianceRefused("until: expected a time ahead, within five years")
    with transaction.atomic():
        if bankroll_id is not None:
            _bankroll(bankroll_id)
        row = CoolDown.objects.create(
            bankroll_id=bankroll_id, begins_at=now, ends_at=until, reason=why, set_by=actor
        )
        _audit(row, "betting.cool_down", actor=actor, now=now, reason=why, until=until.isoformat())
    return row


def lengthen(
    *, cool_down_id: int, until: datetime, reason: str, actor: str, now: datetime
) -> CoolDown:
    """Let a rest end later.

    Raises:
        ComplianceRefused: it would end earlier, it is over, there is none such, or no reason.
    """
    why = _reason(reason)
    with transaction.atomic():
        row = CoolDown.objects.select_for_update(of=("self",)).filter(pk=cool_down_id).first()
        if row is None or row.ends_at <= now:
            raise ComplianceRefused(f"cool-down #{cool_down_id} is not in force: begin another")
        if until <= row.ends_at:
            raise ComplianceRefused("a cool-down is never shortened or lifted, by nobody")
        if until > now + LONGEST:
            raise ComplianceRefused("until: expected a time within five years")
        before, row.ends_at = row.ends_at, until
        row.save(update_fields=["ends_at"])
        ends = {"before": before.isoformat(), "until": until.isoformat()}
        _audit(row, "betting.lengthen_cool_down", actor=actor, now=now, reason=why, **ends)
    return row


# -- limits and rules ----------------------------------------------------------------
def set_limits(
    *, bankroll_id: int, reason: str, actor: str, now: datetime, **changes: Any
) -> GamingLimits:
    """Change what a bankroll may stake and lose; what is not named stays as it is.

    Raises:
        ComplianceRefused: an unknown limit, a value that no limit can have, or no reason.
    """
    with transaction.atomic():
        bankroll = _bankroll(bankroll_id)
        row = GamingLimits.objects.select_for_update(of=("self",)).filter(bankroll=bankroll)
        return _change(
            row.first() or GamingLimits(bankroll=bankroll, changed_by=actor, changed_at=now),
            LIMITS, changes, action="betting.set_limits", reason=reason, actor=actor, now=now,
        )  # fmt: skip


def set_rule(*, book_id: int, reason: str, actor: str, now: datetime, **changes: Any) -> BookRule:
    """Change where a book may be bet with, whether it is banned, and how it settles.

    Raises:
        ComplianceRefused: an unknown rule, no such book, or no reason.
    """
    with transaction.atomic():
        book = Book.objects.select_for_update(of=("self",)).filter(pk=book_id).first()
        if book is None:
            raise ComplianceRefused(f"there is no book #{book_id}")
        row = BookRule.objects.filter(book=book).first()
        return _change(
            row or BookRule(book=book, changed_by=actor, changed_at=now),
            RULES, changes, action="betting.set_book_rule", reason=reason, actor=actor, now=now,
        )  # fmt: skip


def _change(
    row: _Row,
    known: Sequence[str],
    changes: Mapping[str, Any],
    *,
    action: str,
    reason: str,
    actor: str,
    now: datetime,
) -> _Row:
    """Write what differs of a row, with both values in the audit; nothing else is a change."""
    why = _reason(reason)
    if unknown := sorted(set(changes) - set(known)):
        raise ComplianceRefused(f"{', '.join(unknown)}: unknown; there are {', '.join(known)}")
    before = {name: getattr(row, name) for name in changes}
    if row.pk and before == dict(changes):
        return row
    for name, value in changes.items():
        setattr(row, name, value)
    row.changed_by, row.changed_at = actor, now
    _check_codes([getattr(row, "jurisdiction", ""), *getattr(row, "jurisdictions", ())])
    try:
        row.full_clean()
    except ValidationError as bad:
        told = [
            text if name == "__all__" else f"{name}: {text}"
            for name, texts in bad.message_dict.items()
            for text in texts
        ]
        raise ComplianceRefused("; ".join(told)) from bad
    row.save()
    after = {name: _plain(value) for name, value in changes.items()}
    was = {name: _plain(value) for name, value in before.items()}
    _audit(row, action, actor=actor, now=now, reason=why, before=was, after=after)
    return row


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _check_codes(codes: Sequence[str]) -> None:
    if odd := [code for code in codes if code and _CODE.fullmatch(code) is None]:
        raise ComplianceRefused(f"jurisdiction: a code such as GB or US-NJ, not {odd[0][:20]!r}")


def _reason(text: str) -> str:
    why = " ".join(text.split())
    if not why or len(why) > LONGEST_REASON or not why.isprintable():
        raise ComplianceRefused(f"reason: plain text of 1 to {LONGEST_REASON} characters")
    return why


def _bankroll(bankroll_id: int) -> Bankroll:
    rows = Bankroll.objects.select_for_update(of=("self",)).filter(pk=bankroll_id, replay=None)
    if (found := rows.first()) is None:
        raise ComplianceRefused(f"there is no bankroll #{bankroll_id} that is no replay's")
    return found


def _audit(
    row: CoolDown | GamingLimits | BookRule,
    action: str,
    *,
    actor: str,
    now: datetime,
    **detail: object,
) -> None:
    audit.record(actor=actor, action=action, subject=row, at=now, **detail)
