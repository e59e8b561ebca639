"""Many workers settling the same bets at once: each bet is settled by one of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from settlements.services import ledger, settling
from tests.settlements import crowds
from tests.settlements.builders import NOON

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
WORKERS = 8


def work(as_of):
    try:
        return settling.settle_due(
            as_of=as_of, now=NOON, actor="test", chunk=40, with_imbalance=False
        )
    finally:
        connection.close()


def all_at_once(as_of):
    with ThreadPoolExecutor(WORKERS) as workers:
        return list(workers.map(work, [as_of] * WORKERS))


def test_eight_workers_settle_each_bet_once_and_correct_it_once():
    owners, matches = crowds.a_crowd(bets=1_600, seed=5)
    crowds.play(matches, seed=5)
    assert sum(report.settled for report in all_at_once(NOON)) == 1_600
    crowds.assert_settled_once(owners)

    crowds.play(matches, seed=6, known_at=NOON + timedelta(days=1))
    assert sum(report.resettled for report in all_at_once(NOON + timedelta(days=1))) == 1_600
    crowds.assert_settled_once(owners, revisions=2)


def test_money_may_move_beside_them():
    owners, matches = crowds.a_crowd(bets=800, bankrolls=1, seed=7)
    crowds.play(matches, seed=7)
    (owner,) = owners

    def deposit(number):
        try:
            ledger.deposit(
                bankroll_id=owner.pk,
                amount=Decimal("1.00"),
                reference=f"d{number}",
                actor="test",
                now=NOON,
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as workers:
        deposits = [workers.submit(deposit, number) for number in range(20)]
        settled = [workers.submit(work, NOON) for _ in range(3)]
        for each in deposits:
            each.result()
        assert sum(each.result().settled for each in settled) == 800

    owner.refresh_from_db()
    assert ledger.imbalance() == Decimal("0.00")
    assert owner.balance == Decimal("1000020.00") + sum(
        owner.bets.values_list("profit", flat=True), Decimal(0)
    )
