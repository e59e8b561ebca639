from datetime import timedelta

import pytest
from django.template.loader import render_to_string

from monitoring.domain.findings import Severity
from monitoring.models import AuditEntry
from settlements import monitors, queries
from settlements.domain.performance import Rate
from settlements.domain.targets import Band, Bounds, judge
from settlements.models import PerformanceTarget
from settlements.services import daily, settling, targets
from tests.settlements.builders import (
    NOON,
    a_bankroll,
    a_result,
    a_selection,
    an_accepted_bet,
    an_event,
)

BOTH = Bounds(green=(0.4, 0.5), amber=(0.35, 0.6), red=(0.3, 0.7), min_n=10)


class TestJudge:
    @pytest.mark.parametrize(
        ("rate", "n", "band"),
        [
            (Rate(), 50, Band.UNKNOWN),
            (Rate(0.2, 0.1, 0.25), 9, Band.FEW),
            (Rate(0.45, 0.3, 0.6), 50, Band.GREEN),
            (Rate(0.38, 0.3, 0.5), 50, Band.BETWEEN),
            (Rate(0.33, 0.25, 0.4), 50, Band.UNSURE),
            (Rate(0.33, 0.31, 0.34), 50, Band.AMBER),
            (Rate(0.28, 0.2, 0.34), 50, Band.AMBER),
            (Rate(0.28, 0.2, 0.29), 50, Band.RED),
            (Rate(0.8, 0.71, 0.9), 50, Band.RED),
            (Rate(0.65, 0.61, 0.69), 50, Band.AMBER),
            (Rate(0.2), 50, Band.UNSURE),
        ],
        ids=[
            "nothing", "few", "green", "between", "maybe", "look", "sure-of-a-look", "bad",
            "too-high", "rather-high", "no-interval-yet",
        ],
    )  # fmt: skip
    def test_tells_the_band_that_one_may_be_sure_of(self, rate, n, band):
        assert judge(bounds=BOTH, value=rate, n=n) is band

    @pytest.mark.parametrize(
        ("bounds", "has_interval"),
        [(BOTH, False), (Bounds(red=(0.3, None), needs_interval=False), True)],
        ids=["by-its-nature", "as-the-operator-wants"],
    )
    def test_takes_a_bound_as_it_stands_where_no_interval_is_asked_for(self, bounds, has_interval):
        rate = Rate(0.28, 0.1, 0.5)
        assert judge(bounds=bounds, value=rate, n=50, has_interval=has_interval) is Band.RED


def a_losing_group():
    bankroll = a_bankroll("1000.00")
    for _ in range(12):
        selection = a_selection(an_event())
        a_result(an_accepted_bet(selection, bankroll=bankroll), 0, 2)
    settling.settle_due(as_of=NOON, now=NOON, actor="test", with_imbalance=False)
    daily.refresh_due()
    return queries.groups()[0]


def a_target(**fields):
    return targets.add(
        source="own", figure="YIELD", window_days=30, values={"min_n": 10, **fields},
        reason="asked", actor="test", now=NOON,
    )  # fmt: skip


@pytest.mark.django_db
class TestTheHouse:
    def test_ships_the_three_handbooks_once(self):
        assert targets.ensure_shipped(now=NOON, actor="test") == len(targets.SHIPPED)
        assert targets.ensure_shipped(now=NOON, actor="test") == 0
        found = PerformanceTarget.objects.values_list("source", flat=True).distinct()
        assert sorted(found) == ["exchange", "points", "soccer"]

    def test_changes_with_a_reason_in_the_audit_and_refuses_bounds_that_cross(self):
        row = a_target(green_low=0.05, red_low=0.0)
        targets.change(
            target_id=row.pk, values={"red_low": -0.1}, reason="too strict", actor="user:ada",
            now=NOON,
        )  # fmt: skip
        entry = AuditEntry.objects.get(action="settlements.target-changed")
        assert (entry.actor, entry.detail["before"]["red_low"]) == ("user:ada", 0.0)
        with pytest.raises(targets.BadTarget, match="red_low must not exceed green_low"):
            targets.change(
                target_id=row.pk, values={"red_low": 0.2}, reason="x", actor="test", now=NOON
            )
        with pytest.raises(targets.BadTarget, match="already"):
            a_target()
        with pytest.raises(targets.BadTarget, match="finite"):
            a_target(red_low=float("nan"))

    def test_tells_of_a_bound_that_is_surely_passed_and_is_quiet_once_it_is_not(self):
        a_losing_group()
        row = a_target(red_low=-0.05)
        (finding,) = monitors.performance_is_within_its_bands(NOON + timedelta(hours=1))
        assert (finding.severity, finding.subject) == (
            Severity.P1,
            f"settlements.PerformanceTarget:{row.pk}",
        )
        assert "-100.0 %" in finding.summary and "n 12" in finding.summary
        targets.change(
            target_id=row.pk, values={"min_n": 13}, reason="more", actor="test", now=NOON
        )
        assert list(monitors.performance_is_within_its_bands(NOON)) == []

    def test_shows_where_each_target_stands_on_the_dashboard(self):
        group = a_losing_group()
        targets.ensure_shipped(now=NOON, actor="test")
        bands = {str(one.target): one.band for one in targets.standings(group=group, now=NOON)}
        assert bands["points: Worst drawdown, all time"] is Band.GREEN  # 120 of 1,000
        assert bands["exchange: Yield, all time"] is Band.FEW
        assert bands["points: Closing-line value, 3 days"] is Band.UNKNOWN
        page = render_to_string("settlements/panel_performance.html", monitors.performance(NOON))
        assert "soccer: Yield, 30 days" in page and "Too few" in page
