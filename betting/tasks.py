from datetime import timedelta

from django.utils import timezone

from betting.services import (
    adopting,
    arbitraging,
    deciding,
    halting,
    heartbeats,
    hedging,
    placing,
    reconciling,
    twinning,
)
from monitoring.domain.progress import RunHandle
from monitoring.recorded import recorded_task

RECONCILE_AFTER = reconciling.ANSWER_WITHIN


@recorded_task(
    title="Decide and place bets",
    permission="betting.add_bet",
    singleton=True,
    max_attempts=1,
    soft_time_limit=20,
    time_limit=30,
)
def decide_due(run: RunHandle) -> dict[str, object]:
    """Decide what waits for a decision, then place what was decided to bet."""
    ended = halting.end_expired(now=timezone.now())
    decided = deciding.decide_due(now=timezone.now(), actor=run.actor)
    placed = placing.place_due(now=timezone.now(), actor=run.actor)
    return {**decided, **placed, "halts_ended": ended}


@recorded_task(
    title="Look for arbitrage",
    permission="betting.add_arbitrage",
    singleton=True,
    max_attempts=1,
    soft_time_limit=20,
    time_limit=30,
)
def seek_arbitrage(run: RunHandle) -> dict[str, object]:
    """Go on with what is not through, then look for prices that pay whoever wins, and take them."""
    gone_on = hedging.continue_due(now=timezone.now(), actor=run.actor)
    return {**arbitraging.look_due(now=timezone.now(), actor=run.actor), "gone_on": gone_on}


@recorded_task(
    title="Ask venues about unanswered bets", permission="betting.change_bet", singleton=True
)
def reconcile_unknown(run: RunHandle) -> dict[str, object]:
    """Ask, by our reference, what became of bets without an answer and of orders that wait."""
    found = reconciling.reconcile(now=timezone.now(), older_than=RECONCILE_AFTER, actor=run.actor)
    followed = reconciling.follow(now=timezone.now(), actor=run.actor)
    mirrored = twinning.mirror_due(now=timezone.now(), actor=run.actor)
    return {**found, **followed, **mirrored}


@recorded_task(
    title="Keep venues' watch",
    permission="betting.change_bet",
    singleton=True,
    max_attempts=1,
    soft_time_limit=15,
    time_limit=20,
)
def keep_watch(run: RunHandle) -> dict[str, object]:
    """Tell venues that we are there; silent for long, they take back what is not matched."""
    return heartbeats.beat(now=timezone.now())


@recorded_task(
    title="Take up orders placed outside", permission="betting.change_bet", singleton=True
)
def adopt_outside(run: RunHandle) -> dict[str, object]:
    """Let orders on our accounts count that we did not send."""
    return adopting.adopt(now=timezone.now(), actor=run.actor)


@recorded_task(title="Report paper beside live bets", permission="betting.change_bet")
def report_twins(run: RunHandle) -> dict[str, object]:
    """Tell how far the live bets of the last day were from their twins on paper."""
    now = timezone.now()
    found = twinning.gaps(since=now - timedelta(days=1), until=now)
    return {"gaps": [each.as_dict() for each in found]}
