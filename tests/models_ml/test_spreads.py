"""Distributions that answer lines: points, goals, figures, and what a line pays."""

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.domain import kinds
from models_ml.domain import figures, goals, lines, margins
from models_ml.domain.lines import BadLine
from models_ml.domain.margins import MARGIN, TOTAL

QUARTERS = np.arange(-40, 41) / 4.0
ROWS = np.zeros(len(QUARTERS), dtype=np.intp)
means = st.floats(0.1, 5.0)


def keyed() -> np.ndarray:
    weights = np.ones(MARGIN.keys)
    weights[[0, 3, 7]] = [0.1, 2.4, 1.7]
    return weights


class TestOver:
    @pytest.mark.parametrize(
        "line, won, lost",
        [
            (2.5, 1 / 2, 1 / 2),
            (2.0, 1 / 2, 1 / 4),  # two is returned
            (2.25, 1 / 2, 3 / 8),  # two loses the half on 2.5 and gets the other back
            (1.75, 5 / 8, 1 / 4),  # two wins the half on 1.5
            (-1.0, 1.0, 0.0),
            (9.0, 0.0, 1.0),
        ],
    )
    def test_halves_the_stake_on_quarter_lines(self, line, won, lost):
        pmf = np.array([[0.125, 0.125, 0.25, 0.25, 0.25]])
        below = lines.below_of(pmf=pmf, lowest=0, row=np.array([0]))
        shares = lines.over(below=below, line=np.array([line]))
        assert (shares.won[0], shares.lost[0]) == pytest.approx((won, lost))

    def test_refuses_a_line_between_quarters(self):
        below = lines.below_of(pmf=np.ones((1, 3)), lowest=0, row=np.array([0]))
        with pytest.raises(BadLine):
            lines.over(below=below, line=np.array([2.1]))

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.floats(0, 1), min_size=5, max_size=30).filter(lambda p: sum(p) > 0.1))
    def test_falls_along_a_ladder_of_lines_for_any_distribution(self, pmf):
        below = lines.below_of(pmf=np.array([pmf]), lowest=-5, row=ROWS)
        shares = lines.over(below=below, line=QUARTERS)
        assert (np.diff(shares.won) <= 1e-12).all() and (np.diff(shares.lost) >= -1e-12).all()
        assert (shares.won + shares.lost <= 1 + 1e-9).all()
        backed = lines.answers(lines.over(below=below, line=QUARTERS))
        laid = lines.answers(lines.sides(shares, np.ones(len(QUARTERS))))
        sure = shares.won + shares.lost > 1e-5
        assert (backed.probability + laid.probability)[sure] == pytest.approx(1.0)
        assert (np.diff(backed.probability[sure]) <= 1e-9).all()


class TestAnswers:
    @settings(max_examples=60, deadline=None)
    @given(st.floats(0, 1), st.floats(0, 1), st.floats(1.01, 50))
    def test_tell_what_a_unit_earns(self, won, share, odds):
        lost = (1 - won) * share
        p, refund = lines.answers(lines.Shares(np.array([won]), np.array([lost])))
        if won + lost > 1e-3:
            earned = won * (odds - 1) - lost
            assert (1 - refund) * (p * odds - 1) == pytest.approx(earned, abs=1e-4)


class TestBent:
    @settings(max_examples=40, deadline=None)
    @given(st.floats(-30, 30), st.floats(8, 20))
    def test_keeps_the_mean_whatever_the_weights(self, mean, sd):
        pmf = margins.bent(mean=np.array([mean]), sd=sd, weights=keyed(), support=MARGIN)
        assert float((pmf @ MARGIN.values)[0]) == pytest.approx(mean, abs=1e-6)
        assert float(pmf.sum()) == pytest.approx(1.0) and (pmf >= 0).all()

    def test_is_the_normal_curve_where_nothing_weighs_more(self):
        found = margins.bent(
            mean=np.array([220.5]), sd=17.7, weights=np.ones(TOTAL.keys), support=TOTAL
        )
        exact = np.diff(scipy.stats.norm(220.5, 17.7).cdf(np.arange(-0.5, 401)))
        assert found[0] == pytest.approx(exact, abs=1e-9)

    def test_gives_a_row_the_same_alone_as_among_others(self):
        mean = np.linspace(-14, 14, 37)
        batch = margins.bent(mean=mean, sd=13.2, weights=keyed(), support=MARGIN)
        for i, one in enumerate(mean):
            alone = margins.bent(mean=np.array([one]), sd=13.2, weights=keyed(), support=MARGIN)
            assert np.array_equal(alone[0], batch[i])


