"""Which parameters to try next: a study in memory, made anew from the rows of its trials."""

from collections.abc import Sequence
from typing import Any

from models_ml.domain import spaces
from models_ml.models import Search, SearchTrial
from monitoring.errors import Refused


class SearchUnavailable(Refused):
    """The library that searches is not installed."""


def library() -> Any:
    """Return the library, quiet; it is imported where it is used, for it is large.

    Raises:
        SearchUnavailable: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise SearchUnavailable(
            "Optuna is not installed: pip install -r requirements.txt"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def ask(*, search: Search, many: int) -> list[SearchTrial]:
    """Write the next trials of a search that is locked and has none pending.

    The same seed and the same values so far give the same trials.
    """
    optuna = library()
    known = list(search.rows.order_by("number"))
    dimensions = {name: _dimension(optuna, name, ends) for name, ends in search.space.items()}
    states = optuna.trial.TrialState
    study = optuna.create_study(direction="minimize")
    for trial in known:
        is_done = trial.state == SearchTrial.State.DONE
        study.add_trial(
            optuna.trial.create_trial(
                params=trial.parameters,
                distributions=dimensions,
                value=trial.value if is_done else None,
                state=states.COMPLETE if is_done else states.FAIL,
            )
        )
    fresh = []
    for number in range(len(known), min(len(known) + many, search.trials)):
        study.sampler = optuna.samplers.TPESampler(seed=(search.seed * 1009 + number) % 2**32)
        if number == 0:
            study.enqueue_trial(spaces.standing(search.space, search.pipeline.parameters))
        asked = study.ask(dimensions)
        fresh.append(SearchTrial(search=search, number=number, parameters=asked.params))
    return SearchTrial.objects.bulk_create(fresh)


def _dimension(optuna: Any, name: str, ends: Sequence[float]) -> Any:
    least, most = ends
    if spaces.is_whole(name):
        return optuna.distributions.IntDistribution(int(least), int(most))
    by_orders = spaces.is_by_orders(name, least)
    return optuna.distributions.FloatDistribution(float(least), float(most), log=by_orders)
