from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from markets.connectors import simulator_sports
from markets.domain import simulation_sports
from markets.models import (
    Competition,
    Event,
    EventChange,
    Fetch,
    LadderSnapshot,
    Market,
    Notice,
    PriceSnapshot,
    Result,
    ResultDispute,
    RunnerResult,
    Selection,
    Source,
    StatisticResult,
)
from markets.services import simulating, simulating_sports, switching
from monitoring.models import AuditEntry, TaskRun

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SEED = 5
ACTOR = "cli:test"
CODES = sorted(simulation_sports.BY_CODE)
IS_SPORT = {"event__competition__code__in": CODES}


def a_simulator():
    simulating.create_history(seasons=0, seed=SEED, now=NOW, actor=ACTOR)


def begin():
    a_simulator()
    return simulating_sports.found_leagues(now=NOW, actor=ACTOR)


def options():
    return Source.objects.get(code="simulator").options


def sports():
    return Event.objects.filter(competition__code__in=CODES)


def only(code, monkeypatch):
    """Leave one league, so that a test has not four to wait for."""
    league = simulation_sports.BY_CODE[code]
    monkeypatch.setattr(simulation_sports, "LEAGUES", (league,))
    a_simulator()
    simulating_sports.found_leagues(now=NOW, actor=ACTOR)
    return simulator_sports.season_of(league, seed=SEED, number=1)


def play(*, minutes, step=30):
    """Tick the other leagues alone, on the wall clock of a league 360 times too fast."""
    for seconds in range(0, int(minutes * 60) + 1, step):
        simulating_sports._tick_sports(now=NOW + timedelta(seconds=seconds))


def picture():
    """Everything a reader of the leagues sees, without the keys of the rows."""
    return (
        sorted(sports().values_list("name", "season__label", "starts_at", "status")),
        sorted(
            PriceSnapshot.objects.filter(
                selection__market__event__competition__code__in=CODES
            ).values_list(
                "selection__market__event__name", "selection__market__kind", "selection__name",
                "book__code", "seen_at", "price",
            ),
            key=str,
        ),
        sorted(
            Result.objects.filter(**IS_SPORT).values_list("event__name", "version", "digest"),
            key=str,
        ),
    )  # fmt: skip


class TestFoundLeagues:
    def test_begins_every_league_once(self):
        assert begin()["new"] == [league.code for league in simulation_sports.LEAGUES]
        again = simulating_sports.found_leagues(now=NOW, actor=ACTOR)
        assert (again["new"], again["leagues"]) == ([], CODES)
        assert AuditEntry.objects.filter(action="markets.found_simulated_leagues").count() == 1

    def test_needs_the_soccer_league(self):
        with pytest.raises(simulating_sports.NoSimulator):
            simulating_sports.found_leagues(now=NOW, actor=ACTOR)

    def test_is_refused_where_the_simulator_is_off(self, settings):
        a_simulator()
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update={"simulator_enabled": False})
        with pytest.raises(simulating_sports.NoSimulator):
            simulating_sports.found_leagues(now=NOW, actor=ACTOR)

    def test_may_be_asked_for_on_the_command_line(self, capsys):
        a_simulator()
        call_command("simulate", "leagues", "--sports", "--output", "json")
        assert "SIM-RACES" in capsys.readouterr().out
        assert TaskRun.objects.get(task="markets.tasks.simulate_leagues").state == "SUCCEEDED"