class TestKeyWeights:
    def test_find_the_margins_that_come_too_often(self):
        rng = np.random.default_rng(5)
        mean = rng.normal(2, 6, 7000)
        pmf = margins.bent(mean=mean, sd=13.0, weights=keyed(), support=MARGIN)
        drawn = (rng.random(7000)[:, None] > np.cumsum(pmf, axis=1)).sum(axis=1) - 80.0
        args = {"mean": mean, "observed": drawn, "sd": 13.0, "support": MARGIN}
        found = margins.key_weights(**args, reach=28)
        assert found[3] / found[5] == pytest.approx(2.4, rel=0.15)
        assert found[7] / found[5] == pytest.approx(1.7, rel=0.15)
        plain, better = (
            margins.log_losses(
                mean=mean, observed=drawn, sd=13.0, support=MARGIN, weights=weights
            ).mean()
            for weights in (np.ones(MARGIN.keys), found)
        )
        assert better < plain - 0.01


class TestGrid:
    @settings(max_examples=40, deadline=None)
    @given(means, means)
    def test_has_the_margins_of_skellams_distribution_without_correction(self, home, away):
        scores = goals.grid(home=np.array([home]), away=np.array([away]), rho=0.0)
        found = goals.margins_of(scores)[0]
        exact = scipy.stats.skellam(home, away).pmf(np.arange(-15, 16))
        assert found == pytest.approx(exact, abs=2e-4)

    @settings(max_examples=40, deadline=None)
    @given(means, means, st.floats(-0.15, 0.05))
    def test_moves_mass_among_low_scores_alone(self, home, away, rho):
        h, a = np.array([home]), np.array([away])
        free, tied = goals.grid(home=h, away=a, rho=0.0)[0], goals.grid(home=h, away=a, rho=rho)[0]
        assert tied.sum() == pytest.approx(1.0)
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            factor = goals.low_score_factor(
                home=h, away=a, home_goals=np.array([i]), away_goals=np.array([j]), rho=rho
            )
            if 1 + rho * max(home, away, 1.0) > 0 and 1 - home * away * rho > 0:
                assert tied[i, j] == pytest.approx(free[i, j] * float(factor[0]), rel=2e-3)
        assert tied[2:, 2:] == pytest.approx(free[2:, 2:], rel=2e-3)


