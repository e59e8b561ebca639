import numpy as np
import pytest

from markets.domain import simulation

SEED = 20
MATCHES = 6 * simulation.N_MATCHES  # 2,280


@pytest.fixture(scope="module")
def seasons():
    return [simulation.season(SEED, number) for number in range(1, 7)]


def joined(seasons, name):
    return np.concatenate([getattr(season, name) for season in seasons])


def outcomes(goals):
    return np.where(goals[:, 0] > goals[:, 1], 0, np.where(goals[:, 0] == goals[:, 1], 1, 2))


def without_margin(prices):
    """Undo the power that put the margin in: exact, and independent of ``markets.domain.odds``."""
    implied = 1 / prices
    power = np.ones(len(implied))
    for _ in range(30):
        raised = implied ** power[:, None]
        power -= (raised.sum(axis=1) - 1) / (raised * np.log(implied)).sum(axis=1)
    return implied ** power[:, None]


def log_losses(probabilities, happened):
    return -np.log(probabilities[np.arange(len(happened)), happened])


class TestSeason:
    def test_is_the_same_again_from_its_seed(self):
        first = simulation.season(SEED, 3)
        simulation.season.cache_clear()
        again = simulation.season(SEED, 3)
        assert again is not first
        for name in ("home", "away", "hours", "rates", "goals", "goals_half", "line", "prices"):
            np.testing.assert_array_equal(getattr(first, name), getattr(again, name))

    def test_differs_by_seed_and_by_number(self):
        one = simulation.season(SEED, 3)
        assert not np.array_equal(one.goals, simulation.season(SEED + 1, 3).goals)
        assert not np.array_equal(one.goals, simulation.season(SEED, 4).goals)

    def test_has_no_more_goals_at_half_time_than_at_the_end(self, seasons):
        assert (joined(seasons, "goals_half") <= joined(seasons, "goals")).all()

    def test_quotes_prices_above_one_only(self, seasons):
        assert joined(seasons, "prices").min() >= 1.01


class TestCalendar:
    @pytest.mark.parametrize("number", [1, 2, 90])
    def test_lets_each_pair_meet_once_at_each_home(self, number):
        home, away, _ = simulation.calendar(seed=SEED, number=number)
        pairs = set(zip(home.tolist(), away.tolist(), strict=True))
        assert len(pairs) == simulation.N_MATCHES == 380
        assert all(one != other for one, other in pairs)

    def test_lets_each_club_play_once_a_round(self):
        home, away, _ = simulation.calendar(seed=SEED, number=1)
        for sides in np.hstack([home.reshape(38, 10), away.reshape(38, 10)]):
            assert sorted(sides) == list(range(20))

    def test_leaves_time_for_a_result_before_the_clubs_next_match(self):
        home, away, hours = simulation.calendar(seed=SEED, number=1)
        for club in range(simulation.N_CLUBS):
            own = np.sort(hours[(home == club) | (away == club)])
            assert np.diff(own).min() > simulation.RESULT_AFTER

    def test_alternates_home_and_away_fairly(self):
        home, _, _ = simulation.calendar(seed=SEED, number=1)
        assert (np.bincount(home[:190], minlength=20) >= 7).all()


class TestStrengths:
    def test_wander_slowly_from_season_to_season(self):
        attack = np.array([simulation.strengths(seed=SEED, number=n)[0] for n in range(1, 200)])
        now, after = attack[:-1].ravel(), attack[1:].ravel()
        assert 0.75 < np.corrcoef(now, after)[0, 1] < 0.92

    def test_spread_no_further_however_long_the_league_runs(self):
        late = [simulation.strengths(seed=SEED, number=n)[0].std() for n in range(5000, 5050)]
        assert 0.15 < np.mean(late) < 0.3


class TestFairProbabilities:
    def test_sum_to_one_in_every_market(self, seasons):
        fair = joined(seasons, "fair")
        for market in simulation.MARKETS:
            np.testing.assert_allclose(fair[:, market].sum(axis=1), 1.0)

    def test_price_a_quarter_line_between_its_neighbours(self):
        rates = np.log([[1.8, 1.1]] * 3)
        covers = simulation.fair_probabilities(rates, np.array([-1.0, -0.75, -0.5]))[:, 3]
        assert covers[0] < covers[1] < covers[2]

    def test_make_a_bet_at_the_fair_price_worth_nothing(self):
        """Settle both halves of a quarter line by hand, over every score."""
        rates, line = np.log([[1.7, 1.2]]), -0.75
        price = 1 / simulation.fair_probabilities(rates, np.array([line]))[0, 3]
        grid = simulation.score_grid(rates)[0]
        size = simulation.MAX_GOALS + 1
        expected = 0.0
        for score, probability in enumerate(grid):
            margin = score // size - score % size
            for half in (line - 0.25, line + 0.25):
                profit = np.sign(margin + half)
                expected += probability / 2 * ((price - 1) if profit > 0 else profit)
        assert expected == pytest.approx(0.0, abs=1e-9)


