from datetime import timedelta
from decimal import Decimal

import pytest

from markets.connectors.base import (
    CLOSE,
    OPENER,
    ParsedBatch,
    ParsedBook,
    ParsedCompetition,
    ParsedEvent,
    ParsedMarket,
    ParsedPerson,
    ParsedPrice,
)
from markets.domain import margins, odds
from markets.models import ClosingPrice, Competition, Event, Selection
from markets.services import closing, recording
from tests.markets.builders import (
    NOW,
    START,
    a_batch,
    a_price,
    a_source,
    an_event,
    match_odds,
)

AFTER = START + timedelta(minutes=1)


@pytest.fixture
def source(db):
    return a_source()


def record(batch, source, now=NOW):
    return recording.record(batch=batch, source=source, now=now)


def close(as_of=AFTER, **fields):
    return closing.record_closes(as_of=as_of, now=NOW, **fields)


def a_close(role="HOME", book="pinnacle"):
    return ClosingPrice.objects.get(selection__role=role, book__code=book)


class TestRecordCloses:
    def test_takes_the_first_and_the_last_price_before_the_start(self, source):
        prices = [
            *match_odds("2.2", "3.3", "3.6", hours_before=30),
            *match_odds("2.1", "3.4", "3.7", hours_before=5),
            *match_odds("2.0", "3.5", "3.8", hours_before=1),
            *match_odds("1.2", "6.0", "15", hours_before=-0.5),
        ]
        record(a_batch(prices=prices), source)
        assert close() == 1
        row = a_close()
        assert (row.opening_price, row.price) == (Decimal("2.2"), Decimal("2.0"))
        assert (row.opened_at, row.seen_at, row.starts_at) == (
            START - timedelta(hours=30),
            START - timedelta(hours=1),
            START,
        )

    def test_takes_the_margin_off_by_the_default_method(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3")), source)
        close()
        fair = [float(a_close(role).fair_probability) for role in ("HOME", "DRAW", "AWAY")]
        assert [round(p, 5) for p in fair] == [0.37299, 0.40478, 0.22223]
        assert a_close().method == "shin"
        assert a_close().overround == pytest.approx(1 / 2.6 + 1 / 2.4 + 1 / 4.3 - 1)

    def test_goes_by_power_for_two_answers(self, source):
        line = {"kind": "ASIAN_HANDICAP", "line": Decimal("-0.5")}
        prices = [a_price("1.80", **line), a_price("2.10", role="AWAY", **line)]
        record(a_batch(prices=prices), source)
        close()
        expected = odds.remove_margin([[1.8, 2.1]], method="power").probabilities[0, 0]
        assert a_close().fair_probability == pytest.approx(expected)
        assert a_close().method == "power"

    def test_gives_an_incomplete_market_no_probability_and_says_so(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3")[:2]), source)
        close()
        row = a_close()
        assert (row.price, row.fair_probability, row.overround) == (Decimal("2.6"), None, None)
        assert row.method == closing.INCOMPLETE

    def test_says_where_there_was_no_margin(self, source):
        record(a_batch(prices=match_odds("3.2", "3.2", "3.2")), source)
        close()
        assert (a_close().method, a_close().fair_probability) == (
            "multiplicative",
            pytest.approx(1 / 3),
        )

    def test_keeps_books_apart_and_aggregates_too(self, source):
        prices = match_odds("2.6", "2.4", "4.3") + match_odds("2.7", "2.5", "4.4", book="max")
        record(a_batch(prices=prices), source)
        close()
        assert (a_close().price, a_close(book="max").price) == (Decimal("2.6"), Decimal("2.7"))

    def test_says_how_old_the_close_is_by_its_newest_look(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=9)), source)
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=1)), source)
        close()
        row = a_close()
        assert (row.seen_at, row.confirmed_at) == (
            START - timedelta(hours=9),
            START - timedelta(hours=1),
        )

    def test_goes_by_the_actual_start_where_it_is_known(self, source):
        late = START + timedelta(minutes=10)
        prices = match_odds("2.6", "2.4", "4.3") + match_odds(
            "2.5", "2.5", "4.3", hours_before=-0.1
        )
        record(a_batch(events=[an_event(started_at=late)], prices=prices), source)
        assert close(as_of=START + timedelta(minutes=5)) == 0
        assert close(as_of=late) == 1
        assert (a_close().price, a_close().starts_at) == (Decimal("2.5"), late)

    def test_does_nothing_before_the_start(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3")), source)
        assert close(as_of=START - timedelta(seconds=1)) == 0
        assert not ClosingPrice.objects.exists()

    def test_twice_is_once(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3")), source)
        assert (close(), close()) == (1, 0)

    def test_looks_at_an_event_without_prices_once(self, source):
        record(a_batch(), source)
        assert (close(), close()) == (1, 0)

    def test_is_due_again_when_the_start_moves(self, source):
        prices = match_odds("2.6", "2.4", "4.3", hours_before=9) + match_odds(
            "2.0", "3.0", "5.0", hours_before=1
        )
        record(a_batch(prices=prices), source)
        close()
        earlier = START - timedelta(hours=2)
        record(a_batch(events=[an_event(starts_at=earlier)]), source)
        assert close() == 1
        assert (a_close().price, a_close().starts_at) == (Decimal("2.6"), earlier)

    def test_forgets_the_close_of_a_start_that_no_price_precedes(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=1)), source)
        close()
        record(a_batch(events=[an_event(starts_at=START - timedelta(hours=2))]), source)
        assert close() == 1
        assert not ClosingPrice.objects.exists()

    def test_is_due_again_when_an_earlier_price_comes_late(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=9)), source)
        close()
        record(a_batch(prices=match_odds("2.5", "2.4", "4.3", hours_before=1)), source)
        assert Event.objects.get().close_recorded_for is None
        assert close() == 1
        assert a_close().price == Decimal("2.5")

    def test_waits_for_a_postponed_event(self, source):
        record(a_batch(events=[an_event(status="POSTPONED")]), source)
        assert close() == 0

    def test_looks_only_at_the_events_it_is_asked_for(self, source):
        events = [an_event(), an_event("two", home="Cedars", away="Elms")]
        counts = record(a_batch(events=events, prices=match_odds("2", "3", "4")), source)
        assert close(event_ids=[counts.event_ids["two"]]) == 1
        assert not ClosingPrice.objects.exists()

    def test_costs_two_queries_when_nothing_is_due(self, source, django_assert_max_num_queries):
        with django_assert_max_num_queries(2):
            assert close() == 0

    def test_costs_the_same_for_many_events(self, source, django_assert_max_num_queries):
        refs = [f"e{n}" for n in range(40)]
        events = [an_event(ref, home=f"H{ref}", away=f"A{ref}") for ref in refs]
        prices = [p for ref in refs for p in match_odds("2.6", "2.4", "4.3", event_ref=ref)]
        record(a_batch(events=events, prices=prices), source)
        with django_assert_max_num_queries(14):
            assert close() == 40
        assert ClosingPrice.objects.count() == 120


