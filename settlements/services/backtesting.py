"""Backtests as rows: written down, made by a task or right here, called off, read again, compared.

A backtest touches no bet, no bankroll and no decision.  The same spec over the same history gives
the same digest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from time import monotonic
from typing import Any

from django.db import transaction

from betting.models import Bankroll, Bet, Strategy
from markets.models import Selection
from monitoring.domain.progress import RunHandle
from monitoring.errors import Cancelled, Refused
from monitoring.models import TaskRun, User
from monitoring.services import audit, running
from settlements.domain.backtesting import engine, luck, measuring
from settlements.domain.backtesting.engine import Ground
from settlements.domain.backtesting.plans import Plan
from settlements.models import Backtest, BacktestGrid
from settlements.services import backtest_files, backtest_plans, histories
from settlements.services.backtest_plans import BacktestRefused, Spec

TASK = "settlements.tasks.backtest"
State = Backtest.State


class BacktestNotFound(Refused):
    """There is no such backtest."""


class BacktestIsOver(Refused):
    """The backtest has ended: there is nothing to call off."""


def begin(
    *,
    spec: Mapping[str, Any],
    name: str = "",
    strategy: Strategy | None = None,
    seed: int = 0,
    as_of: datetime | None = None,
    actor: str,
    now: datetime,
) -> Backtest:
    """Write down a backtest; nothing is reckoned yet.

    Raises:
        BacktestRefused: it cannot be, and says why.
        UnknownSource, NoHistory: of its source, its events.
    """
    read = backtest_plans.read(spec)
    if as_of is not None and as_of > now:
        raise BacktestRefused(f"as of {as_of:%Y-%m-%d %H:%M} lies in the future")
    if not 0 <= seed < 2**31:
        raise BacktestRefused(f"{seed} is no seed: a whole number from 0")
    with transaction.atomic():
        row = Backtest.objects.create(
            name=name[:80],
            strategy=strategy,
            source=read.asked.source.name[:100],
            spec=read.as_dict(),
            seed=seed,
            as_of=as_of or now,
            code_version=backtest_plans.code_version(),
            actor=actor,
            asked_at=now,
        )
        audit.record(
            actor=actor, action="settlements.backtest", subject=row, at=now, source=row.source
        )
    return row


def start(*, user: User | None = None, actor: str, now: datetime, **asked: Any) -> Backtest:
    """Write down a backtest and ask for the task that makes it.

    Raises:
        BacktestRefused, UnknownSource, NoHistory: as ``begin``.
    """
    with transaction.atomic():
        row = begin(**asked, actor=actor, now=now)
        run = running.request_run(
            task=TASK,
            arguments={"backtest": row.pk},
            trigger=running.trigger_of(actor),
            actor=actor,
            user=user,
            now=now,
        )
        row.run = run.pk
        row.save(update_fields=["run"])
    return row


def make(*, backtest_id: int, now: datetime, progress: RunHandle | None = None) -> Backtest:
    """Read the history, bet on it and write what came of it; one that has ended stays as it is.

    Raises:
        NoHistory: there is nothing to bet on; the backtest has failed.
        Cancelled: somebody asked for that.
    """
    row = Backtest.objects.select_related("strategy").get(pk=backtest_id)
    if row.state not in Backtest.LIVE:
        return row
    Backtest.objects.filter(pk=row.pk, state=State.WAITING).update(state=State.RUNNING)
    began = monotonic()
    try:
        spec = backtest_plans.read(row.spec)
        ground = Ground(
            histories.load(asked=spec.asked, as_of=row.as_of, now=now, progress=progress)
        )
        _tell(progress, "betting")
        found = told(
            ground, spec.plan, seed=row.seed, is_out_of_sample=not _is_chosen_there(row, spec)
        )
    except Cancelled:
        _end(row, {"state": State.CANCELLED}, now=now)
        raise
    except Refused as no:
        _end(row, {"state": State.FAILED, "why": str(no)[:500]}, now=now)
        raise
    _end(row, {"state": State.DONE, **found, "seconds": monotonic() - began}, now=now)
    row.refresh_from_db()
    return row


def _tell(progress: RunHandle | None, message: str) -> None:
    if progress:
        progress.progress(done=0, message=message)
        progress.raise_if_cancelled()


def _end(row: Backtest, found: Mapping[str, Any], *, now: datetime) -> None:
    """Write how a backtest ended, unless it was called off meanwhile."""
    Backtest.objects.filter(pk=row.pk, state__in=Backtest.LIVE).update(**found, finished_at=now)


def _is_chosen_there(row: Backtest, spec: Spec) -> bool:
    """Tell whether a grid over some of the same days tried this very plan: then it learned there.

    Probabilities themselves are never of a model that had learned from the event.
    """
    plan = spec.plan.as_dict()
    grids = BacktestGrid.objects.filter(source=row.source, asked_at__lt=row.asked_at)
    for grid in grids.only("spec", "axes"):
        begins, ends = (backtest_plans.moment(grid.spec[name]) for name in ("since", "until"))
        if begins >= spec.asked.until or ends <= spec.asked.since:
            continue
        tried = {**plan, **grid.spec["plan"], **{name: plan.get(name) for name in grid.axes}}
        is_on_axes = all(
            str(plan.get(name)) in {str(value) for value in values}
            for name, values in grid.axes.items()
        )
        if tried == plan and is_on_axes:
            return True
    return False


def told(
    ground: Ground, plan: Plan, *, seed: int = 0, is_out_of_sample: bool = True
) -> dict[str, Any]:
    """Return the columns of a backtest's row for a plan over a history."""
    bets = engine.run(ground, plan)
    misses = measuring.nearest(ground, plan)
    figures = measuring.figures(bets, plan)
    outlooks = {
        "days": luck.by_days(bets, plan, seed=seed),
        "model": luck.by_model(ground.history, bets, plan, seed=seed),
    }
    asked = luck.gate(figures, is_out_of_sample=is_out_of_sample)
    return {
        "events": len(ground.history.first),
        "n_bets": len(bets),
        "figures": figures,
        "account": {
            **measuring.told(measuring.funnel_of(ground, plan, bets)),
            "nearest": _named(ground, misses),
            "outlook": {by: one.as_dict() for by, one in outlooks.items() if one},
            "gate": [asdict(one) for one in asked],
        },
        "curve": backtest_files.curve(bets, plan),
        "bets": backtest_files.parquet(ground, bets),
        "digest": engine.digest(ground.history, bets),
    }


