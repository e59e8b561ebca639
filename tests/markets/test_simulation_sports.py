from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from markets.connectors import simulator_sports
from markets.connectors.simulator_sports import Teller
from markets.domain import (
    kinds,
    simulation_games,
    simulation_races,
    simulation_sports,
    simulation_timeline,
)
from markets.domain.simulation_sports import BY_CODE, LEAGUES, Trouble

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SEED = 5
CUP, FOOTBALL, BASKETBALL, RACES = LEAGUES
codes = pytest.mark.parametrize("code", [league.code for league in LEAGUES])


def a_season(code, *, seed=SEED, number=1):
    return simulator_sports.season_of(BY_CODE[code], seed=seed, number=number)


def a_teller(code="SIM-CUP", *, number=1, seed=SEED):
    return Teller(league=BY_CODE[code], seed=seed, number=number, first_start=NOON, time_scale=1.0)


def forget():
    simulation_games.season.cache_clear()
    simulation_races.season.cache_clear()


def at(hours):
    return NOON + timedelta(hours=hours)


class TestASeason:
    @codes
    def test_is_the_same_for_the_same_seed_in_any_process(self, code):
        one = a_season(code)
        forget()
        again = a_season(code)
        assert again is not one
        assert again.score.tolist() == one.score.tolist()
        for a, b in zip(one.quoted, again.quoted, strict=True):
            np.testing.assert_array_equal(a.prices, b.prices)

    @codes
    def test_is_another_one_for_another_seed_or_number(self, code):
        one = a_season(code).quoted[0].prices
        assert not np.array_equal(one, a_season(code, seed=6).quoted[0].prices)
        assert not np.array_equal(one, a_season(code, number=2).quoted[0].prices)

    @pytest.mark.parametrize("code", ["SIM-CUP", "SIM-NFL", "SIM-NBA"])
    def test_lets_each_pair_meet_once_at_each_home(self, code):
        season = a_season(code)
        pairs = set(zip(season.home.tolist(), season.away.tolist(), strict=True))
        assert len(pairs) == 56
        for round_ in np.split(np.stack([season.home, season.away]), 14, axis=1):
            assert sorted(round_.ravel().tolist()) == list(range(8))

    @codes
    def test_quotes_whole_markets_of_known_kinds(self, code):
        for quoted in a_season(code).quoted:
            assert quoted.answers in (kinds.ROLES.get(quoted.kind, ()), ())
            sums = kinds.sums_to(kind=quoted.kind, places=quoted.places)
            np.testing.assert_allclose(np.nansum(quoted.fair, axis=-1), sums, atol=1e-6)

    @codes
    def test_charges_each_book_its_margin(self, code):
        for quoted in a_season(code).quoted:
            sums = kinds.sums_to(kind=quoted.kind, places=quoted.places)
            margin = np.nansum(1 / quoted.prices, axis=-1) / sums - 1
            np.testing.assert_allclose(
                margin.mean(axis=(0, 1)), simulation_sports.MARGINS, atol=0.012
            )

    @codes
    def test_lets_the_sharp_book_know_almost_everything_at_the_close(self, code):
        for quoted in a_season(code).quoted:
            sums = kinds.sums_to(kind=quoted.kind, places=quoted.places)
            implied = 1 / quoted.prices[:, :, 0]
            shown = implied / np.nansum(implied, axis=-1, keepdims=True) * sums
            apart = np.nanmean(np.abs(shown - quoted.fair[:, None]), axis=(0, 2))
            assert apart[-1] < apart[0]
            assert apart[-1] < 0.03


