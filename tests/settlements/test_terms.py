from decimal import Decimal as D

import pytest

from settlements.domain.terms import RULE_4, BadTerms, Terms


class TestTerms:
    def test_tell_only_what_is_done_otherwise(self):
        told = {"dead_heat": "IN_FULL", "commission": {"base": "EACH_WIN", "rate": "0.08"}}
        assert Terms.read(told).told() == told
        assert Terms.read({}).told() == {}

    @pytest.mark.parametrize(
        ("told", "fault"),
        [
            pytest.param([], "expected terms with their values", id="no mapping"),
            pytest.param({"dead_heats": "SHARED"}, "dead_heats: ", id="unknown term"),
            pytest.param({"tie": "DRAW"}, "tie: ", id="unknown word"),
            pytest.param({"sets_needed": -1}, "sets_needed: ", id="below nothing"),
            pytest.param({"commission": {"rate": "1.5"}}, "commission.rate: ", id="no share"),
            pytest.param({"commission": {"rate": "NaN"}}, "commission.rate: ", id="no number"),
            pytest.param(
                {"rule_4": [{"to": 2, "deduction": 0}, {"to": 1.5, "deduction": 0}]},
                "rule_4: prices that rise",
                id="steps that fall",
            ),
            pytest.param(
                {"each_way": [{"runners": 8, "places": 3, "fraction": "0.2"}] * 2},
                "each_way: one line",
                id="two lines for one field",
            ),
        ],
    )
    def test_name_what_does_not_fit(self, told, fault):
        with pytest.raises(BadTerms, match=fault):
            Terms.read(told)

    def test_have_each_way_lines_by_field(self):
        lines = [(5, 2, "0.25"), (8, 3, "0.2"), (16, 4, "0.25")]
        terms = Terms.read(
            {
                "each_way": [
                    dict(zip(("runners", "places", "fraction"), one, strict=True)) for one in lines
                ]
            }
        )
        told = {ran: terms.each_way_of(runners=ran) for ran in (4, 5, 7, 8, 15, 16, 40)}
        assert {ran: line and (line.places, str(line.fraction)) for ran, line in told.items()} == {
            4: None, 5: (2, "0.25"), 7: (2, "0.25"), 8: (3, "0.2"), 15: (3, "0.2"),
            16: (4, "0.25"), 40: (4, "0.25"),
        }  # fmt: skip

    def test_deduct_less_for_each_longer_price(self):
        pence = [step.deduction for step in RULE_4]
        assert pence == sorted(pence, reverse=True)
        assert (RULE_4[0].to, RULE_4[0].deduction, RULE_4[-1].to) == (
            D("1.12"),
            D(".9"),
            D("10.99"),
        )

    def test_take_a_discount_off_the_rate(self):
        terms = Terms.read(
            {"commission": {"base": "MARKET_NET", "rate": "0.05", "discount": "0.2"}}
        )
        assert terms.commission.net_rate == D("0.04")
