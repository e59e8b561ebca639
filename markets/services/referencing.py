"""Saying whose close is believed, and how its margin is taken off."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from markets.domain import kinds, references
from markets.models import Book, Competition, Event, ReferenceRule
from monitoring.errors import Refused
from monitoring.services import audit


class RuleRefused(Refused):
    """Such a rule cannot be gone by, or there is none to drop."""


def set_rule(
    *,
    competition_code: str = "",
    kind: str = "",
    chain: Sequence[str],
    method: str = "",
    actor: str,
    reason: str,
    now: datetime,
) -> ReferenceRule:
    """Believe these books' closes, in this order, from now on; made again, it is changed.

    Closes that stand are recorded anew where the method changed; bets are valued anew with them.

    Raises:
        RuleRefused: no reason, or something in it is unknown.
    """
    books = set(Book.objects.filter(code__in=chain).values_list("code", flat=True))
    wrong = references.wrong_with(chain=chain, method=method, books=books)
    if wrong:
        raise RuleRefused(wrong)
    with transaction.atomic():
        competition = _place(competition_code, kind, reason)
        before = (
            ReferenceRule.objects.select_for_update()
            .filter(competition=competition, kind=kind)
            .first()
        )
        rule, _ = ReferenceRule.objects.update_or_create(
            competition=competition,
            kind=kind,
            defaults={
                "chain": list(chain), "method": method, "changed_by": actor, "changed_at": now,
            },
        )  # fmt: skip
        if (before.method if before is not None else "") != method:
            _record_anew(competition, kind)
        audit.record(
            actor=actor,
            action="markets.set_reference",
            subject=rule,
            at=now,
            reason=reason.strip(),
            before=None if before is None else {"chain": before.chain, "method": before.method},
            after={"chain": list(chain), "method": method},
        )
    return rule


def drop_rule(
    *, competition_code: str = "", kind: str = "", actor: str, reason: str, now: datetime
) -> None:
    """Go by the rule that says less again, in the end by the ranks of the books.

    Raises:
        RuleRefused: there is no such rule, or no reason was given.
    """
    with transaction.atomic():
        competition = _place(competition_code, kind, reason)
        rule = (
            ReferenceRule.objects.select_for_update()
            .filter(competition=competition, kind=kind)
            .first()
        )
        if rule is None:
            raise RuleRefused("there is no such rule")
        audit.record(
            actor=actor,
            action="markets.drop_reference",
            subject=rule,
            at=now,
            reason=reason.strip(),
            before={"chain": rule.chain, "method": rule.method},
        )
        if rule.method:
            _record_anew(competition, kind)
        rule.delete()


def _place(competition_code: str, kind: str, reason: str) -> Competition | None:
    if not reason.strip():
        raise RuleRefused("give a reason")
    if kind and kind not in kinds.ALL_KINDS:
        raise RuleRefused(f"the kind is one of {', '.join(kinds.ALL_KINDS)}, or none, not {kind!r}")
    if not competition_code:
        return None
    competition = Competition.objects.filter(code=competition_code).first()
    if competition is None:
        raise RuleRefused(f"there is no competition {competition_code!r}")
    return competition


def _record_anew(competition: Competition | None, kind: str) -> None:
    """Have the closes of these markets recorded once more."""
    events = Event.objects.filter(close_recorded_for__isnull=False)
    if competition is not None:
        events = events.filter(competition=competition)
    else:
        events = events.filter(competition__is_simulated=False)
    if kind:
        events = events.filter(pk__in=Event.objects.filter(markets__kind=kind).values("pk"))
    events.update(close_recorded_for=None)
