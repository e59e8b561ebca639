"""The Odds API and ESPN are asked by a real client over a real connection."""

import json
from contextlib import suppress
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import stamina
from pydantic import SecretStr

from markets.connectors.base import Answer, Asked, Quota
from markets.connectors.espn import Espn
from markets.connectors.odds_api import OddsApi
from markets.models import Event, Fetch, PriceSnapshot, RawPayload, Source, StatisticResult
from markets.services import asking, credentials, ingesting, sources
from monitoring.errors import OutsideFailed
from tests.markets.sources.payloads_of import payload
from tests.markets.test_http import a_server

NOW = datetime(2024, 3, 1, 18, 30, tzinfo=UTC)
SECRET = "k3y-nobody-may-see"


def get(url, *, params=None, headers=None, body=None, secret_params=frozenset(), **_):
    """Ask as the platform does, keeping secrets out of the origin."""
    response = httpx.get(url, params=params, headers=headers, timeout=5)
    shown = {name: value for name, value in (params or {}).items() if name not in secret_params}
    return Answer(
        name=urlsplit(url).path,
        origin=str(httpx.URL(url, params=shown)),
        payload=response.content,
        headers=dict(response.headers),
        status=response.status_code,
    )


def asked(location, *, since=None, **options):
    return Asked(
        options=options,
        location=location,
        since=since,
        credentials={"key": SecretStr(SECRET)},
        now=NOW,
    )


def requests(paths):
    """Return each request's path and parameters."""
    parts = [urlsplit(path) for path in paths]
    return [(part.path, {k: v[0] for k, v in parse_qs(part.query).items()}) for part in parts]


def json_answer(name, source, **headers):
    return (200, {"Content-Type": "application/json", **headers}, payload(source, name))


class TestAskOddsApi:
    def test_asks_for_prices_and_scores_of_each_sport(self):
        odds = json_answer("odds.json", "odds_api")
        scores = json_answer("scores.json", "odds_api")
        with a_server(odds, scores) as (url, paths):
            options = {"sports": ["basketball_nba"], "scores_days": 2}
            answers = list(OddsApi().ask(asked=asked(url, **options), get=get))
        (first, given), (second, days) = requests(paths)
        assert first == "/v4/sports/basketball_nba/odds"
        assert given == {
            "apiKey": SECRET,
            "markets": "h2h,spreads,totals",
            "regions": "us",
            "oddsFormat": "american",
            "dateFormat": "iso",
        }
        assert (second, days["daysFrom"]) == ("/v4/sports/basketball_nba/scores", "2")
        assert [json.loads(answer.payload)[0]["sport_title"] for answer in answers] == ["NBA"] * 2

    def test_shows_its_key_to_nobody_but_the_source(self):
        with a_server(json_answer("odds.json", "odds_api")) as (url, _):
            (answer,) = OddsApi().ask(asked=asked(url, sports=["basketball_nba"]), get=get)
        assert SECRET not in answer.origin + answer.name

    def test_asks_for_players_game_by_game_up_to_its_limit(self):
        answers = [json_answer(name, "odds_api") for name in ("odds.json", "historical_props.json")]
        options = {
            "sports": ["basketball_nba"], "event_markets": ["player_points"],
            "bookmakers": ["fanduel", "draftkings"], "events_at_most": 1,
        }  # fmt: skip
        with a_server(*answers) as (url, paths):
            list(OddsApi().ask(asked=asked(url, **options), get=get))
        assert len(paths) == 2
        path, given = requests(paths)[1]
        game = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
        assert path == f"/v4/sports/basketball_nba/events/{game}/odds"
        assert (given["markets"], given["bookmakers"]) == ("player_points", "fanduel,draftkings")
        assert "regions" not in given

    def test_asks_for_the_same_moment_of_each_day_of_history_and_none_to_come(self):
        with a_server(json_answer("historical_props.json", "odds_api")) as (url, paths):
            options = {"sports": ["basketball_nba"], "history_at": "19:00"}
            since = asked(url, since=date(2024, 2, 28), **options)
            list(OddsApi().ask(asked=since, get=get))
        assert {path for path, _ in requests(paths)} == {
            "/v4/historical/sports/basketball_nba/odds"
        }
        assert [given["date"] for _, given in requests(paths)] == [
            "2024-02-28T19:00:00Z",
            "2024-02-29T19:00:00Z",
        ]

    def test_never_puts_a_strange_id_into_an_address(self):
        game = json.loads(payload("odds_api", "odds.json"))[0] | {"id": "../../secret"}
        with a_server((200, {}, json.dumps([game]).encode())) as (url, paths):
            options = {"sports": ["basketball_nba"], "event_markets": ["player_points"]}
            list(OddsApi().ask(asked=asked(url, **options), get=get))
        assert len(paths) == 1

    def test_asks_nothing_where_no_sport_is_named(self):
        assert list(OddsApi().ask(asked=asked("http://127.0.0.1:9"), get=get)) == []

    @pytest.mark.parametrize(
        ("used", "remaining", "quota"),
        [
            ("120", "380", Quota(500, 120, 380)),
            ("500.0", "0", Quota(500, 500, 0)),
            ("", "17", Quota(None, None, 17)),
            ("x", "-1", None),
        ],
    )
    def test_reads_its_quota_off_the_headers(self, used, remaining, quota):
        headers = {"x-requests-used": used, "x-requests-remaining": remaining}
        with a_server(json_answer("odds.json", "odds_api", **headers)) as (url, _):
            (answer,) = OddsApi().ask(asked=asked(url, sports=["basketball_nba"]), get=get)
        assert OddsApi().quota(answer.headers) == quota


