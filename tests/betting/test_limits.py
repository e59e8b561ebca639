"""The rules of the risk engine by themselves: what room each leaves, and what they refuse."""

from dataclasses import replace
from decimal import Decimal as D

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from betting.domain import limits, rules
from betting.domain.exposure import Position
from betting.domain.limits import Bound, Dimension, Usage

CAPS = limits.Caps(stake=0.02, event=0.03, day=0.15, open=0.25)
OPEN_CAPS = limits.Caps(stake=1.0, event=1.0, day=1.0, open=1.0)
HOME, AWAY = 1, 2


def a_bet(
    stake: str = "10",
    *,
    selection: int = HOME,
    event: int = 7,
    price: str = "2.0",
    is_lay: bool = False,
    participants: frozenset[int] | None = frozenset({11, 12}),
    **places: int,
) -> limits.Bet:
    """Ten on the home side of event 7 at 2.0: book 1, strategy 1, sport 1, competition 1."""
    counted = {"book_id": 1, "strategy_id": 1, "sport_id": 1, "competition_id": 1, **places}
    return limits.Bet(
        position=Position(selection + 10 * event, is_lay, D(price), D(stake)),
        event_id=event,
        market_id=event,
        selections=3,
        participants=participants,
        **counted,
    )


def usage(*bets: limits.Bet, balance: str = "1000.00", **changes: object) -> Usage:
    found = Usage(**{"balance": D(balance), **changes})
    for bet in bets:
        found.take(bet)
    return found


def limited(caps: limits.Caps = OPEN_CAPS, **rows: Bound) -> limits.Limits:
    return limits.together(caps=caps, rows={Dimension[name]: row for name, row in rows.items()})


def refusal(bet: limits.Bet, *standing: limits.Bet, caps=OPEN_CAPS, **rows: Bound) -> str:
    return rules.refusal(usage=usage(*standing), limits=limited(caps, **rows), bet=bet)


class TestRooms:
    def test_are_the_caps_less_what_is_used(self):
        found = usage(a_bet("10"), a_bet("30", event=8))
        found.day_total += D("20")
        assert rules.rooms(usage=found, limits=limited(CAPS), bet=a_bet()) == [
            ("STAKE_LIMIT", D("20.00")),
            ("EVENT_LIMIT", D("20.00")),
            ("DAY_LIMIT", D("90.00")),
            ("OPEN_LIMIT", D("210.00")),
            ("NO_FUNDS", D("960.00")),
        ]

    def test_of_a_lay_are_stakes_whose_liability_fits(self):
        bet = a_bet("0", price="5.0", is_lay=True)
        found = dict(rules.rooms(usage=usage(), limits=limited(CAPS), bet=bet))
        assert (found["EVENT_LIMIT"], found["DAY_LIMIT"]) == (D("7.50"), D("37.50"))

    def test_are_those_of_the_stricter_of_cap_row_share_and_amount(self):
        row = Bound(share=0.5, amount=D("17.25"))
        found = dict(rules.rooms(usage=usage(), limits=limited(CAPS, EVENT=row), bet=a_bet()))
        assert found["EVENT_LIMIT"] == D("17.25")
        row = Bound(amount=D("999"))
        found = dict(rules.rooms(usage=usage(), limits=limited(CAPS, EVENT=row), bet=a_bet()))
        assert found["EVENT_LIMIT"] == D("30.00")

    def test_allow_what_takes_the_risk_off_a_market_that_is_full(self):
        row = Bound(amount=D("10"))
        lay = a_bet("10", is_lay=True)
        assert refusal(lay, a_bet("10"), EVENT=row) == ""
        assert refusal(lay, a_bet("15"), EVENT=row) == ""  # too much stands, and this lowers it
        assert refusal(a_bet("0.01"), a_bet("10"), EVENT=row) == "EVENT_LIMIT"


