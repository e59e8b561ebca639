"""Limits as rows: which count for whom, what of them is used, and what bets they let by."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string

from betting import monitors
from betting.domain.limits import Dimension
from betting.models import Bankroll, Bet, Decision, Limit
from betting.queries import risk, uses
from betting.services import deciding, limiting, permitting
from markets.models import Competition, Event
from models_ml.models import ModelVersion, Prediction
from monitoring import registry
from monitoring.models import AuditEntry
from tests.betting.builders import (
    AWAY,
    NOON,
    a_bankroll,
    a_bet,
    a_book,
    a_decision,
    a_replay,
    a_selection,
    a_strategy,
    an_event,
    an_event_with_prices,
    predictions_of,
)
from tests.betting.venues import FakeVenue, place

pytestmark = pytest.mark.django_db
WIDE = dict.fromkeys(["max_stake_share", "max_event_share", "max_day_share", "max_open_share"], 1.0)


def a_limit(dimension: str, bankroll: Bankroll | None = None, **values: object) -> Limit:
    return limiting.set_limit(
        dimension=dimension,
        bankroll_id=bankroll.pk if bankroll else None,
        actor="t",
        reason="a trial",
        now=NOON,
        **values,
    )


def use_of(dimension: str, now: datetime = NOON) -> uses.Use:
    (found,) = (use for use in uses.uses(now=now) if use.dimension == dimension)
    return found


class TestInForce:
    def test_is_ones_own_row_before_the_one_for_all(self):
        mine, other = a_bankroll(), a_bankroll()
        for_all = a_limit("DAY", share=0.15)
        own = a_limit("DAY", mine, amount="50")
        found = risk.in_force([mine, other])
        assert found[mine.pk] == {Dimension.DAY: own}
        assert found[other.pk] == {Dimension.DAY: for_all}
        limiting.change_limit(limit_id=own.pk, is_enabled=False, actor="t", reason="x", now=NOON)
        assert risk.in_force([mine])[mine.pk] == {Dimension.DAY: for_all}

    def test_of_a_replay_is_its_own_alone(self):
        replay = a_bankroll(kind="REPLAY", replay=a_replay())
        a_limit("DAY", share=0.15)
        own = a_limit("OPEN", replay, share=0.2)
        assert risk.in_force([replay])[replay.pk] == {Dimension.OPEN: own}


class TestUsage:
    def test_nets_a_market_and_counts_every_stake(self):
        bankroll, event = a_bankroll(), an_event()
        a_bet(bankroll=bankroll, event=event, price=D("2.50"), stake="10.00")
        a_bet(bankroll=bankroll, event=event, price=D("3.00"), stake="10.00", side="LAY")
        a_bet(bankroll=bankroll, stake="7.00", status="SETTLED", outcome="LOST",
              profit=D("-7"), settled_at=NOON)  # fmt: skip
        a_bet(bankroll=bankroll, stake="99.00", status="REJECTED")
        a_bet(stake="500.00")
        found = risk.usage(
            bankroll=bankroll, as_of=NOON, dimensions=[Dimension.PARTICIPANT, Dimension.BOOK]
        )
        assert found.exposed == {
            (Dimension.EVENT, event.pk): D("5.00"),
            (Dimension.PARTICIPANT, event.home_id): D("5.00"),
            (Dimension.PARTICIPANT, event.away_id): D("5.00"),
            (Dimension.BOOK, a_book().pk): D("5.00"),
            (Dimension.OPEN, 0): D("5.00"),
        }
        assert (found.open_staked, found.open_bets) == (D("30.00"), 2)
        assert (found.day_total, found.day_bets) == (D("37.00"), 3)

    def test_counts_a_side_in_all_events_it_takes_part_in(self):
        bankroll, first, second = a_bankroll(), an_event(), an_event()
        Event.objects.filter(pk=second.pk).update(away=first.home_id)
        for event, stake in ((first, "10.00"), (second, "5.00")):
            a_bet(bankroll=bankroll, event=event, stake=stake)
        found = risk.usage(bankroll=bankroll, as_of=NOON, dimensions=[Dimension.PARTICIPANT])
        assert found.exposed[Dimension.PARTICIPANT, first.home_id] == D("15.00")
        assert found.exposed[Dimension.PARTICIPANT, first.away_id] == D("10.00")

    def test_counts_day_and_week_in_the_bankrolls_zone(self):
        # Noon of Saturday, UTC, is one in the night of Sunday there: the last day of its week.
        bankroll = a_bankroll(time_zone="Pacific/Auckland")
        for hours, stake in ((0.5, "1"), (2, "2"), (24 * 5, "4"), (24 * 7, "8")):
            a_bet(bankroll=bankroll, stake=stake, placed_at=NOON - timedelta(hours=hours))
        found = risk.usage(bankroll=bankroll, as_of=NOON, dimensions=[Dimension.WEEK])
        assert (found.day_total, found.week_total) == (D("1.00"), D("7.00"))
        found = risk.usage(bankroll=bankroll, as_of=NOON)
        assert found.week_total == D("1.00")  # nobody asked for more

    def test_counts_the_short_weeks_of_a_league_that_runs_fast(self):
        bankroll = a_bankroll(is_simulated=True)
        event = an_event(is_simulated=True)
        Competition.objects.filter(is_simulated=True).update(time_scale=360.0)  # a week: 28 min
        start, end = risk.betting_week(at=NOON, time_zone="UTC", time_scale=360.0)
        assert end - start == timedelta(minutes=28)
        for at, stake in ((start, "1"), (start - timedelta(seconds=1), "2")):
            a_bet(bankroll=bankroll, event=event, stake=stake, placed_at=at)
        found = risk.usage(bankroll=bankroll, as_of=NOON, dimensions=[Dimension.WEEK])
        assert found.week_total == D("1.00")

    def test_costs_as_many_statements_for_many_bankrolls(self, django_assert_max_num_queries):
        bankrolls = [a_bankroll(is_simulated=number % 2 == 0) for number in range(5)]
        for bankroll in bankrolls:
            for _ in range(2):
                a_bet(bankroll=bankroll, event=an_event())
        with django_assert_max_num_queries(4):
            risk.usages(bankrolls=bankrolls, at=NOON, dimensions=set(Dimension))


class TestBettingWeek:
    @pytest.mark.parametrize(
        "at, hours",
        [
            pytest.param(datetime(2026, 10, 25, 12, tzinfo=UTC), 169, id="clocks-go-back"),
            pytest.param(datetime(2026, 3, 29, 12, tzinfo=UTC), 167, id="clocks-go-forward"),
            pytest.param(datetime(2026, 12, 31, 23, tzinfo=UTC), 168, id="over-new-year"),
        ],
    )
    def test_is_as_long_as_its_days(self, at, hours):
        start, end = risk.betting_week(at=at, time_zone="Europe/London")
        assert start <= at < end
        assert (end.astimezone(UTC) - start.astimezone(UTC)) == timedelta(hours=hours)


class TestRows:
    def test_shape_a_stake_and_refuse_it_from_one_definition(self):
        strategy, event = a_strategy(), an_event_with_prices()
        a_limit("BOOK", amount="12.34")
        predictions = [prediction.pk for prediction in predictions_of(event)]
        made = deciding.decide(strategy=strategy, prediction_ids=predictions, as_of=NOON, now=NOON)
        bet = next(decision for decision in made if decision.verdict == "BET")
        assert bet.stake == D("12.34")
        assert ["BOOK_LIMIT", "12.34"] in bet.chain["cuts"]
        a_limit("BOOK", amount="12.33")
        assert place(bet, venue=FakeVenue()).refusals == {bet.pk: "BOOK_LIMIT"}
        a_limit("BOOK", amount="12.34")
        assert place(bet, venue=FakeVenue()).accepted == 1

    def test_leave_no_stake_where_none_is_allowed(self):
        a_limit("SPORT", amount="0")
        predictions = [prediction.pk for prediction in predictions_of(an_event_with_prices())]
        made = deciding.decide(
            strategy=a_strategy(), prediction_ids=predictions, as_of=NOON, now=NOON
        )
        assert {d.verdict for d in made} == {"PASS"}
        assert "SPORT_LIMIT" in {d.reason for d in made}

    def test_count_the_bets_of_a_batch_and_of_other_strategies(self):
        bankroll = a_bankroll()
        a_limit("PARTICIPANT", bankroll, amount="25")
        first, second = an_event_with_prices(), an_event_with_prices()
        Event.objects.filter(pk=second.pk).update(away=first.home_id)
        decisions = [
            a_decision(strategy=a_strategy(bankroll=bankroll, **WIDE), event=event, stake="12.51")
            for event in (first, second)
        ]
        report = place(*decisions, venue=FakeVenue())
        assert (report.accepted, list(report.refusals.values())) == (1, ["PARTICIPANT_LIMIT"])

    @pytest.mark.parametrize("dimension", ["OPEN_BETS", "DAY_BETS", "STRATEGY_BETS"])
    def test_count_bets(self, dimension):
        strategy = a_strategy()
        a_limit(dimension, number="2")
        decisions = [a_decision(strategy=strategy) for _ in range(3)]
        report = place(*decisions, venue=FakeVenue())
        assert (report.accepted, list(report.refusals.values())) == (2, [f"{dimension}_LIMIT"])

    def test_of_another_bankroll_bind_nobody_else(self):
        a_limit("DAY", a_bankroll(), amount="0")
        assert place(a_decision(), venue=FakeVenue()).accepted == 1

    def test_that_an_installation_starts_with_change_nothing_that_is_bet(self):
        limiting.ensure_defaults(now=NOON, actor="t")
        assert limiting.ensure_defaults(now=NOON, actor="t") == 0
        assert Limit.objects.count() == len(limiting.DEFAULTS)
        strategy = a_strategy()
        on = {row.dimension: row.share for row in Limit.objects.filter(is_enabled=True)}
        caps = {
            "STAKE": strategy.max_stake_share,
            "EVENT": strategy.max_event_share,
            "DAY": strategy.max_day_share,
            "OPEN": strategy.max_open_share,
        }
        assert all(on[dimension] >= cap for dimension, cap in caps.items())
        assert on["COMPETITION"] >= caps["OPEN"]
        assert 1 - on["FLOOR"] >= caps["OPEN"]
        assert on["PARTICIPANT"] >= 5 * caps["EVENT"]  # of five events at once
        assert set(on) == {*caps, "COMPETITION", "FLOOR", "PARTICIPANT"}


class TestPlacingRefuses:
    """What must never reach a venue, however it came into the tables."""

    def refusal(self, decision: Decision) -> str:
        venue = FakeVenue()
        report = place(decision, venue=venue)
        assert (report.accepted, venue.tickets) == (0, [])
        assert not Bet.objects.filter(decision=decision).exists()
        return report.refusals[decision.pk]

    @pytest.mark.parametrize("probability", [float("nan"), 0.0, 1.0, -0.5])
    def test_a_probability_that_is_none(self, probability):
        decision = a_decision()
        Decision.objects.update(probability=probability)
        assert self.refusal(decision) == "PROBABILITY_INVALID"

    @pytest.mark.parametrize("draw", [0.10, 0.40], ids=["below", "above"])
    def test_probabilities_that_do_not_sum(self, draw):
        decision = a_decision()
        Prediction.objects.filter(selection__role="DRAW").update(probability=draw)
        assert self.refusal(decision) == permitting.PROBABILITIES_UNSOUND

    def test_a_version_that_learned_too_long_ago(self):
        decision = a_decision()
        ModelVersion.objects.update(trained_until=NOON - timedelta(days=63))
        assert self.refusal(decision) == permitting.VERSION_EXPIRED

    def test_money_of_no_currency(self):
        decision = a_decision()
        Bankroll.objects.update(currency="???")
        assert self.refusal(decision) == "CURRENCY_UNKNOWN"

    def test_a_balance_that_nobody_can_tell(self):
        decision = a_decision()
        Bankroll.objects.update(balance=D("0"))
        assert self.refusal(decision) == "STAKE_LIMIT"

    def test_an_event_of_nobody_where_sides_are_limited(self):
        decision = a_decision()
        a_limit("PARTICIPANT", share=0.5)
        Event.objects.update(home=None, away=None)
        assert self.refusal(decision) == "PARTICIPANT_UNKNOWN"

    def test_a_price_that_no_exchange_takes(self):
        a_book("beta", kind="EXCHANGE")
        decision = a_decision(strategy=a_strategy(bankroll=a_bankroll(kind="LIVE")), price="2.21")
        assert self.refusal(decision) == permitting.PRICE_OFF_LADDER

    @pytest.mark.parametrize("stake", [D("0"), D("-1")])
    def test_to_be_written_at_all_with_no_stake(self, stake):
        decision = a_decision()
        with pytest.raises(IntegrityError), transaction.atomic():
            Decision.objects.filter(pk=decision.pk).update(stake=stake)
        with pytest.raises(IntegrityError), transaction.atomic():
            a_bet(stake=str(stake))

    def test_to_decide_one_prediction_twice(self):
        decision = a_decision()
        with pytest.raises(IntegrityError), transaction.atomic():
            a_decision(strategy=decision.strategy, prediction=decision.prediction)

    def test_to_place_the_same_decision_twice(self):
        decision, venue = a_decision(), FakeVenue()
        assert [place(decision, decision, venue=venue).accepted for _ in range(2)] == [1, 0]
        assert len(venue.tickets) == 1

    def test_a_selection_of_another_event(self):
        decision = a_decision()
        Decision.objects.update(selection=a_selection(an_event(), AWAY))
        assert self.refusal(decision) != ""


class TestSetLimit:
    def test_makes_changes_and_audits_both_values(self):
        limit = a_limit("DAY", share=0.15)
        changed = limiting.change_limit(
            limit_id=limit.pk, amount="99.50", actor="user:alice", reason=" a cup ", now=NOON
        )
        assert (changed.pk, changed.share, changed.amount) == (limit.pk, 0.15, D("99.50"))
        first, second = AuditEntry.objects.filter(action__startswith="limit.").order_by("pk")
        assert (first.action, first.detail["before"]) == ("limit.set", None)
        assert second.detail["before"]["amount"] is None
        assert (second.detail["after"]["amount"], second.detail["reason"]) == ("99.5", "a cup")

    @pytest.mark.parametrize(
        "values, told",
        [
            pytest.param({"share": 0}, "above 0", id="share-0"),
            pytest.param({"share": 1.01}, "at most 1", id="share-above-1"),
            pytest.param({"share": float("nan")}, "finite", id="share-nan"),
            pytest.param({"share": "x"}, "does not fit", id="share-text"),
            pytest.param({"amount": "-0.01"}, "0 or more", id="amount-negative"),
            pytest.param({"amount": "NaN"}, "does not fit", id="amount-nan"),
            pytest.param({"amount": "1e30"}, "amount", id="amount-huge"),
            pytest.param({"amount": "1.001"}, "amount", id="amount-below-the-cent"),
            pytest.param({"number": "3"}, "need a number alone", id="a-number-of-money"),
            pytest.param({}, "need a number alone", id="nothing"),
            pytest.param(
                {"share": 0.1, "is_enabled": None}, "does not fit", id="neither-on-nor-off"
            ),
            pytest.param({"dimension_": "x"}, "has no dimension_", id="unknown-part"),
        ],
    )
    def test_refuses_what_does_not_fit(self, values, told):
        with pytest.raises(limiting.LimitRefused, match=told):
            a_limit("DAY", **values)
        assert not Limit.objects.exists()
        assert not AuditEntry.objects.exists()

    @pytest.mark.parametrize(
        "dimension, number",
        [("OPEN_BETS", "2.5"), ("OPEN_BETS", "0"), ("PRICE", "1"), ("PRICE", None), ("MOON", "1")],
    )
    def test_refuses_a_count_that_is_none(self, dimension, number):
        with pytest.raises(limiting.LimitRefused):
            a_limit(dimension, number=number)

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\x00b"])
    def test_needs_a_reason(self, reason):
        limit = a_limit("DAY", share=0.1)
        with pytest.raises(limiting.LimitRefused, match="reason"):
            limiting.change_limit(limit_id=limit.pk, share=0.2, actor="t", reason=reason, now=NOON)

    def test_refuses_what_is_not_there_and_what_is_so_already(self):
        limit = a_limit("DAY", share=0.1)
        asked = {"actor": "t", "reason": "x", "now": NOON}
        for refused in (
            lambda: limiting.change_limit(limit_id=0, share=0.2, **asked),
            lambda: limiting.change_limit(limit_id=limit.pk, share=0.1, **asked),
            lambda: limiting.set_limit(dimension="DAY", bankroll_id=987654, share=0.1, **asked),
        ):
            with pytest.raises(limiting.LimitRefused):
                refused()

    @pytest.mark.parametrize(
        "row",
        [
            pytest.param({"dimension": "DAY", "share": 2.0}, id="share"),
            pytest.param({"dimension": "DAY", "share": float("nan")}, id="nan"),
            pytest.param({"dimension": "DAY", "amount": D("-1")}, id="amount"),
            pytest.param({"dimension": "DAY"}, id="nothing"),
            pytest.param({"dimension": "DAY", "share": 0.1, "number": D("3")}, id="both"),
            pytest.param({"dimension": "OPEN_BETS", "share": 0.1}, id="a-share-of-a-count"),
        ],
    )
    def test_is_held_by_the_database_too(self, row):
        with pytest.raises(IntegrityError), transaction.atomic():
            Limit.objects.create(**row)

    def test_stands_once_for_each_bankroll_and_for_all(self):
        a_limit("DAY", share=0.1)
        with pytest.raises(IntegrityError), transaction.atomic():
            Limit.objects.create(dimension="DAY", share=0.1)


class TestUses:
    def test_tell_where_each_limit_is_used_most(self):
        bankroll, event = a_bankroll("1000.00", name="Main"), an_event()
        a_bet(bankroll=bankroll, event=event, stake="40.00")
        a_bet(bankroll=bankroll, event=an_event(), stake="10.00")
        a_limit("EVENT", share=0.05)
        a_limit("FLOOR", share=0.1)
        a_limit("DAY_BETS", number="4")
        a_limit("STAKE", share=0.01)  # asks each bet by itself
        found = {use.dimension: use for use in uses.uses(now=NOON)}
        assert set(found) == {"EVENT", "FLOOR", "DAY_BETS"}
        event_use = found[Dimension.EVENT]
        assert (event_use.where, event_use.used, event_use.allowed) == (
            event.name, D("40.00"), D("50.00"),
        )  # fmt: skip
        assert event_use.share == pytest.approx(0.8)
        assert (found[Dimension.FLOOR].used, found[Dimension.FLOOR].allowed) == (
            D("50.00"), D("900.00"),
        )  # fmt: skip
        assert found[Dimension.DAY_BETS].in_words() == "Bets in a betting day, 2 of 4"

    def test_leave_replays_out_and_cost_a_bounded_number_of_queries(
        self, django_assert_max_num_queries
    ):
        replay = a_bankroll(kind="REPLAY", replay=a_replay())
        a_limit("OPEN", replay, share=0.1)
        for dimension in ("EVENT", "PARTICIPANT", "BOOK", "SPORT", "DAY", "OPEN"):
            a_limit(dimension, share=0.1)
        for _ in range(6):
            bankroll = a_bankroll()
            a_bet(bankroll=bankroll, event=an_event())
        with django_assert_max_num_queries(8):
            found = uses.uses(now=NOON)
        assert replay not in {use.bankroll for use in found}
        assert len(found) == 36

    def test_of_nothing_allowed_are_all_of_it_once_something_stands(self):
        bankroll = a_bankroll()
        a_limit("OPEN", bankroll, amount="0")
        assert use_of("OPEN").share == 0.0
        a_bet(bankroll=bankroll)
        assert use_of("OPEN").share == 1.0


class TestNearlyUsed:
    def found(self) -> list[str]:
        return [f.summary for f in registry.checks[monitors.NEARLY_USED].run(NOON)]

    def test_is_told_at_nine_tenths_and_no_more_once_there_is_room(self):
        bankroll = a_bankroll("1000.00", name="Main")
        a_limit("OPEN", share=0.1)
        a_bet(bankroll=bankroll, stake="89.99")
        assert self.found() == []
        a_bet(bankroll=bankroll, event=an_event(), stake="0.01")
        assert self.found() == ["Main: Open in all, 90.00 EUR of 100.00 EUR"]
        Bankroll.objects.update(balance=D("2000"))
        assert self.found() == []

    def test_is_not_told_of_what_a_day_is_given_to_use_but_beyond_it(self):
        bankroll = a_bankroll("1000.00", name="Main")
        a_limit("DAY", share=0.1)
        a_limit("DAY_BETS", number="2")
        for _ in range(2):
            a_bet(bankroll=bankroll, event=an_event(), stake="50.00")
        assert self.found() == []
        a_bet(bankroll=bankroll, event=an_event(), stake="0.01")
        assert self.found() == [
            "Main: Bets in a betting day, 3 of 2; Staked in a betting day, 100.01 EUR of 100.00 EUR"
        ]

    def test_panel_shows_the_tightest_first_and_says_what_to_do_where_there_is_nothing(self):
        panel = registry.panels["betting.exposure"]
        assert "cl-empty" in render_to_string(panel.template, panel.context(NOON))
        bankroll = a_bankroll("1000.00", name="Main <b>")
        a_limit("OPEN", share=0.1)
        a_limit("DAY", share=0.5)
        a_bet(bankroll=bankroll, stake="50.00")
        shown = render_to_string(panel.template, panel.context(NOON))
        assert "Main &lt;b&gt;" in shown
        assert shown.index("Open in all") < shown.index("Staked in a betting day")
        assert "50.00 EUR" in shown and "50 %" in shown
