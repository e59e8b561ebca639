from decimal import Decimal as D
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settlements.domain import paying
from settlements.domain.paying import Part, Verdict
from settlements.domain.rules import Outcome

WON, LOST, PUSH = (paying.verdict(one) for one in (Outcome.WON, Outcome.LOST, Outcome.PUSH))


def profit(side, stake, price, verdict, **terms):
    parts = [Part(verdict, F(price) - 1)]
    return paying.pay(side=side, stake=D(stake), parts=parts, **terms).profit


class TestADeadHeat:
    """As books publish it: what comes back is the stake's share at the full price."""

    @pytest.mark.parametrize(
        ("stake", "price", "left", "tied", "expected"),
        [
            pytest.param("300", "4.0", 1, 3, "100", id="one of three for first"),
            pytest.param("60", "6.0", 1, 3, "60", id="BETDAQ: three for first"),
            pytest.param("60", "6.0", 2, 4, "120", id="BETDAQ: four for two places"),
            pytest.param("50", "2.5", 1, 2, "12.50", id="DraftKings: two for best of three"),
            pytest.param("50", "3.0", 3, 6, "25", id="DraftKings: six for the last three of ten"),
            pytest.param("10", "1.5", 1, 2, "-2.50", id="a winner that loses"),
            pytest.param("10", "3.0", 2, 2, "20", id="places enough for all tied"),
            pytest.param("10", "3.0", 0, 2, "-10", id="tied behind the last place"),
        ],
    )
    def test_pays_its_share_of_the_stake(self, stake, price, left, tied, expected):
        verdict = paying.dead_heat(left=left, tied=tied)
        assert profit("BACK", stake, price, verdict) == D(expected)
        assert profit("LAY", stake, price, verdict) == -D(expected)

    @pytest.mark.parametrize(("left", "tied"), [(1, 0), (-1, 2)], ids=["nobody tied", "no places"])
    def test_of_nobody_is_none(self, left, tied):
        with pytest.raises(ValueError, match="tied for"):
            paying.dead_heat(left=left, tied=tied)


class TestALayByItsLiability:
    def test_risks_just_that_and_wins_what_it_stakes(self):
        assert profit("LAY", "100", "5.0", WON, liability_at=D("5.0")) == D("-100")
        assert profit("LAY", "100", "5.0", LOST, liability_at=D("5.0")) == D("25")

    def test_does_not_round_the_stake_between(self):
        assert profit("LAY", "1", "272.26", LOST, liability_at=D("272.26")) == D("0.00")
        assert profit("LAY", "1", "272.26", WON, liability_at=D("272.26")) == D("-1")

    def test_changes_no_back(self):
        assert profit("BACK", "100", "5.0", WON, liability_at=D("5.0")) == D("400")


class TestCommissionBetByBet:
    def test_is_taken_of_what_wins_alone(self):
        terms = {"parts": [Part(WON, F("0.48"))], "rate": D("0.07"), "rounding": "HALF_UP"}
        paid = paying.pay(side="BACK", stake=D(4), **terms)
        assert (paid.profit, paid.commission) == (D("1.79"), D("0.13"))
        terms["parts"] = [Part(LOST, F("0.48"))]
        paid = paying.pay(side="BACK", stake=D(4), **terms)
        assert (paid.profit, paid.commission) == (D("-4.00"), D("0.00"))

    def test_is_rounded_with_the_profit_once(self):
        # .465 would be .46 by halves to even, and .47 as publishers round.
        parts = [Part(WON, F("0.5"))]
        shown = [
            str(
                paying.pay(side="BACK", stake=D(1), parts=parts, rate=D(".07"), rounding=how).profit
            )
            for how in paying.ROUNDINGS
        ]
        assert shown == ["0.46", "0.47", "0.46"]


outcomes = st.sampled_from([paying.verdict(one) for one in Outcome]) | st.builds(
    paying.dead_heat, left=st.integers(0, 5), tied=st.integers(1, 9)
)
stakes = st.integers(1, 10**9).map(lambda cents: D(cents).scaleb(-2))
prices = st.integers(1_001, 1_000_000).map(lambda price: D(price).scaleb(-3))


