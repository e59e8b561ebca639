"""Whose close is believed, by which method, and books that are switched off."""

import json
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from markets import queries
from markets.models import Book, ClosingPrice, Competition, Event, LatestPrice, ReferenceRule
from markets.services import closing, recording, referencing, switching
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.config.test_api import a_user
from tests.markets.builders import NOW, START, a_batch, a_price, a_source, match_odds

pytestmark = pytest.mark.django_db

CONFIRMED = {"confirmed": "yes", "reason": "wrong"}
BY = {"actor": "user:lea", "reason": "our desk trusts it", "now": NOW}


@pytest.fixture
def source():
    return a_source()


@pytest.fixture
def closed(source):
    """Let three books close a match; Pinnacle is ranked first."""
    prices = match_odds("2.0", "3.4", "3.9", hours_before=0.5)
    prices += match_odds("2.1", "3.3", "3.7", hours_before=0.5, book="bet365")
    prices += match_odds("2.2", "3.2", "3.5", hours_before=0.5, book="bwin")
    prices += [
        a_price(price, kind="TOTAL", line=Decimal("2.5"), role=role, hours_before=0.5, book=book)
        for role, price in (("OVER", "1.9"), ("UNDER", "1.95"))
        for book in ("pinnacle", "bet365")
    ]
    recording.record(batch=a_batch(prices=prices), source=source, now=NOW)
    closing.record_closes(as_of=NOW, now=NOW)
    return Event.objects.get()


def believed(event):
    """Return the book whose close is believed, by kind."""
    found = queries.closing_fair(event_ids=[event.pk])
    return dict(found[["kind", "book_code"]].drop_duplicates().to_numpy().tolist())


def set_rule(*chain, **asked):
    return referencing.set_rule(chain=chain, **{**BY, **asked})


class TestTheChain:
    def test_goes_by_the_ranks_where_no_rule_is(self, closed):
        assert believed(closed) == {"MATCH_ODDS": "pinnacle", "TOTAL": "pinnacle"}

    def test_goes_by_the_rule_that_says_most(self, closed):
        set_rule("bwin", "bet365")
        assert believed(closed) == {"MATCH_ODDS": "bwin", "TOTAL": "bet365"}
        set_rule("consensus", kind="MATCH_ODDS")
        assert believed(closed) == {"MATCH_ODDS": "consensus", "TOTAL": "bet365"}
        set_rule("bet365", competition_code="E0")
        assert believed(closed) == {"MATCH_ODDS": "bet365", "TOTAL": "bet365"}
        referencing.drop_rule(competition_code="E0", **BY)
        assert believed(closed)["MATCH_ODDS"] == "consensus"

    def test_asks_nobody_that_the_rule_does_not_name(self, closed):
        set_rule("bwin", kind="TOTAL")
        assert believed(closed) == {"MATCH_ODDS": "pinnacle"}

    def test_of_a_simulated_competition_is_its_own_ranks(self, closed):
        set_rule("bwin")
        Competition.objects.update(is_simulated=True)
        Book.objects.filter(code="bet365").update(is_simulated=True, reference_rank=1)
        assert believed(closed) == {"MATCH_ODDS": "bet365", "TOTAL": "bet365"}

    def test_needs_as_many_queries_for_many_rules(self, closed, django_assert_num_queries):
        for kind in ("", "MATCH_ODDS", "TOTAL", "WIN"):
            set_rule("bet365", kind=kind)
        with django_assert_num_queries(4):
            queries.closing_fair(event_ids=[closed.pk])


