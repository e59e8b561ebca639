"""P9: settling bets with a ledger, beside the set-based floor, in one run.

    python benchmarks/p9_settlement.py [--bets 100000]

Starts a throw-away PostgreSQL, accepts the bets, and settles them twice: through
``settling.settle_due`` (first settlement, then a corrected result), and as the floor through one
update and two ledger inserts written by hand, which knows no rules, no corrections, no audit.
Prints one JSON object: bets per second of each, and the ratio.
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

FLOOR = (
    "create temp table floor_bet as select id, stake, price, bankroll_id, status, profit"
    " from betting_bet",
    "create temp table floor_ledger (account bigint, bet bigint, amount numeric(14,2))",
    "begin",
    "update floor_bet set status = 'SETTLED', profit = round(stake * (price - 1), 2)",
    "insert into floor_ledger select bankroll_id, id, profit from floor_bet",
    "insert into floor_ledger select -bankroll_id, id, -profit from floor_bet",
    "commit",
)


def seconds(work, *arguments, **named) -> float:
    began = perf_counter()
    work(*arguments, **named)
    return perf_counter() - began


def floor() -> float:
    """Return the seconds of the hand-written statements, without their preparation."""
    from django.db import connection

    with connection.cursor() as cursor:
        for statement in FLOOR[:2]:
            cursor.execute(statement)
        return seconds(lambda: [cursor.execute(statement) for statement in FLOOR[2:]])


def measure(bets: int) -> dict[str, float]:
    from settlements.services import ledger, settling
    from tests.settlements import crowds
    from tests.settlements.builders import NOON

    _, matches = crowds.a_crowd(bets=bets, bankrolls=5, events=200)
    crowds.play(matches)
    terms = {"now": NOON, "actor": "bench", "with_imbalance": False}
    lowest = floor()
    first = seconds(settling.settle_due, as_of=NOON, **terms)
    again = seconds(settling.settle_due, as_of=NOON, **terms)
    later = NOON + timedelta(days=1)
    crowds.play(matches, seed=1, known_at=later)
    corrected = seconds(settling.settle_due, as_of=later, **terms)
    reckoning = seconds(ledger.imbalance)
    assert not ledger.imbalance()
    return {
        "bets": bets,
        "settled_per_second": round(bets / first),
        "corrected_per_second": round(bets / corrected),
        "floor_per_second": round(bets / lowest),
        "ratio_to_floor": round(lowest / first, 3),
        "nothing_due_seconds": round(again, 4),
        "imbalance_seconds": round(reckoning, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bets", type=int, default=100_000)
    bets = parser.parse_args().bets
    with tempfile.TemporaryDirectory(prefix="clb-") as home:
        Path(home).chmod(0o755)
        os.environ.update(CLOSINGLINE_HOME=home, DJANGO_SETTINGS_MODULE="config.settings")
        from config import engines

        with engines.postgres(Path(home)):
            import django

            django.setup()
            from django.core.management import call_command
            from django.db import connection

            call_command("migrate", verbosity=0)
            print(json.dumps(measure(bets)))
            connection.close()


if __name__ == "__main__":
    main()
