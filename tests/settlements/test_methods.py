from datetime import timedelta
from decimal import Decimal as D

import pytest

from markets.models import Book, Event, LatestPrice, PriceSnapshot
from markets.services import partitions
from settlements.models import BetValue, ValueBefore, ValueGap
from settlements.services import methods, valuing, valuing_before
from tests.settlements.builders import (
    KICK_OFF,
    NOON,
    a_book,
    a_close,
    a_selection,
    an_accepted_bet,
    an_event,
)

pytestmark = pytest.mark.django_db
ROLES = ("HOME", "DRAW", "AWAY")


def value(as_of=NOON):
    return valuing.value_due(as_of=as_of, now=NOON)


@pytest.fixture
def pinnacle():
    return a_book("pinnacle", reference_rank=1)


def closes(event, book, prices, *, kind="MATCH_ODDS", fair, line=None):
    roles = ROLES if kind == "MATCH_ODDS" else ("HOME", "AWAY")
    for role, price, chance in zip(roles, prices, fair, strict=True):
        a_close(
            a_selection(event, kind=kind, role=role, line=line), book=book, price=price,
            fair=chance,
        )  # fmt: skip


class TestOfBet:
    def test_shows_the_methods_beside_each_other(self, pinnacle):
        """The example of the house's rules: 1.20 / 7.5 / 15, and a bet at 16.5."""
        event = an_event()
        closes(event, pinnacle, ("1.200", "7.500", "15.000"), fair=(0.83, 0.11, 0.06))
        bet = an_accepted_bet(a_selection(event, role="AWAY"), price="16.500")
        value()
        found = methods.of_bet(bet_id=bet.pk)
        assert {row.method: round(100 * row.clv, 1) for row in found.rows} == {
            "multiplicative": 6.5,
            "odds_ratio": -0.4,
            "shin": -4.4,
            "power": -6.1,
            "additive": -8.3,
        }
        assert [row.method for row in found.rows if row.is_recorded] == ["shin"]
        assert found.rows[0].expected_profit == D("0.65")

    def test_carries_every_method_over_to_the_bets_own_line(self, pinnacle):
        event = an_event()
        closes(
            event, pinnacle, ("1.700", "2.250"), kind="ASIAN_HANDICAP", line="-1",
            fair=(0.57, 0.43),
        )  # fmt: skip
        own = a_selection(event, kind="ASIAN_HANDICAP", role="HOME", line="-0.5")
        bet = an_accepted_bet(own, price="1.700")
        value()
        found = methods.of_bet(bet_id=bet.pk)
        by_name = {row.method: row for row in found.rows}
        assert found.value.basis == "MOVED"
        assert by_name["shin"].clv == pytest.approx(by_name["additive"].clv)  # alike for two
        assert by_name["power"].probability > by_name["multiplicative"].probability > 0.6

    def test_refuses_a_bet_without_a_value_and_says_why(self, pinnacle):
        bet = an_accepted_bet()
        with pytest.raises(methods.NoValue, match="not closed"):
            methods.of_bet(bet_id=bet.pk)
        value()
        with pytest.raises(methods.NoValue, match="Nobody closed on the event"):
            methods.of_bet(bet_id=bet.pk)
        with pytest.raises(methods.NoSuchBet):
            methods.of_bet(bet_id=bet.pk + 1)


