"""Looking for arbitrage, reserving all legs or none, and never leaving one alone silently."""

from datetime import timedelta
from decimal import Decimal

import pytest

from betting import queries, venues
from betting.domain.limits import Dimension
from betting.models import Arbitrage, Bet, BookRule, CostModel, PaperOrder, SettlingTerms
from betting.queries import risk
from betting.services import (
    arbitraging,
    covering,
    filling,
    halting,
    hedging,
    limiting,
    reconciling,
    stopping,
)
from betting.venues.base import VenueUnknown
from betting.venues.paper import PaperVenue
from markets.models import Event
from monitoring import registry
from monitoring.models import AuditEntry, Incident
from tests.betting.arbitrage import a_seeker, show, three_way, two_way
from tests.betting.builders import NOON, a_bankroll, a_book, together

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)


def look(now=NOON, **options):
    return arbitraging.look_due(now=now, **options)


def go_on(now=NOON):
    return hedging.continue_due(now=now)


def costs(book: str, **numbers: object) -> None:
    CostModel.objects.create(book=a_book(book), is_enabled=True, **numbers)


def states() -> list[tuple[str, str]]:
    rows = Bet.objects.order_by("pk").values_list("book__code", "order_state")
    return list(rows)


def findings() -> list[str]:
    return [found.summary for found in registry.checks[hedging.KIND].run(LATER)]


class Hooked(PaperVenue):
    """Lets something happen once, after it took the first ticket."""

    def __init__(self, hook):
        self.hook = hook

    def place(self, tickets):
        answers = super().place(tickets)
        hook, self.hook = self.hook, None
        if hook:
            hook()
        return answers


@pytest.fixture
def meanwhile(monkeypatch):
    """Let something happen between the first leg and the second."""

    def plan(hook):
        monkeypatch.setitem(venues.VENUES, "paper", Hooked(hook))

    return plan


