from decimal import Decimal as D

import pytest

from settlements.domain import ending
from settlements.domain.ending import Ended
from settlements.domain.rules import UnknownMarket
from settlements.domain.terms import Terms

QUARTERS = {"Q1": [7, 3], "Q2": [0, 3], "Q3": [7, 7], "Q4": [3, 4], "OT": [3, 0]}


def judge(terms=None, **told):
    return ending.judge(Ended(**told), terms=Terms.read(terms or {})).value


class TestAPeriod:
    @pytest.mark.parametrize(
        ("period", "kind", "role", "line", "outcome"),
        [
            pytest.param("REG", "MONEYLINE", "HOME", None, "PUSH", id="tied before overtime"),
            pytest.param("FULL", "MONEYLINE", "HOME", None, "WON", id="won in it"),
            pytest.param("H1", "SPREAD", "AWAY", "0.5", "LOST", id="the first half's handicap"),
            pytest.param("H2", "TOTAL", "OVER", "23.5", "WON", id="the second half, overtime too"),
            pytest.param("Q3", "TOTAL", "UNDER", "14", "PUSH", id="a quarter on its line"),
        ],
    )
    def test_is_judged_by_its_own_score(self, period, kind, role, line, outcome):
        told = {"line": None if line is None else D(line), "score": (20, 17), "periods": QUARTERS}
        assert judge(period=period, kind=kind, role=role, **told) == outcome

    def test_of_a_team_counts_its_own(self):
        told = {"kind": "TEAM_TOTAL", "role": "OVER", "period": "Q1", "line": D("5.5")}
        told |= {"score": (20, 17), "periods": QUARTERS}
        assert [judge(team=team, **told) for team in ("HOME", "AWAY")] == ["WON", "LOST"]

    @pytest.mark.parametrize(
        "told",
        [
            pytest.param({"period": "SET3", "score": (2, 0)}, id="a set that was not played"),
            pytest.param({"period": "H2", "score": (2, 0)}, id="no score at half-time"),
            pytest.param({"period": "REG", "score": (2, 0)}, id="nobody told of overtime"),
            pytest.param({"status": "WALKOVER", "winner": "HOME"}, id="a market of three ways"),
            pytest.param({"status": "INTERRUPTED", "score": (1, 0)}, id="under way"),
            pytest.param({}, id="no score"),
        ],
    )
    def test_that_is_not_told_is_not_guessed(self, told):
        with pytest.raises(UnknownMarket):
            judge(kind="MATCH_ODDS", role="HOME", **told)

    def test_is_not_needed_where_the_winner_is_told(self):
        assert judge(kind="MATCH_ODDS", role="AWAY", winner="AWAY") == "WON"


class TestAMatchGivenUp:
    @pytest.mark.parametrize(
        ("needed", "status", "kind", "role", "score", "outcome"),
        [
            pytest.param(1, "RETIRED", "MONEYLINE", "HOME", (1, 0), "WON", id="one set played"),
            pytest.param(1, "RETIRED", "MONEYLINE", "AWAY", (0, 1), "LOST", id="who was ahead"),
            pytest.param(2, "RETIRED", "MONEYLINE", "HOME", (1, 0), "VOID", id="two are asked"),
            pytest.param(0, "RETIRED", "MONEYLINE", "HOME", None, "WON", id="any point played"),
            pytest.param(None, "RETIRED", "MONEYLINE", "HOME", (1, 1), "VOID", id="all of it"),
            pytest.param(1, "RETIRED", "TOTAL", "OVER", (1, 1), "VOID", id="what counts games"),
            pytest.param(0, "WALKOVER", "MONEYLINE", "HOME", None, "VOID", id="never begun"),
        ],
    )
    def test_is_won_by_who_goes_on(self, needed, status, kind, role, score, outcome):
        told = {"status": status, "kind": kind, "role": role, "score": score, "winner": "HOME"}
        told["line"] = D("20.5") if kind == "TOTAL" else None
        assert judge({"sets_needed": needed}, **told) == outcome


class TestDecided:
    @pytest.mark.parametrize(
        ("kind", "role", "line", "score", "outcome"),
        [
            ("TOTAL", "OVER", "2.5", (2, 1), "WON"),
            ("TOTAL", "UNDER", "2.5", (2, 1), "LOST"),
            ("TOTAL", "UNDER", "3.5", (2, 1), None),
            ("TOTAL", "OVER", "2.75", (2, 1), None),  # a fourth goal would still pay more
            ("TOTAL", "OVER", "3", (2, 1), None),
            ("BOTH_SCORE", "NO", None, (1, 1), "LOST"),
            ("BOTH_SCORE", "YES", None, (1, 0), None),
            ("MATCH_ODDS", "HOME", None, (5, 0), None),
        ],
        ids=str,
    )
    def test_is_what_no_later_goal_could_change(self, kind, role, line, score, outcome):
        told = {"kind": kind, "role": role, "score": score, "status": "ABANDONED"}
        found = ending.decided(Ended(line=None if line is None else D(line), **told))
        assert (found and found.value) == outcome

    def test_is_a_half_that_was_played(self):
        told = {"kind": "TOTAL", "role": "OVER", "line": D("0.5"), "status": "ABANDONED"}
        assert ending.decided(Ended(period="H1", half=(1, 0), score=(1, 1), **told)) == "WON"
        assert ending.decided(Ended(period="H2", half=(1, 0), score=(1, 1), **told)) is None