def _named(ground: Ground, misses: Sequence[measuring.Miss]) -> list[dict[str, Any]]:
    history = ground.history
    ids = [int(history.selection[miss.place]) for miss in misses]
    rows = Selection.objects.select_related("market__event").in_bulk(ids)
    return [
        {
            "selection": selection,
            "event": str(rows[selection].market.event),
            "answer": str(rows[selection]),
            "reason": miss.reason,
            "values": [round(value, 6) for value in miss.values],
            "missing": round(miss.missing, 6),
            "needed": miss.needed,
        }
        for miss, selection in zip(misses, ids, strict=True)
    ]


def cancel(*, backtest_id: int, actor: str, now: datetime, reason: str = "") -> Backtest:
    """Call a backtest off.

    Raises:
        BacktestNotFound: there is none.
        BacktestIsOver: it has ended.
    """
    with transaction.atomic():
        row = Backtest.objects.select_for_update().filter(pk=backtest_id).first()
        if row is None:
            raise BacktestNotFound(f"there is no backtest {backtest_id}")
        if row.state not in Backtest.LIVE:
            raise BacktestIsOver(f"{row} is {row.get_state_display().lower()}")
        if row.run and TaskRun.objects.filter(pk=row.run, state__in=TaskRun.LIVE).exists():
            running.cancel_run(run_id=row.run, actor=actor, now=now)
        row.state, row.finished_at = State.CANCELLED, now
        row.save(update_fields=["state", "finished_at"])
        audit.record(
            actor=actor, action="settlements.cancel_backtest", subject=row, at=now, reason=reason
        )
    return row