class TestWhatIsPlayed:
    @pytest.mark.parametrize("league", [FOOTBALL, BASKETBALL])
    def test_is_won_as_often_as_the_fair_price_says(self, league):
        fair, won = [], []
        for number in range(1, 40):
            season = a_season(league.code, number=number)
            fair.append(season.quoted[0].fair[:, 0])
            won.append(season.score[:, 0] > season.score[:, 1])
        apart = np.concatenate(won).mean() - np.concatenate(fair).mean()
        assert abs(apart) < 0.03

    @pytest.mark.parametrize("league", [FOOTBALL, BASKETBALL])
    def test_ends_never_in_a_tie_and_adds_up_by_quarters(self, league):
        ties = 0
        for number in range(1, 10):
            season = a_season(league.code, number=number)
            assert (season.score[:, 0] != season.score[:, 1]).all()
            for score, periods, overtime in zip(
                season.score, season.periods, season.had_overtime, strict=True
            ):
                assert np.sum(list(periods.values()), axis=0).tolist() == score.tolist()
                assert ("OT" in periods) == overtime
                ties += overtime
        assert ties > 0

    def test_of_the_cup_has_two_halves(self):
        season = a_season("SIM-CUP")
        for score, halves in zip(season.score.tolist(), season.periods, strict=True):
            assert [sum(half) for half in zip(*halves.values(), strict=True)] == score

    def test_of_races_places_each_runner_once_and_none_that_was_removed(self):
        removed = 0
        for number in range(1, 6):
            season = a_season("SIM-RACES", number=number)
            for order, reduction in zip(season.order, season.reduction, strict=True):
                ran = sorted(order[order > 0].tolist())
                assert ran == list(range(1, len(ran) + 1))
                assert ((order == 0) == ~np.isnan(reduction)).all()
                removed += (order == 0).sum()
        assert removed > 10

    def test_of_races_places_as_often_as_the_fair_price_says(self):
        expected, found, runners = 0.0, 0, 0
        for number in range(1, 30):
            season = a_season("SIM-RACES", number=number)
            favourite = np.nanargmax(season.quoted[0].fair, axis=1)
            rows = np.arange(len(favourite))
            expected += season.quoted[1].fair[rows, favourite].sum()
            found += (season.order[rows, favourite] <= 3).sum()
            runners += len(favourite)
        assert abs(expected - found) / runners < 0.03

    def test_of_races_takes_a_removed_runner_out_of_the_later_prices(self):
        season = a_season("SIM-RACES")
        fixture, runner = np.argwhere(season.order == 0)[0]
        quoted = season.quoted[0].prices[fixture, :, :, runner]
        before = simulation_sports.STEPS > simulation_races.REMOVED_BEFORE
        assert (~np.isnan(quoted[before])).all()
        assert np.isnan(quoted[~before]).all()


class TestTheTimeline:
    def told(self, **fields):
        return simulation_timeline.timeline(league=CUP, trouble=Trouble(**fields))

    def states(self, messages):
        return [(m.at, m.status, m.start) for m in messages if m.what == "state"]

    def results(self, messages):
        return [(m.at, m.status, m.is_wrong, m.sent) for m in messages if m.what == "result"]

    def test_of_a_plain_fixture_goes_from_prices_to_one_result(self):
        messages = self.told()
        assert sum(m.what == "prices" for m in messages) == len(simulation_sports.STEPS)
        assert self.states(messages) == [(0.0, "LIVE", 0.0)]
        assert self.results(messages) == [(2.0, "FINAL", False, None)]

    def test_of_a_postponed_one_is_quoted_again_for_its_new_date(self):
        messages = self.told(delay=11.0)
        assert self.states(messages) == [
            (-0.5, "POSTPONED", 0.0),
            (1.0, "SCHEDULED", 11.0),
            (11.0, "LIVE", 11.0),
        ]
        prices = [m.at for m in messages if m.what == "prices"]
        assert not [at for at in prices if -0.5 <= at <= 1.0]
        assert max(prices) == pytest.approx(10.9)
        assert self.results(messages)[0][0] == 13.0

    def test_of_an_abandoned_one_ends_early_without_a_score(self):
        assert self.results(self.told(is_abandoned=True)) == [(1.2, "ABANDONED", False, None)]

    def test_of_a_corrected_one_tells_it_wrong_first(self):
        assert self.results(self.told(is_corrected=True)) == [
            (2.0, "FINAL", True, None),
            (3.5, "FINAL", False, None),
        ]

    def test_may_bring_an_old_copy_after_the_correction(self):
        told = self.results(self.told(is_corrected=True, is_repeated=True))
        assert told[-1] == (3.9, "FINAL", True, 2.0)

    def test_may_tell_the_result_late(self):
        last = self.told(late_by=0.75)[-1]
        assert (last.at, last.known) == (2.75, 2.0)

    @pytest.mark.parametrize("league", LEAGUES)
    def test_is_over_when_the_season_is(self, league):
        worst = Trouble(max(simulation_sports.DELAYS), False, True, True, 0.75)
        last = simulation_timeline.timeline(league=league, trouble=worst)[-1]
        assert last.at < simulation_sports.TOLD_WITHIN

    def test_has_its_troubles_as_often_as_is_said(self):
        found = [simulation_sports.trouble(SEED, CUP, 1, n) for n in range(3_000)]
        shares = {
            "postponed": sum(t.delay > 0 for t in found) / 3_000,
            "corrected": sum(t.is_corrected for t in found) / 3_000,
            "repeated": sum(t.is_repeated for t in found) / 3_000,
            "late": sum(t.late_by > 0 for t in found) / 3_000,
        }
        expected = {"postponed": 0.02, "corrected": 0.01, "repeated": 0.03, "late": 0.03}
        assert shares == pytest.approx(expected, abs=0.01)


