import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from betting.domain import payoffs, selecting, staking, strategies
from markets.domain import kinds

NOON = datetime(2031, 3, 1, 12, tzinfo=UTC)
RULES = selecting.Rules(
    min_edge=0.02,
    max_edge=0.25,
    min_probability=0.1,
    min_price=Decimal("1.30"),
    max_price=Decimal("5.00"),
    max_overround=0.15,
    max_price_age=timedelta(minutes=10),
)
HOME, DRAW, AWAY = 1, 2, 3


def rules(**changes) -> selecting.Rules:
    fields = {name: getattr(RULES, name) for name in RULES.__dataclass_fields__}
    return selecting.Rules(**{**fields, **changes})


def quotes(
    *prices: str,
    book: int = 1,
    kind: str = "BOOKMAKER",
    age: timedelta = timedelta(0),
    is_enabled: bool = True,
) -> pd.DataFrame:
    rows = [
        {
            "event_id": 1,
            "market_id": 1,
            "kind": "MATCH_ODDS",
            "selection_id": selection,
            "role": {HOME: "HOME", DRAW: "DRAW", AWAY: "AWAY"}[selection],
            "selection_line": math.nan,
            "book_id": book,
            "book_code": f"book{book}",
            "book_kind": kind,
            "is_enabled": is_enabled,
            "price": Decimal(price),
            "confirmed_at": NOON - age,
        }
        for selection, price in zip((HOME, DRAW, AWAY), prices, strict=False)
    ]
    return pd.DataFrame(rows)


def predictions(*probabilities: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "prediction_id": [101, 102, 103][: len(probabilities)],
            "event_id": 1,
            "selection_id": [HOME, DRAW, AWAY][: len(probabilities)],
            "probability": probabilities,
            "refund": 0.0,
        }
    )


def on_a_line(line: float, *, win: float, refund: float, price: str = "1.95") -> pd.Series:
    """Return the home side of a handicap, appraised."""
    board = quotes(price, "9", "1.95").assign(kind="ASIAN_HANDICAP")
    board = board[board["selection_id"] != DRAW]
    board["selection_line"] = [line, -line]
    found = selecting.appraise(
        predictions=predictions(win).assign(refund=refund),
        quotes=board,
        rules=rules(min_edge=-1.0, max_edge=1.0),
        as_of=NOON,
    )
    return found.loc[0]


def appraise(board, probabilities=(0.5, 0.26, 0.24), **changes) -> pd.DataFrame:
    return selecting.appraise(
        predictions=predictions(*probabilities), quotes=board, rules=rules(**changes), as_of=NOON
    )


def reason(*args, **changes) -> str:
    return appraise(*args, **changes)["reason"].iloc[0]