class TestProfit:
    @given(stake=stakes, price=prices, verdict=outcomes)
    def test_of_backer_and_layer_is_nothing_together(self, stake, price, verdict):
        for how in paying.ROUNDINGS:
            back, lay = (
                profit(side, stake, price, verdict, rounding=how) for side in ("BACK", "LAY")
            )
            assert back + lay == 0

    @given(stake=stakes, price=prices, verdict=outcomes)
    def test_lies_between_losing_and_winning_it_all(self, stake, price, verdict):
        most = paying.rounded(F(stake) * (F(price) - 1), "HALF_EVEN")
        assert -stake <= profit("BACK", stake, price, verdict) <= most

    @given(stake=stakes, price=prices, verdict=outcomes)
    def test_is_whole_again_from_its_parts(self, stake, price, verdict):
        """Two parts of a bet are paid together, and rounded once."""
        parts = [Part(verdict, F(price) - 1)] * 2
        together = paying.pay(side="BACK", stake=stake, parts=parts).profit
        assert together == paying.pay(side="BACK", stake=2 * stake, parts=parts[:1]).profit


def arrays(rows):
    """Return the columns that ``pay_many`` takes of rows of one bet each."""
    names = (
        "lay",
        "stake",
        "wins",
        "loses",
        "of",
        "gain",
        "unit",
        "how",
        "keeps",
        "keeps_of",
        "by",
    )
    return dict(zip(names, (np.array(column) for column in zip(*rows, strict=True)), strict=True))


def paid_many(rows):
    told = arrays(rows)
    return paying.pay_many(
        is_lay=told["lay"], stake=told["stake"], wins=told["wins"], loses=told["loses"],
        of=told["of"], gain=told["gain"], unit=told["unit"], rounding=told["how"],
        keeps=told["keeps"], keeps_of=told["keeps_of"], by_liability=told["by"],
    )  # fmt: skip


def paid_one(lay, stake, wins, loses, of, gain, unit, how, keeps, keeps_of, by):
    parts = [Part(Verdict(Outcome.WON, F(wins, of), F(loses, of)), F(gain, unit))]
    paid = paying.pay(
        side="LAY" if lay else "BACK",
        stake=D(stake).scaleb(-2),
        parts=parts,
        rounding=paying.ROUNDINGS[how],
        rate=D(keeps_of - keeps) / D(keeps_of),
        liability_at=1 + D(by) / D(unit) if by else None,
    )
    return int(paid.profit * 100), int(paid.commission * 100)


def random_rows(seed, n):
    """Return n bets of every shape: halves, dead heats, reductions, commission, liability."""
    rng = np.random.default_rng(seed)
    of = rng.integers(1, 9, n)
    wins = rng.integers(0, of + 1)
    loses = np.where(rng.random(n) < 0.3, 0, of - wins)
    gain = np.where(rng.random(n) < 0.02, -1_000, rng.integers(10, 99_000, n))
    lay = rng.random(n) < 0.4
    by = np.where(lay & (rng.random(n) < 0.5), gain, 0)
    keeps_of = rng.choice([1, 100, 1_000], n)
    keeps = keeps_of - np.minimum(rng.integers(0, 3, n) * keeps_of // 20, keeps_of - 1)
    stake = rng.integers(1, rng.choice([500, 10**6, 10**10], n))
    columns = [lay, stake, wins, loses, of, gain, np.full(n, 1_000), rng.integers(0, 3, n),
               keeps, keeps_of, by]  # fmt: skip
    return list(zip(*(column.tolist() for column in columns), strict=True))


class TestArrays:
    @settings(max_examples=50, deadline=None)
    @given(seed=st.integers(0, 2**32 - 1))
    def test_pay_as_one_bet_is_paid(self, seed):
        rows = random_rows(seed, 2_000)  # 100,000 bets in all
        profits, commissions = paid_many(rows)
        assert list(zip(profits.tolist(), commissions.tolist(), strict=True)) == [
            paid_one(*row) for row in rows
        ]

    def test_reckon_exactly_what_does_not_fit_them(self):
        row = (False, 10**15 + 1, 1, 6, 7, 123_456_789, 10**6, 0, 93, 100, 0)
        assert paid_many([row])[0].tolist() == [paid_one(*row)[0]]

    def test_of_nothing_are_nothing(self):
        none = np.array([], dtype=np.int64)
        found = paying.pay_many(
            is_lay=none.astype(bool), stake=none, wins=none, loses=none, of=none, gain=none,
            unit=none, rounding=none, keeps=none, keeps_of=none,
        )  # fmt: skip
        assert [one.tolist() for one in found] == [[], []]