def named(backtest_id: int) -> Backtest:
    """Return a backtest by its number.

    Raises:
        BacktestNotFound: there is none.
    """
    found = Backtest.objects.select_related("strategy").filter(pk=backtest_id).first()
    if found is None:
        raise BacktestNotFound(f"there is no backtest {backtest_id}")
    return found


def report(*, row: Backtest) -> dict[str, Any]:
    """Return a backtest as JSON can hold it, its bets left out."""
    return {
        "backtest": row.pk,
        "state": row.state,
        "why": row.why,
        "source": row.source,
        "spec": row.spec,
        "seed": row.seed,
        "as_of": row.as_of.isoformat(),
        "events": row.events,
        "bets": row.n_bets,
        "figures": row.figures,
        "account": row.account,
        "digest": row.digest,
        "seconds": row.seconds,
    }


@dataclass(frozen=True, slots=True)
class Difference:
    """A bet that only one side made, or that differs: what is told of it on each."""

    event: int
    selection: int
    backtest: dict[str, Any] | None
    live: dict[str, Any] | None


def compare(*, row: Backtest, bankroll: Bankroll) -> dict[str, Any]:
    """Hold a backtest's bets against a bankroll's, one by one, to the cent.

    Raises:
        BacktestRefused: it is not done.
    """
    if row.state != State.DONE:
        raise BacktestRefused(f"{row} is {row.get_state_display().lower()}")
    ours, theirs = _ours(row), _theirs(bankroll)
    different = [
        Difference(event, selection, ours.get((event, selection)), theirs.get((event, selection)))
        for event, selection in sorted({*ours, *theirs})
        if ours.get((event, selection)) != theirs.get((event, selection))
    ]
    return {
        "backtest": row.pk,
        "bankroll": bankroll.name,
        "bets": len(ours),
        "live_bets": len(theirs),
        "equal": len({*ours, *theirs}) - len(different),
        "profit": str(sum((Decimal(one["profit"]) for one in ours.values()), Decimal("0.00"))),
        "live_profit": str(
            sum((Decimal(one["profit"]) for one in theirs.values()), Decimal("0.00"))
        ),
        "differences": [
            {"event": d.event, "selection": d.selection, "backtest": d.backtest, "live": d.live}
            for d in different
        ],
    }


def _ours(row: Backtest) -> dict[tuple[int, int], dict[str, Any]]:
    return {
        (bet["event"], bet["selection"]): {
            "book": bet["book"],
            "price": f"{Decimal(bet['price']).scaleb(-3):.3f}",
            "stake": f"{Decimal(bet['stake']).scaleb(-2):.2f}",
            "outcome": bet["outcome"],
            "profit": f"{Decimal(bet['profit']).scaleb(-2):.2f}",
            "clv": None if bet["clv"] is None else round(bet["clv"], 9),
        }
        for bet in backtest_files.bets_of(row)
        if bet["settled_at"] is not None
    }


def _theirs(bankroll: Bankroll) -> dict[tuple[int, int], dict[str, Any]]:
    bets = Bet.objects.filter(bankroll=bankroll, status=Bet.Status.SETTLED).values_list(
        "selection__market__event_id", "selection_id", "book__code", "price", "stake", "outcome",
        "profit", "value__clv",
    )  # fmt: skip
    return {
        (event, selection): {
            "book": book,
            "price": f"{price:.3f}",
            "stake": f"{stake:.2f}",
            "outcome": outcome,
            "profit": f"{profit:.2f}",
            "clv": None if clv is None else round(clv, 9),
        }
        for event, selection, book, price, stake, outcome, profit, clv in bets
    }