class TestExactness:
    def test_is_exact_where_the_source_calls_it_the_close(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=5, mark=CLOSE)), source)
        close()
        assert a_close().exactness == "EXACT"

    def test_is_exact_shortly_before_an_actual_start(self, source):
        prices = match_odds("2.6", "2.4", "4.3", hours_before=0.1)
        record(a_batch(events=[an_event(started_at=START)], prices=prices), source)
        close()
        assert a_close().exactness == "EXACT"

    @pytest.mark.parametrize(
        ("hours", "expected"), [(0.1, "PROVISIONAL"), (1, "PROVISIONAL"), (1.1, "NONE")]
    )
    def test_is_provisional_within_an_hour_of_a_planned_start(self, source, hours, expected):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=hours)), source)
        close()
        assert a_close().exactness == expected

    def test_counts_the_hours_of_a_faster_calendar(self, source):
        batch = a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=0.1))
        record(batch, source)
        Competition.objects.update(time_scale=24, is_simulated=True)
        close()
        assert a_close().exactness == "NONE"

    def test_is_none_where_only_the_day_is_known(self, source):
        events = [an_event(certainty="DATE")]
        record(
            a_batch(events=events, prices=match_odds("2.6", "2.4", "4.3", hours_before=0.1)), source
        )
        close()
        assert a_close().exactness == "NONE"

    def test_says_whether_the_first_price_was_the_opener(self, source):
        prices = match_odds("2.6", "2.4", "4.3", mark=OPENER)
        prices += match_odds("2.6", "2.4", "4.3", book="bet365")
        record(a_batch(prices=prices), source)
        close()
        assert (a_close().opening_exactness, a_close(book="bet365").opening_exactness) == (
            "TRUE_OPENER",
            "FIRST_SEEN",
        )

    def test_keeps_a_better_close_whose_last_look_is_out_of_sight(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=9)), source)
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3", hours_before=0.5)), source)
        close()
        in_play = match_odds("1.2", "6.0", "15", hours_before=-0.5)
        record(a_batch(prices=in_play), source)
        Event.objects.update(close_recorded_for=None)
        close()
        assert a_close().exactness == "PROVISIONAL"
        assert a_close().confirmed_at == START - timedelta(hours=0.5)

    def test_says_when_it_was_recorded(self, source):
        record(a_batch(prices=match_odds("2.6", "2.4", "4.3")), source)
        close()
        assert a_close().recorded_at == NOW


