from decimal import Decimal

import pytest

from betting.models import Bet
from betting.services import settled
from betting.services.settled import SettledBet
from tests.betting.builders import NOON, a_bet, an_event

pytestmark = pytest.mark.django_db


def a_row(bet: Bet, profit: str = "10.00", outcome: str = "WON") -> SettledBet:
    return SettledBet(bet.pk, outcome, Decimal(profit), NOON)


class TestMarkSettled:
    def test_settles_many_in_one_statement(self, django_assert_num_queries):
        bets = [a_bet(event=an_event()) for _ in range(3)]
        with django_assert_num_queries(1):
            assert settled.mark_settled(rows=[a_row(bet) for bet in bets]) == 3
        for bet in Bet.objects.all():
            assert (bet.status, bet.outcome, bet.profit) == ("SETTLED", "WON", Decimal("10.00"))
            assert bet.settled_at == NOON

    def test_settles_again_what_a_corrected_result_changed(self):
        bet = a_bet()
        settled.mark_settled(rows=[a_row(bet)])
        assert settled.mark_settled(rows=[a_row(bet, "-10.00", "LOST")]) == 1
        bet.refresh_from_db()
        assert (bet.outcome, bet.profit) == ("LOST", Decimal("-10.00"))

    @pytest.mark.parametrize("status", ["RESERVED", "UNKNOWN", "REJECTED", "CANCELLED"])
    def test_leaves_a_bet_that_no_venue_holds(self, status):
        assert settled.mark_settled(rows=[a_row(a_bet(status=status))]) == 0
        assert Bet.objects.get().status == status

    def test_of_nothing_is_nothing(self):
        assert settled.mark_settled(rows=[]) == 0


@pytest.mark.django_db(transaction=True)
def test_settling_needs_the_transaction_that_moves_the_money():
    with pytest.raises(RuntimeError, match="transaction"):
        settled.mark_settled(rows=[a_row(a_bet())])
