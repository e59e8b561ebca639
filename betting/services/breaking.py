"""Circuit breakers of a bankroll: too many failures open one, and after a while one bet tries it.

Open, it is a halt on the bankroll that ends by itself: a row, so a restart forgets nothing.  Once
that halt was ended by the clock the breaker is half open: one bet at a time is let by, until one
of them closes it.  A halt that a person lifts is closed at once.
"""

from collections import Counter
from datetime import datetime, timedelta

from django.db.models import Count, Q

from betting import queries
from betting.domain.limits import Dimension
from betting.models import Bankroll, Bet, TradingHalt
from betting.queries import risk
from betting.services import halting
from monitoring import thresholds
from monitoring.domain.thresholds import declare

WITHIN = declare(
    "betting.venue-failures-within", 5, "min",
    "Bets that a venue turned down or left unanswered within so long are counted against the limit"
    " on failures at venues.",
    lowest=0.5, highest=1_440,
)  # fmt: skip
COOL_DOWN = declare(
    "betting.venue-cool-down", 30, "min",
    "A bankroll with too many failures at venues stakes nothing for so long; then one bet tries.",
    lowest=1, highest=10_080,
)  # fmt: skip
STREAK, FAILURES, DRAWDOWN = "losing-streak", "venue-failures", "drawdown"
_OF_RESULTS = (STREAK, DRAWDOWN)  # opened by what was lost, closed by a win
HALF_OPEN = "BREAKER_HALF_OPEN"
LONGEST = timedelta(days=1)  # a breaker that nothing closed is no news any more
FAILED = (Bet.Status.REJECTED, Bet.Status.UNKNOWN)
_WON = Q(status=Bet.Status.SETTLED, profit__gt=0)
_CLOSES = {
    STREAK: _WON,
    DRAWDOWN: _WON,
    FAILURES: Q(status__in=(Bet.Status.ACCEPTED, Bet.Status.SETTLED)),
}
_TRIES = {
    STREAK: Q(status__in=Bet.OPEN),
    DRAWDOWN: Q(status__in=Bet.OPEN),
    FAILURES: Q(status__in=(Bet.Status.RESERVED, Bet.Status.UNKNOWN)),
}


class Breakers:
    """The breakers of one bankroll, read under its lock; ``take`` counts the bet that tries."""

    def __init__(self, *, bankroll: Bankroll, now: datetime) -> None:
        self.is_half_open = False
        self.is_tried = False
        for rule, since in _cooled(bankroll_id=bankroll.pk, now=now).items():
            found = _since(bankroll_id=bankroll.pk, rule=rule, since=since)
            self.is_half_open |= not found["closing"]
            self.is_tried |= not found["closing"] and bool(found["trying"])

    def refuses(self) -> bool:
        """Tell whether another bet tries a breaker that is half open."""
        return self.is_half_open and self.is_tried

    def take(self) -> None:
        """Count a bet that goes on."""
        self.is_tried = True


def note_answers(*, bankroll_id: int, states: Counter[str], now: datetime) -> None:
    """Open the breaker of a bankroll whose venues failed it too often lately, if it has a limit.

    While it is half open, one failure is enough.
    """
    if not any(states[status] for status in FAILED):
        return
    bankroll = Bankroll.objects.get(pk=bankroll_id)
    row = risk.in_force([bankroll])[bankroll_id].get(Dimension.VENUE_FAILURES)
    if row is None or row.number is None:
        return
    since, most = now - thresholds.span(WITHIN), row.number
    if cooled := _cooled(bankroll_id=bankroll_id, now=now).get(FAILURES):
        since = max(since, cooled)
        if not _since(bankroll_id=bankroll_id, rule=FAILURES, since=cooled)["closing"]:
            most = min(most, type(most)(1))
    failed = Bet.objects.filter(bankroll=bankroll, status__in=FAILED, reserved_at__gte=since)
    if (count := failed.count()) < most:
        return
    halting.halt(
        reason=f"{bankroll}: {count} bets were turned down or left unanswered; it cools down",
        actor=f"rule:{FAILURES}",
        now=now,
        scope=TradingHalt.Scope.BANKROLL,
        scope_id=bankroll_id,
        expires_at=now + thresholds.span(COOL_DOWN) / queries.time_scale(bankroll),
        rule=FAILURES,
    )


def _cooled(*, bankroll_id: int, now: datetime) -> dict[str, datetime]:
    """Return when the last halt of each breaker was ended by the clock; not by a person."""
    last = (
        TradingHalt.objects.filter(
            scope=TradingHalt.Scope.BANKROLL, scope_id=bankroll_id, rule__in=_CLOSES
        )
        .order_by("rule", "-pk")
        .distinct("rule")
    )
    return {
        halt.rule: halt.expires_at
        for halt in last
        if halt.expires_at is not None
        and now - LONGEST < halt.expires_at <= now
        and halt.lifted_by in ("", halting.CLOCK)
    }


def _since(*, bankroll_id: int, rule: str, since: datetime) -> dict[str, int]:
    """Count the bets since then that close a breaker, and those that try it still."""
    placed = Q(reserved_at__gte=since)
    judged = placed | Q(settled_at__gte=since) if rule in _OF_RESULTS else placed
    return Bet.objects.filter(judged, bankroll=bankroll_id).aggregate(
        closing=Count("pk", filter=_CLOSES[rule]),
        trying=Count("pk", filter=placed & _TRIES[rule]),
    )
