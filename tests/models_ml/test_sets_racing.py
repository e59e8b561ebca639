import numpy as np
import pytest

from models_ml.domain import features
from models_ml.domain.asof import BadAsk
from models_ml.domain.facts import NEVER, Asks, Facts
from models_ml.domain.racing_v1 import RACING_V1
from tests.models_ml import race_worlds
from tests.models_ml.fact_worlds import DAY
from tests.models_ml.race_worlds import EXCHANGE, RATED, STARTING, TOTE
from tests.models_ml.worlds import HOUR

A, B, C = 101, 102, 103
AT = {name: number for number, name in enumerate(RACING_V1.names)}


def world(races: list[tuple], prices: list[tuple] = (), removed: dict | None = None) -> Facts:
    """Return facts of (event, day, winner or none, runners, [metres])."""
    fixtures = [{"event": e, "starts_at": day * DAY} for e, day, *_ in races]
    entries = [
        (e, horse, n + 1, (removed or {}).get((e, horse), NEVER))
        for e, _, _, field, *_ in races
        for n, horse in enumerate(field)
    ]
    told = [
        (e, 1, day * DAY + HOUR, 1,
         {h: (n + 1, int(h == winner), int(h in field[:2]), 0) for n, h in enumerate(field)})
        for e, day, winner, field, *_ in races
        if winner
    ]  # fmt: skip
    distance = [metres[0] if metres else 1200 for *_, _, metres in
                [(*race[:4], race[4:]) for race in races]]  # fmt: skip
    return race_worlds.facts(fixtures, entries, told, list(prices), distance=distance)


def values(facts: Facts, horses=(A, B, C), hours: float = 1.0) -> np.ndarray:
    """Return rows of runners in the last race."""
    start = int(facts.fixtures.starts_at.max())
    event = int(facts.fixtures.event[facts.fixtures.starts_at.argmax()])
    n = len(horses)
    asks = Asks(np.full(n, event), np.array(horses), np.full(n, start - int(hours * HOUR)))
    return features.compute(feature_set=RACING_V1, facts=facts, asks=asks)


def column(name: str, facts: Facts, **more) -> list[float]:
    return values(facts, **more)[:, AT[name]].tolist()


class TestEntries:
    def test_count_those_who_are_not_removed_by_then(self):
        facts = world([(9, 5, None, (A, B, C))], removed={(9, C): 5 * DAY - 3 * HOUR})
        assert column("field_size", facts, horses=(A, B), hours=4) == [3.0, 3.0]
        assert column("field_size", facts, horses=(A, B), hours=3) == [2.0, 2.0]

    def test_refuse_who_is_not_entered(self):
        facts = world([(9, 5, None, (A, B, C))], removed={(9, C): 5 * DAY - 3 * HOUR})
        for horses, hours in (((77,), 1.0), ((C,), 2.0)):
            with pytest.raises(BadAsk, match=f"runner {horses[0]} is not entered"):
                values(facts, horses=horses, hours=hours)

    def test_make_a_row_that_does_not_depend_on_who_else_is_asked_about(self):
        facts = race_worlds.a_busy_world(seed=4)
        start = int(facts.fixtures.starts_at.max())
        event = int(facts.fixtures.event[facts.fixtures.starts_at.argmax()])
        field = facts.entries.participant[
            (facts.entries.event == event) & (facts.entries.removed_at > start)
        ]
        together = values(facts, horses=tuple(field))
        alone = [values(facts, horses=(horse,))[0] for horse in field]
        assert together.tobytes() == np.array(alone).tobytes()


class TestPast:
    RACES = ((1, 1, A, (A, B), 1000), (2, 3, B, (A, B), 1400), (9, 9, None, (A, B, C), 1100))

    @pytest.mark.parametrize(
        "name, expected",
        [
            ("runs", [2.0, 2.0, 0.0]),
            ("wins", [1.0, 1.0, 0.0]),
            ("places", [2.0, 2.0, 0.0]),
            ("win_rate", [(1 + 5 / 3) / 7, (1 + 5 / 3) / 7, 1 / 3]),
            ("last_won", [0.0, 1.0, np.nan]),
            ("days_since", [6.0, 6.0, np.nan]),
            ("runs_90d", [2.0, 2.0, 0.0]),
            ("distance_change", [-300.0, -300.0, np.nan]),
            ("runs_distance", [1.0, 1.0, 0.0]),
            ("wins_distance", [1.0, 0.0, 0.0]),
            ("runs_track", [2.0, 2.0, 0.0]),
            ("newcomer_share", [1 / 3] * 3),
        ],
    )
    def test_is_of_races_known_by_then(self, name, expected):
        np.testing.assert_allclose(column(name, world(list(self.RACES))), expected)

    def test_moves_strength_from_the_beaten_to_the_winner(self):
        facts = world([(1, 1, A, (A, B)), (9, 9, None, (A, B, C))])
        assert column("strength", facts) == pytest.approx([0.075, -0.075, 0.0])
        assert sum(column("strength_centred", facts)) == pytest.approx(0.0)

    def test_remembers_starting_prices_of_earlier_races(self):
        prices = [
            (event, "WIN", horse, STARTING, day * DAY, millis)
            for event, day, horse, millis in (
                (1, 1, A, 2000), (2, 3, A, 4000), (9, 9, A, 1500), (2, 3, B, 8000),
            )
        ]  # fmt: skip
        facts = world(list(self.RACES), prices)
        np.testing.assert_allclose(column("last_close", facts), [-np.log(4), -np.log(8), np.nan])
        np.testing.assert_allclose(column("best_close", facts), [-np.log(2), -np.log(8), np.nan])
        assert np.isnan(column("mean_close", facts)).all()


class TestPrices:
    RACE = ((9, 5, None, (A, B, C)),)

    def quoted(self, book: int, millis: tuple[int, ...], hours: float = 2) -> list[tuple]:
        return [
            (9, "WIN", horse, book, 5 * DAY - int(hours * HOUR), price)
            for horse, price in zip((A, B, C), millis, strict=False)
        ]

    def test_rate_runners_against_their_race(self):
        facts = world(list(self.RACE), self.quoted(RATED, (2000, 4000)))
        logs = np.log([0.5, 0.25])
        np.testing.assert_allclose(column("rated_log", facts)[:2], logs - logs.mean())
        assert column("has_rated", facts) == [1.0, 1.0, 0.0]
        np.testing.assert_allclose(column("rated_rank", facts), [1.0, 2.0, np.nan])
        np.testing.assert_allclose(column("rated_gap", facts)[:2], [0.0, np.log(0.5)])

    def test_know_a_market_only_where_a_book_quotes_everyone(self):
        part = world(list(self.RACE), self.quoted(TOTE, (2000, 4000)))
        assert column("has_market", part) == [0.0] * 3
        whole = world(list(self.RACE), self.quoted(TOTE, (1900, 3800, 3800)))
        assert column("has_market", whole) == [1.0] * 3
        np.testing.assert_allclose(np.exp(column("market_win_log", whole)), [0.5, 0.25, 0.25])

    def test_mean_several_books_without_a_rank(self):
        both = [
            *self.quoted(TOTE, (1900, 3800, 3800)), *self.quoted(EXCHANGE, (3800, 1900, 3800))
        ]  # fmt: skip
        found = np.exp(column("market_win_log", world(list(self.RACE), both)))
        np.testing.assert_allclose(found, [0.375, 0.375, 0.25])

    def test_do_not_know_the_starting_price(self):
        facts = world(list(self.RACE), self.quoted(STARTING, (2000, 4000, 4000), hours=0))
        assert column("has_market", facts) == [0.0] * 3
