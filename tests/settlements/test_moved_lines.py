from datetime import timedelta
from decimal import Decimal as D

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from markets.models import ClosingPrice, Event, Sport
from settlements.models import BetValue
from settlements.services import half_points, valuing
from settlements.services.rule_sets import ensure_shipped, make_version, set_use
from settlements.services.spread_history import Question, Shapes
from tests.settlements.builders import (
    KICK_OFF,
    NOON,
    a_book,
    a_close,
    a_competition,
    a_result,
    a_selection,
    an_accepted_bet,
    an_event,
)

pytestmark = pytest.mark.django_db


def value(**terms):
    return valuing.value_due(as_of=NOON, now=NOON, **terms)


@pytest.fixture
def pinnacle():
    return a_book("pinnacle", reference_rank=1)


@pytest.fixture
def football():
    """Make the league one of American football, whose margins spread wide."""
    league = a_competition()
    league.sport = Sport.objects.get_or_create(
        code="american_football", defaults={"name": "American football"}
    )[0]
    league.save()


class TestValueDue:
    @pytest.mark.parametrize(
        "kind, role, bet, close, is_good",
        [
            ("SPREAD", "HOME", "-3", "-5", True),
            ("SPREAD", "AWAY", "-3", "-5", False),
            ("ASIAN_HANDICAP", "HOME", "-2.75", "-2.25", False),
            ("TOTAL", "UNDER", "47.5", "44.5", True),
            ("TOTAL", "OVER", "47.5", "44.5", False),
        ],
        ids=["favourite", "dog", "asian-quarter", "under", "over"],
    )
    def test_values_a_line_that_nobody_closed_on_by_another(
        self, pinnacle, football, kind, role, bet, close, is_good
    ):
        event = an_event()
        struck = an_accepted_bet(
            a_selection(event, kind=kind, role=role, line=bet), price="2.000", stake="100.00"
        )
        moved = a_selection(event, kind=kind, role=role, line=close)
        a_close(moved, book=pinnacle, price="1.950", fair=0.5, method="power")

        assert [value(), value()] == [1, 0]

        held = struck.value
        assert (held.basis, held.closing_line, held.line_probability) == ("MOVED", D(close), 0.5)
        assert (held.reference, held.distribution, held.history) == ("pinnacle", "NORMAL", 0)
        assert (held.clv > 0.01) == is_good == (held.clv_raw > 0.02)
        assert held.clv == pytest.approx(2 * held.closing_probability - 1)
        assert (held.refund > 0) == (kind != "TOTAL")
        assert float(held.expected_profit) == pytest.approx(
            100 * held.clv * (1 - held.refund), abs=0.006
        )

    def test_goes_back_to_the_own_line_once_somebody_closed_on_it(self, pinnacle, football):
        event = an_event()
        struck = an_accepted_bet(a_selection(event, kind="SPREAD", line="-3.5"), price="2.000")
        for line in ("-7.5", "-4.5"):
            a_close(
                a_selection(event, kind="SPREAD", line=line),
                book=pinnacle, price="1.950", fair=0.5,
            )  # fmt: skip
        value()
        assert struck.value.closing_line == D("-4.5")  # the nearer of two
        a_close(struck.selection, book=a_book("bwin"), price="1.800", fair=0.53)
        assert [value(since=NOON - timedelta(days=1)), value()] == [1, 0]
        held = BetValue.objects.get(bet=struck)
        assert (held.basis, held.closing_line, held.reference) == ("QUOTED", None, "consensus")
        assert held.clv == pytest.approx(0.06)

    def test_takes_the_line_that_most_bookmakers_closed_on(self, football):
        event = an_event()
        struck = an_accepted_bet(a_selection(event, kind="TOTAL", role="OVER", line="41.5"))
        for line, books in (("42.5", ["bwin"]), ("44.5", ["vcbet", "williamhill"])):
            for code in books:
                a_close(
                    a_selection(event, kind="TOTAL", role="OVER", line=line),
                    book=a_book(code), price="1.900", fair=0.5,
                )  # fmt: skip
        value()
        assert (struck.value.reference, struck.value.closing_line) == ("consensus", D("44.5"))

    def test_takes_a_value_away_whose_close_is_gone(self, pinnacle):
        """As when the actual start was corrected, and what was the close came after it."""
        bet = an_accepted_bet()
        close = a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        value()
        ClosingPrice.objects.filter(pk=close.pk).delete()
        Event.objects.update(started_at=KICK_OFF - timedelta(hours=2))
        assert value() == 0
        assert not BetValue.objects.exists()

    def test_expects_a_stake_on_a_whole_line_back_in_part(self, pinnacle, football):
        bet = an_accepted_bet(a_selection(kind="SPREAD", line="-3"), price="2.000", stake="100.00")
        a_close(bet.selection, book=pinnacle, price="1.900", fair=0.52)
        value()
        assert (bet.value.basis, bet.value.clv) == ("QUOTED", pytest.approx(0.04))
        assert bet.value.refund == pytest.approx(0.03, abs=0.002)
        assert D("3.80") < bet.value.expected_profit < D("3.95")

    def test_takes_an_exchanges_commission_off(self, pinnacle):
        a_book()
        ensure_shipped(now=NOON - timedelta(days=9), actor="test")
        since = NOON - timedelta(days=2)
        make_version(
            code="exchange", since=since, reason="our rate", actor="test", now=since,
            terms={"commission": {"base": "MARKET_NET", "rate": "0.05"}},
        )  # fmt: skip
        set_use(code="exchange", book="bet365", reason="it is one", actor="test", now=since)
        back, lay = (an_accepted_bet(price="2.100", side=side) for side in ("BACK", "LAY"))
        for bet in (back, lay):
            a_close(bet.selection, book=pinnacle, price="2.000", fair=0.49)
        value()
        assert back.value.commission == 0.05
        assert back.value.clv == pytest.approx(0.49 * (1.1 * 0.95) - 0.51)
        assert lay.value.clv == pytest.approx(0.51 * 0.95 - 0.49 * 1.1)
        assert back.value.clv_raw == pytest.approx(0.05)

    def test_asks_no_more_of_the_database_for_many(self, pinnacle, football):
        def asked(n):
            event = an_event()
            for line in range(n):
                an_accepted_bet(a_selection(event, kind="SPREAD", line=f"-{line}.5"))
            a_close(
                a_selection(event, kind="SPREAD", line="-30"), book=pinnacle, price="1.9", fair=0.5
            )
            with CaptureQueriesContext(
                connection,
            ) as found:
                assert value() == n
            return len(found)

        asked(1)
        assert asked(1) == asked(5)