class TestRefusal:
    @pytest.mark.parametrize(
        "bet, standing, expected",
        [
            pytest.param(a_bet("20.00"), [], "", id="up-to-the-cap"),
            pytest.param(a_bet("20.01"), [], "STAKE_LIMIT", id="a-cent-more"),
            pytest.param(a_bet("20"), [a_bet("10.01")], "EVENT_LIMIT", id="event"),
            pytest.param(a_bet("20"), [a_bet("30", event=8)], "", id="another-event"),
            pytest.param(a_bet("20"), [a_bet("130.01", event=8)], "DAY_LIMIT", id="the-day"),
        ],
    )
    def test_names_the_first_cap_that_would_be_passed(self, bet, standing, expected):
        assert refusal(bet, *standing, caps=CAPS) == expected

    FIFTY = Bound(amount=D("50"))

    @pytest.mark.parametrize(
        "dimension, same, other",
        [
            pytest.param("EVENT", {}, {"event": 8}, id="event"),
            pytest.param("MARKET", {"selection": AWAY}, {"event": 8}, id="market"),
            pytest.param("SELECTION", {}, {"selection": AWAY}, id="selection"),
            pytest.param(
                "PARTICIPANT",
                {"event": 8, "participants": frozenset({12, 99})},
                {"event": 8, "participants": frozenset({98, 99})},
                id="participant-in-any-event",
            ),
            pytest.param("COMPETITION", {"event": 8}, {"competition_id": 2}, id="competition"),
            pytest.param("SPORT", {"event": 8}, {"sport_id": 2}, id="sport"),
            pytest.param("BOOK", {"event": 8}, {"book_id": 2}, id="book"),
            pytest.param("STRATEGY", {"event": 8}, {"strategy_id": 2}, id="strategy"),
            pytest.param("DAY", {"event": 8}, None, id="day"),
            pytest.param("WEEK", {"event": 8}, None, id="week"),
            pytest.param("OPEN", {"event": 8}, None, id="open"),
        ],
    )
    def test_counts_what_shares_a_row_and_nothing_else(self, dimension, same, other):
        row = {dimension: self.FIFTY}
        code = f"{dimension}_LIMIT"
        assert refusal(a_bet("20.00"), a_bet("30.00", **same), **row) == ""
        assert refusal(a_bet("20.01"), a_bet("30.00", **same), **row) == code
        if other is not None:
            assert refusal(a_bet("50.00"), a_bet("30.00", **other), **row) == ""

    @pytest.mark.parametrize(
        "bet, rows, expected",
        [
            pytest.param(
                a_bet("10", price="6", is_lay=True),
                {"LIABILITY": Bound(amount=D("49.99"))},
                "LIABILITY_LIMIT",
                id="liability-of-a-lay",
            ),
            pytest.param(
                a_bet("10", price="6", is_lay=True),
                {"STAKE": Bound(amount=D("10"))},
                "",
                id="stake-of-a-lay",
            ),
            pytest.param(
                a_bet(price="5.01"), {"PRICE": Bound(number=D("5"))}, "PRICE_LIMIT", id="price"
            ),
            pytest.param(a_bet(price="5.00"), {"PRICE": Bound(number=D("5"))}, "", id="the-price"),
            pytest.param(
                a_bet("900.01"), {"FLOOR": Bound(share=0.1)}, "FLOOR_LIMIT", id="the-floor"
            ),
            pytest.param(a_bet("900"), {"FLOOR": Bound(share=0.1)}, "", id="above-the-floor"),
            pytest.param(
                a_bet("900"),
                {"FLOOR": Bound(share=0.1, amount=D("100.01"))},
                "FLOOR_LIMIT",
                id="the-higher-of-two-floors",
            ),
            pytest.param(
                a_bet("0.01"), {"EVENT": Bound(amount=D("0"))}, "EVENT_LIMIT", id="nothing-at-all"
            ),
            pytest.param(a_bet("1000.01"), {}, "STAKE_LIMIT", id="more-than-there-is"),
        ],
    )
    def test_asks_each_bet_by_itself(self, bet, rows, expected):
        assert refusal(bet, **rows) == expected

    @pytest.mark.parametrize(
        "dimension, code, strategy",
        [
            pytest.param("OPEN_BETS", "OPEN_BETS_LIMIT", 2, id="open"),
            pytest.param("DAY_BETS", "DAY_BETS_LIMIT", 2, id="day"),
            pytest.param("STRATEGY_BETS", "STRATEGY_BETS_LIMIT", 1, id="strategy"),
        ],
    )
    def test_counts_bets(self, dimension, code, strategy):
        standing = [a_bet("1", event=event, strategy_id=strategy) for event in (8, 9)]
        assert refusal(a_bet(), *standing, **{dimension: Bound(number=D("3"))}) == ""
        assert refusal(a_bet(), *standing, **{dimension: Bound(number=D("2"))}) == code

    def test_counts_the_bets_of_one_strategy_apart_from_those_of_another(self):
        standing = [a_bet("1", event=event, strategy_id=2) for event in (8, 9)]
        assert refusal(a_bet(), *standing, STRATEGY_BETS=Bound(number=D("2"))) == ""

    @pytest.mark.parametrize(
        "bet, usage_, expected",
        [
            pytest.param(a_bet("0"), usage(), "BET_UNSOUND", id="stake-0"),
            pytest.param(a_bet("-5"), usage(), "BET_UNSOUND", id="stake-negative"),
            pytest.param(a_bet("NaN"), usage(), "BET_UNSOUND", id="stake-nan"),
            pytest.param(a_bet("Infinity"), usage(), "BET_UNSOUND", id="stake-infinite"),
            pytest.param(a_bet(price="NaN"), usage(), "BET_UNSOUND", id="price-nan"),
            pytest.param(a_bet(price="1"), usage(), "BET_UNSOUND", id="price-1"),
            pytest.param(a_bet(), usage(balance="NaN"), "BALANCE_UNKNOWN", id="balance-nan"),
            pytest.param(a_bet(), usage(currency=""), "CURRENCY_UNKNOWN", id="no-currency"),
            pytest.param(a_bet(), usage(currency="eur"), "CURRENCY_UNKNOWN", id="no-such-currency"),
            pytest.param(a_bet(), usage(balance="-1"), "STAKE_LIMIT", id="below-zero"),
            pytest.param(
                a_bet(participants=None), usage(), "PARTICIPANT_UNKNOWN", id="nobody-takes-part"
            ),
        ],
    )
    def test_is_never_empty_where_something_cannot_be_read(self, bet, usage_, expected):
        rows = limited(PARTICIPANT=Bound(share=1.0))
        assert rules.refusal(usage=usage_, limits=rows, bet=bet) == expected

    @pytest.mark.parametrize(
        "bet, usage_, expected",
        [
            pytest.param(a_bet(price="NaN"), usage(), "BET_UNSOUND", id="price"),
            pytest.param(a_bet(), usage(balance="NaN"), "BALANCE_UNKNOWN", id="balance"),
            pytest.param(a_bet(), usage(currency="€"), "CURRENCY_UNKNOWN", id="currency"),
            pytest.param(a_bet(participants=None), usage(), "PARTICIPANT_UNKNOWN", id="side"),
        ],
    )
    def test_leaves_no_room_where_something_cannot_be_read(self, bet, usage_, expected):
        rows = limited(PARTICIPANT=Bound(share=1.0))
        assert rules.rooms(usage=usage_, limits=rows, bet=bet) == [(expected, D("0.00"))]

    def test_needs_no_participants_where_no_limit_is_on_them(self):
        assert refusal(a_bet(participants=None)) == ""


