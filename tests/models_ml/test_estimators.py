"""Every kind of estimator: what it learns, what it answers, and that it repeats itself."""

from functools import cache

import numpy as np
import pytest
import scipy

from models_ml.domain import (
    artefacts,
    calibrating,
    estimators,
    goals,
    scoring,
    softmax,
    splitting,
)
from models_ml.domain.artefacts import BadArtefact
from models_ml.domain.estimators import NotEnoughToLearn, OtherColumns
from models_ml.domain.estimators.base import questions
from models_ml.domain.estimators.two_way import fit_curve
from models_ml.domain.soccer_v1 import SOCCER_V1
from monitoring.errors import Cancelled
from tests.models_ml import rooms
from tests.models_ml import test_three_way as three_ways

QUICK = {"rounds": 150, "patience": 20, "eta": 0.1, "min_child_weight": 5.0, "lambda": 5.0}
ROOMS = {
    "OUTCOME": (rooms.gridiron, rooms.GRIDIRON),
    "MARGIN": (rooms.gridiron, rooms.GRIDIRON),
    "TOTAL": (rooms.gridiron, rooms.GRIDIRON),
    "GOALS": (rooms.soccer, rooms.SOCCER),
    "FIGURE": (rooms.player, rooms.PLAYER),
    "WINNER": (rooms.races, rooms.RACES),
}
ASKED = {
    "OUTCOME": {"kind": "MONEYLINE"},
    "MARGIN": {"kind": "SPREAD", "line": -3.0},
    "TOTAL": {"kind": "TOTAL", "line": 44.0},
    "GOALS": {"kind": "ASIAN_HANDICAP", "line": -0.25},
    "FIGURE": {"kind": "PLAYER_TOTAL", "line": 15.0},
    "WINNER": {"kind": "PLACE", "places": 3},
}
targets = pytest.mark.parametrize("target", ROOMS)


def split_of(examples):
    return splitting.purged(
        starts=examples.starts, as_of=examples.as_of, label_known_at=examples.label_known_at,
        calibration_weeks=8,
    )  # fmt: skip


def fit(target, examples, columns, **fields):
    fields = {"parameters": QUICK, "seed": 0, **fields}
    split = split_of(examples)
    return estimators.fit(
        target=target, examples=examples, split=split, feature_set=columns, **fields
    )


@cache
def fitted(target):
    make, columns = ROOMS[target]
    examples = make()
    found = fit(target, examples, columns)
    estimator = estimators.load(
        content=found.content, feature_set=columns, calibration=found.calibration
    )
    return found, estimator, examples, examples.part(split_of(examples).test)


def ask(target, rows, *, place=0, **changes):
    asked = {"row": np.arange(len(rows)), "place": place, "groups": rows.group, **ASKED[target]}
    return questions(**{**asked, **changes})


class TestFit:
    @targets
    def test_gives_the_same_bytes_for_the_same_rows_and_seed(self, target):
        found, _, examples, _ = fitted(target)
        again = fit(target, examples, ROOMS[target][1])
        assert (again.content, again.calibration) == (found.content, found.calibration)

    @targets
    def test_can_be_called_off_between_rounds(self, target):
        def after_round(done: int, total: int) -> None:
            raise Cancelled("asked for")

        make, columns = ROOMS[target]
        examples = make(n=600)
        with pytest.raises(Cancelled):
            fit(target, examples, columns, after_round=after_round)

    @pytest.mark.parametrize(
        "target, labels",
        [
            ("OUTCOME", {"home": 21.0, "away": 14.0}),
            ("MARGIN", {"home": 21.0, "away": 14.0}),
            ("TOTAL", {"home": 21.0, "away": 14.0}),
            ("GOALS", {"home": 2.0, "away": 1.0}),
            ("FIGURE", {"figure": 7.0}),
            ("WINNER", {"winner": 0.0}),
        ],
    )
    def test_refuses_labels_that_are_all_alike(self, target, labels):
        make, columns = ROOMS[target]
        examples = make(n=400)
        flat = {name: np.full(len(examples), value) for name, value in labels.items()}
        kept = {name: getattr(examples, name) for name in ("home", "away", "figure", "winner")}
        alike = rooms.examples(examples.values, group=examples.group, **{**kept, **flat})
        with pytest.raises(NotEnoughToLearn):
            fit(target, alike, columns)