class TestOddsApiOptions:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({}, []),
            ({"sports": ["soccer_epl"], "oddsFormat": "decimal", "history_at": "11:55"}, []),
            ({"sport": ["x"]}, ["sport: no option of this source"]),
            ({"scores_days": 4}, ["scores_days: a whole number up to 3"]),
            ({"scores_days": True}, ["scores_days: a whole number up to 3"]),
            ({"regions": ["us/../"]}, ["regions: a list of keys such as basketball_nba"]),
            ({"history_at": "noon"}, ["history_at: a time of day in UTC such as 11:55"]),
        ],
    )
    def test_are_checked_in_words(self, options, expected):
        assert OddsApi().check_options(options) == expected


class TestAskEspn:
    def test_asks_for_scoreboard_finished_games_and_injuries(self):
        answers = [
            json_answer(name, "espn")
            for name in ("scoreboard.json", "summary.json", "injuries.json")
        ]
        with a_server(*answers) as (url, paths):
            options = {"leagues": ["WNBA"], "summaries_at_most": 1}
            found = list(Espn().ask(asked=asked(url, **options), get=get))
        assert len(found) == 3
        assert requests(paths) == [
            ("/basketball/wnba/scoreboard", {"dates": "20240229-20240302", "limit": "500"}),
            ("/basketball/wnba/summary", {"event": "900101"}),
            ("/basketball/wnba/injuries", {}),
        ]

    def test_begins_with_the_day_that_somebody_named(self):
        with a_server(json_answer("scoreboard.json", "espn")) as (url, paths):
            options = {"leagues": ["NBA"], "injuries": False, "days_ahead": 0}
            list(Espn().ask(asked=asked(url, since=date(2024, 2, 1), **options), get=get))
        assert requests(paths) == [
            ("/basketball/nba/scoreboard", {"dates": "20240201-20240301", "limit": "500"})
        ]

    def test_asks_for_no_summary_of_a_page_that_it_cannot_read(self):
        with a_server((200, {}, b"<html>")) as (url, paths):
            options = {"leagues": ["NBA"], "injuries": False, "summaries_at_most": 9}
            list(Espn().ask(asked=asked(url, **options), get=get))
        assert len(paths) == 1

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({"leagues": ["NFL"], "days_back": 3, "injuries": False, "league": "NBA"}, []),
            ({"days_back": 31}, ["days_back: a whole number up to 30"]),
            ({"injuries": 1}, ["injuries: true or false"]),
            ({"league": "NHL"}, ["league: one of NFL, NBA, WNBA"]),
        ],
    )
    def test_checks_options_in_words(self, options, expected):
        assert Espn().check_options(options) == expected


