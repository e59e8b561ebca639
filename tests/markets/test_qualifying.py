"""Findings: opened once, confirmed, closed, dismissed; and what is told of them."""

from datetime import timedelta

import pytest
from django.db import DatabaseError

from markets.domain import quality as domain
from markets.models import LatestPrice, QualityFinding
from markets.monitors import quality as monitors
from markets.queries import findings
from markets.queries import quality as queries
from markets.services import qualifying, retiring
from markets.tasks import look_for_flaws
from monitoring.models import AuditEntry, TaskRun
from tests.markets.quality import (
    HOUR,
    MINUTE,
    NOW,
    a_league,
    a_result,
    a_source,
    an_event,
    look,
    quote,
)

pytestmark = pytest.mark.django_db
DAY = 24 * HOUR
ODD = {"HOME": "2.1", "DRAW": "3.4", "AWAY": "8.0"}


@pytest.fixture
def flaw():
    return quote(an_event(), **ODD)


def rows() -> list[QualityFinding]:
    return list(QualityFinding.objects.order_by("pk"))


def put_right() -> None:
    LatestPrice.objects.filter(price="8.0").update(price="3.6")


class TestLook:
    def test_opens_a_finding_with_all_that_it_is_about(self, flaw):
        looked = look("overround")
        (row,) = rows()
        assert looked.rules == {"overround": {"open": 1, "new": 1, "over": 0, "unnamed": 0}}
        assert (row.event, row.market, row.season) == (flaw.event, flaw, flaw.event.season)
        assert row.subject == f"markets.Market:{flaw.pk}/markets.Book:{row.book_id}"
        assert (row.n, row.found_at, row.seen_at, row.resolved_at) == (1, NOW, NOW, None)
        assert row.value == pytest.approx(-0.1047, abs=1e-4)

    def test_confirms_what_still_stands(self, flaw):
        look("overround")
        looked = look("overround", now=NOW + MINUTE)
        (row,) = rows()
        assert looked.rules["overround"]["new"] == 0
        assert (row.n, row.found_at, row.seen_at) == (2, NOW, NOW + MINUTE)

    def test_changes_nothing_the_second_time_at_one_moment(self, flaw):
        look("overround")
        before = QualityFinding.objects.values().get()
        look("overround")
        assert QualityFinding.objects.values().get() == before

    def test_closes_what_is_gone_and_opens_it_anew_when_it_comes_back(self, flaw):
        look("overround")
        put_right()
        looked = look("overround", now=NOW + MINUTE)
        assert looked.rules["overround"] == {"open": 0, "new": 0, "over": 1, "unnamed": 0}
        assert rows()[0].resolved_at == NOW + MINUTE
        LatestPrice.objects.filter(price="3.6").update(price="9.0")
        look("overround", now=NOW + 2 * MINUTE)
        assert [row.resolved_at for row in rows()] == [NOW + MINUTE, None]

    def test_closes_what_was_open_once_the_event_begins(self, flaw):
        look("overround")
        flaw.event.starts_at = NOW - HOUR
        flaw.event.save()
        look("overround", now=NOW + MINUTE)
        assert rows()[0].resolved_at is not None

    def test_keeps_what_the_others_found_when_one_rule_fails(self, flaw, monkeypatch):
        broken = ("SELECT 1 / 0", dict)
        monkeypatch.setitem(queries._RULES, "stale-price", broken)
        looked = look("stale-price", "overround")
        assert list(looked.failed) == ["stale-price"]
        assert looked.rules["overround"]["new"] == 1
        with pytest.raises(qualifying.RuleFailed, match=r"stale-price: .*division by zero"):
            looked.raise_if_failed()

    def test_of_one_season_leaves_the_findings_of_others_open(self, flaw):
        other = quote(an_event("C", "D", league=a_league("X2")), **ODD)
        look("overround")
        put_right()
        look("overround", now=NOW + MINUTE, season_id=other.event.season_id)
        assert {row.event: row.resolved_at is None for row in rows()} == {
            flaw.event: True,
            other.event: False,
        }

    def test_of_a_span_leaves_older_findings_open(self):
        a_result(an_event("C", "D", starts_in=-DAY, status="FINISHED"))
        old = an_event(starts_in=-30 * DAY)
        look("no-result")
        a_result(old)
        look("no-result", now=NOW + MINUTE, since=NOW - 14 * DAY)
        assert rows()[0].resolved_at is None
        look("no-result", now=NOW + 2 * MINUTE)
        assert rows()[0].resolved_at is not None

    def test_closes_nothing_while_there_are_too_many_to_name(self, flaw, monkeypatch):
        look("overround")
        put_right()
        monkeypatch.setattr(queries, "AT_MOST", 1)
        for home in ("C", "E"):
            quote(an_event(home, "D"), **ODD)
        looked = look("overround", now=NOW + MINUTE)
        assert looked.rules["overround"] == {"open": 2, "new": 1, "over": 0, "unnamed": 1}

    def test_goes_by_every_rule_when_none_is_named(self, flaw):
        assert look().rules.keys() == domain.RULES.keys()

    def test_knows_no_other_rules(self):
        with pytest.raises(qualifying.UnknownRule, match="no rule full-moon"):
            look("full-moon")

    def test_of_a_world_without_flaws_finds_none(self):
        event = an_event()
        for book in ("bet365", "pinnacle", "bwin", "unibet"):
            quote(event, book=book, HOME="2.1", DRAW="3.4", AWAY="3.6")
            quote(event, "TOTAL", book=book, line="2.5", OVER="1.9", UNDER="1.95")
        a_result(an_event("C", "D", starts_in=-DAY, status="FINISHED"))
        assert (look().as_dict()["open"], rows()) == (0, [])