class TestLooking:
    @pytest.mark.parametrize("make", [two_way, three_way], ids=["two-way", "three-way"])
    def test_takes_every_leg_of_what_pays_whoever_wins(self, make):
        make()
        strategy = a_seeker()
        found = look()
        assert (found["reasons"], found["states"]) == ({"FOUND": 1}, {"HEDGED": 1})
        row = Arbitrage.objects.get()
        bets = list(Bet.objects.order_by("pk"))
        assert row.total == sum(bet.stake for bet in bets) <= Decimal("100.00")
        assert row.worst > 0
        for bet in bets:
            assert (bet.status, bet.strategy, bet.decision) == ("ACCEPTED", strategy, None)
            assert bet.stake * bet.price - row.total >= row.worst
        assert queries.available(bankroll_id=strategy.bankroll_id) == Decimal(1000) - row.total
        assert look()["reasons"] == {"ALREADY_TAKEN": 1}
        assert Bet.objects.count() == len(bets)

    def test_sends_the_price_that_stands_out_most_first(self):
        two_way()
        a_seeker()
        look()
        sent = PaperOrder.objects.order_by("pk").values_list("client_ref", flat=True)
        books = [Bet.objects.get(client_ref=ref).book.code for ref in sent]
        assert books == ["alpha", "beta"]

    def test_writes_and_sends_nothing_in_a_dry_run(self):
        two_way()
        strategy = a_seeker(is_enabled=False)
        assert look()["boards"] == 0
        before = AuditEntry.objects.count()
        told = arbitraging.look(strategy_id=strategy.pk, now=NOON, actor="user:alice", dry_run=True)
        assert [leg["stake"] for leg in told["found"][0]["legs"]] == ["49.40", "50.60"]
        assert [leg["brings"] for leg in told["found"][0]["legs"]] == ["3.74", "3.73"]
        assert not Arbitrage.objects.exists() and not Bet.objects.exists()
        assert AuditEntry.objects.count() == before
        with pytest.raises(arbitraging.ArbitrageRefused, match="switched off"):
            arbitraging.look(strategy_id=strategy.pk, now=NOON, actor="user:alice")

    def test_keeps_what_a_strategy_in_its_dry_run_would_have_staked(self):
        two_way()
        a_seeker(phase="DRY_RUN")
        assert look()["reasons"] == {"DRY_RUN": 1}
        row = Arbitrage.objects.get()
        assert (row.state, row.reason, row.total) == ("PASSED", "DRY_RUN", Decimal("100.00"))
        assert not Bet.objects.exists()

    def test_keeps_a_near_miss_once_with_its_latest_sight(self):
        market = two_way({"alpha": ("2.01", "1.80"), "beta": ("1.83", "1.99")})
        a_seeker()
        assert look()["reasons"] == {"RETURN_TOO_SMALL": 1}
        show(market, {"alpha": ("2.00", "1.80")}, seen_at=LATER)
        look(LATER)
        row = Arbitrage.objects.get()
        assert (row.reason, row.found_at, row.seen_at) == ("RETURN_TOO_SMALL", NOON, LATER)
        assert row.chain["legs"][0]["price"] == "2.000"
        show(market, {"alpha": ("1.90", "1.80")}, seen_at=LATER)  # too far off to be kept
        assert look(LATER + timedelta(minutes=1))["reasons"] == {}

    @pytest.mark.parametrize(
        "change, reason",
        [
            (lambda: SettlingTerms.objects.filter(book__code="beta").delete(), "RULES_UNKNOWN"),
            (
                lambda: SettlingTerms.objects.filter(book__code="beta").update(terms="other"),
                "RULES_DIFFER",
            ),
            (lambda: a_book("beta").__class__.objects.update(is_enabled=False), "BOOK_DISABLED"),
            (lambda: ban("beta"), "BOOK_BANNED"),
            (lambda: halt("BOOK", a_book("beta").pk), "HALTED"),
            (lambda: halt("ALL", None), "HALTED"),
            (lambda: halt("ALL", None, is_reduce_only=True), "REDUCE_ONLY"),
            (lambda: limit("PRICE", number=Decimal("2")), "PRICE_LIMIT"),
            (lambda: limit("OPEN_BETS", number=Decimal("1")), "OPEN_BETS_LIMIT"),
        ],
        ids=[
            "terms-unknown", "terms-differ", "book-off", "book-banned", "book-halted", "halted",
            "reduce-only", "price-limit", "count-limit",
        ],
    )  # fmt: skip
    def test_takes_no_leg_where_one_may_not_be_taken(self, change, reason):
        two_way({"alpha": ("2.10", "1.80"), "beta": ("1.83", "2.05")})
        a_seeker()
        change()
        assert look()["reasons"] == {reason: 1}
        assert Arbitrage.objects.get().reason == reason
        assert not Bet.objects.exists()

    def test_looks_at_no_event_that_is_off_or_began_nor_at_another_line(self):
        begun = two_way(starts_at=NOON)
        off = two_way()
        Event.objects.filter(pk=off.event_id).update(status="POSTPONED")
        split = two_way({"alpha": ("2.10", "1.80")}, kind="TOTAL", line="2.5")
        other = type(split).objects.create(event=split.event, kind="TOTAL", line=Decimal("3.5"))
        for role in ("OVER", "UNDER"):
            other.selections.create(role=role, name=role, line=other.line)
        show(other, {"beta": ("1.83", "2.05")})
        a_seeker()
        found = look()
        assert (found["boards"], "FOUND" in found["reasons"]) == (2, False)
        assert begun.pk not in Arbitrage.objects.values_list("market_id", flat=True)

    def test_passes_over_stale_prices_and_palpable_errors(self):
        two_way({"alpha": ("2.40", "1.60"), "beta": ("1.83", "2.05")})
        strategy = a_seeker()
        assert look()["reasons"] == {"PALPABLE_ERROR": 1}
        assert look(NOON + timedelta(minutes=20))["reasons"] == {"PRICE_STALE": 1}
        assert Arbitrage.objects.get(strategy=strategy).reason == "PRICE_STALE"

    def test_asks_as_many_queries_for_many_boards_as_for_one(self, django_assert_max_num_queries):
        a_seeker()
        for _ in range(6):
            two_way({"alpha": ("2.01", "1.80"), "beta": ("1.83", "1.99")})
        with django_assert_max_num_queries(22):
            assert look()["reasons"] == {"RETURN_TOO_SMALL": 6}


def ban(book: str) -> None:
    BookRule.objects.create(
        book=a_book(book), is_banned=True, banned_reason="x", changed_by="t", changed_at=NOON
    )


