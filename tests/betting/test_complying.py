"""What law and oneself allow: asked of every bet, refused by its reason, lifted by nobody."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from betting.domain import compliance
from betting.domain.compliance import BookRule, Limits, Spent, Standing
from betting.models import Bankroll, CoolDown, Decision, GamingLimits
from betting.services import complying, deciding, placing, recording
from betting.services.complying import ComplianceRefused
from betting.services.recording import BetRefused, Told
from monitoring.models import AuditEntry
from tests.betting.builders import (
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

WHO = {"actor": "user:alice", "now": NOON, "reason": "as agreed"}
HOUR = timedelta(hours=1)


def place(*decisions: Decision) -> placing.PlacingReport:
    return placing.place(
        decision_ids=[decision.pk for decision in decisions], as_of=NOON, now=NOON, actor="t"
    )


class TestRefusal:
    SPENT = Spent(staked=Decimal(80), lost=Decimal(-20), at_risk=Decimal(60))

    @pytest.mark.parametrize(
        "standing, amount, code",
        [
            (Standing(), 10**9, ""),
            (Standing(cools_until=NOON + HOUR), 1, "COOLING_DOWN"),
            (Standing(cools_until=NOON), 1, ""),
            (Standing(books={1: BookRule(is_banned=True)}), 1, "BOOK_BANNED"),
            (Standing(books={2: BookRule(is_banned=True)}), 1, ""),
            (Standing(books={1: BookRule(jurisdictions=frozenset({"GB"}))}), 1, "JURISDICTION"),
            (
                Standing(
                    limits=Limits(jurisdiction="GB"),
                    books={1: BookRule(jurisdictions=frozenset({"GB"}))},
                ),
                1,
                "",
            ),
            (Standing(limits=Limits(day_stake=Decimal(100)), day=SPENT), 20, ""),
            (Standing(limits=Limits(day_stake=Decimal(100)), day=SPENT), 21, "DAY_STAKE_LIMIT"),
            (Standing(limits=Limits(day_loss=Decimal(50)), day=SPENT), 10, ""),
            (Standing(limits=Limits(day_loss=Decimal(50)), day=SPENT), "10.01", "DAY_LOSS_LIMIT"),
            (
                Standing(limits=Limits(session_stake=Decimal(90)), session=SPENT),
                11,
                "SESSION_STAKE_LIMIT",
            ),
            (
                Standing(limits=Limits(session_loss=Decimal(45)), session=SPENT),
                6,
                "SESSION_LOSS_LIMIT",
            ),
        ],
        ids=[
            "no-rule", "cooling", "cooled", "banned", "another-banned", "no-jurisdiction",
            "licensed", "stake-met", "stake-passed", "loss-met", "loss-passed", "session-stake",
            "session-loss",
        ],
    )  # fmt: skip
    def test_names_the_first_rule_and_counts_to_the_cent(self, standing, amount, code):
        asked = {"standing": standing, "book_id": 1, "amount": Decimal(amount), "now": NOON}
        assert compliance.refusal(**asked) == code
        assert code in {"", *compliance.SAID}


@pytest.mark.django_db(transaction=True)
class TestPlacing:
    def test_of_a_decision_keeps_the_reason_and_of_a_batch_counts_each(self):
        bankroll = a_bankroll("1000.00")
        strategy = a_strategy(bankroll=bankroll, max_open_share=1.0, max_day_share=1.0)
        complying.set_limits(bankroll_id=bankroll.pk, **WHO, max_day_stake=Decimal("25.00"))
        decisions = [a_decision(strategy=strategy) for _ in range(3)]
        report = place(*decisions)
        assert (report.accepted, set(report.refusals.values())) == (2, {"DAY_STAKE_LIMIT"})
        refused = Decision.objects.get(bet=None)
        assert refused.refusal == "DAY_STAKE_LIMIT"
        complying.set_limits(bankroll_id=bankroll.pk, **WHO, max_day_stake=None)
        assert place(refused).accepted == 1

    def test_asks_rests_books_and_losses_of_today(self):
        bankroll = a_bankroll("1000.00")
        strategy = a_strategy(bankroll=bankroll)
        decision = a_decision(strategy=strategy)
        complying.set_rule(book_id=decision.book_id, **WHO, is_banned=True, banned_reason="court")
        assert set(place(decision).refusals.values()) == {"BOOK_BANNED"}
        complying.set_rule(book_id=decision.book_id, **WHO, is_banned=False, jurisdictions=["GB"])
        assert set(place(decision).refusals.values()) == {"JURISDICTION"}
        complying.set_limits(
            bankroll_id=bankroll.pk, **WHO, jurisdiction="GB", max_day_loss=Decimal(30)
        )
        lost = {"bankroll": bankroll, "status": "SETTLED", "outcome": "LOST"}
        a_bet(**lost, profit=Decimal("-21.00"), settled_at=NOON - HOUR, placed_at=NOON - 48 * HOUR)
        a_bet(**lost, profit=Decimal("-99.00"), settled_at=NOON - 30 * HOUR,
              placed_at=NOON - 48 * HOUR)  # fmt: skip
        assert set(place(decision).refusals.values()) == {"DAY_LOSS_LIMIT"}
        complying.set_limits(bankroll_id=bankroll.pk, **WHO, max_day_loss=Decimal(31))
        complying.cool_down(until=NOON + HOUR, **WHO)
        assert set(place(decision).refusals.values()) == {"COOLING_DOWN"}


@pytest.mark.django_db
class TestDeciding:
    def test_passes_over_a_banned_book_and_says_so_where_there_is_no_other(self):
        strategy, beta = a_strategy(), a_book("beta")
        first, second = (predictions_of(an_event_with_prices()) for _ in range(2))

        def home(predictions) -> Decision:
            return deciding.decide(
                strategy=strategy, prediction_ids=[p.pk for p in predictions], as_of=NOON, now=NOON
            )[0]

        complying.set_rule(book_id=beta.pk, **WHO, is_banned=True, banned_reason="court")
        complying.set_rule(book_id=a_book("alpha").pk, **WHO, jurisdictions=["GB", "IE"])
        assert home(first).reason in ("BOOK_BANNED", "JURISDICTION")
        complying.set_limits(bankroll_id=strategy.bankroll_id, **WHO, jurisdiction="IE")
        decided = home(second)
        assert (decided.verdict, decided.book.code) == ("BET", "alpha")


@pytest.mark.django_db
class TestRecording:
    def told(self, bankroll: Bankroll, **changes) -> Told:
        asked = {"selection_id": a_selection(an_event()).pk, "book_id": a_book().pk}
        return Told(
            bankroll_id=bankroll.pk, price=Decimal(2), stake=Decimal(10), **{**asked, **changes}
        )

    def test_is_held_to_the_same_rules(self):
        bankroll = a_bankroll("1000.00")
        complying.set_limits(
            bankroll_id=bankroll.pk, **WHO, max_session_stake=Decimal(15), session_minutes=60
        )
        recording.record(told=self.told(bankroll), actor="t", now=NOON)
        with pytest.raises(BetRefused, match="SESSION_STAKE_LIMIT"):
            recording.record(told=self.told(bankroll), actor="t", now=NOON + timedelta(minutes=5))
        event = an_event(starts_at=NOON + 9 * HOUR)
        later = self.told(bankroll, selection_id=a_selection(event).pk)
        bet, _ = recording.record(told=later, actor="t", now=NOON + 2 * HOUR, is_accepted=False)
        changed = {"actor": "t", "reason": "more", "now": NOON + 2 * HOUR, "bet_id": bet.pk}
        assert recording.change(**changed, stake=Decimal(15)).stake == 15
        with pytest.raises(BetRefused, match="SESSION_STAKE_LIMIT"):
            recording.change(**changed, stake=Decimal("15.01"))

    def test_asks_nothing_of_a_replay_and_little_where_nothing_is_set(
        self, django_assert_num_queries
    ):
        complying.cool_down(until=NOON + HOUR, **WHO)
        replayed = a_bankroll(kind="REPLAY", replay=a_replay())
        with django_assert_num_queries(0):
            held = complying.Compliance(bankroll=replayed, as_of=NOON, now=NOON)
        assert held.forbids(book_id=1, amount=Decimal(1)) == ""
        plain = a_bankroll()
        with django_assert_num_queries(3):
            complying.Compliance(bankroll=plain, as_of=NOON, now=NOON)


@pytest.mark.django_db
class TestCoolDown:
    def test_holds_one_bankroll_or_all_until_its_end(self):
        mine, other = a_bankroll(), a_bankroll()
        complying.cool_down(until=NOON + HOUR, bankroll_id=mine.pk, **WHO)

        def code(bankroll: Bankroll, now=NOON) -> str:
            held = complying.Compliance(bankroll=bankroll, as_of=now, now=now)
            return held.forbids(book_id=1, amount=Decimal(1))

        assert (code(mine), code(other), code(mine, NOON + HOUR)) == ("COOLING_DOWN", "", "")
        complying.cool_down(until=NOON + HOUR, **WHO)
        assert code(other) == "COOLING_DOWN"

    def test_is_made_longer_and_never_shorter(self):
        row = complying.cool_down(until=NOON + 5 * HOUR, **WHO)
        longer = complying.lengthen(cool_down_id=row.pk, until=NOON + 6 * HOUR, **WHO)
        assert longer.ends_at == NOON + 6 * HOUR
        for until in (NOON + 5 * HOUR, NOON + 6 * HOUR, NOON - HOUR):
            with pytest.raises(ComplianceRefused, match="never shortened or lifted"):
                complying.lengthen(cool_down_id=row.pk, until=until, **WHO)
        over = {**WHO, "now": NOON + 7 * HOUR}
        with pytest.raises(ComplianceRefused, match="not in force"):
            complying.lengthen(cool_down_id=row.pk, until=NOON + 9 * HOUR, **over)
        actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
        assert actions == ["betting.cool_down", "betting.lengthen_cool_down"]

    @pytest.mark.parametrize(
        "statement",
        [
            "update betting_cooldown set ends_at = ends_at - interval '1 second'",
            "update betting_cooldown set begins_at = begins_at + interval '1 hour'",
            "update betting_cooldown set bankroll_id = (select min(id) from betting_bankroll)",
            "update betting_cooldown set id = id + 1000",
            "delete from betting_cooldown",
            "truncate betting_cooldown",
        ],
        ids=["shorten", "begin-later", "move", "renumber", "delete", "truncate"],
    )
    def test_is_ended_early_by_nobody_not_even_past_the_services(self, statement):
        a_bankroll()
        complying.cool_down(until=NOON + HOUR, **WHO)
        with connection.cursor() as cursor:
            cursor.execute("set constraints all immediate")
        with (
            pytest.raises(DatabaseError, match="never shortened"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
        assert CoolDown.objects.get().ends_at == NOON + HOUR

    @pytest.mark.parametrize(
        "changes",
        [
            {"until": NOON}, {"until": NOON - HOUR}, {"until": NOON + timedelta(days=9999)},
            {"reason": " "}, {"reason": "x" * 251}, {"reason": "a\x00"}, {"bankroll_id": 10**12},
        ],
        ids=["now", "past", "too-far", "no-reason", "long-reason", "nul", "no-bankroll"],
    )  # fmt: skip
    def test_is_refused_where_it_makes_no_sense(self, changes):
        with pytest.raises(ComplianceRefused):
            complying.cool_down(**{"until": NOON + HOUR, **WHO, **changes})
        assert not CoolDown.objects.exists()


@pytest.mark.django_db
class TestSet:
    def test_limits_are_changed_one_by_one_with_both_values_in_the_audit(self):
        bankroll = a_bankroll()
        asked = {"bankroll_id": bankroll.pk, **WHO}
        complying.set_limits(**asked, max_day_loss=Decimal("50.00"))
        row = complying.set_limits(**asked, jurisdiction="US-NJ")
        assert (row.max_day_loss, row.jurisdiction) == (Decimal("50.00"), "US-NJ")
        complying.set_limits(**asked, jurisdiction="US-NJ")
        assert AuditEntry.objects.filter(action="betting.set_limits").count() == 2
        detail = AuditEntry.objects.order_by("-pk")[0].detail
        assert (detail["before"], detail["after"]) == (
            {"jurisdiction": ""}, {"jurisdiction": "US-NJ"},
        )  # fmt: skip

    @pytest.mark.parametrize(
        "changes",
        [
            {"max_day_loss": Decimal(0)}, {"max_day_stake": Decimal(-1)},
            {"max_session_loss": Decimal("1.001")}, {"session_minutes": 0},
            {"session_minutes": 1441}, {"jurisdiction": "Jersey"}, {"jurisdiction": "gb"},
            {"max_week_loss": Decimal(1)}, {"reason": ""},
        ],
        ids=["none", "negative", "tenths", "no-time", "long", "name", "small", "unknown", "why"],
    )  # fmt: skip
    def test_limits_that_make_no_sense_are_refused(self, changes):
        with pytest.raises(ComplianceRefused):
            complying.set_limits(**{"bankroll_id": a_bankroll().pk, **WHO, **changes})
        assert not GamingLimits.objects.exists()

    def test_a_ban_needs_its_reason(self):
        with pytest.raises(ComplianceRefused, match="say why the book is banned"):
            complying.set_rule(book_id=a_book().pk, **WHO, is_banned=True)
        row = complying.set_rule(
            book_id=a_book().pk, **WHO, push_rule="refunded", overtime_rule="counts"
        )
        assert (row.push_rule, row.overtime_rule, row.is_banned) == ("refunded", "counts", False)
