"""P5: one prediction and a batch through the estimator, beside bare ``inplace_predict``.

``python -m benchmarks.p5_predict``.  One thread, as in a worker.
"""

import numpy as np

from benchmarks.side_by_side import medians, report
from models_ml.domain import boosting, calibrating, splitting
from models_ml.domain.boosting import Estimator, TrainingSet
from models_ml.domain.soccer_v1 import SOCCER_V1

ROWS, SINGLES = 50_000, 500


def estimator() -> tuple[Estimator, np.ndarray]:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(ROWS, len(SOCCER_V1.features)))
    market = rng.dirichlet([5, 3, 4], size=ROWS)
    values[:, list(SOCCER_V1.market)] = market
    tilted = market * np.exp(0.4 * values[:, [0]] * [1, 0, -1])
    tilted /= tilted.sum(axis=1, keepdims=True)
    outcomes = (rng.random(ROWS)[:, None] > np.cumsum(tilted, axis=1)[:, :-1]).sum(axis=1)
    rows = TrainingSet(np.arange(ROWS), np.arange(ROWS), values, outcomes)
    content, _ = boosting.fit(
        rows=rows,
        split=splitting.in_time_order(rows.starts),
        feature_set=SOCCER_V1,
        parameters={"rounds": 200},
        seed=0,
    )
    calibration = calibrating.tempered(1.1)
    return boosting.load(content=content, feature_set=SOCCER_V1, calibration=calibration), values


def main() -> None:
    model, values = estimator()
    base = boosting.base_margins(values, SOCCER_V1)
    bare = model.booster.inplace_predict
    single = medians(
        {
            "ours": lambda: [model.probabilities(values[i : i + 1]) for i in range(SINGLES)],
            "inplace_predict": lambda: [
                bare(values[i : i + 1], base_margin=base[i : i + 1]) for i in range(SINGLES)
            ],
        }
    )
    report(bench="P5", work="one row", n=SINGLES, seconds=single)
    batch = medians(
        {
            "ours": lambda: model.probabilities(values),
            "inplace_predict": lambda: bare(values, base_margin=base),
        }
    )
    report(bench="P5", work="a batch", n=ROWS, seconds=batch)


if __name__ == "__main__":
    main()
