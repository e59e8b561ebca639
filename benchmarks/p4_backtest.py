"""P4: a backtest of ten seasons of 380 matches with exact money, and a grid of 120 cells over them.

``python -m benchmarks.p4_backtest``.  Ours chooses the best of five books, stakes a quarter of
Kelly under four limits on the money of the betting day, settles to the cent and holds each bet
against the close.  The floors: the same bets in a loop with Decimal, and flat stakes in numpy.
Optional peer:
penaltyblog, one price, a Kelly stake, no limit and no close.  With REAL_DATA_DIR: five seasons of
six leagues from football-data's files, the market's own probabilities against the best price.
"""

import csv
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.side_by_side import medians, report
from markets.domain import odds
from settlements.domain import rules
from settlements.domain.backtesting import calendars, engine, grids, history, measuring
from settlements.domain.backtesting.history import History
from settlements.domain.backtesting.plans import Plan

SEASONS, MATCHES, A_DAY, BOOKS = 10, 380, 10, 5
N = SEASONS * MATCHES
HOUR, DAY = 3_600_000_000, 86_400_000_000
BEGIN = 1_407_585_600_000_000  # 2014-08-09 12:00 UTC
LONDON = ZoneInfo("Europe/London")
WON, LOST = (rules.OUTCOMES.index(one) for one in (rules.Outcome.WON, rules.Outcome.LOST))
PLAN = Plan()
AXES = {
    "min_edge": [0.01, 0.02, 0.03, 0.05, 0.07, 0.1],
    "min_probability": [0.0, 0.2, 0.3, 0.4, 0.5],
    "kelly_fraction": [0.1, 0.25, 0.5, 1.0],
}
FILES = tuple(f"{code}_{year}" for code in ("D1", "E0", "E1", "F1", "I1", "SP1")
              for year in ("1920", "2021", "2122", "2223", "2324"))  # fmt: skip
QUOTED = ("B365", "BW", "IW", "PS", "WH", "VC")


def _world() -> History:
    """Return matches with prices around what they are worth, and a model that knows a little."""
    random = np.random.default_rng(4)
    worth = random.dirichlet([5.0, 3.0, 4.0], size=N)
    model = worth * np.exp(random.normal(0, 0.05, (N, 3)))
    close = worth * np.exp(random.normal(0, 0.02, (N, 3)))
    margin = np.exp(random.normal(0.055, 0.02, (N, 3, BOOKS)))
    prices = np.clip((1000 / (worth[:, :, None] * margin)).round(-1), 1010, 90_000)
    came = (random.random(N)[:, None] > np.cumsum(worth, axis=1)).sum(axis=1)
    starts = BEGIN + np.arange(N) // A_DAY * 4 * DAY
    return _history(starts, prices, model, close, came)


def _history(
    starts: np.ndarray, prices: np.ndarray, model: np.ndarray, close: np.ndarray, came: np.ndarray
) -> History:
    n, _, books = prices.shape
    event = np.repeat(np.arange(n), 3)
    mornings = calendars.mornings(starts=starts, as_of=starts - HOUR)
    paid = calendars.paid_at(known=starts + 2 * HOUR, moments=mornings)
    fair = close / close.sum(axis=1, keepdims=True)
    return history.check(
        History(
            kind="MATCH_ODDS",
            books=tuple(history.Book(at, f"book{at}") for at in range(books)),
            event=event,
            market=event,
            selection=np.arange(3 * n),
            role=np.tile(["HOME", "DRAW", "AWAY"], n),
            quarters=np.full(3 * n, np.nan),
            starts=np.repeat(starts, 3),
            as_of=np.repeat(starts - HOUR, 3),
            probability=(model / model.sum(axis=1, keepdims=True)).ravel(),
            refund=np.zeros(3 * n),
            prices=prices.astype(np.int32).reshape(3 * n, books),
            ages=np.full((3 * n, books), 60.0),
            sport=np.ones(3 * n, dtype=np.int64),
            competition=np.ones(3 * n, dtype=np.int64),
            home=np.full(3 * n, 1),
            away=np.full(3 * n, 2),
            outcome=np.where(np.tile([0, 1, 2], n) == np.repeat(came, 3), WON, LOST),
            settles=np.repeat(paid, 3),
            close=fair.ravel(),
            close_price=(0.97 / fair).ravel(),
        )
    )


WORLD = _world()
BEST = WORLD.prices.max(axis=1)


def ours() -> None:
    """Appraise, choose, stake, settle and value anew; the history alone is at hand."""
    bets = engine.run(engine.Ground(WORLD), PLAN)
    measuring.brief(bets, PLAN)


def ours_grid() -> None:
    changes = grids.cells(PLAN, AXES)
    assert len(changes) == 120
    for _ in grids.run(engine.Ground(WORLD), PLAN, changes):
        pass


def decimal_loop() -> None:
    """Bet a quarter of Kelly on each edge, one by one, in Decimal; no limit, no close."""
    money, cent = Decimal("10000.00"), Decimal("0.01")
    rows = zip(WORLD.probability.tolist(), BEST.tolist(), WORLD.outcome.tolist(), strict=True)
    for chance, price, outcome in rows:
        edge = chance * price / 1000 - 1
        if edge >= 0.02:
            share = Decimal(repr(edge / (price / 1000 - 1) / 4))
            stake = (money * share).quantize(cent, rounding=ROUND_DOWN)
            gain = Decimal(price).scaleb(-3) - 1
            money += (stake * gain).quantize(cent) if outcome == WON else -stake


