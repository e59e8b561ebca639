import numpy as np
import pytest
from scipy import optimize
from sklearn.linear_model import LogisticRegression

from models_ml.domain import baselines, elo, scoring
from tests.models_ml import worlds

# Eight sides, everybody twice at home to everybody: home, away, home goals, away goals.
SCORES = (
    "3642341245101351623321400321411052302410453005200641411247325010402510113511310421107310"
    "2411622243200531520120126412630035304012044236325730073274321310542375103223461130126720"
    "1621611146012321501307007001253161237101710272203002172102021740420215116310162027215311"
    "3411013175111522510137310621324026107620423337404321671227516411143123236531761260227211"
    "5411121025407400512260205613472370130202143101142000123003105621260231125323042565027302"
    "57101002"
)
ROWS = np.array([int(digit) for digit in SCORES]).reshape(-1, 4)
DAYS = np.arange(len(ROWS)) * 300 // len(ROWS)
PAIRS = ([0, 3, 7], [7, 4, 1])
# What penaltyblog 1.13.1's DixonColesGoalModel says of these rows at the strengths found here:
# log likelihood, P(home, draw, away) of PAIRS, P(over 2.5) of PAIRS; last, where its own fit ends.
PLAIN = (
    -328.0135467825653,
    [
        [0.7488366024, 0.1563468718, 0.0948165258],
        [0.4816075369, 0.2165933286, 0.3017991345],
        [0.1553749404, 0.2183560583, 0.6262690012],
    ],
    [0.6030854058, 0.6581018296, 0.4755799489],
    -328.01407779845937,
)
AGED = (
    -252.9120630415243,
    [
        [0.7261944014, 0.1698418740, 0.1039637246],
        [0.4907196845, 0.2170707469, 0.2922095685],
        [0.1400479786, 0.2141378208, 0.6458142006],
    ],
    [0.5879299754, 0.6707360485, 0.4850805669],
    -252.91208835781313,
)


def fitted(rows=ROWS, **more):
    home, away, x, y = rows.T
    return baselines.fit_dixon_coles(home=home, away=away, home_goals=x, away_goals=y, **more)


class TestDixonColes:
    @pytest.mark.parametrize(
        "weights, expected", [(None, PLAIN), (baselines.weights_of_age(300 - DAYS), AGED)]
    )
    def test_equals_penaltyblog_on_the_same_matches(self, weights, expected):
        found = fitted(weights=weights)
        likelihood, three_way, over, its_own = expected
        assert found.log_likelihood == pytest.approx(likelihood, abs=1e-6)
        assert found.probabilities(*PAIRS) == pytest.approx(np.array(three_way), abs=1e-6)
        assert found.over(*PAIRS, 2.5) == pytest.approx(np.array(over), abs=1e-6)
        assert its_own <= found.log_likelihood == pytest.approx(its_own, abs=1e-3)

    def test_slope_of_the_likelihood_is_its_derivative(self):
        home, away, x, y = ROWS.T
        theta = np.concatenate([np.linspace(-0.3, 0.3, 16), [0.2, -0.08]])
        rest = (home, away, x.astype(float), y.astype(float), np.ones(len(x)), 8)
        negative = baselines._Negative(*rest)
        numeric = optimize.approx_fprime(theta, lambda t: negative(t)[0], epsilon=1e-6)
        assert negative(theta)[1] == pytest.approx(numeric, abs=1e-3)

    def test_ends_where_it_ends_whatever_it_begins_at(self):
        other = fitted(rows=ROWS[5:])
        assert fitted(begin_at=other).probabilities(*PAIRS) == pytest.approx(
            fitted().probabilities(*PAIRS), abs=1e-5
        )

    def test_begins_at_a_fit_that_does_not_know_every_side(self):
        without = ROWS[(ROWS[:, :2] != ROWS[0, 0]).all(axis=1)]
        assert fitted(begin_at=fitted(rows=without)).probabilities(*PAIRS) == pytest.approx(
            fitted().probabilities(*PAIRS), abs=1e-5
        )

    def test_knows_the_world_that_made_the_goals(self):
        world = worlds.a_world(seasons=6)
        matches = world.matches
        rows = np.array([(m.home_id, m.away_id, m.home_score, m.away_score) for m in matches])
        found = fitted(rows[:-90]).probabilities(rows[-90:, 0], rows[-90:, 1])
        truth = np.array([f.market for f in world.fixtures[-90:]])
        assert np.abs(found - truth).mean() < 0.05

    def test_of_a_newcomer_plays_as_the_weakest_do(self):
        found = fitted()
        home_mean, _ = found.means([99, 0], [0, 99])
        assert home_mean[0] < home_mean[1]

    def test_sums_to_one_over_all_scores(self):
        assert fitted().scores(*PAIRS).sum(axis=(1, 2)) == pytest.approx(1.0)

    def test_stays_finite_where_a_side_never_scored(self):
        rows = np.array([[0, 1, 2, 0], [1, 0, 0, 1], [0, 2, 1, 1], [2, 1, 3, 0]])
        found = fitted(rows, ridge=0.05)
        assert np.isfinite(found.probabilities([1], [0])).all()

    @pytest.mark.parametrize("rows", [np.empty((0, 4), int), np.array([[0, 1, -1, 2]])])
    def test_refuses_no_matches_and_negative_goals(self, rows):
        with pytest.raises(ValueError, match="goals"):
            fitted(rows)