class TestTelling:
    @codes
    def test_begins_with_the_calendar(self, code):
        told = a_teller(code).tell(since=None, until=NOON - timedelta(hours=30))
        assert len(told.batch.events) == len(a_season(code).hours)
        assert {event.status for event in told.batch.events} == {"SCHEDULED"}
        assert (list(told.batch.prices), list(told.batch.results)) == ([], [])

    @codes
    def test_is_the_same_in_small_pieces(self, code):
        teller = a_teller(code)
        moments = [at(hours) for hours in np.arange(-1.0, 40.0, 1.0)]
        prices, results, ladders = [], [], []
        for since, until in pairwise(moments):
            told = teller.tell(since=since, until=until)
            prices += told.batch.prices
            results += told.batch.results
            ladders += told.batch.ladders
            assert all(since < price.seen_at <= until for price in told.batch.prices)
        forget()
        again = a_teller(code).tell(since=moments[0], until=moments[-1])
        assert len(results) == len(again.batch.results) > 5
        assert {r.event_ref for r in results} == {r.event_ref for r in again.batch.results}
        assert set(again.batch.prices) <= set(prices)
        assert bool(ladders) == (code == "SIM-RACES")

    def test_keeps_of_what_was_missed_only_what_history_keeps(self):
        told = a_teller().tell(since=at(-40), until=at(9))
        missed = [p for p in told.batch.prices if p.event_ref == "SIM-CUP/S00001/0"]
        assert {(NOON - p.seen_at) / timedelta(hours=1) for p in missed} == {24.5, 1.1, 0.1}

    def test_names_the_questions_of_each_sport(self):
        found = {}
        for league in LEAGUES:
            told = a_teller(league.code).tell(since=at(-30), until=at(0))
            found[league.code] = {price.kind for price in told.batch.prices}
        assert found == {
            "SIM-CUP": {"MATCH_ODDS", "DOUBLE_CHANCE", "DRAW_NO_BET", "BOTH_SCORE", "TOTAL"},
            "SIM-NFL": {"MONEYLINE", "SPREAD", "TOTAL", "TEAM_TOTAL", "PLAYER_TOTAL"},
            "SIM-NBA": {"MONEYLINE", "SPREAD", "TOTAL", "TEAM_TOTAL", "PLAYER_TOTAL"},
            "SIM-RACES": {"WIN", "PLACE"},
        }

    def test_tells_line_ups_an_hour_before(self):
        told = a_teller("SIM-NBA").tell(since=at(-1.5), until=at(-0.5))
        (notice,) = told.batch.notices
        assert (notice.kind, notice.published_at) == ("LINEUP", at(-1))
        assert {len(names) for names in notice.data.values()} == {5}

    def test_takes_a_runner_out_with_its_reduction(self):
        season = a_season("SIM-RACES")
        fixture, runner = (int(place) for place in np.argwhere(season.order == 0)[0])
        start = at(float(season.hours[fixture]))
        teller = a_teller("SIM-RACES")
        ref = f"SIM-RACES/S00001/{fixture}"

        def person(since, until):
            markets = teller.tell(since=start - since, until=start - until).batch.markets
            (win,) = (m for m in markets if m.event_ref == ref and m.kind == "WIN")
            return win.runners[runner]

        assert person(timedelta(hours=2), timedelta(hours=1.3)).removed_at is None
        after = person(timedelta(hours=1.2), timedelta(hours=1))
        assert after.removed_at == start - timedelta(hours=1.2)
        assert 0 < after.reduction < 100

    def test_tells_an_old_copy_apart_from_the_news(self):
        for number in range(1, 60):
            teller = a_teller(number=number)
            told = teller.tell(since=at(-1), until=teller.over_at())
            if told.late:
                break
        (sent, copy), *_ = told.late
        ref = copy.results[0].event_ref
        of_event = [r for r in told.batch.results if r.event_ref == ref]
        assert copy.results[0] == of_event[0] != of_event[-1]
        assert sent < teller.over_at()

    def test_keeps_every_price_and_size_in_bounds(self):
        told = a_teller("SIM-RACES").tell(since=at(-30), until=at(30))
        assert all(1 < price.price <= 1000 for price in told.batch.prices)
        for ladder in told.batch.ladders:
            back, lay = [p for p, _ in ladder.back], [p for p, _ in ladder.lay]
            assert back == sorted(back, reverse=True)
            assert lay == sorted(lay)
            assert all(size > 0 for _, size in (*ladder.back, *ladder.lay))