class TestAnswer:
    @targets
    def test_is_the_same_alone_as_in_a_batch(self, target):
        _, estimator, _, rows = fitted(target)
        batch = estimator.answer(rows.values, ask(target, rows))
        for group in np.unique(rows.group)[:25]:
            mine = rows.group == group
            alone = rows.part(mine)
            found = estimator.answer(alone.values, ask(target, alone))
            assert np.array_equal(found.probability, batch.probability[mine])
            assert np.array_equal(found.refund, batch.refund[mine])

    @targets
    def test_is_the_same_of_an_estimator_loaded_again(self, target):
        found, estimator, _, rows = fitted(target)
        again = estimators.load(
            content=found.content, feature_set=ROOMS[target][1], calibration=found.calibration
        )
        one, two = (e.answer(rows.values, ask(target, rows)) for e in (estimator, again))
        assert np.array_equal(one.probability, two.probability)

    @targets
    def test_is_a_probability_whatever_is_missing(self, target):
        _, estimator, _, rows = fitted(target)
        values = np.full_like(rows.values, np.nan)
        found = estimator.answer(values, ask(target, rows))
        assert ((found.probability > 0) & (found.probability < 1)).all()
        assert ((found.refund >= 0) & (found.refund < 1)).all()

    @targets
    def test_refuses_a_market_it_does_not_foretell(self, target):
        _, estimator, _, rows = fitted(target)
        with pytest.raises(ValueError, match="OUTRIGHT"):
            estimator.answer(rows.values, ask(target, rows, kind="OUTRIGHT"))

    @pytest.mark.parametrize("target", ["OUTCOME", "MARGIN", "TOTAL", "GOALS", "FIGURE"])
    def test_gives_both_sides_one_whole(self, target):
        _, estimator, _, rows = fitted(target)
        one, other = (estimator.answer(rows.values, ask(target, rows, place=p)) for p in (0, 1))
        assert one.probability + other.probability == pytest.approx(np.ones(len(rows)))
        assert one.refund == pytest.approx(other.refund)

    @pytest.mark.parametrize("target", ["MARGIN", "TOTAL", "GOALS", "FIGURE"])
    def test_falls_along_a_ladder_of_lines(self, target):
        _, estimator, _, rows = fitted(target)
        ladder = np.arange(0, 60, 0.5 if target != "GOALS" else 0.25)[:80]
        ladder = -ladder if target in ("MARGIN", "GOALS") else ladder
        asked = {**ASKED[target], "line": ladder}
        found = estimator.answer(rows.values[:1], questions(row=np.zeros(len(ladder)), **asked))
        assert (np.diff(found.probability) <= 1e-12).all()


class TestExplain:
    @targets
    def test_adds_up_to_what_is_foretold(self, target):
        _, estimator, _, rows = fitted(target)
        if target == "WINNER":
            parts = estimator.explain_races(rows.values, rows.group).sum(axis=1)
            chances = softmax.probabilities(
                parts / estimator.calibration["temperature"], rows.group
            )
            assert chances == pytest.approx(estimator.probabilities(rows.values, rows.group))
            return
        parts = estimator.explain(rows.values)
        assert parts.shape == (len(rows), rows.values.shape[1] + 1)
        mean = parts.sum(axis=1)
        if target == "GOALS":
            home, away = estimator.expected(rows.values)
            assert mean == pytest.approx(np.log(home / away), abs=1e-4)
        elif target == "FIGURE":
            assert mean == pytest.approx(np.log(estimator.expected(rows.values)), abs=1e-4)
        elif target == "OUTCOME":
            assert mean == pytest.approx(estimator.margins(rows.values), abs=1e-4)
        else:
            gap = estimator.expected(rows.values)[0] - mean
            assert gap.min() == pytest.approx(gap.max(), abs=1e-3)  # the calibration's shift


