"""P9: settling bets with a ledger, beside two floors, in one run.

    python benchmarks/p9_settlement.py [--bets 100000] [--curve] [--workers 1,2,8]

Starts a throw-away PostgreSQL, accepts the bets, and settles them through ``settling.settle_due``:
first, then by corrected results.  The floors are written by hand and know no rules:

bare     one update and two ledger inserts on temporary tables without any constraint
as kept  one statement that writes the same rows into the same tables, with their constraints,
         indexes and triggers, for bets whose ends are known beforehand

Prints a JSON object per size: bets per second of each, and both ratios.  ``--curve`` adds a tenth
and a hundredth of the bets, ``--workers`` settles by so many at once.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

DRAWN = 10_000  # bets that are drawn one by one; more of them are copies
BARE = (
    "create temp table floor_bet as select id, stake, price, bankroll_id, status, profit"
    " from betting_bet",
    "create temp table floor_ledger (account bigint, bet bigint, amount numeric(14,2))",
    "begin",
    "update floor_bet set status = 'SETTLED', profit = round(stake * (price - 1), 2)",
    "insert into floor_ledger select bankroll_id, id, profit from floor_bet",
    "insert into floor_ledger select -bankroll_id, id, -profit from floor_bet",
    "commit",
)
AS_KEPT = """
with known as materialized (
    select b.id, b.bankroll_id, round(b.stake * (b.price - 1), 2) as profit, r.id as result_id
    from betting_bet b
    join markets_selection s on s.id = b.selection_id
    join markets_market m on m.id = s.market_id
    join markets_result r on r.event_id = m.event_id
), settled as (
    insert into settlements_settlement
        (bet_id, revision, result_id, outcome, profit, commission, working, settled_at)
    select id, 1, result_id, 'WON', profit, 0, '{}', now() from known returning id, bet_id, profit
), moved as (
    insert into settlements_ledgertransfer
        (kind, debit_id, credit_id, amount, settlement_id, reference, at)
    select 'SETTLEMENT', lost.id, cash.id, s.profit, s.id, concat_ws(':', 'settle', s.bet_id, 1),
           now()
    from settled s
    join known k on k.id = s.bet_id
    join settlements_ledgeraccount cash on cash.bankroll_id = k.bankroll_id and cash.kind = 'CASH'
    join settlements_ledgeraccount lost
      on lost.bankroll_id = k.bankroll_id and lost.kind = 'PROFIT_AND_LOSS'
    where s.profit <> 0
)
update betting_bet b set status = 'SETTLED', outcome = 'WON', profit = k.profit, settled_at = now()
from known k where k.id = b.id
"""
MORE = """
insert into betting_bet (bankroll_id, selection_id, book_id, venue, client_ref, venue_ref, side,
                         price, stake, status, status_reason, placed_at)
select bankroll_id, selection_id, book_id, venue, client_ref || '-' || n, '', side, price, stake,
       'ACCEPTED', '', placed_at
from betting_bet cross join generate_series(1, %s) n
"""


def seconds(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def floors(bets: int) -> dict[str, float]:
    """Return the seconds of both floors, each in a copy of the database that is thrown away."""
    import psycopg
    from django.db import connection

    name = connection.settings_dict["NAME"]
    connection.close()
    about = {
        "host": connection.settings_dict["HOST"],
        "user": connection.settings_dict["USER"],
        "autocommit": True,
    }
    with psycopg.connect(dbname="postgres", **about) as plain:
        plain.execute(f"create database {name}_floor template {name}")
        with psycopg.connect(dbname=f"{name}_floor", **about) as copy:
            for statement in BARE[:2]:
                copy.execute(statement)
            bare = seconds(lambda: [copy.execute(statement) for statement in BARE[2:]])
            as_kept = seconds(lambda: copy.execute(AS_KEPT))
        plain.execute(f"drop database {name}_floor")
    return {"bare": bare, "as_kept": as_kept}


def settle(as_of: datetime, workers: int) -> None:
    from django.db import connection

    from settlements.services import settling

    def work(number: int) -> None:
        settling.settle_due(as_of=as_of, now=as_of, actor="bench", with_imbalance=False)
        if workers > 1:
            connection.close()

    if workers == 1:
        work(0)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(workers)))


def accept(bets: int) -> list[object]:
    """Accept bets on two hundred matches that were played; return the matches."""
    from django.db import connection, transaction

    from tests.settlements import crowds

    with transaction.atomic():
        _, matches = crowds.a_crowd(bets=min(bets, DRAWN), bankrolls=5, events=200)
        crowds.play(matches)
        with connection.cursor() as cursor:
            cursor.execute("set local statement_timeout = 0")
            if bets > DRAWN:
                cursor.execute(MORE, [bets // DRAWN - 1])
    with connection.cursor() as cursor:
        cursor.execute("set statement_timeout = 0")
        cursor.execute("vacuum analyze betting_bet, markets_result, markets_selection")
    return list(matches)


def measure(bets: int, workers: int) -> dict[str, float]:
    from django.db import connection, transaction

    from settlements.services import ledger
    from tests.settlements import crowds
    from tests.settlements.builders import NOON

    matches = accept(bets)
    lowest = floors(bets)
    first = seconds(lambda: settle(NOON, workers))
    again = seconds(lambda: settle(NOON, 1))
    later = NOON + timedelta(days=1)
    with transaction.atomic():
        crowds.play(matches, seed=1, known_at=later)
    corrected = seconds(lambda: settle(later, workers))
    with connection.cursor() as cursor:
        cursor.execute("set statement_timeout = 0")
    reckoning = seconds(ledger.imbalance)
    assert not ledger.imbalance()
    return {
        "bets": bets,
        "workers": workers,
        "settled_per_second": round(bets / first),
        "corrected_per_second": round(bets / corrected),
        "floor_per_second": round(bets / lowest["bare"]),
        "ratio_to_floor": round(lowest["bare"] / first, 3),
        "floor_as_kept_per_second": round(bets / lowest["as_kept"]),
        "ratio_to_floor_as_kept": round(lowest["as_kept"] / first, 3),
        "ratio_of_corrections_as_kept": round(lowest["as_kept"] / corrected, 3),
        "nothing_due_seconds": round(again, 4),
        "imbalance_seconds": round(reckoning, 3),
    }


def every(sizes: Sequence[int], workers: Sequence[int]) -> None:
    """Measure each size and number of workers in a database of its own, all of one server."""
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    template = connection.settings_dict["NAME"]
    for number, (bets, each) in enumerate((b, w) for w in workers for b in sizes):
        connection.close()
        connection.settings_dict["NAME"] = "postgres"
        with connection.cursor() as cursor:
            cursor.execute(f"create database p9_{number} template {template}")
        connection.close()
        connection.settings_dict["NAME"] = f"p9_{number}"
        print(json.dumps(measure(bets, each)), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bets", type=int, default=100_000)
    parser.add_argument("--curve", action="store_true")
    parser.add_argument("--workers", default="1")
    asked = parser.parse_args()
    sizes = [asked.bets // 100, asked.bets // 10] if asked.curve else []
    with tempfile.TemporaryDirectory(prefix="clb-") as home:
        Path(home).chmod(0o755)
        os.environ.update(CLOSINGLINE_HOME=home, DJANGO_SETTINGS_MODULE="config.settings")
        from config import engines

        with engines.postgres(Path(home)):
            import django

            django.setup()
            from django.db import connection

            every([*sizes, asked.bets], [int(each) for each in asked.workers.split(",")])
            connection.close()


if __name__ == "__main__":
    main()
