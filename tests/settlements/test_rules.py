from decimal import Decimal as D

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.domain import kinds
from settlements.domain import rules
from settlements.domain.rules import Outcome

# The vectors of the Asian handicap: a stake of 100 at 1.95, own minus other score before the line.
VECTORS = {
    "-0.25": ("95", "95", "-50", "-100", "-100"),
    "+0.25": ("95", "95", "47.50", "-100", "-100"),
    "-0.75": ("95", "47.50", "-100", "-100", "-100"),
    "-1": ("95", "0", "-100", "-100", "-100"),
    "-1.25": ("95", "-50", "-100", "-100", "-100"),
    "0": ("95", "95", "0", "-100", "-100"),
    "+0.75": ("95", "95", "95", "-50", "-100"),
    "+1.25": ("95", "95", "95", "47.50", "-100"),
    "-0.5": ("95", "95", "-100", "-100", "-100"),
}
CASES = [
    (line, margin, D(profit))
    for line, profits in VECTORS.items()
    for margin, profit in zip((2, 1, 0, -1, -2), profits, strict=True)
]


class TestJudge:
    @pytest.mark.parametrize(("line", "margin", "profit"), CASES)
    def test_pays_the_handicap_as_the_trade_does(self, line, margin, profit):
        for role, score in (("HOME", (3 + margin, 3)), ("AWAY", (3, 3 + margin))):
            outcome = rules.judge(
                kind="ASIAN_HANDICAP", role=role, line=D(line), home=score[0], away=score[1]
            )
            back = rules.profit(side="BACK", outcome=outcome, stake=D(100), price=D("1.95"))
            assert back == profit

    @pytest.mark.parametrize(
        ("role", "score", "outcome"),
        [
            ("HOME", (2, 1), "WON"),
            ("HOME", (1, 1), "LOST"),
            ("DRAW", (0, 0), "WON"),
            ("DRAW", (0, 1), "LOST"),
            ("AWAY", (0, 1), "WON"),
            ("AWAY", (2, 2), "LOST"),
        ],
    )
    def test_knows_one_winner_of_three(self, role, score, outcome):
        judged = rules.judge(kind="MATCH_ODDS", role=role, line=None, home=score[0], away=score[1])
        assert judged == outcome

    @pytest.mark.parametrize(
        ("line", "goals", "over", "under"),
        [
            ("2.5", 3, "WON", "LOST"),
            ("2.5", 2, "LOST", "WON"),
            ("3", 3, "PUSH", "PUSH"),
            ("2.25", 2, "HALF_LOST", "HALF_WON"),
            ("2.75", 3, "HALF_WON", "HALF_LOST"),
        ],
    )
    def test_counts_all_goals_against_a_total(self, line, goals, over, under):
        judged = [
            rules.judge(kind="TOTAL", role=role, line=D(line), home=goals, away=0)
            for role in ("OVER", "UNDER")
        ]
        assert judged == [over, under]

    @pytest.mark.parametrize(
        ("kind", "role", "score", "outcome"),
        [
            ("MONEYLINE", "HOME", (21, 20), "WON"),
            ("MONEYLINE", "AWAY", (21, 20), "LOST"),
            ("MONEYLINE", "AWAY", (20, 20), "PUSH"),
            ("DRAW_NO_BET", "HOME", (1, 0), "WON"),
            ("DRAW_NO_BET", "HOME", (1, 1), "PUSH"),
            ("DRAW_NO_BET", "AWAY", (1, 0), "LOST"),
            ("DOUBLE_CHANCE", "HOME_DRAW", (1, 1), "WON"),
            ("DOUBLE_CHANCE", "HOME_AWAY", (1, 1), "LOST"),
            ("DOUBLE_CHANCE", "DRAW_AWAY", (0, 2), "WON"),
            ("DOUBLE_CHANCE", "DRAW_AWAY", (2, 0), "LOST"),
            ("BOTH_SCORE", "YES", (2, 1), "WON"),
            ("BOTH_SCORE", "YES", (2, 0), "LOST"),
            ("BOTH_SCORE", "NO", (0, 0), "WON"),
        ],
    )
    def test_knows_what_two_scores_say(self, kind, role, score, outcome):
        judged = rules.judge(kind=kind, role=role, line=None, home=score[0], away=score[1])
        assert judged == outcome

    @pytest.mark.parametrize(
        ("line", "home", "away", "of_home", "of_away"),
        [
            ("-3", 27, 24, "PUSH", "PUSH"),
            ("-3.5", 27, 24, "LOST", "WON"),
            ("+7", 20, 26, "WON", "LOST"),
        ],
    )
    def test_gives_points_in_a_spread(self, line, home, away, of_home, of_away):
        terms = {"kind": "SPREAD", "home": home, "away": away}
        assert rules.judge(role="HOME", line=D(line), **terms) == of_home
        assert rules.judge(role="AWAY", line=-D(line), **terms) == of_away

    @pytest.mark.parametrize("kind", ["TEAM_TOTAL", "PLAYER_TOTAL"])
    @pytest.mark.parametrize(
        ("line", "figure", "over", "under"),
        [
            ("24.5", "25", "WON", "LOST"),
            ("24.5", "24", "LOST", "WON"),
            ("24", "24", "PUSH", "PUSH"),
        ],
    )
    def test_counts_a_figure_against_its_own_line(self, kind, line, figure, over, under):
        judged = [
            rules.judge(kind=kind, role=role, line=D(line), home=99, away=0, figure=D(figure))
            for role in ("OVER", "UNDER")
        ]
        assert judged == [over, under]

    @pytest.mark.parametrize("role", ["OVER", "UNDER"])
    def test_voids_a_player_who_took_no_part(self, role):
        terms = {"kind": "PLAYER_TOTAL", "role": role, "home": 3, "away": 0}
        assert rules.judge(line=D("24.5"), figure=None, **terms) == "VOID"

    @pytest.mark.parametrize(
        ("kind", "role", "line"),
        [
            ("MONEYLINE", "DRAW", None),
            ("BOTH_SCORE", "HOME", None),
            ("DOUBLE_CHANCE", "HOME", None),
            ("SPREAD", "HOME", None),
            ("TEAM_TOTAL", "OVER", "24.5"),
            ("PLAYER_TOTAL", "OVER", "24.4"),
            ("PLAYER_TOTAL", "HOME", "24.5"),
            ("CORRECT_SCORE", "HOME", None),
            ("MATCH_ODDS", "OVER", None),
            ("ASIAN_HANDICAP", "DRAW", "0.5"),
            ("ASIAN_HANDICAP", "HOME", None),
            ("TOTAL", "OVER", "2.4"),
            ("TOTAL", "HOME", "2.5"),
        ],
    )
    def test_refuses_to_guess(self, kind, role, line):
        with pytest.raises(rules.UnknownMarket):
            rules.judge(kind=kind, role=role, line=line and D(line), home=1, away=0)


