"""Where seconds matter: which task follows which as soon as something was found to do.

The flow does not rest on this: each task finds by itself what is due, and the schedule asks
for each of them.  These arrows only shorten the wait, and only after a run that did something.
"""

from collections.abc import Mapping

from monitoring import registry

FOLLOWERS: Mapping[str, tuple[str, ...]] = {
    "markets.tasks.simulate_tick": (
        "markets.tasks.record_closes",
        "models_ml.tasks.predict_due",
        "settlements.tasks.settle_due",
    ),
    "markets.tasks.ingest": (
        "markets.tasks.record_closes",
        "models_ml.tasks.predict_due",
        "settlements.tasks.settle_due",
        "betting.tasks.seek_arbitrage",
    ),
    "markets.tasks.record_closes": ("settlements.tasks.settle_due",),
    "models_ml.tasks.predict_due": ("betting.tasks.decide_due",),
    "settlements.tasks.settle_due": ("settlements.tasks.refresh_performance",),
    "settlements.tasks.value_due": ("settlements.tasks.refresh_performance",),
}


def connect() -> None:
    """Draw the arrows; called once, when the application starts."""
    for task, followers in FOLLOWERS.items():
        registry.follow(task, with_tasks=followers)