class TestDismiss:
    @pytest.fixture
    def finding(self, flaw):
        look("overround")
        return QualityFinding.objects.get()

    def dismiss(self, finding, *, reason="known", until=None, now=NOW):
        return qualifying.dismiss(
            finding_id=finding.pk, actor="user:olga", reason=reason, until=until, now=now
        )

    def test_keeps_who_why_and_until_when(self, finding):
        done = self.dismiss(finding, until=NOW + DAY)
        assert (done.dismissed_by, done.dismissed_reason) == ("user:olga", "known")
        entry = AuditEntry.objects.get(action="markets.dismiss_finding")
        assert (entry.actor, entry.detail["reason"]) == ("user:olga", "known")

    def test_lasts_until_its_day(self, finding):
        self.dismiss(finding, until=NOW + DAY)
        assert not findings.to_see(now=NOW + HOUR).exists()
        assert findings.to_see(now=NOW + DAY).exists()

    def test_outlasts_the_looks_that_still_see_the_flaw(self, finding):
        self.dismiss(finding)
        look("overround", now=NOW + MINUTE)
        assert not findings.to_see(now=NOW + MINUTE).exists()
        assert QualityFinding.objects.get().n == 2

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_needs_a_reason(self, finding, reason):
        with pytest.raises(qualifying.NoReason):
            self.dismiss(finding, reason=reason)

    def test_is_refused_for_a_day_that_has_passed(self, finding):
        with pytest.raises(qualifying.NotOpen, match="has passed"):
            self.dismiss(finding, until=NOW - DAY)

    def test_is_refused_a_second_time(self, finding):
        self.dismiss(finding)
        with pytest.raises(qualifying.NotOpen):
            self.dismiss(finding)
        assert AuditEntry.objects.filter(action="markets.dismiss_finding").count() == 1

    def test_is_refused_once_it_is_over(self, finding):
        put_right()
        look("overround", now=NOW + MINUTE)
        with pytest.raises(qualifying.NotOpen):
            self.dismiss(finding)


class TestTakeBack:
    def test_lets_it_be_told_of_again(self, flaw):
        look("overround")
        asked = {"finding_id": QualityFinding.objects.get().pk, "actor": "user:o", "now": NOW}
        qualifying.dismiss(**asked, reason="known", until=None)
        qualifying.take_back(**asked, reason="not so")
        assert findings.to_see(now=NOW).exists()
        with pytest.raises(qualifying.NotOpen):
            qualifying.take_back(**asked, reason="not so")
        assert AuditEntry.objects.filter(action="markets.take_back_dismissal").count() == 1


