from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_ml.domain import gates
from models_ml.domain.gates import Clv, Paired, Policy, State
from models_ml.domain.scoring import intervals

POLICY = Policy()
PLAIN = replace(POLICY, wants_significance=False)
NOW = datetime(2026, 11, 21, tzinfo=UTC)
NAN = float("nan")


class TestEnough:
    @pytest.mark.parametrize("n, state", [(0, "FAILED"), (199, "FAILED"), (200, "PASSED")])
    def test_wants_the_policys_least_number_of_events(self, n, state):
        assert gates.enough(n=n, policy=POLICY).state == state


class TestBrier:
    @pytest.mark.parametrize(
        "mean, low, high, policy, state",
        [
            (+0.010, +0.002, +0.018, POLICY, "FAILED"),
            (+0.010, -0.002, +0.022, POLICY, "PASSED"),
            (+0.010, -0.002, +0.022, PLAIN, "FAILED"),
            (-0.001, -0.009, +0.007, PLAIN, "PASSED"),
            (+0.000, +0.000, +0.000, POLICY, "PASSED"),
        ],
    )
    def test_fails_what_is_surely_worse_than_the_baseline(self, mean, low, high, policy, state):
        gate = gates.brier(difference=Paired(500, mean, low, high), baseline="elo", policy=policy)
        assert gate.state == state
        assert "elo" in gate.text and gate.figures["n"] == 500


class TestSlope:
    @pytest.mark.parametrize(
        "slope, low, high, policy, state",
        [
            (1.20, 1.06, 1.34, POLICY, "FAILED"),
            (1.20, 1.04, 1.36, POLICY, "PASSED"),
            (0.80, 0.70, 0.94, POLICY, "FAILED"),
            (0.80, 0.64, 0.96, POLICY, "PASSED"),
            (1.06, 0.90, 1.22, PLAIN, "FAILED"),
            (1.04, 0.90, 1.22, PLAIN, "PASSED"),
            (None, None, None, POLICY, "FAILED"),
        ],
    )
    def test_fails_an_interval_wholly_outside_the_tolerance(self, slope, low, high, policy, state):
        assert gates.slope(slope=slope, low=low, high=high, policy=policy).state == state

    def test_prints_figure_and_interval(self):
        text = gates.slope(slope=1.2, low=1.06, high=1.34, policy=POLICY).text
        assert all(part in text for part in ("1.200", "1.060", "1.340", "0.95", "1.05"))


class TestSmoke:
    GOOD = {
        "probabilities": [0.5, 0.3, 0.2, 0.6, 0.4],
        "groups": [7, 7, 7, 9, 9],
        "expected_sums": 1.0,
        "coverage": 1.0,
        "mean_gap": 0.01,
        "n": 2,
    }

    def test_passes_a_whole_week(self):
        assert gates.smoke(**self.GOOD).state == State.PASSED
        assert gates.smoke(**{**self.GOOD, "mean_gap": None}).state == State.PASSED

    def test_knows_that_places_sum_to_more_than_one(self):
        placed = {**self.GOOD, "probabilities": [0.9, 0.6, 0.5, 0.6, 0.4]}
        assert gates.smoke(**{**placed, "expected_sums": [2.0, 1.0]}).state == State.PASSED

    @pytest.mark.parametrize(
        "change, word",
        [
            ({"probabilities": [0.5, 0.3, NAN, 0.6, 0.4]}, "1 of 5"),
            ({"probabilities": [0.5, 0.5, 0.0, 0.6, 0.4]}, "between 0 and 1"),
            ({"probabilities": [0.5, 0.3, float("inf"), 0.6, 0.4]}, "between 0 and 1"),
            ({"probabilities": [0.5, 0.3, 0.2, 0.6, 0.4 + 1e-8]}, "sum"),
            ({"coverage": 0.98}, "98.0%"),
            ({"coverage": NAN}, "with features"),
            ({"mean_gap": -0.051}, "-0.051"),
            ({"mean_gap": NAN}, "serving"),
            ({"n": 0, "probabilities": [], "groups": []}, "no event"),
        ],
    )
    def test_fails_and_names_what_is_wrong(self, change, word):
        gate = gates.smoke(**{**self.GOOD, **change})
        assert gate.state == State.FAILED
        assert word in gate.text


