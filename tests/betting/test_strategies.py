import pytest

from betting.models import Strategy
from betting.services import strategies
from models_ml.domain import stages
from models_ml.models import Ladder
from monitoring.models import AuditEntry
from tests.betting.builders import NOON, a_bankroll, a_pipeline, a_replay

pytestmark = pytest.mark.django_db


def ensure(**changes) -> Strategy:
    given = {"name": "Value", "code": "value", "now": NOON, "actor": "user:alice"}
    given |= {"bankroll": a_bankroll(name="Main") if "bankroll" not in changes else None}
    given |= {"pipeline": a_pipeline()}
    return strategies.ensure_strategy(**{**given, **changes})


def a_ladder(*names: str) -> Ladder:
    sport = a_pipeline().sport
    return Ladder.objects.create(sport=sport, stages=stages.rows_of(names))


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
        "money, phase",
        [
            pytest.param({"kind": "LIVE"}, "DRY_RUN", id="live"),
            pytest.param({}, "PRODUCTION", id="paper"),
        ],
    )
    def test_begins_without_a_stake_where_the_money_is_real(self, money, phase):
        assert ensure(bankroll=a_bankroll(**money)).phase == phase
        assert AuditEntry.objects.get(action="strategy.created").detail["phase"] == phase

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
            {"max_edge": "nan"},
            {"staking": "MARTINGALE"},
            {"staking": "FLAT"},
            {"staking": "FLAT", "flat_stake": "0"},
            {"staking": "FLAT", "flat_stake": "NaN"},
            {"staking": "PERCENT"},
            {"staking": "PERCENT", "stake_share": 1.5},
            {"stake_share": 0.0},
            {"commission": 1.0},
            {"commission": -0.01},
            {"is_drawdown_scaled": "perhaps"},
            {"max_day_bets": 0},
            {"min_liquidity": "0"},
            {"min_liquidity": "NaN"},
            {"min_hours_to_start": -0.1},
            {"max_hours_to_start": 0.0},
            {"max_hours_to_start": float("nan")},
            {"min_hours_to_start": 0.6, "max_hours_to_start": 0.5},
            {"min_hours_to_start": 1.1},
            {"parameters": {"days": 1}},
            {"parameters": ["days"]},
            {"parameters": None},
        ],
        ids=lambda changes: ",".join(f"{name}={value}" for name, value in changes.items()),
    )
    def test_refuses_what_cannot_be(self, changes):
        with pytest.raises(strategies.StrategyRefused):
            ensure(**changes)
        assert not Strategy.objects.exists()

    def test_refuses_a_stage_that_is_not_on_the_ladder_of_the_sport(self):
        told = (
            "events of basketball are not looked at at 'T-80m', only at T-24h, T-100m, T-60m, T-30m"
        )
        with pytest.raises(strategies.StrategyRefused, match=told):
            ensure(pipeline=a_pipeline(sport="basketball"), decide_at_stage="T-80m")
        pipeline = a_pipeline(sport="basketball")
        made = ensure(pipeline=pipeline, bankroll=a_bankroll(), decide_at_stage="T-30m")
        assert made.decide_at_stage == "T-30m"

    def test_goes_by_the_ladder_as_an_operator_changed_it(self):
        a_ladder("T-24h", "T-45m")
        with pytest.raises(strategies.StrategyRefused, match="only at T-24h, T-45m"):
            ensure()  # the default stage is none of them
        made = ensure(bankroll=a_bankroll(), decide_at_stage="T-45m")
        assert made.decide_at_stage == "T-45m"

    def test_lets_a_replay_decide_at_any_stage(self):
        a_ladder("T-24h", "T-45m")
        bankroll = a_bankroll(kind="REPLAY", replay=a_replay())
        assert ensure(bankroll=bankroll, decide_at_stage="T-60m").decide_at_stage == "T-60m"

    @pytest.mark.parametrize(
        "changes, told",
        [
            ({"staking": "FLAT"}, "staking FLAT needs flat_stake"),
            ({"staking": "MARTINGALE"}, "staking: .*MARTINGALE.* is not a valid choice"),
            ({"flat_stake": "ten"}, "flat_stake: 'ten' does not fit"),
            ({"commission": float("nan")}, "commission must be a finite number"),
            ({"commission": None}, "commission: This field cannot be null"),
            ({"parameters": {"days": 1}}, "parameters: days: no such parameter"),
            ({"min_hours_to_start": 2}, "is 2, but at T-60m no more than 1 are left"),
        ],
        ids=["needs", "choice", "text", "nan", "null", "parameter", "window"],
    )
    def test_names_what_does_not_fit(self, changes, told):
        with pytest.raises(strategies.StrategyRefused, match=told):
            ensure(**changes)

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

    def test_refuses_a_stage_off_the_ladder_but_changes_what_else_is_asked(self):
        strategy = ensure(decide_at_stage="T-80m")
        a_ladder("T-24h", "T-45m")
        with pytest.raises(strategies.StrategyRefused, match="only at T-24h, T-45m"):
            self.change(strategy, decide_at_stage="T-75m")
        changed = self.change(strategy, is_enabled=False)  # though its stage is gone
        assert (changed.is_enabled, changed.decide_at_stage) == (False, "T-80m")

    def test_refuses_without_a_reason_and_keeps_the_row(self):
        strategy = ensure()
        with pytest.raises(strategies.StrategyRefused, match="reason"):
            self.change(strategy, reason=" ", kelly_fraction=0.1)
        with pytest.raises(strategies.StrategyRefused):
            self.change(strategy, kelly_fraction=7.0)
        strategy.refresh_from_db()
        assert strategy.kelly_fraction == 0.25

    def test_sets_how_it_stakes(self):
        strategy = self.change(ensure(), staking="FLAT", flat_stake="12.50", commission="0.02")
        strategy.refresh_from_db()
        assert (strategy.staking, str(strategy.flat_stake)) == ("FLAT", "12.50")
        assert strategy.commission == 0.02

    def test_refuses_to_take_the_amount_from_flat_staking(self):
        strategy = ensure(staking="FLAT", flat_stake="10")
        with pytest.raises(strategies.StrategyRefused, match="needs flat_stake"):
            self.change(strategy, flat_stake=None)

    def test_refuses_to_change_nothing(self):
        with pytest.raises(strategies.StrategyRefused, match="name what is to change"):
            self.change(ensure())

    def test_refuses_a_strategy_that_does_not_exist(self):
        with pytest.raises(strategies.StrategyRefused, match="no strategy"):
            strategies.change_strategy(strategy_id=0, actor="t", reason="?", now=NOON)
