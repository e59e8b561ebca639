from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.domain import tellings
from markets.domain.tellings import Figure, Runner, Telling

FINAL = Telling("FINAL", (2, 1))
scores = st.tuples(st.none() | st.integers(0, 3), st.none() | st.integers(0, 3))
runners = st.dictionaries(
    st.integers(1, 3),
    st.builds(
        Runner,
        position=st.none() | st.integers(1, 3),
        is_winner=st.none() | st.booleans(),
        is_removed=st.booleans(),
        reduction=st.none() | st.sampled_from([Decimal("9.50"), Decimal(0)]),
    ),
    max_size=3,
)
statistics = st.dictionaries(
    st.tuples(st.integers(1, 2), st.sampled_from(["points", "rebounds"])),
    st.builds(Figure, st.none() | st.sampled_from([Decimal(12), Decimal("3.50")]), st.booleans()),
    max_size=2,
)
told = st.builds(
    Telling,
    status=st.sampled_from(["FINAL", "ABANDONED", "RETIRED"]),
    score=scores,
    half=scores,
    winner=st.sampled_from(["", "HOME", "AWAY"]),
    had_overtime=st.none() | st.booleans(),
    periods=st.dictionaries(
        st.sampled_from(["Q1", "Q2"]), st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=2
    ),
    runners=runners,
    statistics=statistics,
)


def texts(standing, other):
    return [str(one) for one in tellings.contradictions(standing, other)]


class TestContradictions:
    @pytest.mark.parametrize(
        ("standing", "other", "expected"),
        [
            (FINAL, FINAL, []),
            (FINAL, Telling("FINAL", (2, 2)), ["score 2–2, not 2–1"]),
            (
                FINAL,
                Telling("FINAL", (1, 2)),
                ["score 1–2, not 2–1: the sides are exchanged"],
            ),
            (FINAL, Telling("ABANDONED"), ["abandoned, not final 2–1"]),
            (Telling("POSTPONED"), FINAL, ["final 2–1, not postponed"]),
            (FINAL, Telling("FINAL", (2, 1), half=(1, 0)), []),
            (
                Telling("FINAL", (2, 1), half=(0, 0)),
                Telling("FINAL", (2, 1), half=(1, 0)),
                ["half-time 1–0, not 0–0"],
            ),
            (
                Telling("RETIRED", winner="HOME"),
                Telling("RETIRED", winner="AWAY"),
                ["winner AWAY, not HOME"],
            ),
            (
                Telling("FINAL", (30, 27), had_overtime=False),
                Telling("FINAL", (30, 27), had_overtime=True),
                ["overtime"],
            ),
            (
                Telling("FINAL", (2, 1), periods={"Q1": (1, 0)}),
                Telling("FINAL", (2, 1), periods={"Q1": (0, 1), "Q2": (1, 1)}),
                ["Q1 0–1, not 1–0"],
            ),
            (
                Telling("FINAL", runners={1: Runner(is_winner=True), 2: Runner(is_winner=False)}),
                Telling("FINAL", runners={1: Runner(is_winner=False), 2: Runner(is_winner=True)}),
                ["winner participant 2, not participant 1"],
            ),
            (
                Telling("FINAL", runners={1: Runner(is_winner=True)}),
                Telling("FINAL", runners={2: Runner(is_winner=True)}),
                ["winner participant 2, not participant 1"],
            ),
            (
                Telling("FINAL", runners={1: Runner(position=2, is_placed=True)}),
                Telling("FINAL", runners={1: Runner(position=4, is_placed=False)}),
                [
                    "participant 1 position: 4, not 2",
                    "participant 1 placed: no, not yes",
                ],
            ),
            (
                Telling("FINAL", statistics={(7, "points"): Figure(Decimal(20))}),
                Telling("FINAL", statistics={(7, "points"): Figure(Decimal(21))}),
                ["points of participant 7: 21, not 20"],
            ),
        ],
    )
    def test_are_facts_that_both_tell_and_differently(self, standing, other, expected):
        assert texts(standing, other) == expected

    @given(told)
    def test_are_none_of_itself(self, one):
        assert texts(one, one) == []

    @given(told, told)
    def test_are_as_many_from_either_side(self, one, other):
        assert len(texts(one, other)) == len(texts(other, one))


class TestCompleted:
    @given(told, told)
    def test_contradicts_nothing_that_stands(self, standing, other):
        both = tellings.completed(standing, other)
        if not texts(standing, other):
            assert texts(standing, both) == []
        assert not tellings.adds(both, standing)

    @given(told, told)
    def test_leaves_nothing_to_add(self, standing, other):
        both = tellings.completed(standing, other)
        assert tellings.adds(both, other) == []


class TestCorrected:
    def test_drops_the_half_time_of_another_score(self):
        before = Telling("FINAL", (2, 1), half=(2, 0), periods={"H1": (2, 0)})
        after = tellings.corrected(before, Telling("FINAL", (1, 1)))
        assert (after.score, after.half, after.periods) == ((1, 1), (None, None), {})

    def test_keeps_what_is_not_told_again(self):
        before = Telling("FINAL", (2, 1), half=(1, 0), statistics={(1, "points"): Figure(None)})
        after = tellings.corrected(before, Telling("FINAL", (2, 1), half=(0, 0)))
        assert (after.score, after.half) == ((2, 1), (0, 0))
        assert after.statistics == before.statistics

    def test_leaves_nothing_of_another_state(self):
        before = Telling("FINAL", (2, 1), half=(1, 0), runners={1: Runner(is_winner=True)})
        assert tellings.corrected(before, Telling("ABANDONED")) == Telling("ABANDONED")

    @given(told, told)
    def test_never_contradicts_what_corrected_it(self, before, other):
        after = tellings.corrected(before, other)
        found = [one for one in tellings.contradictions(after, other) if one.part != "runners"]
        assert found == []


class TestJson:
    @given(told)
    def test_gives_the_same_telling_back(self, one):
        again = Telling.from_json(one.as_json())
        assert again.digest() == one.digest()
        assert texts(again, one) == []

    @given(told, told)
    def test_has_one_digest_per_telling(self, one, other):
        assert (one.digest() == other.digest()) == (one.as_json() == other.as_json())