class TestFitRho:
    def test_finds_the_correction_that_made_the_scores(self):
        rng = np.random.default_rng(1)
        home, away = rng.uniform(0.8, 2.2, 20_000), rng.uniform(0.6, 1.8, 20_000)
        cells = goals.grid(home=home, away=away, rho=-0.1).reshape(len(home), -1)
        drawn = (rng.random(len(home))[:, None] > np.cumsum(cells, axis=1)).sum(axis=1)
        found = goals.fit_rho(home=home, away=away, home_goals=drawn // 16, away_goals=drawn % 16)
        assert found == pytest.approx(-0.1, abs=0.025)


class TestImplied:
    @settings(max_examples=25, deadline=None)
    @given(st.floats(0.4, 3.5), st.floats(0.4, 3.5), st.sampled_from([2.0, 2.25, 2.5, 3.0]))
    def test_finds_the_goals_behind_a_market(self, home, away, line):
        h, a, at = np.array([home]), np.array([away]), np.array([line])
        scores = goals.grid(home=h, away=a, rho=-0.05)
        shares = goals.over_total(scores, at, np.array([0]))
        found = goals.implied(
            market=goals.outcomes(scores), total_line=at, rho=-0.05,
            total_over=lines.answers(shares).probability,
        )  # fmt: skip
        assert (found[0][0], found[1][0]) == pytest.approx((home, away), abs=1e-5)

    def test_knows_nothing_without_a_market(self):
        none = np.array([np.nan])
        found = goals.implied(
            market=np.full((1, 3), np.nan), total_line=none, total_over=none, rho=0.0
        )
        assert np.isnan(found).all()


class TestAnswerOfGoals:
    SCORES = goals.grid(home=np.array([1.6, 0.9]), away=np.array([1.1, 1.4]), rho=-0.08)
    ROW = np.array([0, 1])

    def ask(self, kind, place=0, line=np.nan, side=0):
        return goals.answers(
            scores=self.SCORES, kind=kind, place=np.full(2, place), line=np.full(2, line),
            side=np.full(2, side), row=self.ROW,
        )  # fmt: skip

    @pytest.mark.parametrize(
        "kind, line, total",
        [
            ("MATCH_ODDS", np.nan, 1),
            ("DOUBLE_CHANCE", np.nan, 2),
            ("DRAW_NO_BET", np.nan, 1),
            ("BOTH_SCORE", np.nan, 1),
            ("ASIAN_HANDICAP", -1.25, 1),
            ("TOTAL", 2.75, 1),
            ("TEAM_TOTAL", 1.0, 1),
        ],
    )
    def test_sums_over_a_market_to_what_comes_true(self, kind, line, total):
        places = range(len(kinds.ROLES[kind]))
        assert kinds.sums_to(kind=kind) == total
        assert sum(self.ask(kind, p, line).probability for p in places) == pytest.approx(total)

    def test_gives_both_sides_of_a_handicap_one_refund(self):
        home, away = (self.ask("ASIAN_HANDICAP", place, -1.0) for place in (0, 1))
        assert home.refund == pytest.approx(away.refund) and (home.refund > 0.1).all()

    def test_agrees_with_the_table_of_scores(self):
        three = goals.outcomes(self.SCORES)
        assert self.ask("ASIAN_HANDICAP", 0, -0.5).probability == pytest.approx(three[:, 0])
        assert self.ask("ASIAN_HANDICAP", 1, -0.5).probability == pytest.approx(1 - three[:, 0])
        level, bet = self.ask("ASIAN_HANDICAP", 0, 0.0), self.ask("DRAW_NO_BET", 0)
        assert level.probability == pytest.approx(bet.probability)
        over = sum(self.SCORES[:, i, j] for i in range(16) for j in range(16) if i + j > 2)
        assert self.ask("TOTAL", 0, 2.5).probability == pytest.approx(over)
        both = self.SCORES[:, 1:, 1:].sum(axis=(1, 2))
        assert self.ask("BOTH_SCORE", 0).probability == pytest.approx(both)
        nil = self.SCORES[:, :, 0].sum(axis=1)
        assert self.ask("TEAM_TOTAL", 0, 0.5, side=1).probability == pytest.approx(1 - nil)
        assert self.ask("DOUBLE_CHANCE", 0).probability == pytest.approx(1 - three[:, 2])

    def test_refuses_what_goals_do_not_tell(self):
        with pytest.raises(ValueError, match="WIN"):
            self.ask("WIN")


class TestFigures:
    def test_is_scipys_negative_binomial(self):
        k, mean, size = np.arange(60), 21.5, 7.3
        spread = {"family": "negative-binomial", "value": size}
        found = figures.at_most(k=k, mean=np.full(60, mean), spread=spread)
        assert found == pytest.approx(scipy.stats.nbinom(size, size / (size + mean)).cdf(k))

    @pytest.mark.parametrize("family", [figures.NEGATIVE_BINOMIAL, figures.NORMAL])
    def test_chooses_the_family_that_made_the_figures(self, family):
        rng = np.random.default_rng(4)
        mean = rng.uniform(8, 30, 6000)
        drawn = (
            rng.negative_binomial(2.0, 2.0 / (2.0 + mean))
            if family == figures.NEGATIVE_BINOMIAL
            else np.maximum(np.rint(rng.normal(mean, np.sqrt(0.8 * mean))), 0)
        )
        chosen = figures.choose_spread(
            mean=mean[:3000], observed=drawn[:3000],
            later_mean=mean[3000:], later_observed=drawn[3000:],
        )  # fmt: skip
        assert chosen["family"] == family

    def test_refuses_a_family_it_does_not_know(self):
        with pytest.raises(ValueError, match="cauchy"):
            figures.at_most(k=np.ones(1), mean=np.ones(1), spread={"family": "cauchy", "value": 1})
