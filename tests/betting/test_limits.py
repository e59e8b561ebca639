from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from betting.domain import limits

CAPS = limits.Caps(stake=0.02, event=0.03, day=0.15, open=0.25)


def usage(**changes) -> limits.Usage:
    return limits.Usage(**{"balance": Decimal("1000.00"), **changes})


class TestRooms:
    def test_are_the_caps_less_what_is_used(self):
        used = usage(
            open_total=Decimal("40"), day_total=Decimal("60"), open_by_event={7: Decimal("10")}
        )
        assert limits.rooms(usage=used, caps=CAPS, event_id=7) == [
            ("EVENT_LIMIT", Decimal("20.00")),
            ("DAY_LIMIT", Decimal("90.00")),
            ("OPEN_LIMIT", Decimal("210.00")),
            ("NO_FUNDS", Decimal("960.00")),
        ]


class TestRefusal:
    @pytest.mark.parametrize(
        "used, amount, expected",
        [
            ({}, "20.00", ""),
            ({}, "20.01", "STAKE_LIMIT"),
            ({"open_by_event": {7: Decimal("10.01")}}, "20.00", "EVENT_LIMIT"),
            ({"open_by_event": {8: Decimal("30")}}, "20.00", ""),
            ({"day_total": Decimal("130.01")}, "20.00", "DAY_LIMIT"),
            ({"open_total": Decimal("230.01")}, "20.00", "OPEN_LIMIT"),
        ],
    )
    def test_names_the_first_limit_that_would_be_passed(self, used, amount, expected):
        found = limits.refusal(usage=usage(**used), caps=CAPS, event_id=7, amount=Decimal(amount))
        assert found == expected

    def test_counts_the_bets_of_its_own_batch(self):
        used = usage()
        used.take(event_id=7, amount=Decimal("20"))
        assert (
            limits.refusal(usage=used, caps=CAPS, event_id=7, amount=Decimal("10.01"))
            == "EVENT_LIMIT"
        )

    @given(st.lists(st.tuples(st.integers(1, 4), st.decimals("0.01", "40", places=2))))
    def test_never_lets_a_batch_pass_any_limit(self, bets):
        used = usage()
        for event_id, amount in bets:
            if not limits.refusal(usage=used, caps=CAPS, event_id=event_id, amount=amount):
                used.take(event_id=event_id, amount=amount)
        assert used.open_total <= Decimal("250.00")
        assert used.day_total <= Decimal("150.00")
        assert all(amount <= Decimal("30.00") for amount in used.open_by_event.values())