class TestTick:
    def test_moves_the_soccer_league_alone_before_others_are_begun(self, monkeypatch):
        a_simulator()
        monkeypatch.setattr(simulating_sports, "_tick_sports", None)  # not even asked
        counts = simulating_sports.tick(now=NOW)
        assert (counts["seasons"], counts["events"]) == (1, 380)

    def test_lays_a_season_of_each_league(self):
        begin()
        counts = simulating_sports.tick(now=NOW)
        assert counts["seasons"] == 1 + len(CODES)
        assert sports().count() == 56 * 3 + 80
        leagues = Competition.objects.filter(code__in=CODES)
        assert leagues.count() == 4
        assert all(league.is_simulated and league.time_scale == 360 for league in leagues)
        assert set(sports().values_list("status", flat=True)) == {"SCHEDULED"}

    def test_does_nothing_while_its_source_is_disabled(self):
        begin()
        switching.disable(source_code="simulator", reason="quiet", actor="user:a", now=NOW)
        simulating_sports.tick(now=NOW)
        assert not sports().exists()

    def test_twice_is_once(self, monkeypatch):
        only("SIM-NBA", monkeypatch)
        play(minutes=2)
        before = picture()
        play(minutes=2)
        assert picture() == before

    def test_goes_on_the_same_after_a_restart(self, monkeypatch):
        only("SIM-CUP", monkeypatch)
        play(minutes=4, step=60)
        simulator_sports.simulation_games.season.cache_clear()
        simulating_sports._tick_sports(now=NOW + timedelta(minutes=5))
        season = simulator_sports.season_of(
            simulation_sports.BY_CODE["SIM-CUP"], seed=SEED, number=1
        )
        finals = Result.objects.filter(**IS_SPORT, version=1, status="FINAL")
        assert finals.count() > 2
        shown = {tuple(score) for score in season.score.tolist()}
        assert set(finals.values_list("home_score", "away_score")) <= shown

    def test_lays_the_next_season_when_this_one_is_over(self, monkeypatch):
        only("SIM-NFL", monkeypatch)
        play(minutes=1)
        simulating_sports._tick_sports(now=NOW + timedelta(hours=2))
        labels = sports().values_list("season__label", flat=True).distinct()
        assert sorted(labels) == ["S00001", "S00002"]
        assert options()["sports"]["SIM-NFL"]["season"] == 2
        first = sports().filter(season__label="S00001")
        assert not first.filter(status__in=["SCHEDULED", "LIVE", "POSTPONED"]).exists()


class TestAGame:
    def test_is_quoted_in_every_kind_and_ends_in_a_result_with_players(self, monkeypatch):
        only("SIM-NBA", monkeypatch)
        play(minutes=3)
        found = set(Market.objects.filter(**IS_SPORT).values_list("kind", "statistic"))
        assert found == {
            ("MONEYLINE", ""),
            ("SPREAD", ""),
            ("TOTAL", ""),
            ("TEAM_TOTAL", ""),
            ("PLAYER_TOTAL", "points"),
        }
        result = Result.objects.filter(**IS_SPORT, status="FINAL").first()
        assert set(result.periods) >= {"Q1", "Q2", "Q3", "Q4"}
        assert StatisticResult.objects.filter(result=result).count() == 2

    def test_has_its_line_ups_before_it(self, monkeypatch):
        only("SIM-NBA", monkeypatch)
        play(minutes=2)
        notice = Notice.objects.filter(kind="LINEUP").order_by("known_at").first()
        assert notice.event.competition.code == "SIM-NBA"
        assert notice.published_at < notice.event.starts_at


class TestARace:
    def test_has_runners_an_order_book_and_a_result(self, monkeypatch):
        monkeypatch.setattr(simulation_sports, "trouble", lambda *_: simulation_sports.Trouble())
        only("SIM-RACES", monkeypatch)
        play(minutes=3)
        race = sports().filter(status="FINISHED").order_by("starts_at").first()
        assert (race.home, race.round, race.race_number) == (None, "R1", 101)
        assert Selection.objects.filter(market__event=race).count() == 16
        assert race.markets.get(kind="PLACE").places == 3
        ladders = LadderSnapshot.objects.filter(selection__market__event=race)
        assert ladders.exists()
        assert set(ladders.values_list("book__code", flat=True)) == {"sim-exchange"}
        rows = RunnerResult.objects.filter(result__event=race)
        assert rows.count() == 8
        assert rows.filter(is_winner=True).count() == 1

    def test_loses_its_order_book_when_it_is_long_over(self, monkeypatch):
        only("SIM-RACES", monkeypatch)
        play(minutes=3)
        before = LadderSnapshot.objects.count()
        over = sports().filter(starts_at__lt=NOW + timedelta(minutes=1))
        assert over.exists()
        simulating.retire(now=NOW + timedelta(hours=1), keep=timedelta(minutes=59))
        kept = LadderSnapshot.objects.count()
        assert 0 < kept < before
        assert not LadderSnapshot.objects.filter(selection__market__event__in=over).exists()

    def test_marks_a_runner_that_was_taken_out(self, monkeypatch):
        season = only("SIM-RACES", monkeypatch)
        play(minutes=14, step=60)
        taken = Selection.objects.filter(market__event__competition__code="SIM-RACES").exclude(
            removed_at=None
        )
        assert season.reduction is not None
        assert taken.exists()
        assert set(RunnerResult.objects.filter(is_removed=True).values_list(
            "participant__name", flat=True
        )) <= set(taken.values_list("name", flat=True))  # fmt: skip


