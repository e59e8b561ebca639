"""Feeds that answer badly: good rows are kept, the rest is told, nothing hangs or grows."""

import gzip
import json
import threading
import time
from pathlib import Path

import pytest
import stamina
from pydantic import SecretStr

from markets.models import (
    Event,
    Fetch,
    FetchProblem,
    LatestPrice,
    PriceSnapshot,
    RawPayload,
    Source,
)
from markets.services import archiving, breaking, credentials, ingesting, sources
from monitoring.errors import OutsideFailed
from tests.markets.builders import NOW, csv_file
from tests.markets.test_http import a_server

pytestmark = [pytest.mark.django_db, pytest.mark.faults]
SOURCE = "football_data"
GOOD = csv_file({})


@pytest.fixture(autouse=True)
def archive(settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path / "archive"
    sources.ensure_default_sources(now=NOW)


@pytest.fixture(autouse=True)
def without_waiting():
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


def look(*answers, path="/2324/E0.csv", **fields):
    """Read from a server that gives these answers; return the report, None where it failed."""
    with a_server(*answers) as (url, _):
        try:
            return ingesting.ingest(
                **{
                    "source_code": SOURCE,
                    "url": f"{url}{path}",
                    "actor": "cli:test",
                    "now": NOW,
                    **fields,
                }
            )
        except OutsideFailed:
            return None


def peak_kib(*, reset=False):
    """Return the most memory that this process held since the last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    told = Path("/proc/self/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0])


def last():
    return Fetch.objects.latest("pk")


def the_source():
    return Source.objects.get(code=SOURCE)


class TestAnAnswer:
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            ((500, {}, b""), "HTTP_5XX"),
            ((503, {"Retry-After": "1"}, b""), "HTTP_5XX"),
            ((404, {}, b""), "HTTP_4XX"),
            ((401, {}, b""), "REFUSED_AUTH"),
            ((403, {}, b""), "REFUSED_AUTH"),
            ((429, {}, b""), "RATE_LIMITED"),
            ((429, {"Retry-After": "7200"}, b""), "RATE_LIMITED"),
            ((429, {"Retry-After": "soon"}, b""), "RATE_LIMITED"),
            ((302, {"Location": "/2324/E0.csv"}, b""), "HTTP_4XX"),
            ((302, {"Location": "ftp://feed.example/E0.csv"}, b""), "NOT_ALLOWED"),
            ((200, {"Content-Length": "999"}, GOOD), "CONNECTION"),
            ((200, {}, b"<!DOCTYPE html><p>maintenance"), "BAD_PAYLOAD"),
            ((200, {}, b""), "BAD_PAYLOAD"),
            ((200, {}, b"\xff\xfeD\0i\0v\0"), "BAD_PAYLOAD"),
            ((200, {}, b'{"message": "limit reached", "code": 7}'), "ERROR_BODY"),
            ((200, {}, b'{"error": {"code": 3, "message": "no such league"}}'), "ERROR_BODY"),
            ((200, {}, gzip.compress(GOOD)[:-9]), "BAD_PAYLOAD"),
            ((200, {}, gzip.compress(b"\0" * 40_000_000)), "BOMB"),
            ((200, {}, b"Datum,Heim,Gast\n1,2,3\n"), "BAD_PAYLOAD"),
        ],
    )
    def test_that_cannot_be_used_is_a_failed_look_of_its_kind(self, answer, kind):
        report = look(answer)
        assert report is None or ingesting.is_failure(report)
        fetch = last()
        assert (fetch.state, fetch.error_kind) == ("FAILED", kind)
        assert fetch.error
        assert (Event.objects.count(), the_source().failures_in_a_row) == (0, 1)

    def test_of_success_that_is_none_is_archived_as_it_came(self):
        body = b'{"message": "limit reached"}'
        look((200, {}, body))
        assert archiving.read(sha256=RawPayload.objects.get().sha256) == body

    def test_that_there_is_nothing_new_is_no_failure(self):
        for status in (204, 304):
            report = look((status, {}, b""))
            assert (report["files"], report["rows"], report["problems"]) == (1, 0, [])
            assert (last().state, the_source().failures_in_a_row) == ("EMPTY", 0)

    def test_that_asks_to_wait_is_waited_for(self):
        look((429, {"Retry-After": "7200"}, b""))
        assert (the_source().not_before - NOW).total_seconds() == 7200
        with pytest.raises(breaking.LeftAlone):
            look((200, {}, GOOD))
        assert Fetch.objects.count() == 1

    def test_that_is_compressed_is_read(self):
        report = look((200, {}, gzip.compress(GOOD)))
        assert (report["files"], report["loaded"]) == (1, 1)

    def test_in_another_charset_is_read(self):
        body = csv_file({"HomeTeam": "Köln"}).decode().encode("cp1252")
        look((200, {"Content-Type": "text/csv; charset=utf-8"}, body))
        assert Event.objects.get().home.name == "Köln"

    def test_after_temporary_faults_is_read(self):
        assert look((500, {}, b""), (200, {}, GOOD))["loaded"] == 1
        assert last().latency_ms > 0


class TestRows:
    def test_that_are_absurd_lose_none_of_the_good_ones(self):
        rows = [
            {},
            {"HomeTeam": "Cedars", "PSH": "-2", "PSCH": "1e400", "AHh": "NaN"},
            {"HomeTeam": "Elms", "PSH": "٢٫١", "PSD": "10,50", "P>2.5": "1_000"},
            {"HomeTeam": "Firs", "Date": "31/02/2023"},
            {"HomeTeam": "Gums", "Date": "12/08/9999"},
            {"HomeTeam": "x\0y"},
            {"HomeTeam": "Hazels", "FTHG": "W/O"},
            {"Div": "ZZ9"},
        ]
        report = look((200, {}, csv_file(*rows)))
        assert report["rows"] == 8
        assert (report["loaded"], report["rejected"], report["parked"]) == (4, 4, 0)
        names = Event.objects.order_by("home__name").values_list("home__name", flat=True)
        assert list(names) == ["Alders", "Cedars", "Elms", "Hazels"]
        assert not PriceSnapshot.objects.filter(price__lte=1).exists()
        fetch = last()
        assert (fetch.rows_read, fetch.rows_loaded, fetch.rows_rejected) == (8, 4, 4)
        assert FetchProblem.objects.filter(is_rejection=True).count() >= 4

    def test_that_lost_a_column_bring_what_is_left(self):
        columns = ["Div", "Date", "Time", "HomeTeam", "AwayTeam", "PSCH", "PSCD", "PSCA"]
        report = look((200, {}, csv_file({}, columns=columns)))
        assert (report["loaded"], report["prices"]["new"]) == (1, 3)

    def test_that_are_cut_in_the_middle_bring_what_is_whole(self):
        body = csv_file({}, {"HomeTeam": "Cedars"})
        report = look((200, {}, body[:-20]))
        assert (report["rows"], report["rejected"]) == (2, 0)
        assert [problem["row"] for problem in report["problems"]] == [3]

    def test_twice_are_once(self):
        look((200, {}, GOOD))
        stored = PriceSnapshot.objects.count(), LatestPrice.objects.count()
        report = look((200, {}, GOOD))
        assert (report["unchanged"], report["loaded"]) == (1, 0)
        assert stored == (PriceSnapshot.objects.count(), LatestPrice.objects.count())


class TestASlowOrEndlessAnswer:
    def drip(self, done, chunk, pause):
        def answer(handler):
            handler.send_response(200)
            handler.end_headers()
            while not done.wait(pause):
                try:
                    handler.wfile.write(chunk)
                except OSError:
                    return

        return answer

    def test_is_given_up_in_time(self):
        Source.objects.update(timeout_seconds=1)
        done = threading.Event()
        began = time.monotonic()
        try:
            assert look(self.drip(done, b"x", 0.05)) is None
        finally:
            done.set()
        assert last().error_kind == "TIMEOUT"
        assert time.monotonic() - began < 30

    def test_is_given_up_when_it_is_too_large(self):
        """A gigabyte is never held: what may come at most is a tenth of it."""
        before = peak_kib(reset=True)
        Source.objects.update(max_bytes=20_000_000)
        done = threading.Event()
        try:
            assert look(self.drip(done, b"x" * 1_000_000, 0.0001)) is None
        finally:
            done.set()
        assert last().error_kind == "TOO_LARGE"
        assert peak_kib() - before < 200 * 1024


class TestTheBreaker:
    def test_opens_leaves_alone_and_closes(self):
        for _ in range(the_source().breaker_opens_after):
            look((500, {}, b""))
        source = the_source()
        assert source.breaker_state == "OPEN"
        with pytest.raises(breaking.LeftAlone, match="left alone"):
            look((200, {}, GOOD))
        assert look((200, {}, GOOD), now=source.breaker_retry_at)["loaded"] == 1
        assert the_source().breaker_state == "CLOSED"

    def test_keeps_nobody_from_reading_a_file(self, tmp_path):
        Source.objects.filter(code=SOURCE).update(
            breaker_state="OPEN", breaker_opened_at=NOW, breaker_retry_at=NOW.replace(year=2030)
        )
        (tmp_path / "E0_2324.csv").write_bytes(GOOD)
        report = ingesting.ingest(
            source_code=SOURCE, path=str(tmp_path / "E0_2324.csv"), actor="cli:test", now=NOW
        )
        assert report["loaded"] == 1


class TestASourceThatIsAsked:
    """The Odds API with a server of ours in its place."""

    GAME = {
        "id": "g1",
        "sport_key": "basketball_nba",
        "sport_title": "NBA",
        "commence_time": "2024-06-03T00:00:00Z",
        "home_team": "Boston Celtics",
        "away_team": "Dallas Mavericks",
        "bookmakers": [
            {
                "key": "fanduel",
                "title": "FanDuel",
                "last_update": "2024-06-01T11:59:00Z",
                "markets": [
                    {
                        "key": "h2h",
                        "outcomes": [
                            {"name": "Boston Celtics", "price": -220},
                            {"name": "Dallas Mavericks", "price": 180},
                        ],
                    }
                ],
            }
        ],
    }

    @pytest.fixture(autouse=True)
    def a_secret(self, settings):
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
            update={"odds_api_key": SecretStr("s3cret")}
        )

    def ask(self, *answers, **fields):
        with a_server(*answers) as (url, asked):
            Source.objects.filter(code="odds_api").update(
                location=url, options={"sports": ["basketball_nba"]}
            )
            try:
                report = ingesting.ingest(
                    **{"source_code": "odds_api", "actor": "cli:test", "now": NOW, **fields}
                )
            except OutsideFailed:
                report = None
        return report, asked

    def answer(self, *games, **headers):
        return 200, headers, json.dumps(games).encode()

    def test_is_asked_with_its_secret_and_tells_it_to_nobody(self):
        report, asked = self.ask(self.answer(self.GAME))
        assert "apiKey=s3cret" in asked[0]
        assert (report["rows"], report["loaded"], report["prices"]["new"]) == (1, 1, 2)
        told = json.dumps(report, default=str) + last().origin + RawPayload.objects.get().origin
        assert "s3cret" not in told
        assert "apiKey=[redacted]" in told

    def test_that_refuses_shows_no_secret_either(self):
        report, _ = self.ask((401, {}, b'{"message": "Invalid API key"}'))
        assert report is None
        assert last().error_kind == "REFUSED_AUTH"
        assert "s3cret" not in last().error

    def test_tells_its_quota(self):
        headers = {"x-requests-used": "480", "x-requests-remaining": "20"}
        self.ask(self.answer(self.GAME, **headers))
        source = Source.objects.get(code="odds_api")
        assert (source.quota_limit, source.quota_used, source.quota_remaining) == (500, 480, 20)
        assert source.not_before is None

    def test_whose_quota_is_used_up_is_not_asked_before_the_next_month(self):
        self.ask(self.answer(self.GAME, **{"x-requests-remaining": "0"}))
        assert Source.objects.get(code="odds_api").not_before == NOW.replace(month=7, day=1, hour=0)
        with pytest.raises(breaking.LeftAlone):
            self.ask(self.answer(self.GAME))

    def test_that_has_no_games_is_empty(self):
        report, _ = self.ask(self.answer())
        assert (report["files"], report["rows"], last().state) == (1, 0, "EMPTY")

    def test_without_its_secret_is_not_asked(self, settings):
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(
            update={"odds_api_key": SecretStr("")}
        )
        with pytest.raises(credentials.NoCredentials, match="ODDS_API_KEY"):
            self.ask(self.answer(self.GAME))
        assert (last().error_kind, Event.objects.count()) == ("REFUSED_AUTH", 0)
        assert Source.objects.get(code="odds_api").last_attempt_at == NOW

    def test_with_wrong_options_is_not_asked(self):
        Source.objects.filter(code="odds_api").update(options={"sports": "nba"})
        with pytest.raises(sources.CannotBeAsked, match="a list of keys"):
            ingesting.ingest(source_code="odds_api", actor="cli:test", now=NOW)

    def test_that_fails_in_the_middle_keeps_what_came_before(self):
        Source.objects.filter(code="odds_api").update(options={})
        with a_server(self.answer(self.GAME), (500, {}, b"")) as (url, _):
            options = {"sports": ["basketball_nba"], "scores_days": 1}
            Source.objects.filter(code="odds_api").update(location=url, options=options)
            with pytest.raises(OutsideFailed):
                ingesting.ingest(source_code="odds_api", actor="cli:test", now=NOW)
        assert Event.objects.count() == 1
        fetch = last()
        assert (fetch.state, fetch.error_kind, fetch.rows_loaded) == ("FAILED", "HTTP_5XX", 1)
