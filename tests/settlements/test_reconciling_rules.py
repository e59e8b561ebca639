"""What counts as a difference, and what does not: rules alone."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal as D

import pytest

from settlements.domain import reconciling
from settlements.domain.reconciling import Ours, Settled, Theirs

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
OURS = Ours(
    bet_id=7, client_ref="d7", venue_ref="700", venue="betfair", status="SETTLED", side="BACK",
    requested=D("10.00"), stake=D("10.00"), price=D("2.200"), outcome="WON", profit=D("11.40"),
    commission=D("0.60"), at=NOON,
)  # fmt: skip
THEIRS = Theirs(
    refs=["700"], market_ref="1.2", endings=frozenset({"SETTLED"}), size=D("10.00"),
    price=D("2.200"), profit=D("12.00"), outcome="WON", at=NOON,
)  # fmt: skip
CALLED_OFF = replace(
    THEIRS, endings=frozenset({"VOIDED"}), size=D("0.00"), profit=D("0.00"), outcome=""
)
LOST_LAY = replace(OURS, side="LAY", profit=D("-12.00"), commission=D("0.00"))


def kinds(ours, theirs):
    return [(one.kind, one.amount) for one in reconciling.differences(ours, theirs)]


class TestDifferences:
    @pytest.mark.parametrize(
        "ours, theirs, expected",
        [
            (OURS, THEIRS, []),
            (OURS, replace(THEIRS, profit=D("12.01")), [("PROFIT", D("0.01"))]),
            (replace(OURS, corrected=D("0.01")), replace(THEIRS, profit=D("12.01")), []),
            (OURS, replace(THEIRS, size=D("9.00")), [("STAKE", D("-1.00"))]),
            (OURS, replace(THEIRS, size=D("20.00")), [("DUPLICATE", D("10.00"))]),
            (OURS, replace(THEIRS, price=D("2.220")), [("PRICE", None)]),
            (OURS, replace(THEIRS, price=None), []),
            (OURS, replace(THEIRS, outcome="LOST"), [("OUTCOME", None)]),
            (OURS, replace(THEIRS, outcome=""), []),
            (LOST_LAY, replace(THEIRS, outcome="LOST", profit=D("-12.00")), []),
            (replace(OURS, status="ACCEPTED", outcome=""), THEIRS, [("STATE", None)]),
            (OURS, CALLED_OFF, [("STATE", None)]),
            (replace(OURS, outcome="VOID", profit=D(0), commission=D(0)), CALLED_OFF, []),
            (replace(OURS, status="REJECTED", profit=D(0), commission=D(0)), CALLED_OFF, []),
        ],
        ids=[
            "equal", "a-cent", "corrected", "part", "twice", "price", "price-lowered", "outcome",
            "outcome-untold", "lay", "open-here", "void-there", "void-both", "rejected-here",
        ],
    )  # fmt: skip
    def test_are_told_to_the_cent(self, ours, theirs, expected):
        assert kinds(ours, theirs) == expected


SETTLED = Settled(
    bet_id=7, at=NOON, venue="paper", venue_ref="paper-1", is_exchange=False, has_decision=True,
    has_probability=True, side="BACK", stake=D("10.00"), price=D("1.925"),
    requested_price=D("1.925"), liability_asked=None, outcome="WON", profit=D("9.25"),
    commission=D("0.00"), settled_outcome="WON", settled_profit=D("9.25"),
    settled_commission=D("0.00"), is_plain=True,
)  # fmt: skip
EXCHANGE = replace(SETTLED, venue="betfair", is_exchange=True)


def flaws(**changes):
    of = changes.pop("of", SETTLED)
    return [(one.kind, one.theirs) for one in reconciling.flaws(replace(of, **changes))]


class TestFlaws:
    @pytest.mark.parametrize(
        "changes, expected",
        [
            ({}, []),
            ({"venue_ref": ""}, [("MISSING_FIELD", "venue_ref")]),
            ({"venue": "manual", "venue_ref": ""}, []),
            ({"has_probability": False}, [("MISSING_FIELD", "probability")]),
            (
                {"settled_outcome": None, "settled_profit": None, "settled_commission": None},
                [("MISSING_FIELD", "settlement")],
            ),
            ({"profit": D("9.26")}, [("PROFIT_FORMULA", "9.25")]),
            ({"profit": D("9.26"), "settled_profit": D("9.26")}, [("PROFIT_FORMULA", "9.25")]),
            ({"settled_outcome": "LOST"}, [("PROFIT_FORMULA", "LOST")]),
            ({"profit": D("8.79"), "commission": D("0.46")}, []),
            (
                {"profit": D("8.79"), "commission": D("0.46"), "settled_profit": D("8.79"),
                 "settled_commission": D("0.46")},
                [],
            ),
            ({"is_plain": False, "profit": D("1.00"), "settled_profit": D("1.00")}, []),
            (
                {"side": "LAY", "outcome": "HALF_LOST", "settled_outcome": "HALF_LOST",
                 "profit": D("5.00"), "settled_profit": D("5.00")},
                [],
            ),
            ({"of": EXCHANGE, "price": D("1001"), "is_plain": False},
             [("IMPOSSIBLE_PRICE", "above 1000")]),
            ({"of": EXCHANGE, "requested_price": D("1.930")},
             [("IMPOSSIBLE_PRICE", "worse than the 1.930 asked for")]),
            ({"of": EXCHANGE, "requested_price": D("1.900")}, []),
        ],
        ids=[
            "none", "no-number", "recorded", "no-probability", "no-settlement", "profit-edited",
            "formula", "outcome-edited", "charged-after", "charged-before", "working", "lay",
            "too-high", "worse", "better",
        ],
    )  # fmt: skip
    def test_are_what_is_lacking_or_cannot_be(self, changes, expected):
        assert flaws(**changes) == expected


class TestDuplicates:
    def test_are_later_bets_for_the_same_thing(self):
        rows = [(1, "a", NOON), (2, "b", NOON), (3, "a", NOON), (4, "a", NOON)]
        found = list(reconciling.duplicates(rows))
        assert [(one.bet_id, one.theirs) for one in found] == [(3, "#1 a"), (4, "#1 a")]