class TestAppraise:
    def test_takes_the_best_price_of_all_books(self):
        found = appraise(
            pd.concat([quotes("2.10", "3.4", "3.6"), quotes("2.20", "3.3", "3.5", book=2)])
        ).iloc[0]
        assert (found["book_id"], found["price"], found["reason"]) == (2, Decimal("2.20"), "")
        assert found["edge"] == pytest.approx(0.1)
        assert found["kelly"] == pytest.approx(0.1 / 1.2)
        assert found["prices"] == {"book1": "2.10", "book2": "2.20"}

    @pytest.mark.parametrize(
        "kind", ["MONEYLINE", "SPREAD", "TEAM_TOTAL", "PLAYER_TOTAL", "DRAW_NO_BET", "BOTH_SCORE"]
    )
    def test_takes_two_way_markets_of_every_kind(self, kind):
        board = quotes("2.10", "1.80").assign(kind=kind, role=kinds.ROLES[kind])
        assert reason(board, (0.52, 0.48)) == ""
        assert reason(board.iloc[:1], (0.52,)) == selecting.MARKET_INCOMPLETE

    def test_takes_no_market_of_which_two_answers_come_true(self):
        board = quotes("1.30", "1.40", "1.50").assign(kind="DOUBLE_CHANCE")
        assert reason(board, (0.9, 0.6, 0.5)) == selecting.MARKET_INCOMPLETE

    def test_takes_the_first_book_by_code_of_equal_prices(self):
        board = [quotes("2.20", "3.4", "3.6", book=book) for book in (3, 1, 2)]
        assert appraise(pd.concat(board)).iloc[0]["book_id"] == 1

    def test_accepts_bounds_themselves(self):
        board = quotes("2.50", "3.4", "3.6", age=timedelta(minutes=10))
        found = appraise(
            board, (0.5, 0.26, 0.24), min_edge=0.25, max_edge=0.25, max_price=Decimal("2.50")
        )
        assert found["reason"].iloc[0] == ""

    @pytest.mark.parametrize(
        "board, changes, expected",
        [
            (quotes(), {}, "NO_PRICE"),
            (quotes("2.2", "3.4", "3.6", kind="AGGREGATE"), {}, "NO_PRICE"),
            (quotes("2.2", "3.4", "3.6"), {"books": frozenset({9})}, "BOOK_NOT_ALLOWED"),
            (quotes("2.2", "3.4", "3.6", is_enabled=False), {}, "BOOK_DISABLED"),
            (quotes("2.2", "3.4", "3.6"), {"halted_books": frozenset({1})}, "HALTED"),
            (
                quotes("2.2", "3.4", "3.6"),
                {"forbidden_books": frozenset({(1, "JURISDICTION")})},
                "JURISDICTION",
            ),
            (quotes("2.6", "3.4", "3.6"), {"forbidden_books": {(9, "X")}}, "EDGE_ABSURD"),
            (quotes("2.2", "3.4", "3.6", age=timedelta(minutes=11)), {}, "PRICE_STALE"),
            (quotes("2.2", "3.4", "3.6", age=-timedelta(seconds=1)), {}, "PRICE_STALE"),
            (quotes("2.2", "3.4"), {}, "MARKET_INCOMPLETE"),
            (quotes("2.2", "2.9", "2.9"), {"max_overround": 0.1}, "OVERROUND_TOO_HIGH"),
            (quotes("2.2", "3.4", "3.6"), {"min_price": Decimal("2.21")}, "PRICE_OUT_OF_RANGE"),
            (quotes("2.2", "3.4", "3.6"), {"max_price": Decimal("2.19")}, "PRICE_OUT_OF_RANGE"),
            (quotes("2.2", "3.4", "3.6"), {"min_probability": 0.51}, "PROBABILITY_TOO_LOW"),
            (quotes("2.0", "3.4", "3.6"), {}, "EDGE_TOO_SMALL"),
            (quotes("2.6", "3.4", "3.6"), {}, "EDGE_ABSURD"),
        ],
    )
    def test_gives_the_first_reason_against_a_bet(self, board, changes, expected):
        if board.empty:
            board = quotes("2.2", "3.4", "3.6").iloc[:0]
        assert reason(board, **changes) == expected

    @pytest.mark.parametrize("probability", [float("nan"), float("inf"), 0.0, 1.0, -0.2])
    def test_turns_a_probability_away_that_is_none(self, probability):
        assert reason(quotes("2.2", "3.4", "3.6"), (probability,)) == "PROBABILITY_INVALID"

    def test_names_what_stopped_the_quote_that_came_furthest(self):
        disabled = quotes("2.2", "3.4", "3.6", is_enabled=False)
        stale = quotes("2.2", "3.4", "3.6", book=2, age=timedelta(hours=1))
        assert reason(pd.concat([disabled, stale])) == "PRICE_STALE"

    def test_looks_past_a_better_price_that_may_not_be_taken(self):
        board = pd.concat(
            [
                quotes("2.20", "3.4", "3.6"),
                quotes("2.30", "3.4", "3.6", book=2, age=timedelta(hours=1)),
                quotes("2.40", "3.4", "3.6", book=3, kind="AGGREGATE"),
            ]
        )
        found = appraise(board).iloc[0]
        assert found["price"] == Decimal("2.20")
        assert found["prices"] == {"book1": "2.20", "book2": "2.30 PRICE_STALE"}

    def test_keeps_every_candidate_and_its_order(self):
        found = appraise(quotes("2.2", "3.4", "3.6"))
        assert found["prediction_id"].tolist() == [101, 102, 103]
        assert set(found["reason"]) <= {"", *selecting.REASONS}

    @settings(deadline=None, max_examples=15)
    @given(st.lists(st.floats(0.01, 0.99), min_size=3, max_size=3), st.floats(1.05, 6.0))
    def test_of_a_batch_equals_that_of_each_alone(self, probabilities, price):
        board = quotes(f"{price:.2f}", "3.4", "3.6")
        whole = appraise(board, tuple(probabilities))
        for row in range(3):
            alone = selecting.appraise(
                predictions=predictions(*probabilities).iloc[[row]],
                quotes=board,
                rules=RULES,
                as_of=NOON,
            ).iloc[0]
            assert alone["reason"] == whole["reason"].iloc[row]
            assert repr(alone["edge"]) == repr(whole["edge"].iloc[row])


