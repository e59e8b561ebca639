from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from betting import queries
from betting.models import Bet
from betting.queries import arbitrages, phases, uses
from betting.services import (
    adopting,
    breaking,
    filling,
    halting,
    heartbeats,
    hedging,
    phasing,
    reconciling,
    stopping,
)
from monitoring import registry, thresholds
from monitoring.domain.findings import Finding, Severity
from monitoring.domain.thresholds import declare

STUCK_AFTER = declare(
    "betting.stuck-after", 2, "min",
    "A bet that waits longer than this for its venue's answer opens an incident; the venue is"
    " asked again.",
    lowest=0.5, highest=1_440,
)  # fmt: skip
NEARLY_USED_AT = declare(
    "betting.limit-nearly-used", 0.9, "share",
    "A bankroll that uses so large a share of one of its limits is told; of what a day or week"
    " is given, and of counts, only where more is used than there is.",
    lowest=0.1, highest=1,
)  # fmt: skip
LONE_AFTER = declare(
    "betting.arbitrage-lone-after", 1, "min",
    "An arbitrage that is not through for longer than this opens an incident: a bet of it may"
    " stand alone.",
    lowest=0.1, highest=60,
)  # fmt: skip
NEARLY_USED, VENUE_FAILING = "betting.limit-nearly-used", "betting.venue-failing"
STUCK, OVER_LIMIT = "betting.stuck-reservation", "betting.exposure-over-limit"
FILLS, HEART = "betting.fill-rate", "betting.heartbeat-lost"
OUTSIDE = "betting.outside-bets"
LEDGER = "settlements.ledger-imbalance"


@registry.check(STUCK, every=timedelta(minutes=1))
def no_bet_waits_too_long_for_its_venue(now: datetime) -> Iterator[Finding]:
    """Every bet sent to a venue has its answer after a short while."""
    for bet in queries.unanswered(reserved_before=now - thresholds.span(STUCK_AFTER))[:100]:
        waited = int((now - bet.reserved_at).total_seconds())
        summary = f"{bet} ({bet.client_ref}) is {bet.get_status_display()} for {waited} s"
        yield Finding(Severity.P1, summary, subject=f"{bet._meta.label}:{bet.pk}")
    begun = Bet.objects.waiting().filter(
        bankroll__replay=None,
        selection__market__event__starts_at__lt=now - thresholds.span(STUCK_AFTER),
    )
    for bet in begun.order_by("pk")[:100]:
        summary = f"{bet} ({bet.client_ref}) still waits at {bet.venue}, and its event has begun"
        yield Finding(Severity.P1, summary, subject=f"{bet._meta.label}:{bet.pk}")


@registry.check(hedging.KIND, every=timedelta(seconds=30))
def no_leg_of_an_arbitrage_stands_alone(now: datetime) -> Iterator[Finding]:
    """Every arbitrage is through: all of it stands, or nothing."""
    for row in arbitrages.alone(begun_before=now - thresholds.span(LONE_AFTER))[:100]:
        subject = f"{row._meta.label}:{row.pk}"
        yield Finding(Severity.P1, hedging.summary(row), subject=subject)


@registry.check(OVER_LIMIT, every=timedelta(minutes=1))
def no_bankroll_is_exposed_beyond_its_limits(now: datetime) -> Iterator[Finding]:
    """The liability that stands open is within what the strategies' rows allow."""
    for excess in uses.exposures_over_limit():
        yield Finding(
            Severity.P1,
            f"{excess.name}: {excess.open} open on {excess.where}, {excess.limit} allowed",
            subject=f"betting.Bankroll:{excess.bankroll_id}",
        )


@registry.check(stopping.KIND, every=timedelta(seconds=30))
def nobody_has_stopped_everything(now: datetime) -> Iterator[Finding]:
    """No emergency stop stands."""
    for halt in queries.active_halts(at=now).filter(rule=stopping.RULE):
        subject = f"{halt._meta.label}:{halt.pk}"
        yield Finding(Severity.P0, stopping.summary(halt), subject=subject)


@registry.check(FILLS, every=timedelta(minutes=10))
def orders_are_filled_often_enough(now: datetime) -> Iterator[Finding]:
    """Enough of the orders sent to each book, on each market and by each strategy are filled."""
    for found, is_bad in filling.low_ones(now=now):
        of = found.dimension.lower()
        yield Finding(
            Severity.P1 if is_bad else Severity.P2,
            f"Orders filled whole, {of} {found.name}: {found.fill_rate.in_words()};"
            f" {thresholds.value(filling.FILLS_BAD if is_bad else filling.FILLS_LOW):.0%}"
            " is the least expected",
            subject=found.subject,
        )


@registry.check(OUTSIDE, every=timedelta(minutes=1))
def nobody_else_bets_on_our_accounts(now: datetime) -> Iterator[Finding]:
    """Every order that stands on our accounts is one that we sent."""
    for venue, count, loose, risk in adopting.standing_by_venue():
        yield Finding(
            Severity.P2,
            f"{venue}: {count} orders stand that we did not send, {risk} at risk; {loose} of them"
            " have no bet and count against every live bankroll",
            subject=f"venue:{venue}",
        )


@registry.check(HEART, every=timedelta(seconds=30))
def every_venue_hears_of_us(now: datetime) -> Iterator[Finding]:
    """Each venue that takes our orders back when we are silent has heard of us."""
    for lost in heartbeats.lost_hearts(now=now):
        yield Finding(Severity.P1, f"{lost.venue}: {lost.why}", subject=f"venue:{lost.venue}")


