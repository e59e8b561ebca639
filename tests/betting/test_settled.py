from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest

from betting.models import Bet
from betting.services import settled
from betting.services.settled import SettledBets
from tests.betting.builders import NOON, a_bet, an_event

pytestmark = pytest.mark.django_db


def mark(bets: Sequence[Bet], cents: int = 1_000, outcome: str = "WON") -> int:
    """Settle bets alike, without commission."""
    same = np.ones(len(bets), dtype=np.int64)
    ids = np.array([bet.pk for bet in bets], dtype=np.int64)
    rows = SettledBets(ids, same, same * cents, same * 0, [outcome])
    return settled.mark_settled(bets=rows, at=NOON)


class TestMarkSettled:
    def test_settles_many_in_one_statement(self, django_assert_num_queries):
        bets = [a_bet(event=an_event()) for _ in range(3)]
        with django_assert_num_queries(1):
            assert mark(bets) == 3
        for bet in Bet.objects.all():
            assert (bet.status, bet.outcome, bet.profit) == ("SETTLED", "WON", Decimal("10.00"))
            assert bet.settled_at == NOON

    def test_settles_again_what_a_corrected_result_changed(self):
        bet = a_bet()
        mark([bet])
        assert mark([bet], -1_000, "LOST") == 1
        bet.refresh_from_db()
        assert (bet.outcome, bet.profit) == ("LOST", Decimal("-10.00"))

    @pytest.mark.parametrize("status", ["RESERVED", "UNKNOWN", "REJECTED", "CANCELLED"])
    def test_leaves_a_bet_that_no_venue_holds(self, status):
        assert mark([a_bet(status=status)]) == 0
        assert Bet.objects.get().status == status

    def test_of_nothing_is_nothing(self):
        assert mark([]) == 0


@pytest.mark.django_db(transaction=True)
def test_settling_needs_the_transaction_that_moves_the_money():
    with pytest.raises(RuntimeError, match="transaction"):
        mark([a_bet()])