class TestShapes:
    def question(self, day, measure="MARGIN"):
        league = a_competition()
        return Question(league.sport_id, league.sport.code, False, measure, "FULL", day)

    def test_are_drawn_from_what_was_known_when_the_day_began(self):
        event = an_event()
        known = KICK_OFF + timedelta(hours=2)
        a_result(event, 3, 1, known_at=known)
        a_result(event, 3, 2, known_at=known + timedelta(days=4))
        day = (known.date() - type(known.date())(1970, 1, 1)).days
        shapes = Shapes()
        found = []
        for at in (day, day + 1, day + 5):
            shapes.read([self.question(at)])
            found.append((shapes.of(self.question(at)).n, shapes.of(self.question(at)).values))
        assert [n for n, _ in found] == [0, 1, 1]
        middles = [float(values.mean()) for _, values in found]
        assert middles == [0.0, 2.0, 1.0]

    def test_say_nothing_of_a_sport_that_nobody_knows(self):
        one = self.question(20_000)._replace(sport="curling")
        assert Shapes().of(one) is None


class TestHalfPoints:
    def test_tell_of_each_sport_what_they_rest_on(self):
        a_competition()
        margin, total = half_points.table(now=NOON)
        assert (margin.sport, margin.distribution, margin.history) == ("soccer", "NORMAL", 0)
        (even,) = [row for row in margin.rows if row.line == -1.0]
        assert even.worse < 0.5 < even.better and even.push > 0.15
        assert total.rows[0].line > 0

    def test_refuse_a_sport_without_lines(self):
        with pytest.raises(half_points.UnknownSport, match="chess"):
            half_points.table(now=NOON, sport="chess")
