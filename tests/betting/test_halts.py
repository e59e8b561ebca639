"""What halts let through, and which bets lower what a market can cost."""

from decimal import Decimal as D

import pytest

from betting.domain.halts import Effect, Halted, Position, lowers, worst_loss

ABOUT = {
    "strategy_id": 1,
    "bankroll_id": 2,
    "pipeline_id": 3,
    "sport_id": 4,
    "competition_id": 5,
    "book_id": 6,
}
SCOPES = {
    "ALL": None,
    "STRATEGY": 1,
    "BANKROLL": 2,
    "MODEL": 3,
    "SPORT": 4,
    "COMPETITION": 5,
    "BOOK": 6,
}
HEEDED_BY_A_REPLAY = {"STRATEGY", "BANKROLL"}


def back(selection: int, price: str, stake: str) -> Position:
    return Position(selection, False, D(price), D(stake))


def lay(selection: int, price: str, stake: str) -> Position:
    return Position(selection, True, D(price), D(stake))


class TestEffect:
    @pytest.mark.parametrize("scope", SCOPES)
    def test_of_each_scope_reaches_a_bet_that_lies_in_it(self, scope):
        row = (scope, SCOPES[scope])
        assert Halted(stopped=frozenset({row})).effect(**ABOUT, live=True) is Effect.STOP
        assert Halted(reduced=frozenset({row})).effect(**ABOUT, live=True) is Effect.REDUCE_ONLY

    @pytest.mark.parametrize("scope", [scope for scope in SCOPES if scope != "ALL"])
    def test_of_another_row_of_the_scope_does_not(self, scope):
        halted = Halted(stopped=frozenset({(scope, 99)}))
        assert halted.effect(**ABOUT, live=True) is Effect.NONE

    def test_of_the_strictest_holds_wherever_it_stands(self):
        halted = Halted(
            stopped=frozenset({("STRATEGY", 1)}), reduced=frozenset({("ALL", None), ("SPORT", 4)})
        )
        assert halted.effect(**ABOUT, live=True) is Effect.STOP

    @pytest.mark.parametrize("scope", SCOPES)
    def test_reaches_a_replay_only_by_its_own_strategy_or_money(self, scope):
        halted = Halted(stopped=frozenset({(scope, SCOPES[scope])}))
        expected = Effect.STOP if scope in HEEDED_BY_A_REPLAY else Effect.NONE
        assert halted.effect(**ABOUT, live=False) is expected


class TestWorstLoss:
    @pytest.mark.parametrize(
        "positions, expected",
        [
            pytest.param([], "0", id="nothing"),
            pytest.param([back(1, "2.2", "10")], "10", id="a-back-costs-its-stake"),
            pytest.param([lay(1, "3.5", "10")], "25.0", id="a-lay-costs-its-liability"),
            pytest.param(
                [back(1, "2.5", "8"), lay(1, "2.0", "10")], "0", id="traded-out-to-a-sure-profit"
            ),
            pytest.param([back(1, "3", "5"), back(2, "3", "5")], "10", id="two-of-three"),
            pytest.param(
                [back(1, "3.1", "10"), back(2, "3.1", "10"), back(3, "3.1", "10")],
                "0",
                id="a-sure-thing-is-never-below-zero",
            ),
        ],
    )
    def test_is_the_worst_over_all_outcomes(self, positions, expected):
        assert worst_loss(positions=positions, outcomes=[1, 2, 3]) == D(expected)

    def test_counts_an_outcome_that_is_not_listed(self):
        both = [back(1, "2.1", "10"), back(2, "2.1", "10")]
        assert worst_loss(positions=both, outcomes=[1, 2]) == D("0")
        assert worst_loss(positions=both, outcomes=[1, 2, None]) == D("20")


class TestLowers:
    STANDING = (back(1, "2.0", "10"),)

    @pytest.mark.parametrize(
        "bet, expected",
        [
            pytest.param(lay(1, "2.0", "10"), True, id="the-same-laid"),
            pytest.param(lay(1, "2.0", "0.01"), True, id="a-cent-of-it-laid"),
            pytest.param(back(1, "2.0", "0.01"), False, id="a-cent-more-of-it"),
            pytest.param(lay(1, "2.0", "40"), False, id="laid-beyond-what-was-at-stake"),
            pytest.param(lay(1, "2.0", "20"), False, id="turned-over-to-the-same-risk"),
            pytest.param(back(2, "5.0", "2"), False, id="another-of-three"),
        ],
    )
    def test_tells_whether_the_market_costs_less_afterwards(self, bet, expected):
        assert lowers(bet=bet, positions=self.STANDING, outcomes=[1, 2, 3]) is expected

    def test_lets_the_other_side_of_two_hedge(self):
        assert lowers(bet=back(2, "2.1", "5"), positions=self.STANDING, outcomes=[1, 2])
