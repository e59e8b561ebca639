"""P10: deciding and placing on paper, from stored predictions to bets that the venue has answered.

``python -m benchmarks.p10_placing``.  Every event has a 1X2 market at two books.  "batch": all
events are decided at once, then placed a hundred at a time, under the bankroll's lock, with limits,
audit and the venue's answer.  "one": an event by itself, decided and placed; prints the median and
95th percentile in milliseconds.  Floor: a row per bet copied into a table of the same columns.
"""

import json
import os
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.side_by_side import report

os.environ.setdefault("OMP_NUM_THREADS", "1")
EVENTS, CHUNK, SINGLE = 1_000, 100, 200


def main() -> None:
    from config import engines

    with tempfile.TemporaryDirectory(prefix="clb-") as folder:
        home = Path(folder)
        os.environ["CLOSINGLINE_HOME"] = folder
        os.environ["CLOSINGLINE_ENVIRONMENT"] = "test"
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        with engines.postgres(home, throw_away=True), engines.valkey(home, throw_away=True):
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", verbosity=0)
            measure()


def measure() -> None:
    from django.db import connection

    from betting.models import Bet

    strategy = _a_strategy()
    events = [_predicted() for _ in range(EVENTS + SINGLE)]
    with connection.cursor() as cursor:
        cursor.execute("analyze")
    batch, singly = events[:EVENTS], events[EVENTS:]
    begun = time.perf_counter()
    decided = _decide(strategy, [one for event in batch for one in event])
    deciding = time.perf_counter() - begun
    begun = time.perf_counter()
    for start in range(0, len(decided), CHUNK):
        _place(decided[start : start + CHUNK])
    placing = time.perf_counter() - begun
    placed = Bet.objects.filter(status="ACCEPTED").count()
    if placed != EVENTS:
        raise SystemExit(f"{placed} of {EVENTS} bets were placed: nothing was measured")
    report(bench="P10", work="decide 1X2, three candidates an event", n=3 * EVENTS,
           seconds={"ours": deciding})  # fmt: skip
    report(bench="P10", work="place on paper, 100 at a time", n=placed,
           seconds={"ours": placing, "floor": _floor(placed)})  # fmt: skip
    took = []
    for event in singly:
        begun = time.perf_counter()
        _place(_decide(strategy, event))
        took.append(1e3 * (time.perf_counter() - begun))
    assert Bet.objects.filter(status="ACCEPTED").count() == EVENTS + SINGLE
    middle, high = np.median(took), np.quantile(took, 0.95)
    told = {"ms": round(float(middle), 1), "p95_ms": round(float(high), 1)}
    print(json.dumps({"bench": "P10", "work": "decide and place one event", **told}))


def _a_strategy() -> Any:
    from tests.betting import builders

    wide = {f"max_{name}_share": 1.0 for name in ("event", "day", "open")}
    bankroll = builders.a_bankroll("1000000000.00")
    return builders.a_strategy(
        bankroll=bankroll, staking="FLAT", flat_stake=Decimal(10), max_stake_share=1.0, **wide
    )


def _predicted() -> list[int]:
    from tests.betting import builders

    event = builders.an_event_with_prices()
    return [prediction.pk for prediction in builders.predictions_of(event)]


def _decide(strategy: Any, predictions: list[int]) -> list[int]:
    from betting.services import deciding
    from tests.betting import builders

    found = deciding.decide(
        strategy=strategy, prediction_ids=predictions, as_of=builders.NOON, now=builders.NOON
    )
    return [one.pk for one in found if one.verdict == "BET"]


def _place(decisions: list[int]) -> None:
    from betting.services import placing
    from tests.betting import builders

    placing.place(decision_ids=decisions, as_of=builders.NOON, now=builders.NOON, actor="bench")


def _floor(n: int) -> float:
    """Return the seconds of copying the bets' own rows into a table without keys."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("create temporary table floor as select * from betting_bet limit 0")
        cursor.execute("select * from betting_bet limit %s", [n])
        rows = cursor.fetchall()
        begun = time.perf_counter()
        with cursor.copy("copy floor from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        return time.perf_counter() - begun


if __name__ == "__main__":
    main()