@pytest.mark.django_db
class TestAskThroughThePlatform:
    @pytest.fixture
    def source(self, settings):
        secret = SecretStr(SECRET)
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"odds_api_key": secret})
        return Source.objects.create(
            code="odds_api",
            name="The Odds API",
            cadence_seconds=300,
            credentials="odds_api",
            options={"sports": ["basketball_nba"]},
        )

    def ask(self, source, url):
        source.location = url
        connector = OddsApi()
        line = asking.line_to(source=source, connector=connector, now=NOW)
        return list(asking.answers(line=line, connector=connector, since=None))

    def test_keeps_the_quota_with_the_source_and_the_key_out_of_everything(self, source):
        headers = {"x-requests-used": "120", "x-requests-remaining": "380"}
        with a_server(json_answer("odds.json", "odds_api", **headers)) as (url, paths):
            (answer,) = self.ask(source, url)
        assert SECRET in paths[0]
        assert SECRET not in answer.origin + answer.name
        source.refresh_from_db()
        assert (source.quota_limit, source.quota_used, source.quota_remaining) == (500, 120, 380)
        assert source.quota_read_at == NOW

    @pytest.mark.parametrize(
        ("status", "kind"), [(401, "REFUSED_AUTH"), (429, "RATE_LIMITED"), (422, "HTTP_4XX")]
    )
    def test_tells_refusals_apart(self, source, status, kind):
        with (
            a_server((status, {"Retry-After": "1"}, b'{"message": "no"}')) as (url, _),
            stamina.set_testing(True, attempts=1),
            pytest.raises(OutsideFailed) as refused,
        ):
            self.ask(source, url)
        assert refused.value.kind == kind
        assert SECRET not in str(refused.value)

    def test_asks_nothing_without_its_key(self, source, settings):
        empty = {"odds_api_key": SecretStr("")}
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update=empty)
        with pytest.raises(credentials.NoCredentials, match="ODDS_API_KEY"):
            self.ask(source, "http://127.0.0.1:9")


@pytest.mark.django_db
class TestIngestWithoutAPlace:
    @pytest.fixture
    def ask(self, settings):
        secret = SecretStr(SECRET)
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"odds_api_key": secret})
        sources.ensure_default_sources(now=NOW)

        def ask(source, url, **options):
            Source.objects.filter(code=source).update(location=url, options=options)
            return ingesting.ingest(source_code=source, actor="test", now=NOW)

        return ask

    def test_loads_what_the_odds_api_answers_and_archives_no_secret(self, ask):
        answers = [json_answer(name, "odds_api") for name in ("odds.json", "scores.json")]
        with a_server(*answers) as (url, _):
            found = ask("odds_api", url, sports=["basketball_nba"], scores_days=1)
        assert (found["rows"], found["loaded"], found["parked"], found["rejected"]) == (4, 3, 0, 0)
        assert (found["prices"]["new"], found["results"]["new"]) == (13, 1)
        assert PriceSnapshot.objects.count() == 13
        known_at = Event.objects.values_list("start_known_at", flat=True)
        assert all(known_at)  # asked for just now: it is news of now
        origins = [*RawPayload.objects.values_list("origin", flat=True)]
        origins += Fetch.objects.values_list("origin", flat=True)
        assert len(origins) == 3 and not any(SECRET in origin for origin in origins)

    def test_finds_nothing_new_in_the_same_answer(self, ask):
        with a_server(json_answer("odds.json", "odds_api")) as (url, _):
            ask("odds_api", url, sports=["basketball_nba"])
            found = ask("odds_api", url, sports=["basketball_nba"])
        assert (found["rows"], found["unchanged"]) == (2, 2)
        assert PriceSnapshot.objects.count() == 13

    def test_writes_down_an_error_that_came_with_status_200(self, ask):
        answer = (200, {}, b'{"message": "You are out of credits", "error_code": "OUT"}')
        with a_server(answer) as (url, _), suppress(OutsideFailed):
            ask("odds_api", url, sports=["basketball_nba"])
        look = Fetch.objects.get()
        assert (look.state, look.error_kind) == ("FAILED", "ERROR_BODY")

    def test_loads_games_players_and_injuries_of_espn(self, ask):
        answers = [
            json_answer(name, "espn")
            for name in ("scoreboard.json", "summary.json", "injuries.json")
        ]
        with a_server(*answers) as (url, _):
            found = ask("espn", url, leagues=["WNBA"], summaries_at_most=1)
        assert (found["rows"], found["parked"], found["rejected"]) == (10, 0, 2)
        assert (found["events"]["new"], found["notices"]["new"]) == (5, 6)
        assert StatisticResult.objects.filter(statistic="points").count() == 4