@registry.panel(
    "betting.fills", title="Fills", template="betting/panel_fills.html", order=35, width=12
)
def fills(now: datetime) -> Mapping[str, object]:
    span = thresholds.span(filling.FILLS_DAYS)
    found = filling.by_dimension(filling.figures(since=now - span, until=now))[filling.BOOK]
    low = {each.id for each, _ in filling.low_ones(now=now) if each.dimension == filling.BOOK}
    return {"figures": found, "low": low, "days": max(1, round(span / timedelta(days=1)))}


@registry.check(NEARLY_USED, every=timedelta(minutes=1))
def no_limit_is_nearly_used(now: datetime) -> Iterator[Finding]:
    """Every bankroll has room left under each of its limits."""
    told: dict[int, list[uses.Use]] = {}
    for use in uses.uses(now=now):
        if use.is_tight(at=thresholds.value(NEARLY_USED_AT)):
            told.setdefault(use.bankroll.pk, []).append(use)
    for bankroll_id, found in told.items():
        yield Finding(
            Severity.P3,
            f"{found[0].bankroll}: " + "; ".join(use.in_words() for use in found[:5]),
            subject=f"betting.Bankroll:{bankroll_id}",
        )


@registry.check(VENUE_FAILING, every=timedelta(seconds=30))
def no_venue_fails_a_bankroll(now: datetime) -> Iterator[Finding]:
    """No bankroll cools down because its venues turned down or left unanswered too many bets."""
    for halt in queries.active_halts(at=now).filter(rule=breaking.FAILURES):
        subject = f"{halt._meta.label}:{halt.pk}"
        yield Finding(Severity.P1, halt.reason, subject=subject)


@registry.panel(
    "betting.exposure",
    title="Tightest limits",
    template="betting/panel_exposure.html",
    order=25,
    width=4,
)
def tightest_limits(now: datetime) -> Mapping[str, object]:
    return {"uses": uses.uses(now=now)[:8]}


@registry.panel("betting.bets", title="Bets", template="betting/panel_bets.html", order=30, width=8)
def bets(now: datetime) -> Mapping[str, object]:
    return {"bets": queries.latest_bets()[:12], "now": now}


@registry.panel(
    "betting.bankrolls",
    title="Bankrolls and halts",
    template="betting/panel_bankrolls.html",
    order=20,
    width=4,
)
def bankrolls(now: datetime) -> Mapping[str, object]:
    return {
        "bankrolls": queries.bankrolls_with_exposure(),
        "halts": list(queries.active_halts(at=now)),
        "phased": list(phases.not_in_production()[:10]),
        "asked": list(phasing.waiting()[:10]),
        "alone": list(arbitrages.alone(begun_before=now - thresholds.span(LONE_AFTER))[:10]),
        "now": now,
    }


@registry.gauge("closingline_open_exposure", help="Liability of open bets, by bankroll.")
def exposure() -> Iterator[tuple[Mapping[str, str], float]]:
    for row in queries.bankrolls_with_exposure():
        yield {"bankroll": row.name, "currency": row.currency}, float(row.open)


@registry.gauge("closingline_bankroll_balance", help="Settled cash, by bankroll.")
def balance() -> Iterator[tuple[Mapping[str, str], float]]:
    for row in queries.bankrolls_with_exposure():
        yield {"bankroll": row.name, "currency": row.currency}, float(row.balance)


@registry.gauge("closingline_open_bets", help="Bets that are not over, by status.")
def open_bets() -> Iterator[tuple[Mapping[str, str], float]]:
    for status, count in queries.open_bets_by_status().items():
        yield {"status": status}, float(count)


@registry.gauge("closingline_betting_halts", help="Halts that stand now.")
def halts() -> Iterator[tuple[Mapping[str, str], float]]:
    yield {}, float(queries.active_halts().count())


@registry.response(
    "betting.pause",
    title="Pause all betting",
    kinds=[STUCK, OVER_LIMIT, LEDGER, HEART, hedging.KIND],
    permission="betting.add_tradinghalt",
)
def pause(*, subject: str, actor: str, reason: str, now: datetime) -> str:
    trading_halt = halting.halt(reason=reason, actor=actor, now=now)
    return f"betting is paused (halt #{trading_halt.pk}, set by {trading_halt.set_by})"


@registry.response(
    "betting.reconcile",
    title="Ask the venues now",
    kinds=[STUCK],
    permission="betting.change_bet",
)
def reconcile(*, subject: str, actor: str, reason: str, now: datetime) -> str:
    found = reconciling.reconcile(now=now, older_than=thresholds.span(STUCK_AFTER), actor=actor)
    return "{asked} asked: {accepted} accepted, {rejected} rejected, {unknown} unknown".format(
        **found
    )


@registry.response(
    "betting.close-out",
    title="Close out now",
    kinds=[hedging.KIND],
    permission="betting.change_arbitrage",
)
def close_out(*, subject: str, actor: str, reason: str, now: datetime) -> str:
    found = hedging.close_out(
        arbitrage_id=int(subject.rpartition(":")[2]), actor=actor, reason=reason, now=now
    )
    why = f": {found.reason.replace('_', ' ').lower()}" if found.reason else ""
    return f"{found} is {found.get_state_display().lower()}{why}; {found.worst} at worst"


@registry.response(
    "betting.emergency-stop",
    title="Emergency stop",
    kinds=[STUCK, OVER_LIMIT, LEDGER, OUTSIDE],
    permission="betting.add_tradinghalt",
)
def stop_everything(*, subject: str, actor: str, reason: str, now: datetime) -> str:
    stopped = stopping.stop_everything(reason=reason, actor=actor, now=now)
    return f"everything is stopped (halt #{stopped.halt}); {stopped.in_words()}"
