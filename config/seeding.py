"""The demonstration that a new installation starts with: a league, a model, money, a strategy.

Each step leaves alone what is there, so it may be repeated, and goes on where it was cut.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from betting.models import Bankroll
from betting.services import bankrolls, deciding, placing, strategies
from markets.services import simulating
from models_ml.models import ModelVersion, Pipeline
from models_ml.services import pipelines, predicting, promoting, training
from monitoring.domain.progress import RunHandle
from settlements.services import ledger

SEED = 2026
SEASONS = 2
PIPELINE = "soccer-1x2-simulated"
BANKROLL = "Simulated bankroll"
# Name and stage: early, while books still disagree; and late, when they know almost everything.
STRATEGIES = (("Simulated early value", "T-24h"), ("Simulated late value", "T-60m"))
OPENING_DEPOSIT = Decimal("10000.00")  # EUR


def seed(
    *, clock: Callable[[], datetime], actor: str, progress: RunHandle | None = None
) -> dict[str, object]:
    """Found the simulated league and everything that bets on it; return what was made.

    Takes seconds, in which the league goes on: hence a clock.  The season is laid last, so that
    its first matches do not begin before there is a model to bet on them.  The first bets are
    placed at the end, as the schedule would do.

    Raises:
        SimulatorOff: SIMULATOR_ENABLED is false.
    """
    now = clock()
    history = simulating.create_history(
        seasons=SEASONS, seed=SEED, now=now, actor=actor, progress=progress
    )
    pipelines.ensure_default_pipelines(now=now)
    pipeline = Pipeline.objects.get(code=PIPELINE)
    bankroll = _bankroll(now=now, actor=actor)
    version = _serving(pipeline, now=now, actor=actor, progress=progress)
    for name, stage in STRATEGIES:
        strategies.ensure_strategy(
            name=name,
            code="value",
            bankroll=bankroll,
            pipeline=pipeline,
            now=now,
            actor=actor,
            decide_at_stage=stage,
        )
    simulating.tick(now=clock())
    return {
        "history": history,
        "version": str(version),
        "strategies": [name for name, _ in STRATEGIES],
        "predictions": predicting.predict_due(now=clock()),
        **deciding.decide_due(now=clock(), actor=actor),
        **placing.place_due(now=clock(), actor=actor),
    }


def _bankroll(*, now: datetime, actor: str) -> Bankroll:
    bankroll = bankrolls.open_bankroll(
        name=BANKROLL,
        kind=Bankroll.Kind.PAPER,
        currency="EUR",
        time_zone="UTC",
        is_simulated=True,
        actor=actor,
        now=now,
    )
    ledger.open_accounts(bankroll=bankroll)
    ledger.deposit(
        bankroll_id=bankroll.pk, amount=OPENING_DEPOSIT, reference="opening", actor=actor, now=now
    )
    return bankroll


def _serving(
    pipeline: Pipeline, *, now: datetime, actor: str, progress: RunHandle | None
) -> ModelVersion:
    """Return the version in production; train and promote the first one if there is none."""
    serving = ModelVersion.objects.filter(
        pipeline=pipeline, stage=ModelVersion.Stage.PRODUCTION
    ).first()
    if serving is not None:
        return serving
    candidate = training.train(
        pipeline=pipeline, until=now, seed=SEED, actor=actor, now=now, progress=progress
    )
    return promoting.promote(
        version_id=candidate.pk, actor=actor, reason="first version of the demonstration", now=now
    )
