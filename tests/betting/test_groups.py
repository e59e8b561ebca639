"""Conferences, divisions and groups of ours: who is in them when, and what that limits."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal as D

import pytest
from django.core.management import call_command
from django.urls import reverse

from betting.domain.limits import Dimension
from betting.models import Bankroll, GroupMember, ParticipantGroup, Strategy
from betting.queries import groups, risk, uses
from betting.services import deciding, grouping, limiting
from betting.services.grouping import GroupRefused
from markets.models import Participant
from models_ml.models import Prediction
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.betting.builders import (
    NOON,
    a_bankroll,
    a_bet,
    a_decision,
    a_sport,
    a_strategy,
    an_event,
    an_event_with_prices,
    predictions_of,
)
from tests.betting.venues import FakeVenue, place
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db
CAPS = ("max_stake_share", "max_event_share", "max_day_share", "max_open_share")
WHO = {"actor": "user:lena", "reason": "the league says so", "now": NOON}


def a_group(kind: str = "CONFERENCE", name: str = "East", **changes: object) -> ParticipantGroup:
    a_sport()
    return grouping.set_group(**{"sport": "soccer", "kind": kind, "name": name, **WHO, **changes})


def join(group: ParticipantGroup, *sides: Participant, since: date | None = None) -> None:
    names = [side.name for side in sides]
    grouping.add_members(group_id=group.pk, participants=names, since=since, **WHO)


def leave(group: ParticipantGroup, *sides: Participant, until: date) -> None:
    names = [side.name for side in sides]
    grouping.end_members(group_id=group.pk, participants=names, until=until, **WHO)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def a_limit(dimension: str, **values: object) -> None:
    limiting.set_limit(dimension=dimension, **WHO, **values)


class TestMembership:
    def test_counts_from_its_day_until_before_the_day_it_ends(self):
        side, east, west = an_event().home, a_group(), a_group(name="West")
        join(east, side, since=date(2024, 8, 1))
        leave(east, side, until=date(2025, 8, 1))
        join(west, side, since=date(2025, 8, 1))
        days = [date(2024, 7, 31), date(2024, 8, 1), date(2025, 7, 31), date(2025, 8, 1)]
        found = [groups.standing(at=at(day)).get(side.pk, frozenset()) for day in days]
        assert [{group.id for group in each} for each in found] == [
            set(), {east.pk}, {east.pk}, {west.pk},
        ]  # fmt: skip
        assert AuditEntry.objects.filter(action__in=["group.joined", "group.left"]).count() == 3

    @pytest.mark.parametrize("kind, refuses", [("CONFERENCE", True), ("GROUP", False)])
    def test_is_of_one_conference_at_a_time_and_of_many_groups_of_ours(self, kind, refuses):
        side = an_event().home
        join(a_group(kind), side, since=date(2024, 8, 1))
        other = a_group(kind, "West")
        if not refuses:
            join(other, side)
            assert GroupMember.objects.count() == 2
            return
        for since in (None, date(2025, 1, 1)):
            with pytest.raises(GroupRefused, match="is in Conference East then"):
                join(other, side, since=since)

    def test_twice_is_once(self):
        side, east = an_event().home, a_group()
        join(east, side)
        join(east, side, since=date(2025, 1, 1))
        assert GroupMember.objects.get().since is None

    @pytest.mark.parametrize(
        "changes, said",
        [
            pytest.param({"reason": " "}, "reason: plain text", id="no-reason"),
            pytest.param({"sport": "chess"}, "there is no sport 'chess'", id="no-sport"),
            pytest.param({"kind": "LEAGUE"}, "'LEAGUE' is no kind", id="no-kind"),
            pytest.param({"name": ""}, "name: plain text", id="no-name"),
            pytest.param({"discount": 1.2}, "discount must be", id="no-factor"),
            pytest.param({"discount": 0.0}, "discount must be", id="nothing-left"),
        ],
    )
    def test_of_what_is_no_group_is_refused(self, changes, said):
        with pytest.raises(GroupRefused, match=said):
            a_group(**changes)
        assert not AuditEntry.objects.filter(action="group.set").exists()

    def test_refuses_unknown_names_days_before_and_who_is_not_in_it(self):
        side, east = an_event().home, a_group()
        asked = {"group_id": east.pk, **WHO}
        with pytest.raises(GroupRefused, match="is called Nobody"):
            grouping.add_members(participants=["Nobody"], **asked)
        with pytest.raises(GroupRefused, match="1 of them are not in"):
            leave(east, side, until=date(2025, 1, 1))
        join(east, side, since=date(2025, 1, 1))
        with pytest.raises(GroupRefused, match="after the day"):
            leave(east, side, until=date(2025, 1, 1))


class TestLimits:
    @pytest.fixture
    def bankroll(self) -> Bankroll:
        return a_bankroll("1000.00")

    @pytest.mark.parametrize("kind", ["CONFERENCE", "DIVISION", "GROUP"])
    def test_hold_bets_on_different_sides_of_a_group_together(self, bankroll, kind):
        event, other = an_event_with_prices(), an_event()
        join(a_group(kind), event.home, other.away)
        a_limit(kind, amount="50")
        strategy = a_strategy(bankroll=bankroll, max_event_share=1.0, max_stake_share=1.0)
        a_bet(bankroll=bankroll, event=other, stake="45.00")
        decision = a_decision(strategy=strategy, event=event, stake="10.00")
        refused = place(decision, venue=FakeVenue())
        assert refused.refusals == {decision.pk: f"{kind}_LIMIT"}
        (use,) = (use for use in uses.uses(now=NOON) if use.dimension == kind)
        assert (use.used, use.allowed, use.where) == (45, 50, "East")

    def test_leave_alone_who_is_in_no_group_or_was(self, bankroll):
        event, other = an_event_with_prices(), an_event()
        east = a_group()
        join(east, event.home, since=date(2020, 1, 1))
        join(east, other.away, since=date(2020, 1, 1))
        leave(east, other.away, until=date(2021, 1, 1))
        a_limit("CONFERENCE", amount="50")
        a_bet(bankroll=bankroll, event=other, stake="45.00")
        strategy = a_strategy(bankroll=bankroll, max_event_share=1.0, max_stake_share=1.0)
        decision = a_decision(strategy=strategy, event=event, stake="10.00")
        assert place(decision, venue=FakeVenue()).accepted == 1

    def test_read_groups_in_one_query_and_only_where_they_are_asked(
        self, bankroll, django_assert_num_queries
    ):
        a_bet(bankroll=bankroll)
        for dimensions, queries in (({Dimension.EVENT}, 2), ({Dimension.CONFERENCE}, 3)):
            with django_assert_num_queries(queries):
                risk.usage(bankroll=bankroll, as_of=NOON, dimensions=dimensions)

    def test_count_a_market_once_of_which_both_sides_are_in_the_group(self, bankroll):
        event = an_event()
        join(a_group(), event.home, event.away)
        a_limit("CONFERENCE", amount="50")
        a_bet(bankroll=bankroll, event=event, stake="30.00")
        (use,) = (use for use in uses.uses(now=NOON) if use.dimension == "CONFERENCE")
        assert use.used == 30


class TestDiscounts:
    def staked(self, strategy: Strategy, predictions: list[Prediction]) -> D:
        decisions = deciding.decide(
            strategy=strategy, prediction_ids=[p.pk for p in predictions],
            as_of=NOON, now=NOON, dry_run=True,
        )  # fmt: skip
        (bet,) = (decision for decision in decisions if decision.verdict == "BET")
        return bet.stake

    @pytest.mark.parametrize(
        "kind, discount, factor",
        [
            pytest.param("CONFERENCE", None, "0.9", id="conference"),
            pytest.param("DIVISION", None, "0.85", id="division"),
            pytest.param("GROUP", 0.4, "0.4", id="ours"),
        ],
    )
    def test_shrink_a_stake_beside_an_open_bet_on_the_group(self, kind, discount, factor):
        bankroll, event, other = a_bankroll("1000.00"), an_event_with_prices(), an_event()
        predictions, wide = predictions_of(event), dict.fromkeys(CAPS, 1.0)
        strategy = a_strategy(bankroll=bankroll, is_correlation_discounted=True, **wide)
        a_bet(bankroll=bankroll, event=other, stake="1.00")
        whole = self.staked(strategy, predictions)
        join(a_group(kind, discount=discount), event.home, other.away)
        shrunk = self.staked(strategy, predictions)
        assert abs(shrunk - whole * D(factor)) <= D("0.02")


class TestDoors:
    @pytest.fixture
    def lead(self, client):
        roles.ensure_roles()
        client.force_login(a_person("lena", roles.OPS_LEAD))
        return client

    def test_api_makes_fills_and_empties_a_group(self, lead):
        side = an_event().home

        def send(path: str, **body: object):
            answer = lead.post(
                f"/api/v1/participant-groups{path}", json.dumps({"reason": "?", **body}),
                content_type="application/json",
            )  # fmt: skip
            return answer.status_code, answer.json()

        status, made = send("", sport="soccer", kind="DIVISION", name="North")
        assert (status, made["discount"], made["sport"]) == (201, 0.85, "soccer")
        assert send(f"/{made['id']}/join", participants=[side.name], since="2025-08-01")[0] == 200
        (row,) = lead.get(f"/api/v1/group-members?group={made['id']}").json()["results"]
        assert (row["participant_name"], row["since"]) == (side.name, "2025-08-01")
        assert send(f"/{made['id']}/leave", participants=[side.name], until="2026-06-01")[0] == 200
        assert GroupMember.objects.get().until == date(2026, 6, 1)
        assert send("", sport="soccer", kind="DIVISION", name="North", colour="red")[0] == 400
        assert send(f"/{made['id']}/join", participants=["Nobody"])[0] == 409

    def test_pages_make_and_fill_one(self, lead):
        side = an_event().home
        confirmed = {"confirmed": "yes", "reason": "the league says so"}
        listed = reverse("admin:betting_participantgroup_changelist")
        asked = {"sport": "soccer", "kind": "GROUP", "name": "Derbies", "discount": "0.5"}
        answer = lead.post(reverse("admin:betting_participantgroup_do_many", args=["set"]),
                           {**asked, **confirmed})  # fmt: skip
        assert answer.status_code == 302, answer.content
        group = ParticipantGroup.objects.get()
        lead.post(
            reverse("admin:betting_participantgroup_do", args=[group.pk, "join"]),
            {"participants": f"{side.name}\n", "since": "", **confirmed},
        )
        page = lead.get(reverse("admin:betting_participantgroup_change", args=[group.pk]))
        assert side.name in page.content.decode()
        assert "Derbies" in lead.get(listed).content.decode()

    def test_a_viewer_only_looks(self, client):
        roles.ensure_roles()
        client.force_login(a_person("vera", roles.VIEWER))
        assert client.get("/api/v1/participant-groups").status_code == 200
        answer = client.post("/api/v1/participant-groups", "{}", content_type="application/json")
        assert answer.status_code == 403

    def test_command_makes_fills_lists_and_empties_one(self, capsys):
        side = an_event().home
        named = {"sport": "soccer", "kind": "CONFERENCE", "name": "East", "output": "json"}
        call_command("groups", "set", reason="x", **named)
        call_command("groups", "join", participant=[side.name], reason="x", **named)
        call_command("groups", output="json")
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert [(row["name"], row["members"]) for row in told["groups"]] == [("East", 1)]
        call_command(
            "groups", "leave", participant=[side.name], day=date(2026, 6, 1), reason="x", **named
        )
        assert GroupMember.objects.get().until == date(2026, 6, 1)
