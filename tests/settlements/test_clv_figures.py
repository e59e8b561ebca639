import csv
import json
from datetime import timedelta
from io import StringIO

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from settlements import queries
from settlements.domain import performance
from settlements.models import ValueBefore, ValueGap
from settlements.services import clv_drawing, clv_figures
from settlements.services.clv_figures import Asked
from tests.settlements.builders import (
    KICK_OFF,
    NOON,
    a_bankroll,
    a_valued_bet,
    an_accepted_bet,
    an_event,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def bankroll():
    return a_bankroll()


class TestFigures:
    def test_are_those_that_one_reckons_by_hand(self, bankroll):
        shared = an_event()
        for clv, event, stake in ((0.04, shared, "10.00"), (-0.02, shared, "30.00")):
            a_valued_bet(clv, bankroll=bankroll, event=event, stake=stake)
        for clv in (0.01, 0.05):
            a_valued_bet(clv, bankroll=bankroll)
        gap = an_accepted_bet(bankroll=bankroll)
        ValueGap.objects.create(bet=gap, reason="NO_CLOSE", looked_at=NOON)
        a_valued_bet(
            0.9, bankroll=bankroll, status="SETTLED", outcome="VOID", profit=0, settled_at=NOON
        )
        an_accepted_bet(bankroll=bankroll)  # its event has not been looked at

        (one,) = clv_figures.figures(asked=Asked())

        assert (one.n, one.valued, one.events, one.moved, one.coverage) == (5, 4, 4, 0, 0.8)
        by_hand = performance.ratio(
            top=np.array([0.02, 0.01, 0.05]), bottom=np.array([2, 1, 1]), resamples=1_000
        )
        assert (one.clv.value, one.clv.low, one.clv.high) == pytest.approx(
            (by_hand.value, by_hand.low, by_hand.high)
        )
        assert one.clv_by_stake.value == pytest.approx((0.4 - 0.6 + 0.1 + 0.5) / 60)
        assert one.beat_close == performance.wilson(hits=3, n=4)
        assert one.clv_raw == pytest.approx(0.05)
        assert str(one.expected_profit) == "0.40"

    def test_by_every_dimension_add_up_to_the_whole(self, bankroll):
        for hours, price, ours in ((0.5, "1.400", 0.6), (20, "3.500", 0.3), (90, "12.000", None)):
            a_valued_bet(
                0.02, bankroll=bankroll, price=price, probability=ours,
                placed_at=KICK_OFF - timedelta(hours=hours),
            )  # fmt: skip
        keys = {}
        for by in clv_figures.DIMENSIONS:
            with CaptureQueriesContext(connection) as asked:
                rows = clv_figures.figures(by=by, asked=Asked())
            assert sum(row.n for row in rows) == 3, by
            assert len(asked) == 2
            keys[by] = [row.key for row in rows]
        assert keys["hours"] == ["1: below 1 h", "4: 12 to 24 h", "6: from 48 h"]
        assert keys["price"] == ["1: below 1.5", "4: 3 to 5", "6: from 10"]
        assert keys["edge"] == ["1: below 0 %", "4: 5 to 10 %", "unknown"]
        assert keys["week"] == ["2026-03-09"]
        assert (keys["strategy"], keys["line"]) == (["by hand"], ["no line"])

    def test_are_of_the_events_and_the_method_asked_for(self, bankroll):
        a_valued_bet(0.02, bankroll=bankroll)
        later = KICK_OFF + timedelta(seconds=1)
        assert clv_figures.figures(asked=Asked(since=later)) == []
        assert clv_figures.figures(asked=Asked(until=KICK_OFF)) == []
        (none,) = clv_figures.figures(asked=Asked(method="power", until=later))
        assert (none.n, none.valued, none.clv.value) == (1, 0, None)

    def test_refuse_what_cannot_be_answered(self, bankroll):
        for terms, no in (
            ({"by": "colour"}, clv_figures.UnknownDimension),
            ({"asked": Asked(method="magic")}, clv_figures.UnknownMethod),
            ({"asked": Asked(since=NOON, until=NOON)}, clv_figures.UpsideDown),
        ):
            with pytest.raises(no):
                clv_figures.figures(**{"asked": Asked(), **terms})
        simulated = a_bankroll(is_simulated=True)
        with pytest.raises(queries.MixedFigures):
            clv_figures.figures(asked=Asked(bankroll_ids=(bankroll.pk, simulated.pk)))

    def test_before_are_of_what_was_known_at_each_hour(self, bankroll):
        bet = a_valued_bet(0.02, bankroll=bankroll)
        moment = {"bet": bet, "is_struck": True, "moment": KICK_OFF - timedelta(hours=4)}
        ValueBefore.objects.create(**moment, hours=24)
        ValueBefore.objects.create(
            **moment, hours=4, reference="pinnacle", price="1.900", probability=0.5,
            age_seconds=60, clv=-0.05,
        )  # fmt: skip
        early, late = clv_figures.before(asked=Asked())
        assert (early.key, early.n, early.valued, early.clv.value) == ("24 h", 1, 0, None)
        assert (late.key, late.clv.value, str(late.expected_profit)) == ("4 h", -0.05, "-0.50")
        assert late.clv_raw is None

    def test_distribution_counts_every_value_once(self, bankroll):
        for clv in (-0.5, 0.01, 0.02, 0.7):
            a_valued_bet(clv, bankroll=bankroll)
        counts = clv_figures.distribution(asked=Asked())
        assert (counts[0], counts[-1], sum(counts)) == (1, 1, 4)
        assert clv_drawing.distribution(counts).count("<rect") == len(counts)

    def test_week_by_week_can_be_drawn(self, bankroll):
        for clv in (0.01, 0.05):
            a_valued_bet(clv, bankroll=bankroll)
        picture = clv_drawing.by_week(clv_figures.figures(by="week", asked=Asked()))
        assert "week of 2026-03-09: +3.0 %" in picture
        assert clv_drawing.by_week([]).count("<circle") == 0


class TestCommand:
    def test_tells_bets_apart_as_json_and_as_a_sheet(self, bankroll):
        a_valued_bet(0.02, bankroll=bankroll)
        told = {}
        for output in ("json", "csv"):
            out = StringIO()
            call_command(
                "clv", "--by", "book", "--from", "2026-03-01", "--output", output, stdout=out
            )
            told[output] = out.getvalue()
        (group,) = json.loads(told["json"])["groups"]
        (row,) = csv.DictReader(StringIO(told["csv"]))
        assert (group["rows"][0]["key"], row["key"], row["clv"]) == ("bet365", "bet365", "0.02")

    @pytest.mark.parametrize(
        "words",
        [["--by", "colour"], ["--by", "book", "--from", "soon"], ["--all-methods"], ["--bet", "7"]],
        ids=["dimension", "day", "methods-of-no-bet", "no-such-bet"],
    )
    def test_refuses_in_words(self, words):
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command("clv", *words, "--output", "json", stdout=out)
        assert json.loads(out.getvalue())["error"]


def test_the_doors_show_the_same_figures(bankroll, admin_client):
    a_valued_bet(0.02, bankroll=bankroll)
    page = admin_client.get("/admin/settlements/betvalue/figures/?by=book").content.decode()
    assert "bet365" in page and "<svg" in page and "2.0 %" in page
    upside_down = "?since=2026-04-02&until=2026-04-01"
    page = admin_client.get(f"/admin/settlements/betvalue/figures/{upside_down}").content.decode()
    assert "must be after" in page
    assert admin_client.get("/admin/settlements/betvalue/half-points/").status_code == 200