def halt(scope: str, scope_id: int | None, **options: object):
    return halting.halt(
        reason="look", actor="user:alice", now=NOON, scope=scope, scope_id=scope_id, **options
    )


def limit(dimension: str, **values: object) -> None:
    limiting.set_limit(dimension=dimension, actor="user:alice", reason="strict", now=NOON, **values)


class TestSizing:
    @pytest.mark.parametrize(
        "limits, most",
        [
            ({"max_event_share": 0.03}, "30"),
            ({"max_day_share": 0.05}, "50"),
            ({"allocation": 0.04, "flat_stake": Decimal("1000")}, "40"),
            ({"staking": "PERCENT", "stake_share": 0.01}, "10"),
            ({"staking": "FRACTIONAL_KELLY", "max_open_share": 0.2}, "200"),
            ({"phase": "MICRO", "flat_stake": Decimal("80")}, "10"),
        ],
        ids=["event", "day", "allocation", "percent", "as-much-as-there-is", "micro"],
    )  # fmt: skip
    def test_keeps_all_legs_within_each_limit_with_room_to_close_one_out(self, limits, most):
        two_way()
        a_seeker(**limits)
        look()
        row = Arbitrage.objects.get()
        assert row.state == "HEDGED"
        assert Decimal(most) * Decimal("0.45") < row.total <= Decimal(most)

    def test_stakes_nothing_where_a_leg_would_be_below_the_least_stake(self):
        two_way()
        a_seeker(min_stake=Decimal("60.00"))
        assert look()["reasons"] == {"STAKE_BELOW_MINIMUM": 1}

    def test_counts_legs_in_full_until_it_is_through_and_nets_them_then(self, meanwhile):
        two_way()
        strategy = a_seeker()
        seen = []

        def note():
            usage = risk.usage(bankroll=strategy.bankroll, as_of=NOON, dimensions=[Dimension.EVENT])
            seen.append(usage.exposed[Dimension.OPEN, 0])

        meanwhile(note)
        look()
        note()
        assert seen == [Decimal("100.00"), Decimal("0.00")]

    def test_gives_the_money_to_one_of_two_who_look_at_once(self, transactional_db):
        two_way()
        bankroll = a_bankroll("150.00")
        for _ in range(2):
            a_seeker(bankroll=bankroll, max_open_share=1, max_day_share=1, max_event_share=1)
        assert together(look, look) == []
        taken = Arbitrage.objects.filter(state="HEDGED")
        assert sum(row.total for row in taken) <= Decimal("150.00")
        assert Bet.objects.count() == PaperOrder.objects.count() == 2 * taken.count()
        assert queries.available(bankroll_id=bankroll.pk) >= 0


class TestPlacing:
    def test_never_sends_the_others_where_the_first_is_not_taken(self):
        two_way()
        strategy = a_seeker()
        costs("alpha", rejection=1.0)
        assert look()["states"] == {"FAILED": 1}
        assert states() == [("alpha", "REJECTED"), ("beta", "CANCELLED")]
        assert PaperOrder.objects.count() == 1
        assert queries.available(bankroll_id=strategy.bankroll_id) == Decimal("1000.00")
        figures = filling.figures(since=NOON, until=LATER)
        asked = filling.by_dimension(figures)[filling.BOOK]
        assert [(each.name, each.fill_rate.n) for each in asked] == [("Alpha", 1)]
        assert look()["states"] == look()["states"] == {"FAILED": 1}
        assert look()["reasons"] == {"FAILED_TOO_OFTEN": 1}

    def test_cuts_the_others_to_what_was_matched_of_the_first(self):
        two_way()
        a_seeker()
        costs("alpha", depth=Decimal("20.00"))
        assert look()["states"] == {"HEDGED": 1}
        assert [bet.stake for bet in Bet.objects.order_by("pk")] == [
            Decimal("20.00"),
            Decimal("20.49"),
        ]
        row = Arbitrage.objects.get()
        assert (row.total, row.worst, row.best) == (
            Decimal("40.49"), Decimal("1.51"), Decimal("1.51"),
        )  # fmt: skip

    def test_takes_back_what_waits_before_it_goes_on(self):
        two_way()
        a_seeker()
        costs("alpha", depth=Decimal("20.00"), patience_seconds=600)
        assert look()["states"] == {"HEDGED": 1}
        assert states() == [("alpha", "CANCELLED"), ("beta", "FILLED")]

    def test_closes_out_at_the_best_price_left_where_a_later_leg_is_not_taken(self):
        two_way()
        a_seeker()
        costs("beta", rejection=1.0)
        assert look()["states"] == {"CLOSED_OUT": 1}
        assert states() == [("alpha", "FILLED"), ("beta", "REJECTED"), ("gamma", "FILLED")]
        row = Arbitrage.objects.get()
        assert [leg.role for leg in row.legs.order_by("rank")] == ["LEG", "LEG", "HEDGE"]
        assert (row.worst, row.reason) == (Decimal("2.47"), "LEG_NOT_TAKEN")
        assert findings() == []

    def test_covers_two_outcomes_where_the_second_of_three_is_not_taken(self):
        prices = {
            "alpha": ("2.60", "3.40", "2.80"),
            "beta": ("2.40", "3.40", "3.15"),
            "gamma": ("2.45", "3.60", "2.80"),
            "delta": ("2.30", "3.55", "3.00"),
        }
        three_way(prices)
        a_seeker()
        costs("beta", rejection=1.0)  # the second to be sent
        assert look()["states"] == {"CLOSED_OUT": 1}
        row = Arbitrage.objects.get()
        assert row.worst >= -row.max_loss
        assert [
            (leg.role, leg.book.code, leg.bet.order_state) for leg in row.legs.order_by("rank")
        ] == [
            ("LEG", "alpha", "FILLED"),
            ("LEG", "beta", "REJECTED"),
            ("LEG", "gamma", "CANCELLED"),
            ("HEDGE", "delta", "FILLED"),
            ("HEDGE", "gamma", "FILLED"),
        ]


