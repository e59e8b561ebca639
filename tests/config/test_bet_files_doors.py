"""Files of bets over the API and on the pages: upload, preview, confirm, download, mappings."""

import json
import re
from datetime import timedelta
from io import BytesIO

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from betting.models import Bet, BetImport, BetMapping
from betting.services import bet_mappings, exporting
from markets.models import Event
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.betting.builders import a_bankroll, a_bet, a_book, an_event
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
UPLOAD = "admin:betting_betimport_upload"


@pytest.fixture
def event() -> Event:
    a_bankroll(name="Mine")
    a_book()
    return an_event(starts_at=timezone.now())


@pytest.fixture
def lead(client: Client) -> Client:
    roles.ensure_roles()
    client.force_login(a_person("otto", roles.OPS_LEAD))
    return client


def a_file(event: Event, *prices: str) -> str:
    placed = (timezone.now() - timedelta(days=1)).isoformat()
    header = "bankroll,event,market,selection,book,side,price,stake,placed_at"
    rows = (f"Mine,{event.name},1X2,HOME,alpha,BACK,{price},10.00,{placed}" for price in prices)
    return "\n".join([header, *rows, ""])


def send(client: Client, path: str, **body: object):
    return client.post(f"/api/v1/{path}", json.dumps(body), content_type="application/json")


def exported(answer) -> list[str]:
    return b"".join(answer.streaming_content).decode().splitlines()


class TestApi:
    def test_imports_previews_and_exports(self, lead, event):
        body = {"name": "march.csv", "content": a_file(event, "2.5", "1")}
        tried = send(lead, "bet-imports", **body, dry_run=True).json()
        assert (tried["made"], tried["refused"], tried["id"]) == (1, 1, None)
        assert not Bet.objects.exists()
        answer = send(lead, "bet-imports", **body)
        assert (answer.status_code, answer.json()["made"]) == (201, 1)
        error = {"file": "march.csv", "row": 2, "field": "price", "found": "1"}
        assert error.items() <= answer.json()["errors"][0].items()
        listed = lead.get("/api/v1/bet-imports").json()["results"][0]
        assert (listed["mapping"], listed["rows"], listed["refused"]) == ("closing_line", 2, 1)
        a_bet()
        out = exported(lead.get("/api/v1/bets/export", {"imported": listed["id"]}))
        assert len(out) == 2 and out[1].startswith("march:1,Mine,EUR")
        assert len(exported(lead.get("/api/v1/bets/export"))) == 3
        for odd in ({"status": "LATER"}, {"since": "soon"}, {"limit": 1}):
            assert lead.get("/api/v1/bets/export", odd).status_code == 400

    @pytest.mark.parametrize(
        "body, status",
        [
            ({"content": "price\n1\n"}, 409),
            ({"content": "x", "mapping": "nobody"}, 409),
            ({"content": ""}, 400),
            ({}, 400),
        ],
        ids=["columns", "mapping", "empty", "nothing"],
    )
    def test_refuses_a_file_that_is_none(self, lead, body, status):
        assert send(lead, "bet-imports", **body).status_code == status

    def test_writes_a_mapping_and_keeps_what_it_said_in_the_audit(self, lead, event):
        bet_mappings.ensure_presets(now=timezone.now())
        spec = BetMapping.objects.get(name="closing_line").spec
        body = {"name": "mine", "title": "My slips", "reason": "new book"}
        assert send(lead, "bet-mappings", **body, spec={**spec, "book": "alpha"}).status_code == 200
        answer = send(lead, "bet-mappings", **body, spec={**spec, "book": "beta"})
        assert answer.json()["spec"]["book"] == "beta"
        detail = AuditEntry.objects.filter(action="betting.write_mapping").latest("pk").detail
        assert detail["before"]["spec"]["book"] == "alpha"
        for bad in ({**spec, "side": "UP"}, {**spec, "what": 1}, {}):
            assert send(lead, "bet-mappings", **body, spec=bad).status_code == 409

    def test_lets_a_viewer_look_alone(self, client, event):
        roles.ensure_roles()
        client.force_login(a_person("vera", roles.VIEWER))
        assert send(client, "bet-imports", content=a_file(event, "2")).status_code == 403
        assert client.get(reverse(UPLOAD)).status_code == 403
        assert len(exported(client.get("/api/v1/bets/export"))) == 1


class TestPage:
    def upload(self, client: Client, text: str):
        file = BytesIO(text.encode())
        file.name = "march.csv"
        return client.post(reverse(UPLOAD), {"mapping": "closing_line", "file": file})

    def test_shows_what_a_file_would_bring_and_reads_it_once_confirmed(self, lead, event):
        listed = lead.get(reverse("admin:betting_betimport_changelist")).content.decode()
        assert reverse(UPLOAD) in listed
        assert "multipart" in lead.get(reverse(UPLOAD)).content.decode()
        page = self.upload(lead, a_file(event, "2.5", "1")).content.decode()
        assert "Make 1 bet" in page and "a decimal price above 1" in page
        assert not Bet.objects.exists()
        kept = re.search(r'name="kept" value="([^"]+)"', page)[1]
        answer = lead.post(reverse(UPLOAD), {"confirmed": "yes", "kept": kept}, follow=True)
        assert "1 bets made, 0 known, 1 refused" in answer.content.decode()
        assert (Bet.objects.count(), BetImport.objects.get().imported_by) == (1, "user:otto")
        page = lead.get(reverse("admin:betting_bet_change", args=[Bet.objects.get().pk]))
        assert "march:1" in page.content.decode()
        out = exported(lead.get(reverse("admin:betting_bet_export")))
        assert out[0] == ",".join(exporting.COLUMNS) and len(out) == 2

    def test_reads_nothing_that_it_did_not_show(self, lead, event):
        answer = lead.post(reverse(UPLOAD), {"confirmed": "yes", "kept": "forged"})
        assert "choose the file again" in answer.content.decode()
        assert "expected the columns" in self.upload(lead, "a,b\n1,2\n").content.decode()
        assert not Bet.objects.exists()

    def test_edits_a_mapping_with_a_reason(self, lead):
        lead.post(reverse("admin:betting_betmapping_do_many", args=["shipped"]),
                  {"confirmed": "yes", "reason": "x"})  # fmt: skip
        row = BetMapping.objects.get(name="betfair_hub_tips")
        at = reverse("admin:betting_betmapping_change", args=[row.pk])
        told = {"title": "Tips", "is_enabled": "on", "spec": json.dumps(row.spec)}
        assert lead.post(at, {**told, "reason": ""}).status_code == 200
        assert "Object contains" in lead.post(
            at, {**told, "reason": "x", "spec": json.dumps({**row.spec, "odd": 1})}
        ).content.decode()  # fmt: skip
        assert lead.post(at, {**told, "reason": "shorter"}).status_code == 302
        row.refresh_from_db()
        assert (row.title, row.changed_by) == ("Tips", "user:otto")