class TestTheMethod:
    def methods(self, **only):
        rows = ClosingPrice.objects.filter(**only).order_by("method")
        return list(rows.values_list("method", flat=True).distinct())

    def test_of_a_rule_takes_the_margin_off(self, closed):
        set_rule("pinnacle", kind="MATCH_ODDS", method="odds_ratio")
        assert closing.record_closes(as_of=NOW, now=NOW) == 1
        assert self.methods(selection__market__kind="MATCH_ODDS") == ["odds_ratio"]
        assert self.methods(selection__market__kind="TOTAL") == ["power"]
        fair = ClosingPrice.objects.filter(book__code="bwin", selection__market__kind="MATCH_ODDS")
        assert sum(fair.values_list("fair_probability", flat=True)) == pytest.approx(1)
        referencing.drop_rule(kind="MATCH_ODDS", **BY)
        closing.record_closes(as_of=NOW, now=NOW)
        assert self.methods(selection__market__kind="MATCH_ODDS") == ["shin"]

    def test_is_changed_where_the_close_itself_stays_as_it_was(self, closed, source):
        LatestPrice.objects.filter(book__code="pinnacle").update(confirmed_at=START)
        Event.objects.update(started_at=START, close_recorded_for=None)
        closing.record_closes(as_of=NOW, now=NOW)
        in_play = match_odds("9", "9", "1.2", hours_before=-0.5)
        recording.record(batch=a_batch(prices=in_play), source=source, now=NOW)
        exact = ClosingPrice.objects.filter(exactness="EXACT", book__code="pinnacle")
        assert exact.count() == 5
        set_rule("pinnacle", method="multiplicative")
        closing.record_closes(as_of=NOW, now=NOW)
        assert exact.filter(method="multiplicative").count() == 5

    @pytest.mark.parametrize("asked, anew", [({"kind": "WIN"}, 0), ({"kind": "TOTAL"}, 1)])
    def test_has_those_closes_alone_recorded_anew_that_it_is_about(self, closed, asked, anew):
        set_rule("pinnacle", method="shin", **asked)
        assert Event.objects.filter(close_recorded_for__isnull=True).count() == anew

    def test_that_stays_has_none_recorded_anew(self, closed):
        set_rule("bwin")
        assert not Event.objects.filter(close_recorded_for__isnull=True).exists()


class TestARule:
    @pytest.mark.parametrize(
        "chain, asked, said",
        [
            ([], {}, "one book at least"),
            (["pinacle"], {}, "no book of this code: pinacle"),
            (["consensus", "pinnacle"], {}, "asked last"),
            (["pinnacle", "pinnacle"], {}, "each book once"),
            (["pinnacle"], {"method": "guessing"}, "the method is one of multiplicative"),
            (["pinnacle"], {"kind": "COIN_TOSS"}, "the kind is one of"),
            (["pinnacle"], {"competition_code": "E9"}, "no competition 'E9'"),
            (["pinnacle"], {"reason": " "}, "give a reason"),
        ],
    )
    def test_that_cannot_be_gone_by_is_refused(self, closed, chain, asked, said):
        with pytest.raises(referencing.RuleRefused, match=said):
            set_rule(*chain, **asked)
        assert not ReferenceRule.objects.exists()

    def test_stands_in_the_audit_with_what_was_before(self, closed):
        set_rule("bwin")
        set_rule("bet365", "consensus", method="shin")
        referencing.drop_rule(**BY)
        entries = AuditEntry.objects.order_by("pk")
        assert [
            (entry.action, (entry.detail["before"] or {}).get("chain")) for entry in entries
        ] == [
            ("markets.set_reference", None),
            ("markets.set_reference", ["bwin"]),
            ("markets.drop_reference", ["bet365", "consensus"]),
        ]

    def test_that_is_not_there_cannot_be_dropped(self, closed):
        with pytest.raises(referencing.RuleRefused, match="no such rule"):
            referencing.drop_rule(**BY)


class TestABook:
    def test_is_switched_off_with_a_reason_and_on_again(self, closed):
        switching.disable_book(book_code="bwin", **BY)
        book = Book.objects.get(code="bwin")
        assert (book.is_enabled, book.disabled_reason) == (False, BY["reason"])
        with pytest.raises(switching.SwitchRefused, match="no book 'bwin' that is enabled"):
            switching.disable_book(book_code="bwin", **BY)
        switching.enable_book(book_code="bwin", **BY)
        assert Book.objects.get(code="bwin").disabled_reason == ""
        actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
        assert list(actions) == ["markets.disable_book", "markets.enable_book"]

    def test_is_not_switched_without_a_reason(self, closed):
        with pytest.raises(switching.SwitchRefused, match="give a reason"):
            switching.disable_book(book_code="bwin", **{**BY, "reason": ""})

    def test_that_is_off_is_no_part_of_the_consensus(self, closed):
        set_rule("consensus")
        switching.disable_book(book_code="bwin", **BY)
        found = queries.closing_fair(event_ids=[closed.pk], kinds=["MATCH_ODDS"])
        assert found[found["role"] == "HOME"]["price"].tolist() == [pytest.approx(2.05)]