class TestALoneLeg:
    @pytest.fixture
    def market(self):
        """Nobody but gamma takes the away side, and that too dear for two percent."""
        costs("beta", rejection=1.0)
        return two_way({
            "alpha": ("2.10", "1.70"), "beta": ("1.83", "2.05"), "gamma": ("1.83", "1.80"),
        })  # fmt: skip

    def test_is_told_of_at_once_and_until_it_is_closed_out(self, market):
        a_seeker()
        assert look()["states"] == {"UNHEDGED": 1}
        row = Arbitrage.objects.get()
        assert (row.reason, row.worst) == ("HEDGE_TOO_DEAR", Decimal("-49.40"))
        incident = Incident.objects.get(kind=hedging.KIND)
        assert (incident.severity, incident.subject) == ("P1", f"betting.Arbitrage:{row.pk}")
        assert len(findings()) == 1
        assert go_on() == {"unhedged": 1}
        assert AuditEntry.objects.filter(action="arbitrage.unhedged").count() == 1

        row = hedging.close_out(arbitrage_id=row.pk, actor="user:alice", reason="enough", now=NOON)
        assert (row.state, row.worst, row.best) == (
            "CLOSED_OUT", Decimal("-3.30"), Decimal("-3.29"),
        )  # fmt: skip
        assert findings() == [] and go_on() == {}

    def test_is_closed_out_by_itself_once_a_book_shows_a_better_price(self, market):
        a_seeker()
        look()
        show(market, {"gamma": ("1.95", "2.00")}, seen_at=LATER)
        assert go_on(LATER) == {"closed_out": 1}
        assert Arbitrage.objects.get().worst == Decimal("2.47")

    def test_is_left_and_told_of_where_its_strategy_is_put_into_a_dry_run(self, market):
        strategy = a_seeker()
        look()
        type(strategy).objects.update(phase="DRY_RUN")
        show(market, {"gamma": ("1.95", "2.00")}, seen_at=LATER)
        assert go_on(LATER) == {"unhedged": 1}
        assert Arbitrage.objects.get().reason == "DRY_RUN" and len(findings()) == 1

    def test_of_one_that_cannot_go_on_keeps_no_other_from_it(self, market, monkeypatch):
        other = two_way({"alpha": ("2.10", "1.80"), "beta": ("1.83", "2.05")})
        a_seeker()
        look()
        show(other, {"gamma": ("1.95", "2.00")}, seen_at=LATER)
        show(market, {"gamma": ("1.95", "2.00")}, seen_at=LATER)
        first, find = Arbitrage.objects.earliest("pk"), covering.find

        def fail_once(*, row, **given):
            if row.pk == first.pk:
                raise ValueError("broken")
            return find(row=row, **given)

        monkeypatch.setattr(covering, "find", fail_once)
        with pytest.raises(ValueError, match="broken"):
            go_on(LATER)
        states = Arbitrage.objects.order_by("pk").values_list("state", flat=True)
        assert list(states) == ["UNHEDGED", "CLOSED_OUT"]

    def test_is_not_sent_to_a_book_again_at_a_price_that_it_did_not_take(self, market):
        a_seeker()
        look()
        go_on()
        assert Bet.objects.filter(book__code="beta").count() == 1

    def test_is_left_to_who_says_that_he_hedged_it_elsewhere(self, market):
        a_seeker()
        look()
        row = Arbitrage.objects.get()
        with pytest.raises(hedging.HedgingRefused, match="reason"):
            hedging.handle(arbitrage_id=row.pk, actor="user:alice", reason=" ", now=NOON)
        hedging.handle(arbitrage_id=row.pk, actor="user:alice", reason="by phone", now=NOON)
        row.refresh_from_db()
        assert (row.state, row.note) == ("HANDLED", "by phone")
        assert findings() == [] and go_on() == {}
        with pytest.raises(hedging.HedgingRefused, match="stands alone"):
            hedging.close_out(arbitrage_id=row.pk, actor="user:alice", reason="x", now=NOON)

    def test_is_over_once_its_bets_are_settled(self, market):
        a_seeker()
        look()
        Bet.objects.filter(status="ACCEPTED").update(
            status="SETTLED", outcome="LOST", profit=Decimal("-49.40"), settled_at=LATER
        )
        assert go_on(LATER) == {"settled": 1}
        assert findings() == []

    def test_comes_of_a_book_that_gives_a_stake_back_too(self):
        two_way()
        a_seeker()
        look()
        Bet.objects.filter(book__code="beta").update(
            status="SETTLED", outcome="VOID", profit=Decimal(0), settled_at=LATER
        )
        assert go_on(LATER) == {"closed_out": 1}
        assert states()[-1] == ("gamma", "FILLED")


