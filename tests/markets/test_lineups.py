"""Who is known to start: told by sources in their own ways, told by a person, asked as of then."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from markets import queries
from markets.domain import lineups as words
from markets.models import (
    Competition,
    Event,
    Market,
    Notice,
    Participant,
    ParticipantAlias,
    Season,
    Source,
    Sport,
)
from markets.services import lineups
from models_ml.domain import notices as features
from monitoring.models import AuditEntry, User
from monitoring.services import roles
from tests.markets.doors import a_client, run

pytestmark = pytest.mark.django_db
NOON = datetime(2031, 3, 1, 12, tzinfo=UTC)
_refs = count(1)


def a_source(code: str = "feed") -> Source:
    return Source.objects.get_or_create(code=code, defaults={"name": code})[0]


def a_game(*players: str, starts_at: datetime = NOON + timedelta(hours=1)) -> Event:
    """A game of basketball with a market of points for each of these players."""
    sport, _ = Sport.objects.get_or_create(code="basketball", defaults={"name": "Basketball"})
    league, _ = Competition.objects.get_or_create(
        code="NBA", defaults={"name": "NBA", "sport": sport}
    )
    season, _ = Season.objects.get_or_create(competition=league, label="2030-31")
    home, away = (
        Participant.objects.get_or_create(sport=sport, name=name)[0] for name in ("Jets", "Novas")
    )
    event = Event.objects.create(
        competition=league, season=season, home=home, away=away, starts_at=starts_at,
        name="Jets – Novas", leg=next(_refs),
    )  # fmt: skip
    for name in players:
        player = Participant.objects.create(sport=sport, name=name, kind="PLAYER")
        Market.objects.create(
            event=event, kind="PLAYER_TOTAL", participant=player, statistic="points", line="20.50"
        )
    return event


def told(about: Event, *, known_at: datetime = NOON, **fields: object) -> Notice:
    values = {"kind": "LINEUP", "ref": f"r{next(_refs)}", "version": 1, "source": a_source()}
    values |= {"title": "told", "digest": "0", "event": about}
    return Notice.objects.create(known_at=known_at, **{**values, **fields})


def known(event: Event, *, as_of: datetime = NOON) -> dict[str, bool]:
    players = Participant.objects.filter(kind="PLAYER")
    found = queries.starters(asked=[(event.pk, player.pk) for player in players], as_of=as_of)
    names = dict(players.values_list("pk", "name"))
    pairs = zip(found["participant_id"], found["starts"], strict=True)
    return {names[player]: bool(starts) for player, starts in pairs}


def test_the_words_are_those_that_features_are_made_of():
    assert (words.STARTER, words.BENCH, words.OUT) == (
        features.STARTER, features.BENCH, features.OUT,
    )  # fmt: skip


class TestStarters:
    @pytest.mark.parametrize(
        "fields, expected",
        [
            ({"data": {"starters": ["Ana  RUIZ", "Somebody Else"]}}, {"Ana Ruiz": True}),
            (
                {"status": "confirmed", "data": {"Jets": ["Ana Ruiz"], "Novas": ["Bo Lind"]}},
                {"Ana Ruiz": True, "Bo Lind": True},
            ),
            ({"status": "probable", "data": {"Jets": ["Ana Ruiz"]}}, {}),
            ({"person": "Ana Ruiz", "status": "Starter"}, {"Ana Ruiz": True}),
            ({"person": "Ana Ruiz", "status": "Bench"}, {"Ana Ruiz": False}),
            ({"person": "Ana Ruiz", "status": "Questionable"}, {}),
            ({"kind": "INJURY", "person": "Ana Ruiz", "status": "Out"}, {"Ana Ruiz": False}),
            ({"kind": "NEWS", "person": "Ana Ruiz", "status": "starter"}, {}),
            ({"data": {"starters": "Ana Ruiz"}}, {}),
            ({"data": {"starters": [7, None, "A. Ruiz"]}}, {"Ana Ruiz": True}),
            ({"data": {"starters": ["Ana Ruiz"]}, "known_at": NOON + timedelta(seconds=1)}, {}),
        ],
        ids=[
            "list-of-a-side", "lists-of-both", "not-confirmed", "starter", "bench", "doubtful",
            "injury", "news", "no-list", "alias", "known-later",
        ],
    )  # fmt: skip
    def test_reads_every_way_of_telling(self, fields, expected):
        event = a_game("Ana Ruiz", "Bo Lind")
        ana = Participant.objects.get(name="Ana Ruiz")
        ParticipantAlias.objects.create(
            source=a_source(), sport=ana.sport, alias="A. Ruiz", participant=ana
        )
        told(event, **fields)
        assert known(event) == expected

    def test_heeds_the_newest_telling_whoever_told_it(self):
        event = a_game("Ana Ruiz")
        told(event, data={"starters": ["Ana Ruiz"]}, known_at=NOON - timedelta(minutes=9))
        out = {"kind": "INJURY", "person": "Ana Ruiz", "status": "Out", "event": None}
        out |= {"participant": event.home, "source": a_source("espn")}
        told(event, **out, known_at=NOON - timedelta(minutes=5))
        assert known(event) == {"Ana Ruiz": False}
        assert known(event, as_of=NOON - timedelta(minutes=6)) == {"Ana Ruiz": True}

    def test_takes_a_list_back_by_a_newer_one_without_the_name(self):
        event = a_game("Ana Ruiz", "Bo Lind")
        told(event, ref="jets", data={"starters": ["Ana Ruiz"]}, known_at=NOON - timedelta(1))
        told(event, ref="jets", version=2, data={"starters": ["Bo Lind"]})
        assert known(event) == {"Bo Lind": True}

    def test_takes_a_name_that_two_bear_for_neither(self):
        event = a_game("Ana Ruiz")
        twin = Participant.objects.create(
            sport=event.competition.sport, name="Ana Ruiz", qualifier="2", kind="PLAYER"
        )
        told(event, data={"starters": ["Ana Ruiz"]})
        assert known(event) == {}
        told(event, participant=twin, status="starter", person="Ana Ruiz")
        found = queries.starters(
            asked=[(event.pk, p.pk) for p in Participant.objects.filter(kind="PLAYER")], as_of=NOON
        )
        assert found["participant_id"].tolist() == [twin.pk]

    def test_asks_as_often_for_many_as_for_one(self, django_assert_num_queries):
        events = [a_game(f"Ana {n}", f"Bo {n}") for n in range(4)]
        for event in events:
            told(event, data={"starters": [f"Ana {n}" for n in range(4)]})
        pairs = list(Market.objects.values_list("event_id", "participant_id"))
        for asked in (pairs[:1], pairs):
            with django_assert_num_queries(3):
                found = queries.starters(asked=asked, as_of=NOON)
            assert len(found) == (len(asked) + 1) // 2


def tell(event: Event, status: str = "starter", **changed) -> Notice:
    player = Participant.objects.filter(kind="PLAYER").first()
    given = {"event_id": event.pk, "participant_id": player.pk if player else 0, "now": NOON}
    given |= {"actor": "user:olga", "reason": "the club's own page", "status": status}
    return lineups.tell(**{**given, **changed})


class TestTell:
    def test_is_known_from_then_on_and_audited(self):
        event = a_game("Ana Ruiz")
        notice = tell(event)
        assert known(event) == {"Ana Ruiz": True}
        assert known(event, as_of=NOON - timedelta(seconds=1)) == {}
        detail = AuditEntry.objects.get(action="markets.tell_line_up").detail
        assert (detail["reason"], detail["after"]) == ("the club's own page", "starter")
        again = tell(event, "out", now=NOON + timedelta(minutes=1))
        assert (notice.version, again.version, again.ref) == (1, 2, notice.ref)
        assert known(event, as_of=NOON + timedelta(minutes=1)) == {"Ana Ruiz": False}

    @pytest.mark.parametrize(
        "changed, why",
        [
            ({"reason": " "}, "reason"),
            ({"status": "probable"}, "a player is starter, bench, out"),
            ({"event_id": 0}, "no event 0"),
            ({"participant_id": 0}, "no player 0"),
            ({"now": NOON + timedelta(hours=1)}, "has started"),
        ],
        ids=["no-reason", "no-status", "no-event", "no-player", "started"],
    )
    def test_refuses_what_cannot_be_said(self, changed, why):
        with pytest.raises(lineups.WrongLineUp, match=why):
            tell(a_game("Ana Ruiz"), **changed)
        assert not Notice.objects.exists()

    def test_refuses_sides_other_sports_and_what_was_told_last(self):
        event = a_game("Ana Ruiz")
        with pytest.raises(lineups.WrongLineUp, match="there is no player"):
            tell(event, participant_id=event.home_id)
        tennis = Sport.objects.create(code="tennis", name="Tennis")
        other = Participant.objects.create(sport=tennis, name="Cy Moe", kind="PLAYER")
        with pytest.raises(lineups.WrongLineUp, match="another sport"):
            tell(event, participant_id=other.pk)
        tell(event)
        with pytest.raises(lineups.WrongLineUp, match="told to be starter already"):
            tell(event)
        assert Notice.objects.count() == 1


class TestDoors:
    @pytest.fixture
    def game(self) -> Event:
        return a_game("Ana Ruiz", "Bo Lind", starts_at=timezone.now() + timedelta(hours=1))

    def test_page_shows_what_is_known_and_lets_an_operator_tell(self, game):
        client, ana = a_client(), Participant.objects.get(name="Ana Ruiz")
        url = reverse("admin:markets_event_change", args=[game.pk])
        assert "Not known" in client.get(url).content.decode()
        do = reverse("admin:markets_event_do", args=[game.pk, "tell-line-up"])
        assert "Bo Lind" in client.get(do).content.decode()
        body = {"confirmed": "yes", "reason": "seen", "player": ana.pk, "status": "starter"}
        assert client.post(do, body).status_code == 302
        text = client.get(url).content.decode()
        assert all(part in text for part in ("Who starts", "Ana Ruiz", "by_hand", "Starts"))

    def test_api_tells_and_refuses(self, game):
        ana, path = Participant.objects.get(name="Ana Ruiz"), f"/api/v1/events/{game.pk}/line-up"
        body = {"participant": ana.pk, "status": "starter", "reason": "seen"}
        post = {"content_type": "application/json"}
        client = a_client(roles.VIEWER)
        assert client.post(path, body, **post).status_code == 403
        User.objects.get(username="olga").groups.set(Group.objects.filter(name=roles.OPERATOR))
        answer = client.post(path, body, **post)
        assert (answer.status_code, answer.json()["status"]) == (200, "starter")
        assert client.post(path, body, **post).status_code == 409
        for wrong in ({"status": "probable"}, {"participant": 2**70}, {"reason": ""}):
            assert client.post(path, {**body, **wrong}, **post).status_code == 400

    def test_command_lists_and_tells(self, game, capsys):
        ana = Participant.objects.get(name="Ana Ruiz")
        code, told = run(
            capsys, "lineups", "tell", str(game.pk), str(ana.pk), "starter", "--reason", "seen"
        )
        assert (code, told["version"]) == (0, 1)
        _, listed = run(capsys, "lineups", "list", str(game.pk))
        assert [(row["name"], row["starts"]) for row in listed["players"]] == [
            ("Ana Ruiz", True), ("Bo Lind", None),
        ]  # fmt: skip
        code, _ = run(capsys, "lineups", "tell", str(game.pk))
        assert code == 1