class TestAppraiseOfLines:
    def test_of_a_quarter_line_equals_the_worked_example(self):
        found = on_a_line(0.25, win=0.54 / 0.86, refund=0.14)
        assert (found["quarter"], found["reason"]) == (payoffs.HALF_WON, "")
        assert found["edge"] == pytest.approx(0.40 * 0.95 + 0.28 * 0.475 - 0.32)
        assert found["kelly"] == pytest.approx(0.249, abs=5e-4)

    def test_of_a_line_that_half_loses_stakes_less(self):
        half_lost = on_a_line(-0.25, win=0.54 / 0.86, refund=0.14)
        assert half_lost["edge"] == pytest.approx(0.86 * (0.54 / 0.86 * 1.95 - 1.0))
        expected = staking.kelly_of_payoffs([0.95, -0.5, -1.0], [0.54, 0.28, 0.18])
        assert half_lost["kelly"] == pytest.approx(expected)

    def test_of_a_push_scales_the_edge_and_not_the_share(self):
        found, plain = on_a_line(-1.0, win=0.55, refund=0.2), on_a_line(-0.5, win=0.55, refund=0.0)
        assert found["edge"] == pytest.approx(0.8 * plain["edge"])
        assert found["kelly"] == pytest.approx(plain["kelly"], abs=1e-9)

    @pytest.mark.parametrize(
        "win, refund",
        [(0.9, 0.4), (0.6, math.nan), (0.6, -0.1), (0.6, 1.0)],
        ids=["more-back-than-can-be", "nan", "negative", "all"],
    )
    def test_turns_a_refund_away_that_cannot_be(self, win, refund):
        assert on_a_line(-0.25, win=win, refund=refund)["reason"] == "PROBABILITY_INVALID"


class TestAppraiseWithCommission:
    def test_takes_it_off_what_an_exchange_pays(self):
        board = quotes("2.20", "3.4", "3.6", kind="EXCHANGE")
        found = appraise(board, commission=0.05).iloc[0]
        assert (found["price"], found["net_price"]) == (Decimal("2.20"), pytest.approx(2.14))
        assert found["edge"] == pytest.approx(0.5 * 2.14 - 1.0)
        assert found["kelly"] == pytest.approx(float(staking.kelly(0.5, 2.2, commission=0.05)))

    def test_takes_nothing_off_what_a_bookmaker_pays(self):
        found = appraise(quotes("2.20", "3.4", "3.6"), commission=0.05).iloc[0]
        assert found["edge"] == appraise(quotes("2.20", "3.4", "3.6")).iloc[0]["edge"]

    @pytest.mark.parametrize("commission, book", [(0.0, "book2"), (0.02, "book1")])
    def test_takes_the_price_that_leaves_most(self, commission, book):
        board = pd.concat(
            [
                quotes("2.20", "3.4", "3.6"),
                quotes("2.21", "3.4", "3.6", book=2, kind="EXCHANGE"),
            ]
        )
        assert appraise(board, commission=commission).iloc[0]["book_code"] == book