class TestResults:
    """Six seasons are 2,280 matches; bounds are four standard errors wide, the seed is fixed."""

    def test_come_as_often_as_the_truth_says(self, seasons):
        fair, happened = joined(seasons, "fair"), outcomes(joined(seasons, "goals"))
        for outcome in range(3):
            p = fair[:, outcome]
            bound = 4 * np.sqrt((p * (1 - p)).sum())
            assert abs((happened == outcome).sum() - p.sum()) < bound

    def test_are_calibrated_among_favourites_and_outsiders(self, seasons):
        fair, happened = joined(seasons, "fair"), outcomes(joined(seasons, "goals"))
        edges = np.quantile(fair[:, 0], [0.2, 0.4, 0.6, 0.8])
        group = np.digitize(fair[:, 0], edges)
        for number in range(5):
            p, won = fair[group == number, 0], happened[group == number] == 0
            assert abs(won.mean() - p.mean()) < 4 * np.sqrt(p.mean() * (1 - p.mean()) / len(p))

    def test_look_like_soccer(self, seasons):
        goals = joined(seasons, "goals")
        assert len(goals) == MATCHES
        assert 2.4 < goals.sum(axis=1).mean() < 3.1
        assert goals[:, 0].mean() > goals[:, 1].mean()


class TestPrices:
    def test_carry_each_books_margin_in_every_market(self, seasons):
        prices = joined(seasons, "prices")
        for at, book in enumerate(simulation.BOOKS):
            for market, margin in zip(simulation.MARKETS, book.margins, strict=True):
                booksum = (1 / prices[:, at][..., market]).sum(axis=-1)
                assert booksum.min() > 1.0  # never an arbitrage against itself
                assert booksum.mean() == pytest.approx(1 + margin, abs=0.002)

    def test_end_nearer_to_the_truth_than_they_open(self, seasons):
        fair = joined(seasons, "fair")[:, :3]
        for at in range(len(simulation.BOOKS)):
            opening, close = (
                np.abs(without_margin(joined(seasons, "prices")[:, at, step, :3]) - fair).mean()
                for step in (0, -1)
            )
            assert close < 0.6 * opening

    def test_score_better_at_the_sharp_close_than_at_its_opening(self):
        """Each match tells little, so twenty seasons are asked, and the truth beside them."""
        league = [simulation.season(SEED, number) for number in range(1, 21)]
        fair, happened = joined(league, "fair")[:, :3], outcomes(joined(league, "goals"))
        opening, close = (
            without_margin(np.concatenate([s.prices[:, 0, step, :3] for s in league]))
            for step in (0, -1)
        )
        assert (log_losses(opening, happened) - log_losses(close, happened)).mean() > 0
        assert (fair * (np.log(close) - np.log(opening))).sum(axis=1).mean() > 0.002

    def test_cost_the_margin_where_one_bets_blindly(self, seasons):
        prices = joined(seasons, "prices")[..., :3]
        close = without_margin(prices[:, 0, -1])
        for at in range(1, len(simulation.BOOKS)):
            assert (prices[:, at, 10] * close - 1).mean() < -0.03

    def test_leave_some_value_to_who_compares_with_the_sharp_book(self, seasons):
        prices = joined(seasons, "prices")[..., :3]
        sharp, close = without_margin(prices[:, 0, 10]), without_margin(prices[:, 0, -1])
        best = prices[:, 1:, 10].max(axis=1)
        bets = (sharp * best - 1 > 0.02) & (best < 5)
        assert 0.1 < bets.any(axis=1).mean() < 0.5  # some matches, not most
        assert 0.005 < (best * close - 1)[bets].mean() < 0.06

    def test_move_in_steps_that_a_book_would_show(self):
        shown = simulation.shown(1 / np.array([1.0001, 2.347, 3.13, 7.44, 22.3]))
        assert shown.tolist() == [1.01, 2.35, 3.15, 7.4, 22.5]
