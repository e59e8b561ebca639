"""P3: rolling as-of features of 100,000 matches, and soccer_v1 of 50,000 with what a night adds.

``python -m benchmarks.p3_features``.  Rolling: mean points, goals for and against of both sides
over 5 and 10 matches.  Floor: numpy cumulative sums where sorting is done.  Peers: pandas, the
way sports-betting goes about it (a group-by of windows, then a group-by to shift them) and, where
it is installed, polars.  Corrections: one match in a hundred is told otherwise within two weeks,
and every ask sees what was known by then.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.side_by_side import medians, report
from models_ml.domain import features
from models_ml.domain.asof import Appearances
from models_ml.domain.facts import EVER, NONE, Asks, Facts, Fixtures, Results
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.domain.world import pairwise

N, SIDES, HOUR = 100_000, 1_000, 3_600_000_000
DAY = 24 * HOUR
SIZES, NAMES = (5, 10), ("points", "scored", "conceded")


def _rounds(*, n: int, sides: int, leagues: int) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    """Return home, away, league and round: each side plays once a round in its league."""
    rng = np.random.default_rng(1)
    in_round = leagues * (sides // 2)
    order = np.stack(
        [
            rng.permuted(np.tile(np.arange(sides), (leagues, 1)), axis=1)
            for _ in range(n // in_round)
        ]
    )
    pairs = order.reshape(-1, leagues, sides // 2, 2) + 1000 * np.arange(leagues)[:, None, None]
    league = np.broadcast_to(np.arange(leagues)[:, None], pairs.shape[1:3])
    flat = pairs.reshape(-1, 2)
    leagues_of = np.tile(league.ravel(), len(order))
    return flat[:, 0].copy(), flat[:, 1].copy(), leagues_of, np.arange(len(flat)) // in_round


HOME, AWAY, _, ROUND = _rounds(n=N, sides=SIDES, leagues=1)
GOALS = np.random.default_rng(2).poisson(1.4, size=(N, 2))


def ours() -> list[NDArray]:
    positions = np.arange(N)
    both = Appearances(
        keys=LONG["side"], positions=np.repeat(positions, 2), n_positions=N,
        columns={name: LONG[name] for name in NAMES},
    )  # fmt: skip
    seen = [both.before(keys=keys, positions=positions) for keys in (HOME, AWAY)]
    return [side.mean(name, size) for side in seen for size in SIZES for name in NAMES]


def floor() -> list[NDArray]:
    """Return the sums alone, on appearances that are sorted already."""
    found = []
    for values in SORTED:
        sums = np.concatenate([[0], np.cumsum(values)])
        for size in SIZES:
            found.append((sums[size:-1] - sums[: -size - 1]) / size)
    return found


SORTED = [np.random.default_rng(3).integers(0, 4, 2 * N) for _ in NAMES]


def pandas() -> object:
    import pandas as pd

    frame = pd.DataFrame(LONG)
    grouped = frame.groupby("side", sort=False)
    found = [
        grouped[name].transform(lambda x, s=size: x.shift().rolling(s).mean())
        for size in SIZES
        for name in NAMES
    ]
    return found


def sports_betting() -> object:
    import pandas as pd

    frame = pd.DataFrame(LONG).sort_values("side", kind="stable")
    for size in SIZES:
        latest = [f"{name}{size}" for name in NAMES]
        windows = frame.groupby("side")[list(NAMES)].rolling(window=size, min_periods=size)
        frame[latest] = windows.mean().to_numpy()
        frame[latest] = frame.groupby("side")[latest].shift(1)
    return frame.sort_index()


def polars() -> object:
    import polars as pl

    frame = pl.DataFrame(LONG)
    return frame.with_columns(
        pl.col(name).shift().rolling_mean(size).over("side").alias(f"{name}{size}")
        for size in SIZES
        for name in NAMES
    )


def polars_as_of() -> object:
    """Do what ours does: a side may be asked about at any moment, not only where it plays next."""
    import polars as pl

    told = pl.DataFrame({**LONG, "position": np.repeat(np.arange(N), 2)})
    windows = told.select(
        "side",
        "position",
        *[
            pl.col(name).rolling_mean(size).over("side").alias(f"{name}{size}")
            for size in SIZES
            for name in NAMES
        ],
    ).set_sorted("position")
    asks = [pl.DataFrame({"side": side, "position": np.arange(N)}) for side in (HOME, AWAY)]
    return [
        ask.set_sorted("position").join_asof(
            windows, on="position", by="side", allow_exact_matches=False, check_sortedness=False
        )
        for ask in asks
    ]


def _long() -> dict[str, NDArray]:
    scored, conceded = pairwise(GOALS[:, 0], GOALS[:, 1]), pairwise(GOALS[:, 1], GOALS[:, 0])
    points = np.where(scored > conceded, 3, (scored == conceded).astype(np.int64))
    return {"side": pairwise(HOME, AWAY), "points": points, "scored": scored, "conceded": conceded}


LONG = _long()


def leagues(*, n: int, sides: int = 20, count: int = 6) -> Facts:
    """Return seasons of six leagues of 20: every match known two hours after its start."""
    home, away, league, round_ = _rounds(n=n, sides=sides, leagues=count)
    starts = round_ * 7 * DAY
    rows = len(home)
    goals = np.random.default_rng(4).poisson(1.4, size=(rows, 2))
    season = round_ // 38
    return replace(
        Facts.nothing(),
        fixtures=Fixtures.of(
            {
                "event": np.arange(rows), "competition": league, "season": season,
                "season_rank": season, "home": home, "away": away, "starts_at": starts,
                "known_at": np.full(rows, EVER), "local_day": starts // DAY,
                "certainty": np.zeros(rows), "is_on": np.ones(rows),
                "is_neutral": np.zeros(rows), "round": round_ % 38, "time_scale": np.ones(rows),
            }
        ),
        results=Results.of(
            {
                "event": np.arange(rows), "version": np.ones(rows),
                "known_at": starts + 2 * HOUR, "is_final": np.ones(rows),
                "home_score": goals[:, 0], "away_score": goals[:, 1],
            }
        ),
    )  # fmt: skip


def asked(facts: Facts, last: int | None = None) -> Asks:
    events = facts.fixtures.event if last is None else facts.fixtures.event[-last:]
    starts = facts.fixtures.starts_at[events]
    return Asks(events, np.full(len(events), NONE), starts - HOUR)


def corrected(facts: Facts, *, share: float, days: int) -> Facts:
    """Return facts in which some results are told otherwise some days after they were known."""
    rng, told = np.random.default_rng(7), facts.results
    rows = np.sort(rng.choice(len(told), int(len(told) * share), replace=False))
    first = {name: getattr(told, name) for name in told.columns()}
    again = {name: values[rows].copy() for name, values in first.items()}
    again["version"] += 1
    again["known_at"] += rng.integers(1, days * 24, len(rows)) * HOUR
    again["home_score"] += 1
    both = {name: np.concatenate([first[name], again[name]]) for name in first}
    return replace(facts, results=Results.of(both))


def _report_corrections() -> None:
    n = 20_000
    facts = corrected(leagues(n=n, count=1), share=0.01, days=14)
    asks = asked(facts)
    seconds = medians(
        {"ours": lambda: features.compute(feature_set=SOCCER_V1, facts=facts, asks=asks)}, repeat=3
    )
    work = "soccer_v1 of one league, one result in 100 corrected"
    report(bench="P3", work=work, n=n, seconds=seconds)


def _report_growth() -> None:
    for n in (5_000, 50_000, 500_000):
        facts = leagues(n=n)
        asks = asked(facts)
        seconds = medians(
            {
                "ours": lambda f=facts, a=asks: features.compute(
                    feature_set=SOCCER_V1, facts=f, asks=a
                )
            },
            repeat=3,
        )
        report(bench="P3", work="soccer_v1, every row as of its own time", n=n, seconds=seconds)
        if n == 50_000:
            asks = asked(facts, last=50)
            seconds = medians(
                {"ours": lambda f=facts, a=asks: features.compute(
                    feature_set=SOCCER_V1, facts=f, asks=a
                )},
                repeat=3,
            )  # fmt: skip
            report(bench="P3", work="soccer_v1, 50 more after 50,000", n=50, seconds=seconds)


def main() -> None:
    contestants = {
        "ours": ours,
        "floor": floor,
        "pandas": pandas,
        "sports_betting": sports_betting,
    }
    try:
        import polars as _  # noqa: F401

        contestants |= {"polars": polars, "polars_as_of": polars_as_of}
    except ImportError:
        print("polars is not installed: no peer in this run")
    seconds = medians(contestants, repeat=5)
    report(bench="P3", work="rolling means of both sides", n=N, seconds=seconds)
    _report_growth()
    _report_corrections()


if __name__ == "__main__":
    main()