class TestEloLogistic:
    RNG = np.random.default_rng(4)
    E = 1 / (1 + 10 ** -RNG.normal(0.1, 0.4, size=3000))

    @pytest.mark.parametrize("classes", [2, 3])
    def test_equals_scikit_learn(self, classes):
        p = elo.three_way(self.E, np.full(len(self.E), 0.26))
        y = (self.RNG.random(len(p))[:, None] > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1)
        y = np.minimum(y, classes - 1)
        d = np.log10(self.E / (1 - self.E))
        terms = np.stack([d, d * d], axis=1)
        expected = LogisticRegression(C=np.inf, tol=1e-10, max_iter=2000).fit(terms, y)
        found = baselines.fit_elo(self.E, y, classes=classes).probabilities(self.E)
        assert found == pytest.approx(expected.predict_proba(terms), abs=1e-4)

    def test_of_an_unknown_expectation_is_that_of_equals(self):
        fit = baselines.fit_elo([0.3, 0.5, 0.7, 0.6], [1, 0, 0, 1], classes=2)
        assert fit.probabilities([np.nan]).tolist() == fit.probabilities([0.5]).tolist()

    def test_stays_finite_on_rows_a_line_parts(self):
        fit = baselines.fit_elo([0.2, 0.3, 0.7, 0.8], [1, 1, 0, 0], classes=2)
        assert np.isfinite(fit.probabilities([0.2, 0.9])).all()

    @pytest.mark.parametrize("e, y", [([], []), ([0.5], [2]), ([0.5, 0.5], [0])])
    def test_refuses_rows_that_do_not_fit(self, e, y):
        with pytest.raises(ValueError, match="outcomes 0 to 1"):
            baselines.fit_elo(e, y, classes=2)


class TestNormal:
    def test_is_fitted_to_bias_and_width(self):
        rng = np.random.default_rng(1)
        expected = rng.normal(0, 6, size=4000)
        found = baselines.fit_normal(expected, np.rint(expected + 1.5 + rng.normal(0, 13, 4000)))
        assert found.bias == pytest.approx(1.5, abs=0.6)
        assert found.sigma == pytest.approx(13, abs=0.5)

    def test_leaves_the_line_itself_out_of_a_whole_line(self):
        even = baselines.Normal(0.0, 13.0)
        assert even.above([3.0, 3.0, 0.0], [3.0, 2.5, 0.5]) == pytest.approx(
            [0.5, 0.51534, 0.48466], abs=1e-4
        )

    def test_turns_as_often_as_it_says(self):
        rng = np.random.default_rng(2)
        model = baselines.Normal(0.0, 13.0)
        seen = np.rint(rng.normal(4.0, 13.0, size=20_000))
        kept = seen != 3
        assert (seen[kept] > 3).mean() == pytest.approx(float(model.above(4.0, 3.0)), abs=0.012)

    def test_refuses_less_than_two_known_figures(self):
        with pytest.raises(ValueError, match="two"):
            baselines.fit_normal([1.0, np.nan], [2, 3])


class TestInRace:
    def test_of_prices_takes_the_margin_off(self):
        shares = baselines.in_race(1 / np.array([1.5, 3.0, 4.0, 1.8, 1.8]), [1, 1, 1, 2, 2])
        assert shares[:3].sum() == pytest.approx(1) and shares[3] == pytest.approx(0.5)

    def test_gives_an_unknown_runner_the_mean_of_its_race(self):
        assert baselines.in_race([0.5, 0.25, np.nan], [7, 7, 7])[2] == pytest.approx(1 / 3)


class TestBaselines:
    def test_lose_in_the_order_of_what_they_know(self):
        """Goals and ratings of sides beat the bare rates on a world where sides differ."""
        world = worlds.a_world(seasons=6)
        rows = np.array([(m.home_id, m.away_id, m.home_score, m.away_score) for m in world.matches])
        gap = rows[:, 2] - rows[:, 3]
        y = np.where(gap > 0, 0, np.where(gap == 0, 1, 2))
        past, future = slice(0, -90), slice(-90, None)
        rates = np.tile(np.bincount(y[past], minlength=3) / len(y[past]), (90, 1))
        model = fitted(rows[past]).probabilities(rows[future, 0], rows[future, 1])
        assert scoring.log_loss(model, y[future]) < scoring.log_loss(rates, y[future])
