import threading
from datetime import timedelta

import pytest
from django.db import connections

from markets.models import Result, ResultDispute
from markets.monitors import results as monitors
from markets.queries import results as queries
from markets.services import contesting, disputing
from monitoring.models import AuditEntry, Incident
from monitoring.services import checking
from tests.markets.disputes import (
    FIRST,
    NOW,
    SECOND,
    THIRD,
    a_state,
    counted,
    disputes,
    resolve,
    tell,
    the_dispute,
    versions,
)
from tests.settlements.builders import an_event

pytestmark = pytest.mark.django_db


@pytest.fixture
def event():
    return an_event(starts_at=NOW - timedelta(hours=4))


class TestAContradiction:
    @pytest.mark.parametrize(
        ("told", "differs"),
        [
            ((1, 2), "score 1–2, not 2–1: the sides are exchanged"),
            ((2, 2), "score 2–2, not 2–1"),
            (a_state("ABANDONED"), "abandoned, not final 2–1"),
            (a_state("POSTPONED"), "postponed, not final 2–1"),
        ],
    )
    def test_of_another_source_overwrites_nothing(self, event, told, differs):
        problems = []
        tell(event, FIRST, (2, 1))
        counts = tell(event, SECOND, told, problems=problems)
        assert (counted(counts), counts.changed_records) == ((0, 0, 1), {1})
        assert versions(event) == [(2, 1, FIRST)]
        assert contesting.differs(the_dispute(event)) == [differs]
        assert differs in problems[0]

    def test_holds_the_event_and_opens_an_incident(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        dispute = the_dispute(event)
        assert (dispute.state, dispute.told_at) == ("OPEN", NOW)
        assert queries.held_events(event_ids=[event.pk]) == {event.pk}
        incident = Incident.objects.get()
        assert (incident.kind, incident.severity) == (contesting.KIND, "P1")
        assert incident.subject == f"markets.ResultDispute:{dispute.pk}"
        assert "Second tells score 2–2, not 2–1, and First stands" in incident.summary

    def test_that_is_repeated_is_one_dispute(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        counts = tell(event, SECOND, (2, 2), now=NOW + timedelta(hours=1))
        assert counts.changed_records == set()
        assert (disputes(event), AuditEntry.objects.filter(action__contains="dispute").count()) == (
            ["OPEN"],
            1,
        )

    def test_that_becomes_another_one_stays_the_same_dispute(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        tell(event, SECOND, (2, 3), now=NOW + timedelta(hours=1))
        dispute = the_dispute(event)
        assert contesting.differs(dispute) == ["score 2–3, not 2–1"]
        assert dispute.told_at == NOW  # it holds since then

    def test_of_two_sources_is_two_disputes(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        tell(event, THIRD, (2, 2))
        assert disputes(event) == ["OPEN", "OPEN"]

    def test_ends_when_its_source_comes_round(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        tell(event, SECOND, (2, 1))
        dispute = the_dispute(event)
        assert (dispute.state, dispute.resolved_by) == ("WITHDRAWN", "source:second")
        assert not Incident.objects.filter(resolved_at=None).exists()
        assert versions(event) == [(2, 1, FIRST)]

    def test_ends_when_its_source_takes_it_back(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        tell(event, SECOND, a_state("WITHDRAWN"))
        assert (disputes(event), versions(event)) == (["WITHDRAWN"], [(2, 1, FIRST)])

    def test_ends_when_the_first_source_corrects_itself(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        tell(event, FIRST, (2, 2))
        dispute = the_dispute(event)
        assert (dispute.state, dispute.resolved_by) == ("REPLACED", "source:first")
        assert versions(event) == [(2, 1, FIRST), (2, 2, FIRST)]

    def test_goes_on_when_the_first_source_corrects_itself_to_something_else(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        tell(event, FIRST, (3, 1))
        dispute = the_dispute(event)
        assert (dispute.state, dispute.standing.version) == ("OPEN", 2)
        assert contesting.differs(dispute) == ["score 2–2, not 3–1"]


class TestResolving:
    @pytest.fixture
    def dispute(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        return the_dispute(event)

    def test_may_keep_what_stands(self, dispute, event):
        resolve(dispute, "STANDING")
        assert (disputes(event), versions(event)) == (["UPHELD"], [(2, 1, FIRST)])
        assert queries.held_events(event_ids=[event.pk]) == set()
        assert not Incident.objects.filter(resolved_at=None).exists()

    def test_may_take_the_other_one_from_now_on(self, dispute, event):
        later = NOW + timedelta(hours=3)
        resolve(dispute, "TOLD", now=later)
        latest = Result.objects.get(event=event, version=2)
        assert (latest.home_score, latest.away_score, latest.source.code) == (2, 2, SECOND)
        assert latest.known_at == later
        assert disputes(event) == ["REPLACED"]

    def test_gives_the_event_the_state_of_what_was_taken(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, a_state("ABANDONED"))
        resolve(the_dispute(event), "TOLD")
        event.refresh_from_db()
        assert event.status == "ABANDONED"

    def test_is_audited_with_its_reason(self, dispute):
        resolve(dispute, "TOLD", reason="official report, page 2")
        entry = AuditEntry.objects.get(action="markets.resolve_dispute")
        assert (entry.actor, entry.detail["reason"]) == ("user:a", "official report, page 2")
        replaced = AuditEntry.objects.get(action="markets.replace_result")
        assert replaced.detail["before"].startswith("Final 2–1")

    @pytest.mark.parametrize("reason", ["", "   "])
    def test_is_refused_without_a_reason(self, dispute, reason):
        with pytest.raises(disputing.NoReason):
            resolve(dispute, "TOLD", reason=reason)

    def test_is_refused_a_second_time(self, dispute, event):
        resolve(dispute, "STANDING")
        with pytest.raises(disputing.DisputeIsOver):
            resolve(dispute, "TOLD")
        assert versions(event) == [(2, 1, FIRST)]

    def test_is_not_asked_again_by_the_one_that_was_turned_down(self, dispute, event):
        resolve(dispute, "STANDING")
        assert counted(tell(event, SECOND, (2, 2))) == (0, 0, 1)
        assert disputes(event) == ["UPHELD"]
        tell(event, SECOND, (2, 3))  # that is news
        assert disputes(event) == ["UPHELD", "OPEN"]

    def test_is_not_asked_again_by_the_one_that_was_replaced(self, dispute, event):
        resolve(dispute, "TOLD")
        assert counted(tell(event, FIRST, (2, 1))) == (0, 0, 1)
        assert (disputes(event), versions(event)[-1]) == (["REPLACED"], (2, 2, SECOND))
        tell(event, FIRST, (4, 1))
        assert disputes(event) == ["REPLACED", "OPEN"]

    def test_closes_every_dispute_that_agrees_with_what_was_taken(self, dispute, event):
        tell(event, THIRD, (2, 2))
        resolve(dispute, "TOLD")
        assert disputes(event) == ["REPLACED", "REPLACED"]

    def test_leaves_the_disputes_open_that_still_contradict(self, dispute, event):
        tell(event, THIRD, (0, 2))
        resolve(dispute, "TOLD")
        assert disputes(event) == ["REPLACED", "OPEN"]
        still = ResultDispute.objects.get(state="OPEN")
        assert contesting.differs(still) == ["score 0–2, not 2–2"]


class TestTogether:
    @pytest.mark.django_db(transaction=True)
    def test_two_people_decide_once(self):
        event = an_event(starts_at=NOW - timedelta(hours=4))
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        dispute, both = the_dispute(event), threading.Barrier(2)
        done, refused = [], []

        def decide(keep):
            both.wait()
            try:
                done.append(resolve(dispute, keep).state)
            except disputing.DisputeIsOver as no:
                refused.append(str(no))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=decide, args=[keep]) for keep in disputing.KEEPS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(done), len(refused)) == (1, 1)
        assert disputes(event) == done
        assert len(versions(event)) == (2 if done == ["REPLACED"] else 1)


class TestTheCheck:
    def test_keeps_one_incident_per_dispute_until_it_is_over(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        checking.run_check(kind=contesting.KIND, now=NOW + timedelta(minutes=1))
        assert Incident.objects.get().resolved_at is None
        resolve(the_dispute(event), "STANDING")
        checked = checking.run_check(kind=contesting.KIND, now=NOW + timedelta(minutes=2))
        assert (checked.findings, Incident.objects.filter(resolved_at=None).count()) == (0, 0)

    def test_finds_nothing_where_sources_agree(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 1))
        assert list(monitors.results_disagree(NOW)) == []

    @pytest.mark.parametrize(
        ("response", "state"),
        [(monitors.keep_standing, "UPHELD"), (monitors.take_told, "REPLACED")],
    )
    def test_offers_both_decisions_on_the_incident(self, event, response, state):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        subject = Incident.objects.get().subject
        text = response(subject=subject, actor="user:a", reason="report", now=NOW)
        assert disputes(event) == [state]
        assert str(event) in text

    def test_counts_what_is_open(self, event):
        tell(event, FIRST, (2, 1))
        tell(event, SECOND, (2, 2))
        assert list(monitors.results_disputed()) == [({}, 1.0)]