def a_race(*, kind="WIN", places=None, prices=("3.0", "4.0", "5.0", "6.0"), removed=(), mark=0):
    """Return a race with one market, priced an hour before; ``removed`` runners by place."""
    names = [f"Horse {number}" for number in range(1, len(prices) + 1)]
    runners = [
        ParsedPerson(
            name,
            number=place + 1,
            removed_at=START - timedelta(minutes=30) if place in removed else None,
        )
        for place, name in enumerate(names)
    ]
    event = ParsedEvent(
        "race",
        "au-ascot",
        "2023",
        starts_at=START,
        started_at=START,
        meeting_date=START.date(),
        race_number=1,
        name="R1 1200m",
    )
    return ParsedBatch(
        events=[event],
        markets=[ParsedMarket("race", kind, places=places, runners=runners)],
        prices=[
            ParsedPrice("race", kind, None, "RUNNER", "betfair_sp", Decimal(price), SP_AT,
                        runner=name, mark=mark)
            for name, price in zip(names, prices, strict=True)
        ],
        competitions=[ParsedCompetition("au-ascot", "Ascot", "Australia", "horse_racing")],
        books=[ParsedBook("betfair_sp", "Betfair SP", "STARTING", reference_rank=2)],
    )  # fmt: skip


SP_AT = START - timedelta(seconds=1)


class TestRunners:
    @pytest.fixture
    def source(self, db):
        return a_source(creates_players=True)

    def by_number(self):
        rows = ClosingPrice.objects.select_related("selection").order_by("selection__number")
        return [(row.fair_probability, row.method) for row in rows]

    def test_takes_the_margin_off_as_many_as_run(self, source):
        record(a_race(mark=CLOSE), source)
        close()
        fair = [probability for probability, _ in self.by_number()]
        expected = odds.remove_margin([[3.0, 4.0, 5.0, 6.0]], method="shin").probabilities[0]
        assert fair == pytest.approx(expected.tolist())
        assert set(ClosingPrice.objects.values_list("exactness", flat=True)) == {"EXACT"}

    def test_leaves_a_non_runner_out_and_says_so(self, source):
        record(a_race(removed=(1,), prices=("2.0", "9.0", "3.0", "4.0")), source)
        close()
        rows = self.by_number()
        assert rows[1] == (None, margins.NON_RUNNER)
        assert sum(probability for probability, _ in rows if probability) == pytest.approx(1)

    def test_has_no_probability_where_a_runner_has_no_price(self, source):
        batch = a_race()
        record(ParsedBatch(**{**_fields(batch), "prices": batch.prices[:3]}), source)
        close()
        assert self.by_number() == [(None, margins.INCOMPLETE)] * 3
        assert Selection.objects.count() == 4

    def test_sums_to_the_number_of_places(self, source):
        prices = ("1.3", "1.7", "2.4", "3.4")
        record(a_race(kind="PLACE", places=2, prices=prices), source)
        close()
        assert sum(probability for probability, _ in self.by_number()) == pytest.approx(2)

    def test_has_none_where_the_number_of_places_is_not_known(self, source):
        record(a_race(kind="PLACE", prices=("1.3", "1.7", "2.4", "3.4")), source)
        close()
        assert self.by_number() == [(None, margins.WINNERS_UNKNOWN)] * 4


def _fields(batch):
    names = ("events", "markets", "prices", "competitions", "books")
    return {name: getattr(batch, name) for name in names}


class TestDoubleChance:
    def test_sums_to_two(self, source):
        both = {"kind": "DOUBLE_CHANCE"}
        prices = [
            a_price(price, role=role, **both)
            for role, price in (("HOME_DRAW", "1.3"), ("HOME_AWAY", "1.25"), ("DRAW_AWAY", "1.8"))
        ]
        record(a_batch(prices=prices), source)
        close()
        fair = ClosingPrice.objects.values_list("fair_probability", flat=True)
        assert sum(fair) == pytest.approx(2)
