"""Rule sets: made version by version, never in place, and put to use, with a reason, audited."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from markets.models import Book, Market, Sport
from monitoring.errors import Refused
from monitoring.services import audit
from settlements.domain import rule_choice
from settlements.domain.rule_choice import USUAL, Version
from settlements.domain.terms import BadTerms, Terms
from settlements.models import RuleSet, RuleUse

LONGEST_REASON = 500
_OF_SCORES = ("tie", "abandoned", "postponed_hours")  # what the end of a bet on a score heeds
_USUAL = Terms()
SHIPPED: Mapping[str, Mapping[str, Any]] = {
    USUAL: {},
    "exchange": {
        "non_runner": "REDUCTION_FACTOR",
        "commission": {"base": "MARKET_NET", "is_of_bet": True},
    },
    "tips_at_sp": {
        "dead_heat": "IN_FULL",
        "commission": {"base": "EACH_WIN", "is_of_bet": True},
        "rounding": "HALF_UP",
        "without_price": "AS_ZERO",
    },
}
"""What an installation starts with.

``usual`` says nothing: what most of the trade does.  ``exchange`` charges nothing until somebody
sets the account's rate, but of bets whose file told one.  ``tips_at_sp`` is how a publisher of
tips reckons: every bet by itself.
"""


class RuleSetRefused(Refused):
    """This rule set, or this use of one, cannot be."""


@dataclass(slots=True)
class Rules:
    """All rule sets and their uses, read once for many bets."""

    uses: rule_choice.Uses
    versions: Mapping[str, list[Version]]
    _found: dict[tuple, str] = field(default_factory=dict)

    @classmethod
    def load(cls) -> "Rules":
        """Read the rows: two queries."""
        versions: dict[str, list[Version]] = {}
        for row in RuleSet.objects.order_by("code", "version"):
            versions.setdefault(row.code, []).append(read(row))
        rows = RuleUse.objects.values_list("book_id", "sport_id", "market_kind", "code")
        return cls({(b, s, kind): code for b, s, kind, code in rows}, versions)

    def code(self, *, book_id: int, sport_id: int, market_kind: str) -> str:
        """Return which rule set bets on such a market of a book are under."""
        key = (book_id, sport_id, market_kind)
        if key not in self._found:
            self._found[key] = rule_choice.choose(
                self.uses, book_id=book_id, sport_id=sport_id, market_kind=market_kind
            )
        return self._found[key]

    def of(self, code: str, *, at: datetime) -> Version | None:
        """Return the version of a rule set for a bet struck at a time; None: there is no such.

        The usual one is there without any row.
        """
        found = rule_choice.in_force(self.versions.get(code, ()), at=at)
        return _without_row() if found is None and code == USUAL else found

    def all_of(self, code: str) -> list[Version]:
        """Return the versions of a rule set in the order in which they came into force."""
        known = sorted(self.versions.get(code, ()), key=lambda one: (one.since, one.version))
        return known or ([_without_row()] if code == USUAL else [])

    def by_id(self, rule_set_id: int | None) -> Version:
        """Return a version by its row, the usual rules where there is none."""
        for version in (one for rows in self.versions.values() for one in rows):
            if version.pk == rule_set_id:
                return version
        return _without_row()

    @property
    def charges_markets(self) -> bool:
        """Say whether any rule set takes anything of a market's net winnings."""
        return any(
            one.terms.commission.base == "MARKET_NET"
            and (one.terms.commission.net_rate > 0 or one.terms.commission.is_of_bet)
            for rows in self.versions.values()
            for one in rows
        )


def is_usual_of_scores(version: Version) -> bool:
    """Say whether a bet on a score ends by these terms as by the usual ones."""
    return all(getattr(version.terms, name) == getattr(_USUAL, name) for name in _OF_SCORES)


@cache
def _without_row() -> Version:
    return Version(None, USUAL, 0, datetime.min.replace(tzinfo=UTC), Terms())


def read(row: RuleSet) -> Version:
    return Version(row.pk, row.code, row.version, row.since, Terms.read(row.terms))


def ensure_shipped(*, now: datetime, actor: str) -> int:
    """Write the shipped rule sets that are missing; what stands is the operator's."""
    standing = set(RuleSet.objects.values_list("code", flat=True))
    missing = [
        RuleSet(
            code=code, version=1, terms=Terms.read(terms).told(), since=now,
            reason="as made", made_by=actor, made_at=now,
        )
        for code, terms in SHIPPED.items()
        if code not in standing
    ]  # fmt: skip
    return len(RuleSet.objects.bulk_create(missing, ignore_conflicts=True))


def latest(code: str) -> RuleSet | None:
    """Return the newest version of a rule set."""
    return RuleSet.objects.filter(code=code).order_by("-version").first()


def earlier(row: RuleSet) -> RuleSet | None:
    """Return the version before this one."""
    rows = RuleSet.objects.filter(code=row.code, version__lt=row.version)
    return rows.order_by("-version").first()


