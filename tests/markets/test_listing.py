from datetime import timedelta
from decimal import Decimal

import pytest

from markets.domain.kinds import BadLine, BadMarket
from markets.models import Event, Market, Participant, Selection
from markets.services import listing, recording
from markets.services.listing import MarketKey, Question, Runner
from tests.markets.builders import NOW, START, a_batch, a_source


@pytest.fixture
def event(db):
    recording.record(batch=a_batch(), source=a_source(), now=NOW)
    return Event.objects.select_related("home", "away", "competition").get()


def a_player(event, name="Jo Doe"):
    return Participant.objects.create(sport_id=event.competition.sport_id, name=name, kind="PLAYER")


def a_key(kind, role, line=None, *, period="FULL", participant="", statistic="", runner=""):
    number = None if line is None else Decimal(line)
    return ("one", kind, period, number, participant, statistic, role, runner)


def price(event, *keys, people=(), questions=()):
    """Return what the keys stand for, and what was told."""
    told = []
    names = {event.home.name: event.home, event.away.name: event.away}
    names |= {person.name: person for person in people}
    found = listing.price_keys(
        keys=keys,
        events={"one": event},
        sides={event.pk: (event.home.name, event.away.name)},
        who=lambda ref, name: names.get(name),
        tell=lambda field, message, record=None: told.append((field, message)),
        questions=questions,
    )
    return found, told


class TestPriceKeys:
    def test_stand_for_selections_that_are_made_once(self, event):
        keys = [a_key("MONEYLINE", "HOME"), a_key("MONEYLINE", "AWAY")]
        first, told = price(event, *keys)
        second, _ = price(event, *keys)
        assert told == []
        assert first.selection.tolist() == second.selection.tolist()
        assert (first.is_fresh.all(), second.is_fresh.any()) == (True, False)
        assert first.event.tolist() == [event.pk] * 2
        assert Selection.objects.count() == 2

    def test_tell_markets_apart_by_everything_they_ask(self, event):
        jo, al = a_player(event), a_player(event, "Al Roe")
        keys = [
            a_key("TOTAL", "OVER", "20.5"),
            a_key("TOTAL", "OVER", "20.5", period="H1"),
            a_key("TOTAL", "OVER", "21.5"),
            a_key("TEAM_TOTAL", "OVER", "20.5", participant="Alders"),
            a_key("TEAM_TOTAL", "OVER", "20.5", participant="Birches"),
            a_key("PLAYER_TOTAL", "OVER", "20.5", participant="Jo Doe", statistic="points"),
            a_key("PLAYER_TOTAL", "OVER", "20.5", participant="Jo Doe", statistic="assists"),
            a_key("PLAYER_TOTAL", "OVER", "20.5", participant="Al Roe", statistic="points"),
        ]
        found, told = price(event, *keys, people=(jo, al))
        assert (told, Market.objects.count()) == ([], 8)
        assert len(set(found.selection.tolist())) == 8

    def test_of_one_line_written_in_two_ways_are_one(self, event):
        found, _ = price(event, a_key("SPREAD", "HOME", "-0.0"), a_key("SPREAD", "HOME", "0.00"))
        assert found.selection[0] == found.selection[1]

    def test_make_whole_markets_with_named_answers(self, event):
        jo = a_player(event)
        keys = [
            a_key("DOUBLE_CHANCE", "HOME_DRAW"),
            a_key("SPREAD", "HOME", "-3.5"),
            a_key("PLAYER_TOTAL", "OVER", "20.5", participant="Jo Doe", statistic="points"),
        ]
        price(event, *keys, people=(jo,))
        rows = Selection.objects.order_by("market__kind", "role")
        assert [(row.role, str(row)) for row in rows] == [
            ("DRAW_AWAY", "Draw or Birches"),
            ("HOME_AWAY", "Alders or Birches"),
            ("HOME_DRAW", "Alders or draw"),
            ("OVER", "Jo Doe over 20.5"),
            ("UNDER", "Jo Doe under 20.5"),
            ("AWAY", "Birches +3.50"),
            ("HOME", "Alders -3.50"),
        ]

    def test_add_runners_to_a_market_as_they_come(self, event):
        jo, al = a_player(event), a_player(event, "Al Roe")
        price(event, a_key("WIN", "RUNNER", runner="Jo Doe"), people=(jo,))
        keys = [a_key("WIN", "RUNNER", runner=name) for name in ("Jo Doe", "Al Roe")]
        found, _ = price(event, *keys, people=(jo, al))
        assert found.is_fresh.tolist() == [False, True]
        assert Market.objects.get().selections.count() == 2

    @pytest.mark.parametrize(
        "key, field",
        [
            (a_key("TOTAL", "OVER", "2.3"), "line"),
            (a_key("TOTAL", "OVER"), "line"),
            (a_key("MATCH_ODDS", "HOME", "1"), "line"),
            (a_key("MATCH_ODDS", "OVER"), "role"),
            (a_key("WIN", "HOME"), "role"),
            (a_key("COIN_TOSS", "HOME"), "market"),
            (a_key("MATCH_ODDS", "HOME", period="H9"), "market"),
            (a_key("TEAM_TOTAL", "OVER", "2.5"), "market"),
            (a_key("MATCH_ODDS", "HOME", participant="Alders"), "market"),
            (a_key("PLAYER_TOTAL", "OVER", "2.5", participant="Alders"), "market"),
        ],
    )
    def test_that_no_market_can_have_are_told_and_stand_for_nothing(self, event, key, field):
        found, told = price(event, key, a_key("MONEYLINE", "HOME"))
        assert [name for name, _ in told] == [field]
        assert (found.selection >= 0).tolist() == [False, True]
        assert found.event[0] == -1

    def test_of_nobody_known_stand_for_nothing(self, event):
        found, _ = price(
            event,
            a_key("WIN", "RUNNER", runner="Nobody"),
            a_key("TEAM_TOTAL", "OVER", "2.5", participant="Nobody"),
        )
        assert found.selection.tolist() == [-1, -1]

    def test_need_no_more_queries_for_more_keys(self, event, django_assert_num_queries):
        with django_assert_num_queries(3):
            price(event, *(a_key("TOTAL", "OVER", f"{n}.5") for n in range(3)))
        with django_assert_num_queries(3):
            price(event, *(a_key("TOTAL", "OVER", f"{n}.5") for n in range(3, 90)))