class TestInBetween:
    def test_a_full_halt_lets_nothing_more_be_sent_until_it_is_lifted(self, meanwhile):
        two_way()
        a_seeker()
        halts = []
        meanwhile(lambda: halts.append(halt("ALL", None)))
        assert look()["states"] == {"UNHEDGED": 1}
        assert Arbitrage.objects.get().reason == "HALTED"
        assert states() == [("alpha", "FILLED"), ("beta", "CANCELLED")]
        assert Incident.objects.filter(kind=hedging.KIND, severity="P1").count() == 1
        halting.lift(halt_id=halts[0].pk, actor="user:alice", reason="well", now=NOON)
        assert go_on() == {"closed_out": 1}
        assert Arbitrage.objects.get().worst > 0

    def test_reduce_only_lets_the_rest_of_what_was_begun_through(self, meanwhile):
        two_way()
        a_seeker()
        meanwhile(lambda: halt("ALL", None, is_reduce_only=True))
        assert look()["states"] == {"HEDGED": 1}

    def test_an_emergency_stop_takes_the_unsent_leg_back(self, meanwhile):
        two_way()
        a_seeker()
        meanwhile(lambda: stopping.stop_everything(reason="x", actor="user:a", now=NOON))
        assert look()["states"] == {"UNHEDGED": 1}
        assert states() == [("alpha", "FILLED"), ("beta", "CANCELLED")]
        assert PaperOrder.objects.get(state="CANCELLED").reason == "taken back"

    def test_silence_is_waited_for_and_asked_about(self, meanwhile):
        two_way()
        a_seeker()

        def fall_silent():
            raise VenueUnknown("no answer")

        meanwhile(fall_silent)
        assert look()["states"] == {"PLACING": 1}
        assert states() == [("alpha", "UNKNOWN"), ("beta", "CREATED")]
        assert go_on() == {"placing": 1}
        assert len(findings()) == 1  # it is not through for minutes
        found = reconciling.reconcile(now=LATER, older_than=timedelta(minutes=1))
        assert (found["asked"], found["accepted"]) == (1, 1)
        assert go_on(LATER) == {"hedged": 1}
        assert states() == [("alpha", "FILLED"), ("beta", "FILLED")]