class TestTroubles:
    @pytest.fixture
    def trouble(self, monkeypatch):
        """Give every fixture the same trouble."""

        def give(**fields):
            found = simulation_sports.Trouble(**fields)
            monkeypatch.setattr(simulation_sports, "trouble", lambda *_: found)
            only("SIM-CUP", monkeypatch)

        return give

    def first(self):
        return sports().order_by("pk").first()

    def test_postpone_a_match_and_give_it_a_new_date(self, trouble):
        trouble(delay=11.0)
        play(minutes=4, step=5)
        changes = EventChange.objects.filter(event=self.first()).order_by("pk")
        fields = list(changes.values_list("field", "after"))
        assert ("status", "POSTPONED") in fields
        assert [field for field, _ in fields].count("starts_at") == 1
        assert Result.objects.get(event=self.first()).status == "FINAL"

    def test_abandon_a_match(self, trouble):
        trouble(is_abandoned=True)
        play(minutes=1.5, step=5)
        event = self.first()
        assert (event.status, Result.objects.get(event=event).status) == (
            "ABANDONED",
            "ABANDONED",
        )

    def test_correct_a_result_and_ignore_the_old_copy(self, trouble):
        trouble(is_corrected=True, is_repeated=True)
        play(minutes=2, step=5)
        event = self.first()
        wrong, right = Result.objects.filter(event=event).order_by("version")
        assert wrong.home_score == right.home_score + 1
        assert right.known_at > wrong.known_at
        assert not ResultDispute.objects.exists()

    def test_tell_a_result_late_and_twice_as_one_version(self, trouble):
        trouble(is_repeated=True, late_by=0.75)
        play(minutes=2, step=5)
        result = Result.objects.get(event=self.first())
        assert result.recorded_at - result.known_at >= timedelta(seconds=7)


class TestChaos:
    def test_is_off_until_somebody_switches_it_on(self):
        a_simulator()
        assert not options().get("chaos")
        assert simulating_sports.set_chaos(on=True, actor=ACTOR, now=NOW)
        assert not simulating_sports.set_chaos(on=True, actor=ACTOR, now=NOW)
        assert options()["chaos"]
        assert AuditEntry.objects.filter(action="markets.set_simulated_chaos").count() == 1

    def in_an_outage(self):
        seed = simulating.seed_of(Source.objects.get(code="simulator"))
        return next(
            moment
            for seconds in range(0, 100_000, 5)
            if simulation_sports.outage(
                seed=seed, at=(moment := NOW + timedelta(seconds=seconds)).timestamp()
            )
        )

    def test_makes_the_source_fail_and_tells_nothing(self):
        a_simulator()
        simulating_sports.set_chaos(on=True, actor=ACTOR, now=NOW)
        out = self.in_an_outage()
        first = simulating_sports.tick(now=out)
        simulating_sports.tick(now=out + timedelta(seconds=5))
        assert first["outage"].startswith("the simulated feed")
        assert not Event.objects.exists()
        source = Source.objects.get(code="simulator")
        assert (source.failures_in_a_row, source.last_attempt_at) == (2, out + timedelta(seconds=5))
        look = Fetch.objects.get()
        assert (look.state, look.error_kind, look.error) == ("FAILED", "TIMEOUT", first["outage"])

    def test_ends_and_the_league_goes_on(self):
        a_simulator()
        simulating_sports.set_chaos(on=True, actor=ACTOR, now=NOW)
        out = self.in_an_outage()
        simulating_sports.tick(now=out)
        simulating_sports.set_chaos(on=False, actor=ACTOR, now=out)
        assert simulating_sports.tick(now=out + timedelta(seconds=1))["seasons"] == 1
        assert Source.objects.get(code="simulator").failures_in_a_row == 0

    def test_comes_and_goes(self):
        seconds = range(0, 36_000, 10)
        states = [bool(simulation_sports.outage(seed=SEED, at=float(s))) for s in seconds]
        assert 0 < sum(states) < len(states) / 4

    def test_may_be_switched_on_the_command_line(self, capsys):
        a_simulator()
        call_command("simulate", "chaos", "on", "--output", "json")
        assert options()["chaos"]
        assert '"chaos": true' in capsys.readouterr().out
