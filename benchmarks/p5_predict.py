"""P5: one prediction and a batch through the service, beside bare ``inplace_predict``.

``python -m benchmarks.p5_predict``.  One thread, as in a worker.  The service finds the version's
estimator, asks it three questions per row (home, draw, away) and counts what it answered; "kept"
is a row that it was asked before.  Beside the medians it prints the 95th percentile of single
calls, each contestant's in turn.
"""

import os
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import django
import numpy as np

from benchmarks.side_by_side import medians, report
from models_ml.domain import calibrating, splitting
from models_ml.domain.estimators import three_way, trees
from models_ml.domain.estimators.three_way import ThreeWay
from models_ml.domain.estimators.trees import Rows
from models_ml.domain.soccer_v1 import SOCCER_V1

ROWS, SINGLES = 50_000, 500


def estimator() -> tuple[ThreeWay, np.ndarray, bytes]:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(ROWS, len(SOCCER_V1.features)))
    market = rng.dirichlet([5, 3, 4], size=ROWS)
    values[:, list(SOCCER_V1.market)] = market
    tilted = market * np.exp(0.4 * values[:, [0]] * [1, 0, -1])
    tilted /= tilted.sum(axis=1, keepdims=True)
    outcomes = (rng.random(ROWS)[:, None] > np.cumsum(tilted, axis=1)[:, :-1]).sum(axis=1)
    starts, split = three_way.starts_of(values, SOCCER_V1), splitting.in_time_order(np.arange(ROWS))
    train, validation = (
        Rows(values[part], starts[part], outcomes[part]) for part in (split.train, split.validation)
    )
    content, _ = trees.grow(
        train=train, validation=validation, objective=three_way.SOFTMAX,
        parameters={"rounds": 200}, seed=0,
    )  # fmt: skip
    calibration = calibrating.tempered(1.1)
    model = three_way.bare(content=content, columns=SOCCER_V1, calibration=calibration)
    return model, values, content


def served(content: bytes, values: np.ndarray) -> Callable[[np.ndarray], object]:
    """Return the service's answer to home, draw and away of rows, by a version on the disk."""
    from models_ml.domain.estimators import base
    from models_ml.models import ModelVersion, Pipeline
    from models_ml.services import answering, loading, storing

    calibration = calibrating.tempered(1.1)
    name, sha256 = storing.write(pipeline_code="bench", number=1, content=content)
    model = three_way.bare(content=content, columns=SOCCER_V1, calibration=calibration)
    pipeline = Pipeline(code="bench", feature_set=SOCCER_V1.name, market_kind="MATCH_ODDS")
    version = ModelVersion(
        pk=1, pipeline=pipeline, number=1, artefact=name, artefact_sha256=sha256,
        features_sha256=SOCCER_V1.sha256, calibration=calibration,
        metrics={"golden": loading.golden(estimator=model, values=values[:3])},
    )  # fmt: skip

    def ask(rows: np.ndarray) -> object:
        n = len(rows)
        questions = base.questions(
            kind="MATCH_ODDS", row=np.repeat(np.arange(n), 3), place=np.tile(np.arange(3), n)
        )
        return answering.answer(version=version, values=rows, questions=questions)

    return ask


def percentiles(contestants: dict[str, Callable[[int], object]]) -> dict[str, float]:
    """Return the 95th percentile of each contestant's single calls, in turn call by call."""
    took: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(SINGLES):
        for name, run in contestants.items():
            began = time.perf_counter()
            run(number)
            took[name].append(time.perf_counter() - began)
    return {name: float(np.quantile(seconds, 0.95)) for name, seconds in took.items()}


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.conf import settings

    from models_ml.services import answering

    model, values, content = estimator()
    base = three_way.starts_of(values, SOCCER_V1)
    bare = model.trees.booster.inplace_predict
    with tempfile.TemporaryDirectory(prefix="clb-") as folder:
        settings.ARTEFACT_DIR = folder
        ask = served(content, values)
        ask(values[:1])

        def ours() -> None:
            answering.forget()
            for i in range(SINGLES):
                ask(values[i : i + 1])

        single = medians(
            {
                "ours": ours,
                "estimator": lambda: [
                    model.probabilities(values[i : i + 1]) for i in range(SINGLES)
                ],
                "inplace_predict": lambda: [
                    bare(values[i : i + 1], base_margin=base[i : i + 1]) for i in range(SINGLES)
                ],
            }
        )
        report(bench="P5", work="one row", n=SINGLES, seconds=single)
        answering.forget()
        report(
            bench="P5",
            work="one row, 95 % of calls",
            n=1,
            seconds=percentiles(
                {
                    "ours": lambda i: ask(values[i : i + 1]),
                    "kept": lambda i: ask(values[i : i + 1]),
                    "inplace_predict": lambda i: bare(
                        values[i : i + 1], base_margin=base[i : i + 1]
                    ),
                }
            ),
        )
        batch = medians(
            {
                "ours": lambda: ask(values),
                "estimator": lambda: model.probabilities(values),
                "inplace_predict": lambda: bare(values, base_margin=base),
            }
        )
        report(bench="P5", work="a batch", n=ROWS, seconds=batch)


if __name__ == "__main__":
    main()
