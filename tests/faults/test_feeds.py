"""Feeds that answer badly: good rows are kept, the rest is told, nothing hangs or grows.

Everything is tried three times, and twenty times by ``make faults``: each time with other cuts,
other charsets and other absurdities, through the real fetching path against a server of ours.
"""

import gzip
import json
import random
import threading
import time
from email.utils import formatdate
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
from tests.faults.processes import times
from tests.markets.builders import NOW, ROW, csv_file
from tests.markets.test_http import a_server

pytestmark = [pytest.mark.django_db, pytest.mark.faults]
SOURCE = "football_data"
GOOD = csv_file({})
TRIES = range(times(3, 20))
GIBIBYTE = 1 << 30
MEMORY_AT_MOST = 200 * 1024  # KiB above what the process held before
#: Zeros, a gibibyte of them once they are expanded.
BOMB = gzip.compress(b"\0" * (GIBIBYTE // 64)) * 64


@pytest.fixture(autouse=True, params=TRIES, ids=lambda number: f"try{number + 1}")
def chance(request):
    """What differs from try to try."""
    return random.Random(request.param)


@pytest.fixture(autouse=True)
def archive(settings, tmp_path):
    settings.ARCHIVE_DIR = tmp_path / "archive"
    sources.ensure_default_sources(now=NOW)
    Source.objects.update(timeout_seconds=240)  # what hangs is tried by itself


@pytest.fixture(autouse=True)
def without_waiting():
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


@pytest.fixture(autouse=True)
def within_memory(archive):
    before = peak_kib(reset=True)
    yield
    assert peak_kib() - before < MEMORY_AT_MOST


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


PAGE = b"<!DOCTYPE html><p>maintenance"
NO_LEAGUE = b'{"error": {"code": 3, "message": "no such league"}}'
PACKED = {"Content-Encoding": "gzip"}


class TestAnAnswer:
    @pytest.mark.parametrize(
        ("answer", "kind"),
        [
            pytest.param((500, {}, b""), "HTTP_5XX", id="500"),
            pytest.param((503, {"Retry-After": "1"}, b""), "HTTP_5XX", id="503 for a second"),
            pytest.param((404, {}, b""), "HTTP_4XX", id="404"),
            pytest.param((401, {}, b""), "REFUSED_AUTH", id="401"),
            pytest.param((403, {}, b""), "REFUSED_AUTH", id="403"),
            pytest.param((302, {"Location": "/2324/E0.csv"}, b""), "HTTP_4XX", id="redirect loop"),
            pytest.param(
                (302, {"Location": "ftp://feed.example/E0.csv"}, b""), "NOT_ALLOWED", id="to ftp"
            ),
            pytest.param((200, {"Content-Length": "999"}, GOOD), "CONNECTION", id="cut"),
            pytest.param((200, {}, PAGE), "BAD_PAYLOAD", id="web page"),
            pytest.param((200, {}, b""), "BAD_PAYLOAD", id="empty"),
            pytest.param((200, {}, b"\xff\xfeD\0i\0v\0"), "BAD_PAYLOAD", id="UTF-16"),
            pytest.param(
                (200, {}, b'{"message": "limit reached", "code": 7}'), "ERROR_BODY", id="error"
            ),
            pytest.param((200, {}, NO_LEAGUE), "ERROR_BODY", id="error within"),
            pytest.param((200, {}, BOMB), "BOMB", id="bomb"),
            pytest.param((200, PACKED, BOMB), "TOO_LARGE", id="packed bomb"),
            pytest.param(
                (200, {}, b"Datum,Heim,Gast\n1,2,3\n"), "BAD_PAYLOAD", id="renamed header"
            ),
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

    def test_that_is_packed_and_cut_anywhere_is_a_failed_look(self, chance):
        packed = gzip.compress(GOOD)
        report = look((200, {}, packed[: chance.randrange(11, len(packed))]))
        assert ingesting.is_failure(report)
        assert (last().error_kind, Event.objects.count()) == ("BAD_PAYLOAD", 0)

    def test_that_goes_round_in_a_circle_is_left_after_a_few_steps(self, chance):
        circle = [(302, {"Location": f"/{n}"}, b"") for n in range(chance.randint(2, 40))] * 20
        assert look(*circle) is None
        assert last().error_kind == "HTTP_4XX"

    @pytest.mark.parametrize(
        ("told", "seconds"),
        [
            (None, None), ("", None), ("0", None), ("1", 1), ("7200", 7200), ("999999", 999_999),
            ("soon", None), ("-5", None), ("1.5", None), ("9" * 30, None), ("٣", None),
            ("in two hours", 7200), ("two hours ago", None),
            ("Fri, 31 Feb 2031 99:00:00 GMT", None),
        ],
        ids=["none", "nothing", "0", "1", "7200", "longest", "word", "negative", "fraction",
             "absurd", "digits of others", "date", "past date", "no date"],
    )  # fmt: skip
    def test_that_asks_to_wait_is_waited_for(self, told, seconds):
        dates = {"in two hours": 7200, "two hours ago": -7200}
        if told in dates:
            told = formatdate(time.time() + dates[told], usegmt=True)
        shown = None if told is None else told.encode().decode("latin-1")
        assert look((429, {} if told is None else {"Retry-After": shown}, b"")) is None
        assert (last().state, last().error_kind) == ("FAILED", "RATE_LIMITED")
        until = the_source().not_before
        if seconds is None:
            assert until is None
            assert look((200, {}, GOOD))["loaded"] == 1
            return
        assert (until - NOW).total_seconds() == pytest.approx(seconds, abs=300 * (seconds > 1))
        with pytest.raises(breaking.LeftAlone):
            look((200, {}, GOOD))
        assert Fetch.objects.count() == 1

    def test_that_is_compressed_is_read(self):
        report = look((200, {}, gzip.compress(GOOD)))
        assert (report["files"], report["loaded"]) == (1, 1)

    def test_in_another_charset_than_it_says_is_read(self, chance):
        charset = chance.choice(("cp1252", "utf-8", "utf-8-sig"))
        said = chance.choice(("utf-8", "iso-8859-1", "utf-16", "klingon", '"'))
        body = csv_file({"HomeTeam": "Köln"}).decode().encode(charset)
        look((200, {"Content-Type": f"text/csv; charset={said}"}, body))
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

    def test_with_any_absurd_cell_lose_nothing_else(self, chance):
        price = chance.choice(("0", "-2", "1", "1e400", "NaN", "Infinity", "9" * 99, "=1+1", "٢"))
        column = chance.choice(("PSH", "PSCD", "P>2.5"))
        at = chance.choice(("25:00", "-1:30", "99:99", "9" * 99, "15.00", "noon"))
        report = look((200, {}, csv_file({}, {"HomeTeam": "Cedars", column: price, "Time": at})))
        assert (report["loaded"], report["rejected"]) == (2, 0)
        assert sum(report["prices"].values()) == 27
        told = [(problem["row"], problem["field"]) for problem in report["problems"]]
        assert told == [(3, "Time"), (3, column)]

    def test_of_any_absurd_day_are_parted_from_the_others(self, chance):
        day = chance.choice(
            ("31/02/2023", "00/00/0000", "12/08/9999", "12/08/1023", "2023-08-12", "8/2023", "")
        )
        report = look((200, {}, csv_file({"HomeTeam": "Cedars", "Date": day}, {})))
        assert (report["loaded"], report["rejected"]) == (1, 1)
        assert Event.objects.get().home.name == "Alders"

    def test_whose_columns_moved_and_grew_are_the_same_rows(self, chance):
        columns = [*ROW, "New1", "New2", "PSCH_", ""]
        chance.shuffle(columns)
        report = look((200, {}, csv_file({"New1": "x", "PSCH_": "9"}, columns=columns)))
        assert (report["loaded"], report["problems"]) == (1, [])
        assert sum(report["prices"].values()) == 14

    def test_that_lost_a_column_bring_what_is_left(self):
        columns = ["Div", "Date", "Time", "HomeTeam", "AwayTeam", "PSCH", "PSCD", "PSCA"]
        report = look((200, {}, csv_file({}, columns=columns)))
        assert (report["loaded"], report["prices"]["new"]) == (1, 3)

    def test_that_are_cut_in_the_middle_bring_what_is_whole(self, chance):
        body = csv_file({}, {"HomeTeam": "Cedars"})
        report = look((200, {}, body[: -chance.randrange(7, 60)]))
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

    def test_is_given_up_in_time(self, chance):
        """It would go on for as long as the test lasts."""
        assert Source._meta.get_field("timeout_seconds").default <= 30
        Source.objects.update(timeout_seconds=1)
        done = threading.Event()
        try:
            assert look(self.drip(done, b"x" * chance.randint(1, 9), 0.05)) is None
        finally:
            done.set()
        assert last().error_kind == "TIMEOUT"

    def test_is_given_up_when_it_is_too_large(self):
        """A gibibyte is never taken: what may come at most is a tenth of it."""
        assert the_source().max_bytes * 10 < GIBIBYTE
        done = threading.Event()
        try:
            assert look(self.drip(done, b"x" * 1_000_000, 0.0001)) is None
        finally:
            done.set()
        assert last().error_kind == "TOO_LARGE"

    def test_that_is_large_and_good_is_read_in_portions(self, chance):
        bad = [{"Div": "ZZ9", "HomeTeam": "x" * 9_000} for _ in range(2_000)]
        bad.insert(chance.randrange(2_000), {})
        report = look((200, {}, csv_file(*bad)))
        assert (report["rows"], report["loaded"], report["rejected"]) == (2_001, 1, 2_000)


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
