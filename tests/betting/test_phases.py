"""What a phase and an allocation leave of stakes, and what it takes to change a phase."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, IntegrityError, transaction

from betting.domain import phases
from betting.models import Bet, Decision, DryBet, PhaseChange, Strategy
from betting.queries import phases as queries
from betting.services import deciding, dry_runs, phasing, placing
from monitoring.models import AuditEntry, User
from monitoring.services import incidents, roles
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_bet,
    a_decision,
    a_replay,
    a_strategy,
    an_event,
    an_event_with_prices,
    predictions_of,
)

BOUNDS = phases.Bounds(bets=4, yield_=0.05, fill_rate=0.75)
GOOD = {
    "bets": 4, "profits": [11.0, 9.0, 10.0, 10.0], "stakes": [100.0] * 4, "accepted": 9,
    "rejected": 1,
}  # fmt: skip
DAY = timedelta(days=1)


class TestCriteria:
    @pytest.mark.parametrize(
        "phase, changed, unmet",
        [
            ("MICRO", {}, []),
            ("MICRO", {"bets": 3}, ["bets"]),
            ("MICRO", {"profits": [5.0] * 4}, ["yield"]),
            ("MICRO", {"profits": [], "stakes": [], "bets": 0}, ["bets", "yield"]),
            ("MICRO", {"accepted": 3, "rejected": 1}, ["fill rate"]),
            ("MICRO", {"accepted": 3, "rejected": 0}, ["fill rate"]),
            ("MICRO", {"accepted": 0, "rejected": 0}, ["fill rate"]),
            ("DRY_RUN", {"accepted": 0, "rejected": 0}, []),
            ("MICRO", {"incidents": ["#1 P0 x"]}, ["critical incidents"]),
        ],
        ids=[
            "all-met", "too-few", "at-the-bound", "no-bets", "fill-at-the-bound", "too-few-sent",
            "nothing-sent", "a-dry-run-sends-nothing", "incident",
        ],
    )  # fmt: skip
    def test_name_what_is_not_met(self, phase, changed, unmet):
        record = phases.Record(**{**GOOD, **changed})
        found = phases.criteria(phase=phase, record=record, bounds=BOUNDS)
        assert [one.name for one in found if not one.is_met] == unmet

    def test_ask_of_the_whole_interval_where_told_so(self):
        sure = phases.Bounds(bets=4, yield_=0.05, fill_rate=0.75, is_sure=True)
        record = phases.Record(**{**GOOD, "profits": [90.0, -60.0, 20.0, -10.0]})
        found = phases.criteria(phase="MICRO", record=record, bounds=sure)
        assert [one.name for one in found if not one.is_met] == ["yield", "fill rate"]
        assert found[1].low < 0.05 < found[1].value < found[1].high

    def test_tell_value_bound_number_and_interval(self):
        record = phases.Record(**GOOD)
        told = [str(one) for one in phases.criteria(phase="MICRO", record=record, bounds=BOUNDS)]
        assert told[1] == "yield 10.0 % (asked above 5.0 %, n 4, 95 % 9.2 % to 10.8 %)"
        assert told[2] == "fill rate 90.0 % (asked above 75.0 %, n 10, 95 % 59.6 % to 98.2 %)"


def decide(strategy: Strategy, *events) -> list[Decision]:
    """Return what was decided of events whose home side wins .50 at 2.20."""
    ids = [prediction.pk for event in events for prediction in predictions_of(event)]
    made = deciding.decide(strategy=strategy, prediction_ids=ids, as_of=NOON, now=NOON)
    return [decision for decision in made if decision.selection.role == "HOME"]


def cuts(decision: Decision) -> dict[str, str]:
    return dict(decision.chain["cuts"])


@pytest.mark.django_db
class TestStakes:
    def test_of_a_dry_run_are_recorded_and_never_placed(self):
        strategy, event = a_strategy(phase="DRY_RUN"), an_event_with_prices()
        (home,) = decide(strategy, event)
        assert (home.verdict, home.reason, home.stake) == ("PASS", "DRY_RUN", 0)
        assert (home.chain["would_stake"], home.chain["failed"]) == ("20.00", ["DRY_RUN"])
        assert home.dry_bet.stake == Decimal("20.00")
        placing.place_due(now=NOON)
        placing.place(decision_ids=[home.pk], as_of=NOON, now=NOON, actor="test")
        assert not Bet.objects.exists()

    def test_of_a_dry_run_are_those_of_one_bet_an_event(self):
        strategy, event = a_strategy(phase="DRY_RUN"), an_event_with_prices()
        decide(strategy, event)
        later = predictions_of(event, as_of=NOON + timedelta(seconds=1), stage="T-75m")
        Strategy.objects.update(decide_at_stage="T-75m")
        strategy.refresh_from_db()
        again = deciding.decide(
            strategy=strategy, prediction_ids=[p.pk for p in later], as_of=NOON, now=NOON
        )
        assert {decision.reason for decision in again} == {"ALREADY_BET"}
        assert DryBet.objects.count() == 1

    def test_in_micro_are_a_quarter_and_half_a_percent_at_most(self):
        (small,) = decide(a_strategy(phase="MICRO", kelly_fraction=0.1), an_event_with_prices())
        assert (small.stake, cuts(small)["PHASE"]) == (Decimal("2.08"), "2.08")
        (capped,) = decide(a_strategy(phase="MICRO", kelly_fraction=1.0), an_event_with_prices())
        assert (capped.stake, cuts(capped)["PHASE_LIMIT"]) == (Decimal("5.00"), "5.00")

    def test_are_multiplied_by_the_allocation_and_end_with_it(self):
        bankroll = a_bankroll()
        props = a_strategy(bankroll=bankroll, allocation=0.02)
        other = a_strategy(bankroll=bankroll)
        a_bet(bankroll=bankroll, strategy=other, stake="50.00")
        a_bet(bankroll=bankroll, strategy=props, stake="19.70")
        first, second = decide(props, an_event_with_prices(), an_event_with_prices())
        assert cuts(first)["ALLOCATION"] == "0.41"
        assert (first.reason, second.reason) == ("ALLOCATION", "ALLOCATION")
        wide = a_strategy(bankroll=bankroll, allocation=0.06, max_open_share=0.5)
        a_bet(bankroll=bankroll, strategy=wide, stake="58.20")
        first, second = decide(wide, an_event_with_prices(), an_event_with_prices())
        assert (cuts(first)["ALLOCATION"], first.stake) == ("1.24", Decimal("1.24"))
        assert (second.reason, cuts(second)["ALLOCATION_LIMIT"]) == ("ALLOCATION_LIMIT", "0.56")

    def test_share_a_start_within_the_allocation(self):
        strategy = a_strategy(
            staking="SIMULTANEOUS_KELLY", kelly_fraction=1.0, allocation=0.1, max_stake_share=1.0,
            max_event_share=1.0, max_day_share=1.0, max_open_share=1.0,
        )  # fmt: skip
        bets = decide(strategy, *(an_event_with_prices() for _ in range(3)))
        assert all(bet.stake for bet in bets)
        assert sum(bet.stake for bet in bets) <= Decimal("100.00")

    def test_are_as_before_where_nothing_was_set(self):
        (bet,) = decide(a_strategy(), an_event_with_prices())
        assert (bet.stake, not {"PHASE", "ALLOCATION"} & {*cuts(bet)}) == (Decimal("20.00"), True)
        assert not DryBet.objects.exists()

    @pytest.mark.parametrize(
        "changed, refusal",
        [
            ({"phase": "DRY_RUN"}, "DRY_RUN"),
            ({"phase": "MICRO"}, "PHASE_LIMIT"),
            ({"allocation": 0.015}, "ALLOCATION_LIMIT"),
        ],
        ids=["dry-run", "micro", "allocation"],
    )
    def test_decided_before_are_asked_once_more_when_placed(self, changed, refusal):
        decision = a_decision(stake="20.00")
        Strategy.objects.update(**changed)
        placing.place(decision_ids=[decision.pk], as_of=NOON, now=NOON, actor="test")
        decision.refresh_from_db()
        assert (decision.refusal, Bet.objects.count()) == (refusal, 0)


@pytest.mark.django_db
class TestDatabase:
    def test_forbids_a_live_bet_under_a_dry_run(self):
        live = a_bankroll(kind="LIVE")
        dry, event = a_strategy(bankroll=live, phase="DRY_RUN"), an_event()
        with pytest.raises(DatabaseError, match="dry run"), transaction.atomic():
            a_bet(bankroll=live, strategy=dry, event=event)
        bet = a_bet(bankroll=live, strategy=a_strategy(bankroll=live), event=event)
        with pytest.raises(DatabaseError, match="dry run"), transaction.atomic():
            Bet.objects.filter(pk=bet.pk).update(strategy=dry)
        assert Bet.objects.get().strategy_id != dry.pk

    @pytest.mark.parametrize(
        "changed", [{"allocation": 0.0}, {"allocation": 1.1}, {"phase": "LATER"}],
        ids=["nothing", "above-one", "unknown-phase"],
    )  # fmt: skip
    def test_keeps_phase_and_allocation_what_they_can_be(self, changed):
        a_strategy()
        with pytest.raises(IntegrityError), transaction.atomic():
            Strategy.objects.update(**changed)

    def test_keeps_what_was_made_as_it_was(self):
        change = phasing.fall_back(
            strategy_id=a_strategy().pk, actor="user:olga", reason="losing", now=NOON
        )
        for spoil in (
            lambda: PhaseChange.objects.filter(pk=change.pk).update(reason="nothing"),
            lambda: PhaseChange.objects.filter(pk=change.pk).delete(),
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                spoil()

    def test_lets_nobody_approve_what_they_asked(self):
        person = User.objects.create_user("anna")
        with pytest.raises(IntegrityError), transaction.atomic():
            PhaseChange.objects.create(
                strategy=a_strategy(phase="MICRO"), former="MICRO", wanted="PRODUCTION",
                state="MADE", reason="x", asked_by="a", asked_at=NOON, asked_by_user=person,
                decided_by="a", decided_at=NOON, decided_by_user=person,
            )  # fmt: skip


def a_person(name: str, *groups: str) -> User:
    person = User.objects.create_user(name)
    for group in groups:
        person.groups.add(Group.objects.get_or_create(name=group)[0])
    return person


def a_record(strategy: Strategy, *, won: int, lost: int, at=NOON) -> None:
    """Give a strategy settled bets of ten at 2.00, each on an event of its own."""
    for number in range(won + lost):
        is_won = number < won
        a_bet(
            bankroll=strategy.bankroll,
            strategy=strategy,
            status="SETTLED",
            outcome="WON" if is_won else "LOST",
            profit=Decimal("10.00") if is_won else Decimal("-10.00"),
            placed_at=at,
            settled_at=at,
        )


@pytest.fixture
def few(set_threshold):
    """Ask for ten bets only."""
    set_threshold(phasing.BETS, 10)


@pytest.mark.django_db
class TestGoingOn:
    @pytest.fixture(autouse=True)
    def _few(self, few):
        """Ask for ten bets only."""

    def ask(self, strategy, user, **changed):
        asked = {"actor": f"user:{user.username}", "reason": "it does well", "now": NOON}
        return phasing.ask(strategy_id=strategy.pk, user_id=user.pk, **{**asked, **changed})

    def approve(self, change, user):
        return phasing.approve(
            change_id=change.pk, user_id=user.pk, actor=f"user:{user.username}", now=NOON
        )

    def test_needs_its_bets_to_meet_what_is_asked_and_a_second_person(self):
        strategy = a_strategy(phase="MICRO")
        a_record(strategy, won=8, lost=4)
        olga, otto = a_person("olga"), a_person("otto", roles.OPS_LEAD)
        change = self.ask(strategy, olga)
        assert Strategy.objects.get().phase == "MICRO"
        self.approve(change, otto)
        assert Strategy.objects.get().phase == "PRODUCTION"
        change.refresh_from_db()
        assert (change.state, change.asked_by, change.decided_by) == (
            "MADE", "user:olga", "user:otto",
        )  # fmt: skip
        figures = {one["name"]: (one["value"], one["n"]) for one in change.criteria}
        assert figures["yield"] == (pytest.approx(1 / 3), 12)
        actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
        assert list(actions) == ["strategy.phase_asked", "strategy.phase_advanced"]

    def test_is_refused_with_each_criterion_that_is_not_met(self):
        strategy = a_strategy(phase="MICRO")
        a_record(strategy, won=3, lost=4)
        incidents.open_incident(
            kind="betting.exposure-over-limit", severity="P0", summary="x", at=NOON
        )
        with pytest.raises(phasing.PhaseRefused) as refused:
            self.ask(strategy, a_person("olga"))
        told = str(refused.value)
        assert "bets 7 (asked at least 10, n 7)" in told
        assert "yield -14.3 % (asked above 5.0 %, n 7, 95 % " in told
        assert "fill rate 100.0 % (asked above 75.0 %, n 7" in told
        assert "critical incidents 1 (asked none, n 1): #" in told
        assert not PhaseChange.objects.exists()

    @pytest.mark.parametrize(
        "groups, is_asker, is_active, told",
        [
            ((roles.OPS_LEAD,), True, True, "somebody else has to approve"),
            ((roles.OPERATOR,), False, True, "is no ops lead"),
            ((roles.ADMINISTRATOR,), False, True, "is no ops lead"),
            ((roles.OPS_LEAD,), False, False, "nobody signs in"),
        ],
        ids=["asker", "operator", "administrator", "gone"],
    )
    def test_is_not_approved_by_just_anybody(self, groups, is_asker, is_active, told):
        strategy = a_strategy(phase="MICRO")
        a_record(strategy, won=8, lost=4)
        person = a_person("otto", *groups)
        change = self.ask(strategy, person if is_asker else a_person("olga"))
        User.objects.filter(pk=person.pk).update(is_active=is_active)
        with pytest.raises(phasing.PhaseRefused, match=told):
            self.approve(change, person)
        assert Strategy.objects.get().phase == "MICRO"

    def test_looks_at_the_bets_once_more_when_it_is_approved(self):
        strategy = a_strategy(phase="MICRO")
        a_record(strategy, won=8, lost=4)
        change = self.ask(strategy, a_person("olga"))
        a_record(strategy, won=0, lost=12)
        with pytest.raises(phasing.PhaseRefused, match="stays in MICRO: yield"):
            self.approve(change, a_person("otto", roles.OPS_LEAD))

    def test_counts_the_bets_of_the_phase_alone(self):
        strategy = a_strategy()
        a_record(strategy, won=40, lost=0, at=NOON - DAY)
        phasing.fall_back(strategy_id=strategy.pk, actor="user:olga", reason="x", now=NOON)
        strategy.refresh_from_db()
        a_record(strategy, won=1, lost=0, at=NOON + DAY)
        assert queries.record(strategy=strategy).bets == 1

    def test_from_a_dry_run_counts_what_its_bets_would_have_come_to(self):
        strategy = a_strategy(phase="DRY_RUN", max_day_share=1.0, max_open_share=1.0)
        made = decide(strategy, *(an_event_with_prices() for _ in range(12)))
        results = [
            dry_runs.DryResult(one.dry_bet.pk, "WON", one.dry_bet.stake) for one in made[:11]
        ]
        dry_runs.mark(rows=results, at=NOON)
        change = self.ask(strategy, a_person("olga"))
        assert change.wanted == "MICRO"
        assert [(one["value"], one["n"]) for one in change.criteria[:2]] == [(11, 11), (1.0, 11)]

    @pytest.mark.parametrize(
        "phase, asked, told",
        [
            ("PRODUCTION", {}, "no phase comes after"),
            ("MICRO", {"reason": " "}, "give a reason"),
            ("MICRO", {"reason": "x" * 251}, "250 characters"),
            ("MICRO", {"reason": "a\x00b"}, "plain text"),
        ],
        ids=["last-phase", "no-reason", "long-reason", "nul"],
    )
    def test_is_refused_where_it_makes_no_sense(self, phase, asked, told):
        with pytest.raises(phasing.PhaseRefused, match=told):
            self.ask(a_strategy(phase=phase), a_person("olga"), **asked)

    def test_is_asked_once_at_a_time_and_may_be_turned_down(self):
        strategy = a_strategy(phase="MICRO")
        a_record(strategy, won=8, lost=4)
        olga = a_person("olga")
        change = self.ask(strategy, olga)
        with pytest.raises(phasing.PhaseRefused, match="user:olga has asked already"):
            self.ask(strategy, olga)
        phasing.turn_down(change_id=change.pk, actor="user:otto", reason="too soon", now=NOON)
        with pytest.raises(phasing.PhaseRefused, match="closed: turned down"):
            self.approve(change, a_person("otto", roles.OPS_LEAD))
        self.ask(strategy, olga)
        with pytest.raises(phasing.PhaseRefused, match="nothing is asked"):
            phasing.turn_down(change_id=0, actor="user:otto", reason="x", now=NOON)


@pytest.mark.django_db
class TestFallingBack:
    def back(self, strategy, **changed):
        given = {"actor": "rule:clv", "reason": "the close beats it", "now": NOON}
        return phasing.fall_back(strategy_id=strategy.pk, **{**given, **changed})

    def test_needs_a_reason_and_nobody_else(self):
        strategy = a_strategy()
        change = self.back(strategy)
        assert (change.former, change.wanted, change.state) == ("PRODUCTION", "MICRO", "MADE")
        self.back(strategy, to="DRY_RUN")
        assert Strategy.objects.get().phase == "DRY_RUN"
        entry = AuditEntry.objects.filter(action="strategy.phase_fell_back").latest("pk")
        assert (entry.actor, entry.detail["reason"]) == ("rule:clv", "the close beats it")

    def test_closes_what_is_asked(self, few):
        strategy = a_strategy(phase="MICRO")
        a_record(strategy, won=8, lost=4)
        olga = a_person("olga")
        asked = phasing.ask(
            strategy_id=strategy.pk, user_id=olga.pk, actor="user:olga", reason="x", now=NOON
        )
        self.back(strategy)
        asked.refresh_from_db()
        assert (asked.state, asked.note) == ("TURNED_DOWN", "fell back: the close beats it")

    @pytest.mark.parametrize(
        "phase, changed, told",
        [
            ("DRY_RUN", {}, "no phase comes before"),
            ("MICRO", {"to": "PRODUCTION"}, "is not before it"),
            ("MICRO", {"to": "LATER"}, "is not before it"),
            ("MICRO", {"reason": ""}, "give a reason"),
        ],
        ids=["first-phase", "forward", "unknown", "no-reason"],
    )
    def test_is_refused_where_there_is_no_way_back(self, phase, changed, told):
        with pytest.raises(phasing.PhaseRefused, match=told):
            self.back(a_strategy(phase=phase), **changed)
        assert Strategy.objects.get().phase == phase

    def test_is_refused_for_a_replay_and_for_what_is_not_there(self):
        replays = a_strategy(bankroll=a_bankroll(kind="REPLAY", replay=a_replay()))
        with pytest.raises(phasing.PhaseRefused, match="belongs to a replay"):
            self.back(replays)
        with pytest.raises(phasing.PhaseRefused, match="there is no strategy"):
            phasing.fall_back(strategy_id=0, actor="x", reason="x", now=NOON)
