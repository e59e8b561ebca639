"""Reconciling: our books against the venue's and against themselves, day by day.

Each difference is an item that stays open until a person resolves it or a later run finds both
sides equal.  A run looks back as far as the oldest item that is open, so that what a venue puts
right later is seen; what a person dismissed is not opened again while both values stay the same.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Min

from betting.models import Bankroll
from monitoring.domain.progress import RunHandle
from settlements.domain import reconciling as rules
from settlements.domain.reconciling import Difference
from settlements.models import ReconciliationItem, ReconciliationRun
from settlements.services import ledger, periods, reconciling_reads, venue_comparing
from settlements.services.periods import Period, PeriodRefused
from settlements.services.venue_comparing import Comparison

MOST = 1_000  # differences that one run writes down
LOOKS_BACK = timedelta(days=60)  # for items that are still open
LONGEST = timedelta(days=92)  # of a run: what exchanges keep of their cleared orders
OPEN, RESOLVED = ReconciliationItem.State.OPEN, ReconciliationItem.State.RESOLVED
ALWAYS = ("LEDGER", "BALANCE")  # looked at whatever the period
BY_ITSELF = "both sides are equal by now"


@dataclass(frozen=True, slots=True)
class _Known:
    """What is on the list so far, by kind and key."""

    open: dict[tuple[str, str], ReconciliationItem]
    dismissed: set[tuple[str, str, str, str]]


def reconcile(
    *,
    now: datetime,
    actor: str,
    first: str | None = None,
    last: str | None = None,
    bankroll_ids: Sequence[int] | None = None,
    progress: RunHandle | None = None,
) -> list[ReconciliationRun]:
    """Reconcile every bankroll but those of replays, over the betting day that ended last.

    ``first`` and ``last`` name other days, or moments, read in each bankroll's own zone.

    Raises:
        PeriodRefused: they are no period that lies behind us, or a longer one than a venue tells.
    """
    rows = Bankroll.objects.exclude(kind=Bankroll.Kind.REPLAY).order_by("pk")
    if bankroll_ids is not None:
        rows = rows.filter(pk__in=bankroll_ids)
    bankrolls = [(one, _period(one, first, last, now)) for one in rows]
    runs = []
    for number, (bankroll, period) in enumerate(bankrolls, start=1):
        runs.append(_reconcile_one(bankroll, period, now=now, actor=actor))
        if progress:
            progress.progress(done=number, total=len(bankrolls), message=bankroll.name)
            progress.raise_if_cancelled()
    return runs


def as_dict(runs: Sequence[ReconciliationRun]) -> dict[str, Any]:
    """Return runs as JSON says them, with what stands open in their bankrolls."""
    kinds = Counter(
        ReconciliationItem.objects.filter(
            state=OPEN, bankroll__in={run.bankroll_id for run in runs}
        ).values_list("kind", flat=True)
    )
    return {
        "runs": [
            {
                "id": run.pk,
                "bankroll": run.bankroll.name,
                "venue": run.venue,
                "since": run.since.isoformat(),
                "until": run.until.isoformat(),
                **{name: getattr(run, name) for name in _COUNTS},
                **{name: f"{getattr(run, name):.2f}" for name in _AMOUNTS},
                "failed": run.failed,
            }
            for run in runs
        ],
        "open": dict(sorted(kinds.items())),
    }


_COUNTS = ("bets", "orders", "found", "opened", "resolved", "left_out")
_AMOUNTS = ("profit_here", "profit_there", "commission_here", "commission_there")


def _period(bankroll: Bankroll, first: str | None, last: str | None, now: datetime) -> Period:
    zone = bankroll.time_zone
    yesterday = periods.day_before(at=now, time_zone=zone)
    asked = periods.between(
        first=first or last or yesterday, last=last or first or yesterday, time_zone=zone
    )
    if asked.since >= now:
        raise PeriodRefused("nothing of this period has happened yet")
    if asked.until - asked.since > LONGEST:
        raise PeriodRefused(f"a venue tells of {LONGEST.days} days at most")
    if first or last:
        return asked
    oldest = ReconciliationItem.objects.filter(
        bankroll=bankroll, state=OPEN, at__gte=now - LOOKS_BACK
    ).aggregate(at=Min("at"))["at"]
    return Period(min(asked.since, oldest or asked.since), asked.until)


def _reconcile_one(
    bankroll: Bankroll, period: Period, *, now: datetime, actor: str
) -> ReconciliationRun:
    name = venue_comparing.venue_of(bankroll)
    compared = (
        venue_comparing.compare(bankroll=bankroll, name=name, period=period, now=now)
        if name
        else Comparison("")
    )
    looked, flaws = _inside(bankroll, period, now)
    found = [*compared.differences, *flaws]
    with transaction.atomic():
        _one_at_a_time(bankroll.pk)
        known = _known(bankroll, found)
        fresh = [
            one
            for one in found
            if (one.kind, one.key) not in known.open
            and (one.kind, one.key, one.ours[:120], one.theirs[:120]) not in known.dismissed
        ]
        gone = _gone(known, found, compared, period)
        run = ReconciliationRun.objects.create(
            bankroll=bankroll, venue=name, since=period.since, until=period.until,
            made_by=actor, made_at=now, bets=max(compared.bets, looked), orders=compared.orders,
            found=len(found), opened=len(fresh[:MOST]), resolved=len(gone),
            left_out=len(fresh[MOST:]), failed=compared.failed,
            **{name: getattr(compared, name) for name in _AMOUNTS},
        )  # fmt: skip
        _write(run, known, found, fresh[:MOST], gone, now=now)
    return run


def _inside(bankroll: Bankroll, period: Period, now: datetime) -> tuple[int, list[Difference]]:
    """Return how many settled bets there are, and what of our own books does not hold."""
    found: list[Difference] = []
    looked = 0
    about: dict[str, Any] = {
        "bankroll_id": bankroll.pk, "since": period.since, "until": period.until,
    }  # fmt: skip
    for bet in reconciling_reads.settled(**about):
        looked += 1
        found += rules.flaws(bet)
    found += rules.duplicates(reconciling_reads.alike(**about))
    return looked, [*found, *_ledger(bankroll, now)]


def _ledger(bankroll: Bankroll, now: datetime) -> Iterator[Difference]:
    for row in ledger.imbalances(bankroll_ids=[bankroll.pk]):
        parts = (("LEDGER", "accounts"), ("LEDGER", "bets"), ("BALANCE", "balance"))
        for kind, part in parts:
            if off := getattr(row, part):
                told = f"off by {off:.2f}"
                yield Difference(kind, f"{part}:{bankroll.pk}", told, "", now, None, off)


def _one_at_a_time(bankroll_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_advisory_xact_lock(hashtext('settlements.reconcile'), %s)", [bankroll_id]
        )


def _known(bankroll: Bankroll, found: Sequence[Difference]) -> _Known:
    rows = ReconciliationItem.objects.filter(bankroll=bankroll)
    dismissed = rows.filter(
        state=ReconciliationItem.State.DISMISSED, key__in={one.key for one in found}
    )
    return _Known(
        {(row.kind, row.key): row for row in rows.filter(state=OPEN).select_for_update()},
        set(dismissed.values_list("kind", "key", "ours", "theirs")),
    )


def _gone(
    known: _Known, found: Sequence[Difference], compared: Comparison, period: Period
) -> list[ReconciliationItem]:
    """Return the open items that this run looked at and found equal."""
    there = {(one.kind, one.key) for one in found}
    return [
        item
        for key, item in known.open.items()
        if key not in there
        and not (item.venue and (compared.failed or item.venue != compared.venue))
        and (item.kind in ALWAYS or period.since <= item.at < period.until)
    ]


def _write(
    run: ReconciliationRun, known: _Known, found: Sequence[Difference],
    fresh: Sequence[Difference], gone: Sequence[ReconciliationItem], *, now: datetime,
) -> None:  # fmt: skip
    ReconciliationItem.objects.bulk_create(
        ReconciliationItem(
            bankroll_id=run.bankroll_id, run=run, kind=one.kind, venue=one.venue, key=one.key,
            bet_id=one.bet_id, ours=one.ours[:120], theirs=one.theirs[:120],
            difference=one.amount, at=one.at, found_at=now, seen_at=now,
        )
        for one in fresh
    )  # fmt: skip
    seen = []
    for one in found:
        item = known.open.get((one.kind, one.key))
        if item is not None:
            item.ours, item.theirs, item.seen_at = one.ours[:120], one.theirs[:120], now
            item.difference = one.amount
            seen.append(item)
    ReconciliationItem.objects.bulk_update(seen, ["ours", "theirs", "difference", "seen_at"])
    for item in gone:
        item.state, item.resolved_at, item.reason = RESOLVED, now, BY_ITSELF
    ReconciliationItem.objects.bulk_update(gone, ["state", "resolved_at", "reason"])


def summary(run: ReconciliationRun) -> str:
    """Say in a few words what a run came to."""
    if run.failed:
        return f"not compared: {run.failed}"
    off = run.profit_there - run.profit_here
    there = f", {run.orders} orders there, profit off by {off:+}" if run.venue else ""
    return f"{run.bets} bets{there}, {run.found} differences"