class TestTooGood:
    def against(self, mean, sigma=0.002, n=2304):
        half = 1.959963984540054 * sigma
        return Paired(n, mean, mean - half, mean + half)

    @pytest.mark.parametrize(
        "mean, state", [(-0.0059, "PASSED"), (-0.0061, "FAILED"), (+0.01, "PASSED")]
    )
    def test_fails_what_beats_the_close_by_more_than_three_sigma(self, mean, state):
        assert gates.too_good(difference=self.against(mean), policy=POLICY).state == state

    def test_passes_where_no_close_is_known_and_says_so(self):
        gate = gates.too_good(difference=None, policy=POLICY)
        assert gate.state == State.PASSED and "no close" in gate.text

    def test_may_be_signed_and_then_blocks_no_more(self):
        gate = gates.too_good(difference=self.against(-0.02), policy=POLICY)
        assert gates.refusals([gate], signed=False) == [f"too good: {gate.text}"]
        assert gates.refusals([gate], signed=True) == []
        once = gates.signed(gate, "the close of this league is a morning price")
        assert once.state == State.SIGNED and gates.refusals([once], signed=False) == []

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_is_not_signed_without_a_reason(self, reason):
        gate = gates.too_good(difference=self.against(-0.02), policy=POLICY)
        with pytest.raises(ValueError, match="cannot be signed"):
            gates.signed(gate, reason)

    def test_lets_no_other_gate_be_signed(self):
        with pytest.raises(ValueError, match="cannot be signed"):
            gates.signed(gates.sound("gone"), "I know why")

    def test_catches_a_forecaster_that_saw_the_result_and_passes_an_honest_one(self):
        rng = np.random.default_rng(3)
        close = rng.dirichlet([5, 3, 4], size=1200)
        y = (rng.random(1200)[:, None] > np.cumsum(close, axis=1)[:, :-1]).sum(axis=1)
        rows = np.arange(1200)
        honest = close * np.exp(rng.normal(0, 0.05, size=close.shape))
        honest /= honest.sum(axis=1, keepdims=True)
        peeked = honest.copy()
        peeked[rows, y] *= 1.1
        peeked /= peeked.sum(axis=1, keepdims=True)
        states = []
        for model in (honest, peeked):
            gap = np.log(close[rows, y]) - np.log(model[rows, y])
            found = intervals.paired(gap)
            paired = Paired(found.n, found.mean, found.low, found.high)
            states.append(gates.too_good(difference=paired, policy=POLICY).state)
        assert states == [State.PASSED, State.FAILED]


class TestChallenger:
    WORSE = Paired(400, 0.010, 0.001, 0.019)  # one-sided p = .0147

    def state(self, difference, *, tried=1, policy=POLICY, clv=None):
        return gates.challenger(difference=difference, tried=tried, policy=policy, clv=clv).state

    def test_fails_what_is_worse_than_what_serves(self):
        assert self.state(self.WORSE) == State.FAILED
        assert self.state(Paired(400, -0.01, -0.02, 0.0)) == State.PASSED

    def test_asks_for_more_the_more_candidates_were_tried(self):
        assert self.state(self.WORSE, tried=3) == State.FAILED
        assert self.state(self.WORSE, tried=4) == State.PASSED

    @pytest.mark.parametrize("difference", [None, Paired(99, 0.5, 0.4, 0.6)])
    def test_says_not_enough_and_blocks_nothing_on_few_events(self, difference):
        gate = gates.challenger(difference=difference, tried=1, policy=POLICY, clv=None)
        assert gate.state == State.NOT_ENOUGH
        assert gates.refusals([gate], signed=False) == []

    def test_takes_the_figure_itself_where_the_policy_is_plain(self):
        assert self.state(Paired(400, 0.0001, -0.01, 0.01), policy=PLAIN) == State.FAILED

    def test_fails_a_closing_line_value_wholly_below_whatever_the_losses_say(self):
        champion = Clv(300, 0.02, 0.01, 0.03)
        better = Paired(400, -0.01, -0.02, 0.0)
        assert self.state(better, clv=(Clv(300, 0.0, -0.01, 0.009), champion)) == State.FAILED
        assert self.state(better, clv=(Clv(300, 0.0, -0.01, 0.011), champion)) == State.PASSED
        assert self.state(None, clv=(Clv(300, 0.0, -0.01, 0.009), champion)) == State.FAILED

    def test_of_losses_that_are_alike_everywhere_passes(self):
        assert self.state(Paired(400, 0.0, 0.0, 0.0)) == State.PASSED
        assert self.state(Paired(400, 0.1, 0.1, 0.1)) == State.FAILED


class TestFresh:
    @pytest.mark.parametrize(
        "age, state", [(timedelta(days=62), "PASSED"), (timedelta(days=62, seconds=1), "FAILED")]
    )
    def test_ends_with_the_policys_days(self, age, state):
        assert gates.fresh(trained_until=NOW - age, now=NOW, policy=POLICY).state == state

    def test_never_ends_where_the_policy_names_none(self):
        never = replace(POLICY, expires_after=None)
        old = NOW - timedelta(days=4000)
        assert gates.fresh(trained_until=old, now=NOW, policy=never).state == State.PASSED


class TestRefusals:
    def test_name_each_failed_gate(self):
        failed = [gates.sound("the file is gone"), gates.enough(n=3, policy=POLICY)]
        assert [text.partition(":")[0] for text in gates.refusals(failed, signed=True)] == [
            "sound", "enough",
        ]  # fmt: skip

    @given(
        mean=st.floats(-1, 1), half=st.floats(0, 1), n=st.integers(0, 10_000),
        tried=st.integers(0, 50), plain=st.booleans(),
    )  # fmt: skip
    def test_come_with_figures_that_json_can_hold(self, mean, half, n, tried, plain):
        policy = PLAIN if plain else POLICY
        difference = Paired(n, mean, mean - half, mean + half)
        found = [
            gates.enough(n=n, policy=policy),
            gates.brier(difference=difference, baseline="elo", policy=policy),
            gates.too_good(difference=difference, policy=policy),
            gates.challenger(difference=difference, tried=tried, policy=policy, clv=None),
        ]
        for gate in found:
            numbers = [v for v in gate.figures.values() if isinstance(v, float)]
            assert np.isfinite(numbers).all()
        blocked = {gate.name for gate in found if gate.state == State.FAILED}
        assert len(gates.refusals(found, signed=False)) == len(blocked)
