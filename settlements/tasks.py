"""What may be asked for: settle what is due, value it, replay a season."""

from typing import Any

from django.utils import timezone

from models_ml.services import replays
from monitoring.domain.progress import RunHandle
from monitoring.recorded import recorded_task
from settlements.services import (
    backtesting,
    daily,
    dry_runs,
    gridding,
    guarding,
    reconciling,
    replaying,
    reporting,
    settling,
    valuing,
    valuing_before,
)


@recorded_task(
    title="Settle bets",
    permission="settlements.add_settlement",
    arguments={"limit": "the most bets to look at in one run (all that are due)"},
    singleton=True,
    soft_time_limit=240,
    time_limit=270,
)
def settle_due(run: RunHandle, *, limit: int | str | None = None) -> dict[str, Any]:
    now, most = timezone.now(), int(limit) if limit else None
    ended = replays.end_lost(actor=run.actor, now=now)
    report = settling.settle_due(
        as_of=now, now=now, actor=run.actor, limit=most, with_imbalance=False, progress=run
    )
    dry = dry_runs.tell_due(as_of=now)
    halted = guarding.halt_losing(now=now)
    valued = valuing.value_due(as_of=now, now=now, since=now - valuing.RECENT)
    found = {key: count for key, count in report.as_dict().items() if count is not None}
    return {**found, "dry": dry, "valued": valued, "replays_ended": ended, "halted": halted}


@recorded_task(
    title="Hold bets against the close",
    permission="settlements.add_betvalue",
    singleton=True,
    soft_time_limit=240,
    time_limit=270,
)
def value_due(run: RunHandle) -> dict[str, Any]:
    now = timezone.now()
    valued = valuing.value_due(as_of=now, now=now)
    before = valuing_before.value_before(as_of=now, now=now)
    versions = valuing.note_versions(as_of=now)
    return {"valued": valued, "before": before, "versions": versions}


@recorded_task(
    title="Sum betting days",
    permission="settlements.add_performanceday",
    singleton=True,
    soft_time_limit=240,
    time_limit=270,
)
def refresh_performance(run: RunHandle) -> dict[str, Any]:
    return {"days": daily.refresh_due(progress=run)}


@recorded_task(
    title="Sum all betting days anew",
    permission="settlements.add_performanceday",
    singleton=True,
    max_attempts=2,
    soft_time_limit=2400,
    time_limit=2700,
)
def rebuild_performance(run: RunHandle) -> dict[str, Any]:
    return {"days": daily.rebuild(actor=run.actor, now=timezone.now(), progress=run)}


@recorded_task(
    title="Write a report",
    permission="settlements.add_report",
    arguments={
        "kind": "DAILY, WEEKLY, MONTHLY, CLV, PAPER, TIMING or TOP",
        "period": "such as 2026-11-21, 2026-W47 or 2026-11; the last one that is over",
    },
    soft_time_limit=240,
    time_limit=270,
)
def make_report(run: RunHandle, *, kind: str, period: str = "") -> dict[str, Any]:
    daily.refresh_due(progress=run)
    made = reporting.make(kind=kind, period=period or "", actor=run.actor, now=timezone.now())
    return {"reports": [str(report) for report in made]}


@recorded_task(
    title="Replay a season",
    permission="models_ml.add_replay",
    arguments={
        "competition": "its code, such as E0",
        "season": "its label, such as 2023-24",
        "seed": "of the training, 0 where not given",
    },
    max_attempts=2,
    soft_time_limit=2400,
    time_limit=2700,
)
def replay_season(
    run: RunHandle, *, competition: str, season: str, seed: int | str = 0
) -> dict[str, Any]:
    return replaying.replay_season(
        competition_code=competition,
        season_label=season,
        seed=int(seed or 0),
        actor=run.actor,
        now=timezone.now(),
        progress=run,
    )


@recorded_task(
    title="Reconcile accounts",
    permission="settlements.add_reconciliationrun",
    arguments={
        "first": "a betting day of each bankroll's own zone, yesterday where not given",
        "last": "the last of several days",
    },
    singleton=True,
    soft_time_limit=240,
    time_limit=270,
)
def reconcile_accounts(
    run: RunHandle, *, first: str | None = None, last: str | None = None
) -> dict[str, Any]:
    runs = reconciling.reconcile(
        now=timezone.now(), actor=run.actor, first=first, last=last, progress=run
    )
    failed = {one.bankroll.name: one.failed for one in runs if one.failed}
    return {"runs": len(runs), "open": reconciling.as_dict(runs)["open"], "failed": failed}


@recorded_task(
    title="Backtest",
    permission="settlements.add_backtest",
    arguments={"backtest": "number of a backtest that was asked for"},
    soft_time_limit=2400,
    time_limit=2700,
)
def backtest(run: RunHandle, *, backtest: int | str) -> dict[str, Any]:
    row = backtesting.make(backtest_id=int(backtest), now=timezone.now(), progress=run)
    return {"backtest": row.pk, "state": row.state, "bets": row.n_bets, "digest": row.digest}


@recorded_task(
    title="Reckon cells of a grid",
    permission="settlements.add_backtestgrid",
    arguments={
        "grid": "number of a grid that was asked for",
        "part": "which of its parts; -1: all that waits",
    },
    soft_time_limit=2400,
    time_limit=2700,
)
def backtest_cells(run: RunHandle, *, grid: int | str, part: int | str = -1) -> dict[str, Any]:
    number = int(part)
    row = gridding.reckon(
        grid_id=int(grid),
        part=None if number < 0 else number,
        now=timezone.now(),
        progress=run,
    )
    return {"grid": row.pk, "state": row.state}
