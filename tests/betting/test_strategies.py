import pytest

from betting.models import Strategy
from betting.services import strategies
from monitoring.models import AuditEntry
from tests.betting.builders import NOON, a_bankroll, a_pipeline

pytestmark = pytest.mark.django_db


def ensure(**changes) -> Strategy:
    given = {"name": "Value", "code": "value", "now": NOON, "actor": "user:alice"}
    given |= {"bankroll": a_bankroll(name="Main") if "bankroll" not in changes else None}
    given |= {"pipeline": a_pipeline()}
    return strategies.ensure_strategy(**{**given, **changes})


class TestEnsureStrategy:
    def test_makes_it_with_its_limits_and_says_so_in_the_audit(self):
        strategy = ensure(min_edge=0.03, min_stake="2.50")
        strategy.refresh_from_db()
        assert (strategy.min_edge, str(strategy.min_stake)) == (0.03, "2.50")
        assert AuditEntry.objects.get(action="strategy.created").detail["limits"] == {
            "min_edge": "0.03",
            "min_stake": "2.50",
        }

    def test_twice_is_once_and_leaves_the_operators_limits_alone(self):
        bankroll = a_bankroll(name="Main")
        first = ensure(bankroll=bankroll, min_edge=0.03)
        again = ensure(bankroll=bankroll, min_edge=0.01)
        assert (again.pk, again.min_edge) == (first.pk, 0.03)

    @pytest.mark.parametrize(
        "changes",
        [
            {"code": "martingale"},
            {"decide_at_stage": "T-7m"},
            {"max_everything": 1},
            {"bets": 1},
            {"min_edge": float("nan")},
            {"max_edge": float("inf")},
            {"kelly_fraction": 0.0},
            {"kelly_fraction": 1.1},
            {"max_stake_share": -0.1},
            {"max_day_share": 1.01},
            {"min_price": "1.00"},
            {"min_price": "6.00", "max_price": "5.00"},
            {"min_edge": 0.3, "max_edge": 0.2},
            {"min_stake": "0"},
            {"stake_step": "-1"},
            {"stake_step": "a lot"},
            {"max_price_age_seconds": -1},
        ],
    )
    def test_refuses_what_cannot_be(self, changes):
        with pytest.raises(strategies.StrategyRefused):
            ensure(**changes)
        assert not Strategy.objects.exists()

    def test_refuses_simulated_leagues_with_real_money(self):
        with pytest.raises(strategies.StrategyRefused, match="simulated"):
            ensure(pipeline=a_pipeline(is_simulated=True))

    def test_refuses_real_leagues_with_simulated_money(self):
        with pytest.raises(strategies.StrategyRefused, match="simulated"):
            ensure(bankroll=a_bankroll(is_simulated=True))

    def test_refuses_a_name_that_belongs_to_another_bankroll(self):
        ensure()
        with pytest.raises(strategies.StrategyRefused, match="belongs"):
            ensure(bankroll=a_bankroll())


class TestChangeStrategy:
    def change(self, strategy: Strategy, reason: str = "calmer", **limits) -> Strategy:
        return strategies.change_strategy(
            strategy_id=strategy.pk, actor="user:bob", reason=reason, now=NOON, **limits
        )

    def test_sets_limits_and_keeps_both_values_in_the_audit(self):
        strategy = self.change(ensure(), kelly_fraction=0.1, is_enabled=False)
        strategy.refresh_from_db()
        assert (strategy.kelly_fraction, strategy.is_enabled) == (0.1, False)
        detail = AuditEntry.objects.get(action="strategy.changed").detail
        assert detail["before"] == {"kelly_fraction": "0.25", "is_enabled": "True"}
        assert detail["after"] == {"kelly_fraction": "0.1", "is_enabled": "False"}

    def test_refuses_without_a_reason_and_keeps_the_row(self):
        strategy = ensure()
        with pytest.raises(strategies.StrategyRefused, match="reason"):
            self.change(strategy, reason=" ", kelly_fraction=0.1)
        with pytest.raises(strategies.StrategyRefused):
            self.change(strategy, kelly_fraction=7.0)
        strategy.refresh_from_db()
        assert strategy.kelly_fraction == 0.25

    def test_refuses_a_strategy_that_does_not_exist(self):
        with pytest.raises(strategies.StrategyRefused, match="no strategy"):
            strategies.change_strategy(strategy_id=0, actor="t", reason="?", now=NOON)
