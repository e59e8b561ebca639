from decimal import Decimal as D
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlements.domain import paying, runners
from settlements.domain.runners import Came, Undecided, Withdrawal
from settlements.domain.terms import Terms

USUAL, IN_FULL = Terms(), Terms(dead_heat="IN_FULL")
EXCHANGE, BOOK = Terms(non_runner="REDUCTION_FACTOR"), Terms(non_runner="RULE_4")


def came(*positions):
    return [Came(position=position) for position in positions]


def judged(field, place, places, terms=USUAL):
    found = runners.judge(runner=field[place], field=field, places=places, terms=terms)
    return found.outcome.value, found.wins


class TestARunner:
    @pytest.mark.parametrize(
        ("positions", "places", "expected"),
        [
            pytest.param((1, 2, 3), 1, ["WON", "LOST", "LOST"], id="a winner"),
            pytest.param((1, 2, 3, 4), 3, ["WON", "WON", "WON", "LOST"], id="three places"),
            pytest.param((1, 1, 3), 1, [F(1, 2), F(1, 2), "LOST"], id="two for first"),
            pytest.param((1, 1, 3), 2, ["WON", "WON", "LOST"], id="two for two places"),
            pytest.param((1, 2, 2, 2), 3, ["WON", F(2, 3), F(2, 3), F(2, 3)], id="three for two"),
            pytest.param((1, 2, None), 2, ["WON", "WON", "LOST"], id="one that fell"),
        ],
    )
    def test_shares_the_places_left_with_those_tied(self, positions, places, expected):
        field = [Came(position=one, is_placed=None if one else False) for one in positions]
        found = [judged(field, place, places) for place in range(len(field))]
        assert [share if 0 < share < 1 else outcome for outcome, share in found] == expected

    def test_is_paid_in_full_where_the_book_does(self):
        field = came(1, 1, 3)
        assert judged(field, 0, 1, IN_FULL) == ("WON", 1)
        assert judged(field, 2, 1, IN_FULL) == ("LOST", 0)

    def test_that_does_not_run_is_void(self):
        field = [*came(1, 2), Came(is_removed=True)]
        assert judged(field, 2, 1) == ("VOID", 0)

    def test_is_judged_by_who_won_where_nobody_tells_positions(self):
        field = [Came(is_winner=True), Came(is_winner=True), Came(is_winner=False)]
        assert [judged(field, place, 1) for place in (0, 2)] == [("WON", F(1, 2)), ("LOST", 0)]

    def test_of_too_many_placed_without_positions_is_undecided(self):
        field = [Came(is_placed=True)] * 4 + [Came(is_placed=False)]
        assert judged(field, 4, 3) == ("LOST", 0)
        with pytest.raises(Undecided, match="4 are placed for 3 places"):
            judged(field, 0, 3)

    def test_of_whom_nobody_tells_anything_is_undecided(self):
        with pytest.raises(Undecided, match="nobody tells how the runner came in"):
            judged([Came(), Came(position=1)], 0, 1)

    @given(
        positions=st.lists(st.integers(1, 12), min_size=1, max_size=20),
        places=st.integers(1, 6),
        in_full=st.booleans(),
    )
    def test_is_judged_alike_in_arrays(self, positions, places, in_full):
        field = came(*positions)
        ahead = np.array([sum(other < one for other in positions) for one in positions])
        tied = np.array([positions.count(one) for one in positions])
        found = runners.judge_many(
            ahead=ahead, tied=tied, places=np.full(len(field), places),
            in_full=np.full(len(field), in_full),
        )  # fmt: skip
        terms = IN_FULL if in_full else USUAL
        for row, (wins, loses, of) in enumerate(found.tolist()):
            one = runners.judge(runner=field[row], field=field, places=places, terms=terms)
            assert (F(wins, of), F(loses, of)) == (one.wins, one.loses)

    @given(positions=st.lists(st.integers(1, 6), min_size=1, max_size=12), places=st.integers(1, 4))
    def test_shares_no_more_than_the_places_there_are(self, positions, places):
        ranks = [1 + sum(other < one for other in positions) for one in positions]
        field = came(*ranks)
        shares = sum(judged(field, place, places)[1] for place in range(len(field)))
        assert shares == min(places, len(field))