class TestRules:
    def test_has_one_for_every_dimension_that_a_bet_is_asked_about(self):
        asked = {rule.dimension for rule in rules.RULES} - {None}
        assert asked == set(Dimension) - set(limits.RESTS)

    def test_have_codes_of_their_own_that_fit_their_column(self):
        assert len(set(rules.CODES)) == len(rules.CODES)
        assert max(map(len, rules.CODES)) <= 40

    def test_share_what_is_left_for_all_bets(self):
        found = limited(CAPS, WEEK=Bound(amount=D("60")), FLOOR=Bound(share=0.5))
        standing = usage(a_bet("40"))
        assert rules.shared(usage=standing, limits=found) == [
            D("110.00"), D("20.00"), D("210.00"), D("460.00"), D("960.00"),
        ]  # fmt: skip
        assert rules.shared(usage=usage(balance="NaN"), limits=found) == [D("0")]


bets = st.builds(
    lambda **given: a_bet(**given),
    stake=st.integers(1, 6_000).map(lambda cents: f"{D(cents) / 100}"),
    selection=st.integers(1, 3),
    event=st.integers(1, 3),
    price=st.integers(101, 1_200).map(lambda cents: f"{D(cents) / 100}"),
    is_lay=st.booleans(),
    participants=st.sampled_from([frozenset({11, 12}), frozenset({12, 13}), frozenset({14, 15})]),
    book_id=st.integers(1, 2),
    strategy_id=st.integers(1, 2),
    competition_id=st.integers(1, 2),
)
ROWS = {
    "MARKET": Bound(amount=D("45.50")),
    "SELECTION": Bound(amount=D("30")),
    "PARTICIPANT": Bound(share=0.07),
    "COMPETITION": Bound(share=0.09),
    "BOOK": Bound(amount=D("95")),
    "STRATEGY": Bound(share=0.11),
    "OPEN_BETS": Bound(number=D("9")),
}


whole = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestWhateverTheSequence:
    @whole
    @given(st.lists(bets, max_size=25))
    def test_no_limit_is_passed_by_a_cent_and_netting_is_never_negative(self, sequence):
        asked = limited(limits.Caps(stake=0.05, event=0.06, day=0.3, open=0.15), **ROWS)
        standing = usage(currency="EUR")
        for bet in sequence:
            if not rules.refusal(usage=standing, limits=asked, bet=bet):
                standing.take(bet)
        for (dimension, _), used in standing.exposed.items():
            if dimension in asked:
                assert 0 <= used <= rules.least(asked[dimension], standing.balance)
        assert standing.day_total <= D("300.00")
        assert standing.open_bets <= 9
        assert standing.open_staked <= standing.balance

    @whole
    @given(st.lists(bets, max_size=25))
    def test_what_is_counted_bit_by_bit_is_what_stands_altogether(self, sequence):
        one_by_one, at_once = usage(*sequence), usage(*reversed(sequence))
        assert one_by_one.exposed == at_once.exposed
        assert one_by_one.open_staked == sum((b.position.liability for b in sequence), D(0))

    @whole
    @given(st.lists(bets, max_size=12), bets)
    def test_a_stake_cut_to_its_rooms_is_never_refused(self, standing, bet):
        asked, used = limited(CAPS, **ROWS), usage(*standing, balance="4000")
        room = min(room for _, room in rules.rooms(usage=used, limits=asked, bet=bet))
        if room > 0:
            cut = replace(bet, position=replace(bet.position, stake=room))
            assert rules.refusal(usage=used, limits=asked, bet=cut) == ""