class TestProfit:
    def test_of_a_layer_is_what_the_backer_does_not_get(self):
        for outcome in Outcome:
            terms = {"outcome": outcome, "stake": D("33.33"), "price": D("2.345")}
            back, lay = (rules.profit(side=side, **terms) for side in ("BACK", "LAY"))
            assert back == -lay

    def test_is_rounded_half_to_even_once(self):
        for stake, expected in (("0.05", "0.02"), ("0.15", "0.08")):  # 0.025 and 0.075
            won = rules.profit(side="BACK", outcome=Outcome.WON, stake=D(stake), price=D("1.5"))
            assert won == D(expected)


KINDS = st.sampled_from([*kinds.ROLES, "CORRECT_SCORE"])
ROLES = st.sampled_from(
    [*sorted({role for roles in kinds.ROLES.values() for role in roles}), "NO!"]
)
#: Mostly a role of the kind, sometimes of another.
QUESTIONS = st.one_of(
    st.tuples(KINDS, ROLES),
    st.sampled_from([(kind, role) for kind, roles in kinds.ROLES.items() for role in roles]),
)
LINES = st.one_of(
    st.none(),
    st.integers(-40, 40).map(lambda quarters: D(quarters) / 4),
    st.integers(-1000, 1000).map(lambda cents: D(cents) / 100),
)
FIGURES = st.one_of(
    st.none(),
    st.integers(0, 60).map(D),
    st.integers(0, 6000).map(lambda cents: D(cents) / 100),
)
BETS = st.tuples(
    QUESTIONS,
    LINES,
    FIGURES,
    st.integers(0, 12),
    st.integers(0, 12),
    st.booleans(),  # voided
    st.booleans(),  # a lay
    st.integers(1, 10**12 - 1),  # stake in cents
    st.integers(1001, 999_999_999),  # price in thousandths
)


class TestTheArrayForm:
    @settings(max_examples=150, deadline=None)
    @given(st.lists(BETS, min_size=1, max_size=40))
    def test_equals_the_scalar_definition(self, bets):
        asked, lines, figures, home, away, voided, lay, stake, price = zip(*bets, strict=True)
        quarters = [
            np.array([np.nan if one is None else float(one * 4) for one in values])
            for values in (lines, figures)
        ]
        outcomes = rules.judge_many(
            kinds=[kind for kind, _ in asked],
            roles=[role for _, role in asked],
            quarters=quarters[0],
            figures=quarters[1],
            home=np.array(home),
            away=np.array(away),
            voided=np.array(voided),
        )
        cents = (
            rules.profit_many(
                is_lay=np.array(lay),
                outcome=np.maximum(outcomes, 0),
                stake=np.array(stake),
                price=np.array(price),
            )
            if self._fits(bets)
            else None
        )
        for place, bet in enumerate(bets):
            expected = self._scalar(*bet[:6])
            code = int(outcomes[place])
            assert (None if code < 0 else rules.OUTCOMES[code]) == expected
            if expected is not None and cents is not None:
                profit = rules.profit(
                    side="LAY" if bet[6] else "BACK",
                    outcome=expected,
                    stake=D(bet[7]) / 100,
                    price=D(bet[8]) / 1000,
                )
                assert D(int(cents[place])).scaleb(-2) == profit

    @staticmethod
    def _fits(bets):
        return all(bet[7] * bet[8] < 2**63 * 1000 for bet in bets)

    @staticmethod
    def _scalar(asked, line, figure, home, away, voided):
        if voided:
            return Outcome.VOID
        kind, role = asked
        try:
            return rules.judge(kind=kind, role=role, line=line, home=home, away=away, figure=figure)
        except rules.UnknownMarket:
            return None

    def test_is_exact_where_a_product_passes_64_bits(self):
        cents = rules.profit_many(
            is_lay=np.array([False]),
            outcome=np.array([rules.OUTCOMES.index(Outcome.HALF_WON)]),
            stake=np.array([999_999_999_999]),
            price=np.array([9_000_001]),
        )
        exact = rules.profit(
            side="BACK", outcome=Outcome.HALF_WON, stake=D("9999999999.99"), price=D("9000.001")
        )
        assert D(int(cents[0])).scaleb(-2) == exact

    def test_takes_no_bets_at_all(self):
        none = np.array([], dtype=np.int64)
        assert not len(
            rules.profit_many(is_lay=none.astype(bool), outcome=none, stake=none, price=none)
        )