class TestDoors:
    @pytest.fixture
    def lead(self, client):
        client.force_login(a_user("lea", roles.OPS_LEAD))
        return client

    def post(self, client, where, **told):
        return client.post(f"/api/v1/{where}", told, content_type="application/json")

    def test_of_the_api_set_and_drop_a_rule(self, lead, closed):
        told = {"chain": ["bwin", "consensus"], "competition": "E0", "reason": "trusted"}
        rule = self.post(lead, "reference-rules/set", **told).json()
        assert (rule["chain"], rule["competition_code"]) == (["bwin", "consensus"], "E0")
        (row,) = lead.get("/api/v1/reference-rules").json()["results"]
        assert row["chain"] == ["bwin", "consensus"]
        assert self.post(lead, "reference-rules/set", chain=["x"], reason="y").status_code == 409
        assert self.post(lead, "reference-rules/set", chain=[], reason="y").status_code == 400
        gone = self.post(lead, "reference-rules/drop", competition="E0", reason="no more")
        assert (gone.status_code, ReferenceRule.objects.count()) == (204, 0)

    def test_of_the_api_switch_a_book(self, lead, closed):
        pk = Book.objects.get(code="bwin").pk
        book = self.post(lead, f"books/{pk}/disable", reason="prices wrong").json()
        assert (book["is_enabled"], book["disabled_reason"]) == (False, "prices wrong")
        assert self.post(lead, f"books/{pk}/disable", reason="again").status_code == 409
        assert self.post(lead, f"books/{pk}/enable", reason="repaired").json()["is_enabled"]

    def test_of_the_api_are_shut_to_operators(self, client, closed):
        client.force_login(a_user("olga", roles.OPERATOR))
        told = {"chain": ["bwin"], "reason": "x"}
        assert self.post(client, "reference-rules/set", **told).status_code == 403
        assert self.post(client, f"books/{Book.objects.first().pk}/disable").status_code == 403

    def test_of_the_admin_site_set_change_and_drop_a_rule(self, lead, closed):
        e0 = Competition.objects.get().pk
        told = {"kind": "", "chain": "bwin, bet365", "method": "", "reason": "trusted"}
        lead.post(reverse("admin:markets_referencerule_add"), {**told, "competition": e0})
        rule = ReferenceRule.objects.get()
        assert (rule.chain, rule.changed_by) == (["bwin", "bet365"], "user:lea")
        url = reverse("admin:markets_referencerule_change", args=[rule.pk])
        lead.post(url, {**told, "chain": "bet365", "method": "shin"})
        rule.refresh_from_db()
        assert (rule.chain, rule.method, rule.competition_id) == (["bet365"], "shin", e0)
        refused = lead.post(url, {**told, "chain": "nobody"}, follow=True)
        assert "no book of this code: nobody" in refused.content.decode()
        listed = lead.get(reverse("admin:markets_referencerule_changelist"))
        assert "bet365" in listed.content.decode()
        lead.post(reverse("admin:markets_referencerule_do", args=[rule.pk, "drop"]), CONFIRMED)
        assert not ReferenceRule.objects.exists()

    def test_of_the_admin_site_switch_a_book(self, lead, closed):
        pk = Book.objects.get(code="bwin").pk
        lead.post(reverse("admin:markets_book_do", args=[pk, "disable"]), CONFIRMED)
        assert Book.objects.get(pk=pk).disabled_reason == "wrong"
        listed = lead.get(reverse("admin:markets_book_changelist"))
        assert "Disabled: wrong" in listed.content.decode()

    def test_of_the_command_set_and_switch(self, closed):
        def run(*words):
            out = StringIO()
            call_command("references", *words, "--output", "json", stdout=out)
            return json.loads(out.getvalue())

        asked = ("set", "--competition", "E0", "--chain", "bwin,consensus", "--reason", "trusted")
        (rule,) = run(*asked)["rules"]
        assert (rule["competition"], rule["chain"]) == ("E0", ["bwin", "consensus"])
        assert run("disable-book", "bwin", "--reason", "x") == {
            "book": "bwin", "done": "disable-book",
        }  # fmt: skip
        assert run("drop", "--competition", "E0", "--reason", "x") == {"rules": []}
        with pytest.raises(SystemExit):
            run("set", "--chain", "bwin")