class TestCoverage:
    def test_names_the_first_thing_that_was_missing(self, pinnacle):
        def a_bet(**close):
            bet = an_accepted_bet()
            if close:
                a_close(bet.selection, **{"book": pinnacle, "price": "2.000", "fair": 0.5} | close)
            return bet.pk

        called_off = an_event()
        Event.objects.filter(pk=called_off.pk).update(status="CANCELLED")
        elsewhere = an_event()
        a_close(a_selection(elsewhere), book=pinnacle, price="2.000", fair=0.5)
        outsider = a_book("betfair_sp", kind=Book.Kind.STARTING)
        expected = {
            an_accepted_bet(a_selection(called_off)).pk: "VOID",
            a_bet(): "NO_CLOSE",
            an_accepted_bet(
                a_selection(elsewhere, kind="TOTAL", role="OVER", line="2.5")
            ).pk: "NOT_QUOTED",
            a_bet(book=outsider): "NOT_ASKED",
            a_bet(confirmed_before=timedelta(hours=3)): "TOO_OLD",
            a_bet(fair=None): "NO_MARGIN",
        }  # fmt: skip
        assert value() == 0
        assert dict(ValueGap.objects.values_list("bet_id", "reason")) == expected

    def test_forgets_the_reason_once_there_is_a_value(self, pinnacle):
        bet = an_accepted_bet()
        value()
        assert ValueGap.objects.get().reason == "NO_CLOSE"
        a_close(bet.selection, book=pinnacle, price="2.000", fair=0.5)
        value()
        assert BetValue.objects.count() == 1
        assert not ValueGap.objects.exists()


def shown(selection, book, *prices):
    """Let a book show prices: (hours before the start, price), in time order."""
    start = selection.market.event.starts_at
    partitions.ensure(months=[(start.year, start.month)])
    PriceSnapshot.objects.bulk_create(
        [
            PriceSnapshot(
                selection=selection, book=book, price=D(price), fetched_at=NOON,
                seen_at=start - timedelta(hours=hours),
            )
            for hours, price in prices
        ]
    )  # fmt: skip
    hours, price = prices[-1]
    last = start - timedelta(hours=hours)
    LatestPrice.objects.create(
        selection=selection, book=book, price=D(price), seen_at=last, confirmed_at=last
    )


class TestValueBefore:
    @pytest.fixture
    def bet(self, pinnacle):
        event = an_event()
        for role, early, late in (("HOME", "2.000", "1.800"), ("AWAY", "1.900", "2.100")):
            shown(a_selection(event, kind="MONEYLINE", role=role), pinnacle, (20, early), (2, late))
        return an_accepted_bet(
            a_selection(event, kind="MONEYLINE"), price="2.000",
            placed_at=KICK_OFF - timedelta(hours=6),
        )  # fmt: skip

    def test_knows_at_each_hour_what_was_known_then(self, bet):
        assert valuing_before.value_before(as_of=NOON, now=NOON) == 1
        rows = {row.hours: row for row in ValueBefore.objects.all()}
        assert {hours: row.is_struck for hours, row in rows.items()} == {
            24: False, 12: False, 4: True, 1: True,
        }  # fmt: skip
        assert (rows[24].clv, rows[24].reference) == (None, "")  # nobody quoted yet
        assert (rows[12].price, rows[4].price) == (D("2.000"), D("2.000"))
        assert rows[12].clv < 0 < rows[1].clv
        assert (rows[1].price, rows[1].age_seconds) == (D("1.800"), 3600)
        assert rows[4].age_seconds == 16 * 3600

    def test_is_written_once_and_again_for_a_corrected_start(self, bet):
        valuing_before.value_before(as_of=NOON, now=NOON)
        assert valuing_before.value_before(as_of=NOON, now=NOON) == 0
        Event.objects.update(started_at=KICK_OFF + timedelta(hours=3))
        assert valuing_before.value_before(as_of=NOON, now=NOON) == 1
        four = ValueBefore.objects.get(hours=4)
        assert (four.price, four.moment) == (D("1.800"), KICK_OFF - timedelta(hours=1))

    def test_carries_a_line_over_from_the_nearest_that_was_quoted(self, pinnacle):
        event = an_event()
        for line, hours in (("-0.5", 5), ("-1.5", 5)):
            for role in ("HOME", "AWAY"):
                shown(
                    a_selection(event, kind="ASIAN_HANDICAP", role=role, line=line), pinnacle,
                    (hours, "1.900"),
                )  # fmt: skip
        bet = an_accepted_bet(
            a_selection(event, kind="ASIAN_HANDICAP", line="-0.75"), price="2.000"
        )
        valuing_before.value_before(as_of=NOON, now=NOON)
        one = bet.values_before.get(hours=1)
        assert one.line == D("-0.5")
        assert one.probability < 0.5
        assert bet.values_before.get(hours=12).clv is None