class TestAReductionFactor:
    @pytest.mark.parametrize(
        ("price", "factors", "is_place", "paid"),
        [
            pytest.param("8.0", ["0.25"], False, "6.00", id="win"),
            pytest.param("8.0", ["0.25"], True, "6.25", id="place: of winnings alone"),
            pytest.param("8.6", ["0.162"], False, "7.21", id="Betfair's own example"),
            pytest.param("10", ["0.10", "0.20"], False, "7.20", id="each in its turn"),
            pytest.param("10", ["0.02"], False, "10", id="win: too small to count"),
            pytest.param("10", ["0.02"], True, "9.82", id="place: every one counts"),
            pytest.param("2.12", ["0.5"], False, "1.06", id="half"),
            pytest.param("1.20", ["0.5"], False, "1.01", id="never below the least price"),
        ],
    )
    def test_lowers_what_was_struck_before(self, price, factors, is_place, paid):
        gone = [Withdrawal(factor=D(factor)) for factor in factors]
        terms = {"withdrawn": gone, "is_place": is_place, "terms": EXCHANGE}
        assert runners.paid_price(price=D(price), **terms) == F(paid)

    def test_that_nobody_tells_is_not_guessed(self):
        with pytest.raises(Undecided, match="reduction factor"):
            runners.paid_price(
                price=D(8), withdrawn=[Withdrawal(price=D(3))], is_place=False, terms=EXCHANGE
            )

    def test_lowers_nothing_without_a_withdrawal_or_a_rule(self):
        gone = [Withdrawal(factor=D("0.5"), price=D(2))]
        assert runners.paid_price(price=D(8), withdrawn=[], is_place=False, terms=EXCHANGE) == 8
        assert runners.paid_price(price=D(8), withdrawn=gone, is_place=False, terms=USUAL) == 8


class TestRuleFour:
    @pytest.mark.parametrize(
        ("price", "withdrawn", "paid"),
        [
            pytest.param("11", ["1.40"], "4", id="Betfair: 10/1 and a 2/5 favourite gone"),
            pytest.param("5", ["12"], "5", id="an outsider costs nothing"),
            pytest.param("5", ["10.99"], "4.6", id="ten pence"),
            pytest.param("5", ["2.0", "3.39"], "2", id="two add up"),
            pytest.param("5", ["1.3", "1.9"], "1.4", id="never more than ninety pence"),
        ],
    )
    def test_takes_its_pence_of_the_winnings(self, price, withdrawn, paid):
        gone = [Withdrawal(price=D(one)) for one in withdrawn]
        found = runners.paid_price(price=D(price), withdrawn=gone, is_place=False, terms=BOOK)
        assert found == F(paid)

    def test_is_waived_below_what_the_book_bothers_with(self):
        terms = Terms(non_runner="RULE_4", least_deduction="0.11")
        gone = [Withdrawal(price=D("10"))]
        assert runners.deduction(withdrawn=gone, terms=terms) == 0
        assert runners.deduction(withdrawn=gone * 2, terms=terms) == F(1, 5)

    def test_without_the_price_is_not_guessed(self):
        with pytest.raises(Undecided, match="price at which"):
            runners.deduction(withdrawn=[Withdrawal()], terms=BOOK)


def each_way(positions, place, price, places, fraction, stake, terms=USUAL):
    field = came(*positions)
    parts = runners.each_way(
        runner=field[place], field=field, price=F(price), places=places, fraction=F(fraction),
        terms=terms,
    )  # fmt: skip
    return paying.pay(side="BACK", stake=D(stake), parts=parts).profit


class TestEachWay:
    """Two bets of the stake: one on winning, one on being placed at a fraction of the odds."""

    EIGHT = (1, 2, 3, 4, 5, 6, 7, 8)

    @pytest.mark.parametrize(
        ("positions", "place", "profit"),
        [
            pytest.param(EIGHT, 0, "400", id="won: both parts"),
            pytest.param(EIGHT, 2, "60", id="placed: the win part is lost"),
            pytest.param(EIGHT, 3, "-40", id="neither"),
            pytest.param((1, 2, 3, 3, 5, 6, 7, 8), 2, "10", id="DAZN: two for the last place"),
            pytest.param((1, 1, 3, 4, 5, 6, 7, 8), 0, "230", id="two for first: placed in full"),
        ],
    )
    def test_is_paid_part_by_part(self, positions, place, profit):
        assert each_way(positions, place, "17", 3, "1/4", "20") == D(profit)

    def test_pays_the_place_at_the_fraction_of_the_lowered_price(self):
        # Betfair: 11.0 at 1/5, a runner of 50 % gone: 5.5, and 1.9 for the place.
        gone = [Withdrawal(factor=D("0.5"))]
        price = runners.paid_price(price=D(11), withdrawn=gone, is_place=False, terms=EXCHANGE)
        assert price == F("5.5")
        assert each_way(self.EIGHT, 1, price, 3, "1/5", "10") == D("-10") + D("9")

    def test_is_a_bet_to_win_where_all_that_run_are_placed(self):
        assert each_way((1, 2, 3), 1, "5", 3, "1/4", "10") == D("-10")
        assert each_way((1, 2, 3), 0, "5", 3, "1/4", "10") == D("40")

    def test_is_void_with_its_runner(self):
        field = [Came(is_removed=True), *came(1, 2, 3, 4)]
        parts = runners.each_way(
            runner=field[0], field=field, price=F(5), places=2, fraction=F(1, 4), terms=USUAL
        )
        assert paying.pay(side="BACK", stake=D(10), parts=parts).profit == 0
