"""The rules of arbitrage by themselves: what is one, how money is split, which step comes next."""

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from betting.domain import arbitrage, legs, splitting
from betting.domain.arbitrage import Bounds, Offer
from betting.domain.legs import Leg, Step, Todo
from betting.domain.splitting import Slot

D = Decimal
NOTHING = D(0)
PRICES = st.integers(105, 900).map(lambda cents: D(cents) / 100)
COMMISSIONS = st.sampled_from([D(0), D("0.02"), D("0.05")])


def slots_of(prices, commissions, *, step="0.01", least="0.01"):
    return [
        Slot(net=Offer(1, 1, price, commission).net, step=D(step), least=D(least))
        for price, commission in zip(prices, commissions, strict=False)
    ]


def worst(slots, stakes, sunk=NOTHING):
    """Reckon by the definition: what the worst winner returns, less all that was staked."""
    outlay = sum(stakes, sunk)
    return min(
        slot.paid + (splitting.returns(stake=stake, net=slot.net) if slot.net else 0) - outlay
        for slot, stake in zip(slots, stakes, strict=True)
    )


class TestSplit:
    @pytest.mark.parametrize(
        "prices, stakes, profits",
        [
            (("2.10", "2.05"), ("49.40", "50.60"), ("3.74", "3.73")),
            (("2.60", "3.60", "3.15"), ("39.24", "28.34", "32.39"), ("2.05", "2.05", "2.05")),
            (("1.90", "1.90"), ("0.00", "0.00"), ("0.00", "0.00")),
        ],
        ids=["two-way", "three-way", "no-arbitrage"],
    )
    def test_by_example(self, prices, stakes, profits):
        found = splitting.split(slots=slots_of(map(D, prices), [D(0)] * 3), total=D("100.00"))
        assert found.stakes == tuple(map(D, stakes))
        assert found.profits == tuple(map(D, profits))

    @settings(deadline=None)
    @given(st.lists(PRICES, min_size=2, max_size=3), st.lists(COMMISSIONS, min_size=3, max_size=3),
           st.integers(500, 20_000))  # fmt: skip
    def test_no_stake_a_step_off_makes_the_worst_outcome_better(self, prices, commissions, cents):
        slots, total = slots_of(prices, commissions), D(cents) / 100
        found = splitting.split(slots=slots, total=total)
        assert found.worst == worst(slots, found.stakes)
        assert found.total <= total
        for steps in product((-1, 0, 1), repeat=len(slots)):
            near = [stake + D(step) / 100 for stake, step in zip(found.stakes, steps, strict=True)]
            if min(near) >= 0 and sum(near) <= total:
                assert worst(slots, near) <= found.worst

    @settings(deadline=None)
    @given(PRICES, PRICES, st.sampled_from(["0.50", "1.00"]), st.integers(0, 800))
    def test_is_the_best_of_all_on_a_coarse_grid(self, one, other, step, sunk):
        assume(1 / Fraction(one) + 1 / Fraction(other) < 1)
        slots = slots_of([one, other], [D(0), D(0)], step=step, least="2.00")
        lost = D(sunk) / 100
        found = splitting.split(slots=slots, total=D("12.00"), sunk=lost)
        grid = [D(0), *(D(n) * D(step) for n in range(24) if D(n) * D(step) >= 2)]
        best = max(
            worst(slots, pair, lost) for pair in product(grid, grid) if sum(pair) <= D("12.00")
        )
        assert found.worst == best

    @settings(deadline=None)
    @given(PRICES, st.integers(200, 20_000), st.integers(0, 20_000))
    def test_covers_what_stands_alone_as_well_as_can_be(self, price, staked, paid):
        """One outcome returns so much already; the other is covered at a price, and half of it is
        covered before."""
        slots = [Slot(paid=D(paid) / 100), Slot(net=price, paid=D(paid) / 200 // D("0.01") / 100)]
        sunk = D(staked) / 100
        found = splitting.split(slots=slots, total=D("1000"), sunk=sunk)
        assert found.worst == worst(slots, found.stakes, sunk)
        for off in (D("-0.01"), D("0.01"), -found.stakes[1]):
            if (near := found.stakes[1] + off) >= 0:
                assert worst(slots, [D(0), near], sunk) <= found.worst

    def test_keeps_each_leg_within_its_most(self):
        slots = [Slot(net=D("2.10"), most=D("10.00")), Slot(net=D("2.05"))]
        found = splitting.split(slots=slots, total=D("100.00"))
        assert found.stakes == (D("9.96"), D("10.20"))


def board(*rows):
    """Offers of selections 11 and 12: (selection, book, price[, mark])."""
    return [
        Offer(selection, book, D(price), mark=mark[0] if mark else "")
        for selection, book, price, *mark in rows
    ]


ALIKE = {1: "a", 2: "a", 3: "a"}


class TestLook:
    @pytest.mark.parametrize(
        "rows, terms, reason, failed",
        [
            ([(11, 1, "2.10"), (12, 2, "2.05")], ALIKE, "", ()),
            ([(11, 1, "2.10")], ALIKE, "MARKET_INCOMPLETE", ("MARKET_INCOMPLETE",)),
            ([(11, 1, "2.00"), (12, 2, "2.00")], ALIKE, "RETURN_TOO_SMALL", None),
            ([(11, 1, "2.01"), (12, 2, "2.00")], ALIKE, "RETURN_TOO_SMALL", None),
            ([(11, 1, "2.30"), (12, 2, "2.05")], ALIKE, "PALPABLE_ERROR", None),
            ([(11, 1, "2.10"), (12, 2, "2.05")], {}, "RULES_UNKNOWN", None),
            ([(11, 1, "2.10"), (12, 2, "2.05")], {1: "a"}, "RULES_UNKNOWN", None),
            ([(11, 1, "2.10"), (12, 2, "2.05")], {1: "a", 2: "b"}, "RULES_DIFFER", None),
            (
                [(11, 1, "2.30"), (12, 2, "2.05")], {1: "a", 2: "b"}, "RULES_DIFFER",
                ("RULES_DIFFER", "PALPABLE_ERROR"),
            ),
            ([(11, 1, "2.10", "PRICE_STALE"), (12, 2, "2.05")], ALIKE, "PRICE_STALE", None),
            (
                [(11, 1, "2.10", "BOOK_DISABLED"), (12, 2, "2.05", "PRICE_STALE")], ALIKE,
                "BOOK_DISABLED", ("BOOK_DISABLED", "PRICE_STALE"),
            ),
            (
                [(11, 1, "2.90", "PRICE_STALE"), (11, 3, "2.10"), (12, 2, "2.05")], ALIKE, "", (),
            ),
            (
                [(11, 1, "2.12"), (11, 3, "2.10"), (12, 2, "2.05")], {2: "a", 3: "a"}, "", (),
            ),
        ],
        ids=[
            "found", "incomplete", "even", "small", "palpable", "nobody-knows", "half-known",
            "differ", "differ-and-palpable", "stale", "two-marks", "next-best", "of-one-terms",
        ],
    )  # fmt: skip
    def test_by_example(self, rows, terms, reason, failed):
        found = arbitrage.look(
            selections=[11, 12], offers=board(*rows), terms=terms, bounds=Bounds(0.005, 0.05)
        )
        assert found.reason == reason
        assert found.failed == (failed if failed is not None else (reason,))

    def test_bounds_are_inclusive_and_exact(self):
        rows = board((11, 1, "2.10"), (12, 2, "2.10"))  # 5 % to the last digit
        for bounds, reason in (
            (Bounds(0.05, 0.05), ""),
            (Bounds(0.0500001, 0.1), "RETURN_TOO_SMALL"),
            (Bounds(0.0, 0.0499999), "PALPABLE_ERROR"),
        ):
            found = arbitrage.look(selections=[11, 12], offers=rows, terms=ALIKE, bounds=bounds)
            assert found.reason == reason

    def test_takes_commission_off(self):
        rows = [Offer(11, 1, D("2.10"), D("0.05")), Offer(12, 2, D("1.92"))]
        found = arbitrage.look(
            selections=[11, 12], offers=rows, terms=ALIKE, bounds=Bounds(0.0, 0.5)
        )
        assert found.reason == "RETURN_TOO_SMALL"  # 1/2.045 + 1/1.92 > 1 > 1/2.1 + 1/1.92


def leg(bet_id, state, *, matched="0", asked="50", selection=None, net="2.10", void=False):
    return Leg(bet_id, selection or 10 + bet_id, state, D(asked), D(matched), D(net), void)


CREATED, FILLED, REJECTED = (
    leg(2, "CREATED"), leg(1, "FILLED", matched="50"), leg(2, "REJECTED"),
)  # fmt: skip


class TestFollowing:
    @pytest.mark.parametrize(
        "held, todo",
        [
            ([leg(1, "CREATED"), CREATED], Todo(Step.SEND, (1,))),
            ([leg(1, "SUBMITTED"), CREATED], Todo(Step.WAIT)),
            ([leg(1, "UNKNOWN"), CREATED], Todo(Step.WAIT)),
            ([leg(1, "ACCEPTED"), CREATED], Todo(Step.TAKE_BACK, (1,))),
            ([leg(1, "PARTIAL", matched="5"), CREATED], Todo(Step.TAKE_BACK, (1,))),
            ([leg(1, "REJECTED"), CREATED], Todo(Step.RELEASE, (2,))),
            ([leg(1, "LAPSED"), CREATED], Todo(Step.RELEASE, (2,))),
            ([FILLED, CREATED], Todo(Step.SEND, (2,))),
            ([leg(1, "LAPSED", matched="20"), CREATED], Todo(Step.CUT, (2,), (D("20.00"),))),
            ([leg(1, "LAPSED", matched="20"), leg(2, "CREATED", asked="20")],
             Todo(Step.SEND, (2,))),
            ([leg(1, "LAPSED", matched="0.30"), CREATED], Todo(Step.RELEASE, (2,))),
            ([FILLED, leg(2, "FILLED", matched="50")], Todo(Step.CLOSE)),
            ([FILLED, REJECTED], Todo(Step.COVER)),
            ([FILLED, leg(2, "LAPSED", matched="10")], Todo(Step.COVER)),
            ([FILLED, leg(2, "LAPSED", matched="47.5")], Todo(Step.CLOSE)),
            ([leg(1, "REJECTED"), leg(2, "CANCELLED")], Todo(Step.FAIL)),
            ([FILLED, leg(2, "FILLED", matched="50", void=True)], Todo(Step.COVER)),
            ([FILLED, REJECTED, leg(3, "CREATED", selection=12, asked="70", net="1.50")],
             Todo(Step.SEND, (3,))),
            ([FILLED, REJECTED, leg(3, "FILLED", selection=12, asked="70", matched="70",
                                    net="1.50")], Todo(Step.CLOSE)),
        ],
        ids=[
            "first", "being-sent", "silent", "waits", "waits-in-part", "refused", "lapsed",
            "second", "cut", "cut-already", "cut-too-small", "complete", "second-refused",
            "second-in-part", "second-nearly-whole", "nothing", "given-back", "hedge",
            "hedged-at-a-loss",
        ],
    )  # fmt: skip
    def test_by_example(self, held, todo):
        found = legs.following(
            selections=[11, 12], legs=held, tolerance=D("1.00"), max_loss=D("16.00"),
            step=D("0.01"), least=D("1.00"),
        )  # fmt: skip
        assert found == todo

    def test_releases_the_third_where_the_second_was_not_taken(self):
        held = [FILLED, REJECTED, leg(3, "CREATED")]
        found = legs.following(
            selections=[11, 12, 13], legs=held, tolerance=D(1), max_loss=D(2),
            step=D("0.01"), least=D("1.00"),
        )  # fmt: skip
        assert found == Todo(Step.RELEASE, (3,))