def numpy_flat() -> None:
    """Bet flat stakes on each edge, all at once."""
    price = WORLD.prices.max(axis=1) / 1000.0
    bet = WORLD.probability * price - 1.0 >= 0.02
    profit = np.where(WORLD.outcome[bet] == WON, price[bet] - 1.0, -1.0)
    np.cumsum(profit)


def _penaltyblog() -> Callable[[], None]:
    os.environ["TQDM_DISABLE"] = "1"  # its bar costs more than a bet
    import pandas as pd
    from penaltyblog import backtest

    days = pd.to_datetime(WORLD.starts[::3], unit="us")
    frame = pd.DataFrame({"date": days})
    for place, role in enumerate(("home", "draw", "away")):
        frame[f"p_{role}"] = WORLD.probability[place::3]
        frame[f"price_{role}"] = BEST[place::3] / 1000.0
        frame[f"won_{role}"] = (WORLD.outcome[place::3] == WON).astype(int)

    def logic(ctx: object) -> None:
        row = ctx.fixture  # type: ignore[attr-defined]
        for role in ("home", "draw", "away"):
            price, chance = row[f"price_{role}"], row[f"p_{role}"]
            edge = chance * price - 1.0
            if edge >= 0.02:
                stake = edge / (price - 1.0) / 4 * ctx.account.current_bankroll  # type: ignore[attr-defined]
                ctx.account.place_bet(price, stake, row[f"won_{role}"])  # type: ignore[attr-defined]

    def run() -> None:
        made = backtest.Backtest(frame.copy(), str(days.min().date()), str(days.max().date()))
        made.start(10_000, logic)
        made.results()

    return run


def _real(folder: Path) -> History:
    """Return six leagues' five seasons; the probabilities are the market's own, margin-free."""
    rows: list[tuple[int, list[float], list[float], int]] = []
    for name in FILES:
        with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                try:
                    told = f"{row['Date']} {row['Time']}"
                    starts = datetime.strptime(told, "%d/%m/%Y %H:%M").replace(tzinfo=LONDON)
                    close = [float(row[f"PSC{role}"]) for role in "HDA"]
                    quoted = [float(row.get(f"{book}{role}") or 0)
                              for role in "HDA" for book in QUOTED]  # fmt: skip
                    came = "HDA".index(row["FTR"])
                except (ValueError, KeyError):
                    continue  # a row without its closing prices, or no match
                at = (starts - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
                rows.append((at, quoted, close, came))
    rows.sort(key=lambda row: row[0])
    starts = np.array([row[0] for row in rows])
    prices = np.array([row[1] for row in rows]).reshape(-1, 3, len(QUOTED))
    sharp = prices[:, :, QUOTED.index("PS")]
    whole = (sharp > 1.0).all(axis=1)
    model, close = (
        odds.remove_margin(quoted[whole], method="shin").probabilities
        for quoted in (sharp, np.array([row[2] for row in rows]))
    )
    known = np.isfinite(model).all(axis=1) & np.isfinite(close).all(axis=1)
    pick = np.flatnonzero(whole)[known]
    milli = np.where(prices[pick] > 1.0, (prices[pick] * 1000).round(), 0)
    return _history(starts[pick], milli, model[known], close[known],
                    np.array([row[3] for row in rows])[pick])  # fmt: skip


def real(folder: Path) -> None:
    begun = time.perf_counter()
    world = _real(folder)
    read = time.perf_counter() - begun
    plan = Plan(min_edge=0.0, max_price=Decimal(10))
    told = {}

    def run() -> None:
        bets = engine.run(engine.Ground(world), plan)
        told.update(measuring.brief(bets, plan))

    seconds = medians({"ours": run}, repeat=3)
    n = len(world) // 3
    report(bench="P4", work="backtest, five seasons of six leagues", n=n, seconds=seconds)
    print({"read_seconds": round(read, 2), "matches": n, **told})


def main() -> None:
    contestants = {"ours": ours, "decimal_loop": decimal_loop, "numpy_flat": numpy_flat}
    try:
        contestants["penaltyblog"] = _penaltyblog()
    except ImportError:
        print("penaltyblog is not installed: no peer in this run")
    seconds = medians(contestants, repeat=5)
    report(bench="P4", work="backtest, ten seasons of 380, exact money", n=N, seconds=seconds)
    both = medians({"ours": ours, "grid": ours_grid}, repeat=3)
    times = both["grid"] / both["ours"]
    report(bench="P4", work="grid of 120 over ten seasons", n=N * 120,
           seconds={"ours": both["grid"], "one_by_one": 120 * both["ours"]})  # fmt: skip
    print(f"a grid of 120 takes as long as {times:.1f} single runs")
    folder = Path(os.environ.get("REAL_DATA_DIR", "../shared/data")) / "football_data"
    if folder.is_dir():
        real(folder)
    else:
        print(f"no real data at {folder}")


if __name__ == "__main__":
    main()