class TestAppraiseByLiquidity:
    @pytest.mark.parametrize(
        "kind, size, least, expected, miss",
        [
            ("EXCHANGE", 100.0, 100.0, "", True),
            ("EXCHANGE", 99.0, 100.0, "LIQUIDITY_TOO_LOW", True),
            ("EXCHANGE", math.nan, 100.0, "LIQUIDITY_TOO_LOW", False),
            ("EXCHANGE", None, 100.0, "LIQUIDITY_TOO_LOW", False),
            ("EXCHANGE", 1.0, None, "", False),
            ("BOOKMAKER", math.nan, 100.0, "", False),
        ],
        ids=["enough", "too-little", "unknown", "never-told", "not-asked", "bookmaker"],
    )
    def test_asks_exchanges_how_much_is_on_offer(self, kind, size, least, expected, miss):
        board = quotes("2.20", "3.4", "3.6", kind=kind)
        if size is not None:
            board["size"] = size
        found = appraise(board, min_liquidity=least).iloc[0]
        assert found["reason"] == expected
        assert found["filters"].get("LIQUIDITY_TOO_LOW") == ([size, least] if miss else None)

    def test_takes_the_next_price_where_the_best_is_thin(self):
        board = pd.concat(
            [
                quotes("2.20", "3.4", "3.6").assign(size=math.nan),
                quotes("2.30", "3.4", "3.6", book=2, kind="EXCHANGE").assign(size=5.0),
            ]
        )
        found = appraise(board, min_liquidity=50.0).iloc[0]
        assert (found["book_code"], found["reason"]) == ("book1", "")
        assert found["prices"]["book2"] == "2.30 LIQUIDITY_TOO_LOW"
        assert found["best"][:3] == ["book2", "2.30", "LIQUIDITY_TOO_LOW"]


class TestValue:
    def test_bets_the_best_edge_of_an_event_alone(self):
        found = strategies.REGISTRY["value"].appraise(
            predictions(0.48, 0.35, 0.30),
            quotes("2.2", "3.4", "3.6"),
            RULES,
            NOON,
            strategies.read("value", {}),
        )
        assert found["reason"].tolist() == [
            "OTHER_SELECTION_BETTER",
            "",
            "OTHER_SELECTION_BETTER",
        ]

    @pytest.mark.parametrize(
        "kind, told, least",
        [
            ("SPREAD", {}, [0.02, 0.02]),
            ("SPREAD", {"spread_min_edge": 0.07}, [0.07, 0.07]),
            ("SPREAD", {"spread_min_edge": 0.07, "spread_min_edge_home": 0.10}, [0.10, 0.07]),
            ("ASIAN_HANDICAP", {"spread_min_edge_home": 0.10}, [0.10, 0.02]),
            ("SPREAD", {"spread_min_edge": 0.01}, [0.02, 0.02]),
            ("MONEYLINE", {"spread_min_edge": 0.07, "spread_min_edge_home": 0.10}, [0.02, 0.02]),
        ],
        ids=["as-made", "all", "home-more", "home-alone", "never-less", "no-spread"],
    )
    def test_asks_an_edge_of_its_own_of_spreads_and_more_at_home(self, kind, told, least):
        asked = predictions(0.50, 0.50).assign(role=["HOME", "AWAY"], kind=kind)
        found = strategies.REGISTRY["value"].appraise(
            asked, quotes("2.18", "2.18", "9.0"), RULES, NOON, strategies.read("value", told)
        )
        bounds = [filters["EDGE_TOO_SMALL"] for filters in found["filters"]]
        assert bounds == [[pytest.approx(0.09), bound] for bound in least]
        fails = ["EDGE_TOO_SMALL" in failed for failed in found["failed"]]
        assert fails == [bound > 0.09 for bound in least]