class TestLearning:
    """Each kind finds what its start does not know."""

    def test_of_winners_beats_the_market_that_forgets_rest(self):
        _, estimator, _, rows = fitted("OUTCOME")
        decided = rows.part(rows.outcome != 1)
        assert not np.isnan(decided.values[:, 4]).any()
        home = decided.values[:, 4]
        market = scoring.log_loss(np.stack([home, 1 - home], axis=1), decided.outcome // 2)
        model = scoring.log_loss(estimator.probabilities(decided.values), decided.outcome // 2)
        assert model < market - 0.01

    def test_of_winners_counts_ties_as_refunds(self):
        found, estimator, _, rows = fitted("OUTCOME")
        refund = estimator.answer(rows.values, ask("OUTCOME", rows)).refund
        assert found.report["ties"] > 0
        assert refund == pytest.approx(estimator.ties) and 0 < estimator.ties < 0.08

    def test_of_margins_covers_as_often_as_it_says(self):
        _, estimator, _, rows = fitted("MARGIN")
        line = rows.values[:, 5]
        p, refund = estimator.answer(rows.values, ask("MARGIN", rows, line=line))
        past = rows.margin + line
        staked = past != 0
        two = np.stack([p, 1 - p], axis=1)[staked]
        assert refund.mean() == pytest.approx((~staked).mean(), abs=0.03)
        assert scoring.log_loss(two, (past[staked] < 0).astype(int)) < np.log(2) - 0.003
        mean, _ = estimator.expected(rows.values)
        started = margins_of_market(rows)
        assert np.abs(mean - rows.margin).mean() < np.abs(started - rows.margin).mean()

    def test_of_margins_corrects_ratings_apart_from_the_market(self):
        found, estimator, _, rows = fitted("MARGIN")
        blank = rows.values.copy()
        blank[:, 4:] = np.nan
        mean, _ = estimator.expected(blank)
        assert found.report["market"]["rounds_kept"] > 0 < found.report["ratings"]["rounds_kept"]
        rated = blank[:, 1]
        assert ((mean - rows.margin) ** 2).mean() < ((rated - rows.margin) ** 2).mean()

    def test_of_totals_keeps_to_the_markets_line(self):
        _, estimator, _, rows = fitted("TOTAL")
        mean, _ = estimator.expected(rows.values)
        assert np.abs(mean - rows.values[:, 7]).mean() < 3.0

    def test_of_goals_reads_form_where_there_is_no_market(self):
        _, estimator, _, rows = fitted("GOALS")
        silent = rows.part(np.isnan(rows.values[:, 3]))
        rated = goals.outcomes(
            goals.grid(home=silent.values[:, 0], away=silent.values[:, 1], rho=-0.08)
        )
        model = estimator.probabilities(silent.values)
        assert scoring.log_loss(model, silent.outcome) < scoring.log_loss(rated, silent.outcome)

    def test_of_goals_agrees_with_a_market_that_knows(self):
        _, estimator, _, rows = fitted("GOALS")
        quoted = rows.part(~np.isnan(rows.values[:, 3]))
        found = estimator.probabilities(quoted.values)
        assert np.abs(found - quoted.values[:, 3:6]).mean() < 0.025

    def test_of_figures_reads_rest_and_finds_the_family(self):
        found, estimator, _, rows = fitted("FIGURE")
        assert found.report["spread"]["family"] == "negative-binomial"
        low, high = (estimator.expected(np.array([[15.0, rest, 0.0]]))[0] for rest in (0.0, 3.0))
        assert high > 1.15 * low
        p, refund = estimator.answer(rows.values, ask("FIGURE", rows))
        staked = rows.figure != 15
        assert p[staked].mean() == pytest.approx((rows.figure[staked] > 15).mean(), abs=0.05)
        assert refund.mean() == pytest.approx((~staked).mean(), abs=0.03)

    def test_of_races_uses_what_ratings_do_not_tell(self):
        _, estimator, _, rows = fitted("WINNER")
        model = estimator.probabilities(rows.values, rows.group)
        rated = softmax.probabilities(rows.values[:, 2], rows.group)
        model_loss, rated_loss = (
            softmax.log_losses(p, rows.winner, rows.group).mean() for p in (model, rated)
        )
        assert model_loss < rated_loss - 0.04
        coefficients = dict(zip(estimator.inputs.used, estimator.beta, strict=False))
        assert coefficients[2] == pytest.approx(1.0, abs=0.15)  # rated_log, unpunished

    def test_of_places_sums_to_the_places_and_comes_true(self):
        _, estimator, _, rows = fitted("WINNER")
        found = estimator.answer(rows.values, ask("WINNER", rows)).probability
        sums = np.add.reduceat(found, softmax.starts_of(rows.group))
        assert sums == pytest.approx(np.full(len(sums), 3.0))
        likely = found > 0.6
        assert rows.placed[likely].mean() == pytest.approx(found[likely].mean(), abs=0.06)


def margins_of_market(rows):
    return -rows.values[:, 5] + 12.0 * scipy.special.ndtri(rows.values[:, 6])


class TestFitCurve:
    def test_equals_logistic_regression(self):
        from sklearn.linear_model import LogisticRegression

        rng = np.random.default_rng(0)
        x = rng.normal(size=800)
        y = rng.random(800) < scipy.special.expit(0.2 + 0.9 * x)
        theirs = LogisticRegression(C=1e6, tol=1e-10).fit(x[:, None], y)
        ours = fit_curve(x, y.astype(float))
        assert ours == pytest.approx((theirs.intercept_[0], theirs.coef_[0, 0]), abs=1e-3)


class TestLoad:
    def test_takes_the_bare_trees_of_the_first_artefacts(self):
        rows = three_ways.examples(three_ways.WORLD)
        rows.values[:, list(SOCCER_V1.market)] = 1 / 3  # something is left to learn
        fit, estimator, _ = three_ways.fitted(rows)
        bare = artefacts.unpack(fit.content).booster("three")
        found = estimators.load(
            content=bare, feature_set=SOCCER_V1, calibration=calibrating.IDENTITY
        )
        assert found.kind == "boosted3"
        assert np.array_equal(
            found.probabilities(rows.values[:9]), estimator.probabilities(rows.values[:9])
        )
        asked = questions(kind="MATCH_ODDS", row=[0, 0, 0], place=[0, 1, 2])
        assert found.answer(rows.values[:1], asked).probability.sum() == pytest.approx(1.0)
        double = questions(kind="DOUBLE_CHANCE", row=[0, 0, 0], place=[0, 1, 2])
        assert found.answer(rows.values[:1], double).probability.sum() == pytest.approx(2.0)

    @targets
    def test_refuses_other_columns(self, target):
        found, *_ = fitted(target)
        other = rooms.Set(ROOMS[target][1].names, sha256="cd" * 32)
        with pytest.raises(OtherColumns):
            estimators.load(content=found.content, feature_set=other, calibration=found.calibration)

    @pytest.mark.parametrize(
        "damage",
        [
            lambda content: content[: len(content) // 2],
            lambda content: b"",
            lambda content: b"{" + content,
            lambda content: content.replace(b'"format":1', b'"format":7'),
            lambda content: content.replace(b'"kind":"margin"', b'"kind":"rocket"'),
            lambda content: content.replace(b'"kind":"margin"', b'"kind":"goals"'),
            lambda content: content.replace(b'"sd"', b'"sq"'),
            lambda content: content.replace(b'"market":"', b'"market":"!!'),
            lambda content: content.replace(b'"market":"', b'"market":"AAAA'),
            lambda content: b"[" * 100_000,
            lambda content: b'{"parameters":' * 50_000,
            lambda content: b'{"boosters":{},"parameters":{"a":NaN}}',
            lambda content: b"{L" + content,
        ],
    )
    def test_refuses_what_is_no_artefact(self, damage):
        found, *_ = fitted("MARGIN")
        content = damage(found.content)
        assert content != found.content
        with pytest.raises(BadArtefact):
            estimators.load(
                content=content, feature_set=rooms.GRIDIRON, calibration=found.calibration
            )

    def test_refuses_more_than_an_artefact_may_hold(self, monkeypatch):
        monkeypatch.setattr(artefacts, "LARGEST", 100)
        found, *_ = fitted("MARGIN")
        with pytest.raises(BadArtefact, match="more than"):
            artefacts.unpack(found.content)


class TestPack:
    def test_refuses_a_number_that_is_none(self):
        with pytest.raises(BadArtefact):
            artefacts.pack(
                kind="margin", features_sha256="", boosters={}, parameters={"sd": float("nan")}
            )


class TestKindOf:
    def test_of_an_outcome_depends_on_whether_draws_are_foretold(self):
        assert estimators.kind_of(target="OUTCOME", feature_set=SOCCER_V1) == "boosted3"
        assert estimators.kind_of(target="OUTCOME", feature_set=rooms.GRIDIRON) == "boosted2"

    def test_refuses_a_target_nobody_foretells(self):
        with pytest.raises(ValueError, match="FIGURE"):
            estimators.kind_of(target="WEATHER", feature_set=rooms.GRIDIRON)