def make_version(
    *,
    code: str,
    terms: object,
    reason: str,
    actor: str,
    now: datetime,
    since: datetime | None = None,
) -> RuleSet:
    """Write the next version of a rule set, the first one of a new code.

    It pays bets struck from ``since`` on, which is now unless told.

    Raises:
        RuleSetRefused: no reason, no such term or value, a code that is none, or nothing that
            differs from the version before.
    """
    reason = _reason(reason)
    try:
        told = Terms.read(terms).told()
    except BadTerms as bad:
        raise RuleSetRefused(f"terms: {bad}") from bad
    _check_code(code)
    try:
        with transaction.atomic():
            before = latest(code)
            if before is not None and before.terms == told and since in (None, before.since):
                raise RuleSetRefused(f"{before} says just that: name what is to change")
            row = RuleSet.objects.create(
                code=code, version=1 + (before.version if before else 0), terms=told,
                since=since or now, reason=reason, made_by=actor, made_at=now,
            )  # fmt: skip
            audit.record(
                actor=actor, action="rule_set.made", subject=row, at=now, reason=reason,
                rule_set=str(row), since=row.since.isoformat(), terms=told,
                before=before.terms if before else None,
            )  # fmt: skip
    except IntegrityError as taken:
        raise RuleSetRefused("somebody else made a version meanwhile; look again") from taken
    return row


def uses() -> QuerySet[RuleUse]:
    """Return which rule set is used where, the most specific first."""
    rows = RuleUse.objects.select_related("book", "sport")
    return rows.order_by("book__code", "sport__code", "-market_kind", "pk")


def set_use(
    *,
    code: str,
    reason: str,
    actor: str,
    now: datetime,
    book: str = "",
    sport: str = "",
    market_kind: str = "",
) -> RuleUse:
    """Put a rule set to use for a book, a sport, a kind of market; "" is every one.

    Raises:
        RuleSetRefused: no reason, nothing of this name, or it is so already.
    """
    reason = _reason(reason)
    if latest(code) is None:
        known = RuleSet.objects.order_by("code").values_list("code", flat=True).distinct()
        raise RuleSetRefused(f"there is no rule set {code!r}; there are: {', '.join(known)}")
    if market_kind and market_kind not in Market.Kind.values:
        raise RuleSetRefused(f"{market_kind!r} is no kind of market")
    where = {
        "book": _named(Book, book),
        "sport": _named(Sport, sport),
        "market_kind": market_kind,
    }
    by = {"reason": reason, "changed_by": actor, "changed_at": now}
    try:
        with transaction.atomic():
            row, is_new = RuleUse.objects.select_for_update(of=("self",)).get_or_create(
                **where, defaults={"code": code, **by}
            )
            before = None if is_new else row.code
            if before == code:
                raise RuleSetRefused(f"{row} is so already")
            row.code, row.reason, row.changed_by, row.changed_at = code, reason, actor, now
            row.save()
            _note(row, "rule_use.set", before=before, after=code, **by)
    except IntegrityError as taken:
        raise RuleSetRefused("somebody else set it meanwhile; look again") from taken
    return row


def drop_use(*, use_id: int, reason: str, actor: str, now: datetime) -> str:
    """Take a use back: what is less specific counts again.  Return what it was.

    Raises:
        RuleSetRefused: no reason, or there is no such use.
    """
    reason = _reason(reason)
    with transaction.atomic():
        row = RuleUse.objects.select_for_update(of=("self",)).filter(pk=use_id).first()
        if row is None:
            raise RuleSetRefused(f"there is no use #{use_id}")
        by = {"reason": reason, "changed_by": actor, "changed_at": now}
        _note(row, "rule_use.dropped", before=row.code, after=None, **by)
        told = str(row)
        row.delete()
    return told


def _note(row: RuleUse, action: str, *, before: object, after: object, **by: Any) -> None:
    audit.record(
        actor=by["changed_by"], action=action, subject=row, at=by["changed_at"],
        reason=by["reason"], about=str(row), before=before, after=after,
    )  # fmt: skip


def _named(model: Any, code: str) -> Any:
    if not code:
        return None
    found = model.objects.filter(code=code).first()
    if found is None:
        raise RuleSetRefused(f"there is no {model._meta.verbose_name} {code!r}")
    return found


def _check_code(code: str) -> None:
    try:
        validate_slug(code)
    except ValidationError as bad:
        raise RuleSetRefused("code: letters, digits, hyphens and underscores") from bad
    if len(code) > 40:
        raise RuleSetRefused("code: up to 40 characters")


def _reason(text: str) -> str:
    text = text.strip()
    if not text or len(text) > LONGEST_REASON or "\x00" in text:
        raise RuleSetRefused(f"give a reason: plain text of {LONGEST_REASON} characters at most")
    return text
