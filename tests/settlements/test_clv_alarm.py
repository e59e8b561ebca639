import numpy as np
import pytest

from settlements import monitors
from settlements.domain import clv_alarm
from settlements.domain.clv_alarm import Limits, Valued
from settlements.models import BetValue
from tests.betting.builders import a_strategy
from tests.settlements.builders import NOON, a_bankroll, a_valued_bet

LIMITS = Limits(days=3, floor=0.0, bets=50, low=-0.005, bad=-0.01, fewest=30, surely=True)


def bets(mean, *, n=60, sd=0.01, a_day=20, an_event=1):
    """Return bets whose values lie evenly around a mean, the latest first."""
    noise = np.resize(np.array([1.0, -1.0]), n)
    at = np.arange(n)
    return Valued(1_000 - at // a_day, at // an_event, mean + sd * noise)


def with_limits(**changes):
    return Limits(**{name: getattr(LIMITS, name) for name in LIMITS.__dataclass_fields__} | changes)


class TestJudge:
    @pytest.mark.parametrize(
        ("mean", "level", "is_bad"),
        [(-0.03, -0.01, True), (-0.008, -0.005, False)],
        ids=["bad", "low"],
    )
    def test_tells_of_the_last_bets(self, mean, level, is_bad):
        found = clv_alarm.judge(bets=bets(mean, sd=0.002), limits=LIMITS)
        assert (found.level, found.is_bad, found.n, found.days) == (level, is_bad, 50, 0)
        assert found.rate.high < level
        assert f"over 50 bets, below {level:+.2%}" in found.words

    def test_tells_of_days_in_a_row_below_the_floor(self):
        found = clv_alarm.judge(bets=bets(-0.003, sd=0.001), limits=LIMITS)
        assert (found.days, found.n, found.is_bad) == (3, 60, False)
        assert "on 3 days in a row" in found.words

    def test_is_quiet_where_one_of_the_days_was_good(self):
        mixed = bets(-0.003, sd=0.001)
        mixed.clv[mixed.day == 999] = 0.004
        assert clv_alarm.judge(bets=mixed, limits=LIMITS) is None

    def test_waits_until_it_is_sure_unless_that_is_switched_off(self):
        unsure = bets(-0.012, sd=0.2)
        assert clv_alarm.judge(bets=unsure, limits=LIMITS) is None
        plain = clv_alarm.judge(bets=unsure, limits=with_limits(surely=False))
        assert plain.is_bad and plain.rate.high > 0

    def test_is_unsure_of_bets_that_all_share_one_event(self):
        one_event = bets(-0.03, sd=0.002, an_event=100)
        assert clv_alarm.judge(bets=one_event, limits=LIMITS) is None
        assert clv_alarm.judge(bets=one_event, limits=with_limits(surely=False)) is not None

    @pytest.mark.parametrize(
        "n", [0, 29, 49], ids=["none", "fewer-than-fewest", "fewer-than-asked"]
    )
    def test_says_nothing_of_too_few(self, n):
        few = bets(-0.2, n=n, sd=0.001, a_day=25)
        assert clv_alarm.judge(bets=few, limits=LIMITS) is None


@pytest.mark.django_db
class TestTheWatch:
    def test_opens_for_a_strategy_below_the_close_and_closes_again(self):
        bankroll = a_bankroll()
        strategy = a_strategy(bankroll=bankroll)
        for number in range(60):
            a_valued_bet(-0.03 - number % 5 / 1_000, bankroll=bankroll, strategy=strategy)
        (finding,) = monitors.clv_low(NOON)
        assert (finding.severity, finding.subject) == ("P1", f"betting.Strategy:{strategy.pk}")
        assert "over 50 bets, below -1.00%" in finding.summary
        BetValue.objects.update(clv=0.01)
        assert list(monitors.clv_low(NOON)) == []