class TestQuestions:
    def test_are_made_whether_they_have_a_price_or_not(self, event):
        jo = a_player(event)
        runner = Runner(jo.pk, jo.name, number=4)
        question = Question(MarketKey(event.pk, "PLACE"), places=3, runners={jo.pk: runner})
        price(event, questions=[question])
        assert Market.objects.get().places == 3
        assert (Selection.objects.get().name, Selection.objects.get().number) == ("Jo Doe", 4)

    def test_tell_later_that_a_runner_was_removed_and_keep_what_was_said_before(self, event):
        jo = a_player(event)
        key = MarketKey(event.pk, "WIN")
        said = [
            Runner(jo.pk, jo.name, number=4),
            Runner(jo.pk, jo.name, removed_at=START - timedelta(hours=1), reduction=Decimal("5.5")),
            Runner(jo.pk, jo.name),
        ]
        for runner in said:
            price(event, questions=[Question(key, runners={jo.pk: runner})])
        row = Selection.objects.get()
        assert (row.number, row.removed_at, str(row.reduction)) == (
            4,
            START - timedelta(hours=1),
            "5.50",
        )

    def test_let_closes_be_recorded_anew_once_a_runner_is_removed(self, event):
        jo = a_player(event)
        key = MarketKey(event.pk, "WIN")
        price(event, questions=[Question(key, runners={jo.pk: Runner(jo.pk, jo.name)})])
        Event.objects.update(close_recorded_for=START)
        price(event, questions=[Question(key, runners={jo.pk: Runner(jo.pk, jo.name)})])
        assert Event.objects.get(pk=event.pk).close_recorded_for == START  # nothing was new
        gone = Runner(jo.pk, jo.name, removed_at=START - timedelta(hours=1))
        price(event, questions=[Question(key, runners={jo.pk: gone})])
        assert Event.objects.get(pk=event.pk).close_recorded_for is None


class TestMarketKey:
    def test_refuses_what_no_market_can_ask(self):
        asked = {"event_id": 1, "period": "FULL", "participant_id": None, "statistic": ""}
        with pytest.raises(BadLine):
            listing.market_key(kind="TOTAL", line=Decimal("2.4"), **asked)
        with pytest.raises(BadMarket):
            listing.market_key(kind="PLAYER_TOTAL", line=Decimal("2.5"), **asked)