class TestTallies:
    def test_count_what_nobody_dismissed(self, flaw):
        quote(an_event("C", "D"), **ODD)
        look("overround")
        first = QualityFinding.objects.earliest("pk")
        qualifying.dismiss(finding_id=first.pk, actor="user:o", reason="r", until=None, now=NOW)
        tally = next(one for one in findings.tallies(now=NOW) if one.rule.kind == "overround")
        assert (tally.n, tally.dismissed, tally.simulated, tally.since) == (1, 1, 0, NOW)
        assert len(findings.tallies(now=NOW)) == len(domain.RULES)

    def test_take_one_statement(self, flaw, django_assert_num_queries):
        look("overround")
        with django_assert_num_queries(1):
            findings.tallies(now=NOW)


class TestTheCheck:
    def test_is_silent_up_to_what_a_rule_tolerates(self, flaw):
        look("overround")
        assert list(monitors.quality(NOW)) == []

    def test_tells_of_a_rule_above_it(self):
        an_event()
        an_event(starts_in=3 * HOUR, leg=2)
        look("duplicated-event")
        (said,) = monitors.quality(NOW)
        assert (said.severity, said.subject) == ("P2", "quality:duplicated-event")
        assert said.summary.startswith("Event twice: 1 findings open, tolerated are 0; the oldest")

    def test_is_silent_about_what_was_dismissed(self):
        an_event()
        an_event(starts_in=3 * HOUR, leg=2)
        look("duplicated-event")
        row = QualityFinding.objects.get()
        qualifying.dismiss(finding_id=row.pk, actor="user:o", reason="r", until=None, now=NOW)
        assert list(monitors.quality(NOW)) == []

    def test_tells_of_no_rule_whose_findings_are_listed_alone(self):
        for home in ("A", "C"):
            an_event(home, "B", starts_in=-DAY)
        look("season-without-results")
        assert (len(rows()), list(monitors.quality(NOW))) == (1, [])


class TestTheGauge:
    def test_counts_by_rule_and_state(self, flaw):
        look("overround")
        samples = {(s["kind"], s["state"]): n for s, n in monitors.open_findings()}
        assert samples["overround", "open"] == 1.0
        assert samples["overround", "dismissed"] == samples["arbitrage", "open"] == 0.0


class TestRetention:
    def test_forgets_what_was_over_a_year_ago(self, flaw):
        look("overround")
        put_right()
        look("overround", now=NOW + MINUTE)
        quote(an_event("C", "D"), **ODD)
        look("overround", now=NOW + 2 * MINUTE)
        late = NOW + timedelta(days=366)
        assert retiring.retire_due(now=late, actor="cli:o")["markets_qualityfinding"] == 1
        assert [row.resolved_at for row in rows()] == [None]


class TestTheTask:
    def test_looks_and_leaves_the_figures(self, flaw):
        from monitoring import registry

        class Run:
            actor = asked_by = "beat"
            said: list[str] = []

            def progress(self, *, done, total=None, message=""):
                self.said.append(message)

        a_source()
        body = registry.jobs["markets.tasks.look_for_flaws"].body
        result = body(Run(), rules=["duplicated-event"], everything=True)
        assert (result["open"], result["failed"], Run.said) == (0, {}, ["Event twice"])
        assert look_for_flaws.name == "markets.tasks.look_for_flaws"
        assert TaskRun.objects.count() == 0

    def test_fails_where_a_rule_failed(self, flaw, monkeypatch):
        from monitoring import registry

        def fail(**_):
            raise DatabaseError("canceling statement due to statement timeout")

        monkeypatch.setattr(queries, "find", fail)
        body = registry.jobs["markets.tasks.look_for_flaws"].body

        class Run:
            def progress(self, **_):
                pass

        with pytest.raises(qualifying.RuleFailed, match="overround: canceling"):
            body(Run(), rules=["overround"])
