"""What halts let through."""

import pytest

from betting.domain.halts import Effect, Halted

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
