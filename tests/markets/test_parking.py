"""Records that wait for a name or an event, and come through once it is known."""

import pytest

from markets.models import (
    Book,
    Competition,
    CompetitionAlias,
    Event,
    ImportMapping,
    ParkedRow,
    Participant,
    ParticipantAlias,
    PriceSnapshot,
    Source,
    UnknownName,
)
from markets.services import importing, ingesting, mapping_names, parking, suggesting
from markets.services.mapping_names import NameRefused
from monitoring.models import AuditEntry, TaskRun
from tests.markets.builders import NOW, a_batch, a_source, an_event, csv_file, record

ME = {"actor": "user:ada", "reason": "looked it up", "now": NOW}


@pytest.fixture
def strict(db, settings, tmp_path):
    """The football source, not allowed to make names; two clubs are known."""
    settings.ARCHIVE_DIR = tmp_path / "archive"
    record(a_batch(), a_source())
    from markets.services import sources

    sources.ensure_default_sources(now=NOW)
    Source.objects.filter(code="football_data").update(creates_names=False)
    return Source.objects.get(code="football_data")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "E0_2324.csv"
    path.write_bytes(
        csv_file({}, {"Date": "13/08/2023", "HomeTeam": "Birchs"}, {"HomeTeam": "Cedar Town"})
    )
    return path


def ingest(file):
    return ingesting.ingest(source_code="football_data", path=str(file), actor="user:ada", now=NOW)


def named(name):
    return UnknownName.objects.get(name=name)


def club(name):
    return Participant.objects.get(name=name)


def map_to(name, who, **more):
    return mapping_names.map_name(
        unknown_id=named(name).pk, participant_id=club(who).pk, **{**ME, **more}
    )


class TestPark:
    def test_keeps_the_records_with_the_names_that_they_wait_for(self, strict, file):
        report = ingest(file)
        assert (report["rows"], report["parked"], report["loaded"]) == (3, 3, 0)
        assert Event.objects.count() == 1
        rows = ParkedRow.objects.order_by("record")
        assert [sorted(row.names.values_list("name", flat=True)) for row in rows] == [
            ["Alders", "Birches"], ["Birches", "Birchs"], ["Birches", "Cedar Town"],
        ]  # fmt: skip
        assert {row.reason for row in rows} == {"UNKNOWN_NAME"}
        assert "Birchs" in rows[1].excerpt
        assert dict(UnknownName.objects.values_list("name", "rows"))["Birches"] == 3

    def test_keeps_each_record_once(self, strict, file):
        ingest(file)
        ingest(file)
        assert (ParkedRow.objects.count(), named("Birches").rows) == (3, 3)

    def test_suggests_and_maps_nothing_by_itself(self, strict, file):
        ingest(file)
        row = named("Birchs")
        assert row.suggestions[0]["name"] == "Birches"
        assert row.suggestions[0]["score"] > suggesting.LISTS_ABOVE.default
        assert not ParticipantAlias.objects.filter(source=strict).exists()

    def test_settles_what_comes_through_in_a_later_look(self, strict, file):
        ingest(file)
        Source.objects.filter(pk=strict.pk).update(creates_names=True)
        assert ingest(file)["parked"] == 0
        assert set(ParkedRow.objects.values_list("state", flat=True)) == {"LOADED"}
        assert set(UnknownName.objects.values_list("rows", flat=True)) == {0}


class TestLoadParked:
    def test_loads_what_a_mapping_lets_through_and_only_that(self, strict, file):
        ingest(file)
        map_to("Alders", "Alders")
        map_to("Birches", "Birches")
        report = parking.load_parked(actor="user:ada", now=NOW)
        assert report == {"payloads": 1, "loaded": 1, "waiting": 2, "gone": 0}
        assert PriceSnapshot.objects.count() > 6
        assert (named("Alders").rows, named("Birches").rows) == (0, 2)

    def test_twice_is_once(self, strict, file):
        ingest(file)
        Source.objects.filter(pk=strict.pk).update(creates_names=True)
        assert parking.load_parked(actor="user:ada", now=NOW)["loaded"] == 3
        stored = PriceSnapshot.objects.count()
        again = parking.load_parked(actor="user:ada", now=NOW)
        assert again == {"payloads": 0, "loaded": 0, "waiting": 0, "gone": 0}
        assert ingest(file)["unchanged"] == 3
        assert PriceSnapshot.objects.count() == stored

    def test_keeps_when_the_prices_came(self, strict, file):
        ingest(file)
        came = set(ParkedRow.objects.values_list("fetched_at", flat=True))
        Source.objects.filter(pk=strict.pk).update(creates_names=True)
        parking.load_parked(actor="user:ada", now=NOW.replace(year=2025))
        assert set(PriceSnapshot.objects.values_list("fetched_at", flat=True)) == came

    def test_takes_one_name_or_one_source(self, strict, file):
        ingest(file)
        Source.objects.filter(pk=strict.pk).update(creates_names=True)
        assert parking.load_parked(source_code="feed", actor="beat", now=NOW)["loaded"] == 0
        cedars = named("Cedar Town")
        assert parking.load_parked(name_ids=[cedars.pk], actor="beat", now=NOW)["loaded"] == 1
        assert ParkedRow.objects.filter(state="WAITING").count() == 2

    def test_leaves_what_is_in_the_archive_no_more(self, strict, file):
        ingest(file)
        row = ParkedRow.objects.first()
        row.payload.retired_at = NOW
        row.payload.save()
        report = parking.load_parked(actor="user:ada", now=NOW)
        assert (report["gone"], report["waiting"]) == (3, 3)

    def test_reads_a_mapped_file_by_the_mapping_that_was_in_force(self, db):
        importing.ensure_presets()
        mapping = ImportMapping.objects.get(name="kash_model")
        options = {"mapping": mapping.name, "revision": mapping.revision, "spec": mapping.spec}
        source = a_source(code="csv", creates_names=False)
        assert importing.as_allowed(source=source, options=options).ids_of == "betfair"


class TestMapName:
    def test_is_an_alias_of_its_competition_and_asks_for_loading(
        self, strict, file, django_capture_on_commit_callbacks
    ):
        ingest(file)
        with django_capture_on_commit_callbacks():
            row = map_to("Birchs", "Birches")
        alias = ParticipantAlias.objects.get(source=strict, alias="Birchs")
        assert (alias.competition.code, alias.made_by) == ("E0", "user:ada")
        assert alias.score > 80
        assert (row.state, row.resolved_by) == ("MAPPED", "user:ada")
        run = TaskRun.objects.get(task=mapping_names.LOAD)
        assert run.arguments == {"names": [row.pk]}
        entry = AuditEntry.objects.get(action="markets.name_mapped")
        assert entry.detail["reason"] == "looked it up"

    def test_may_hold_in_the_whole_sport(self, strict, file):
        ingest(file)
        map_to("Birchs", "Birches", everywhere=True)
        alias = ParticipantAlias.objects.get(source=strict, alias="Birchs")
        assert alias.competition is None

    def test_is_refused_with_somebody_who_only_plays_in_a_simulated_league(self, strict, file):
        ingest(file)
        Competition.objects.update(is_simulated=True)
        with pytest.raises(mapping_names.NameRefused, match="simulated competition alone"):
            map_to("Cedar Town", "Alders")

    def test_is_refused_twice_without_a_reason_or_with_nobody(self, strict, file):
        ingest(file)
        with pytest.raises(NameRefused, match="give a reason"):
            map_to("Birchs", "Birches", reason=" ")
        with pytest.raises(NameRefused, match="say which"):
            mapping_names.map_name(unknown_id=named("Birchs").pk, **ME)
        with pytest.raises(NameRefused, match="no participant"):
            mapping_names.map_name(unknown_id=named("Birchs").pk, participant_id=10**9, **ME)
        map_to("Birchs", "Birches")
        with pytest.raises(NameRefused, match="already"):
            map_to("Birchs", "Birches")

    def test_of_a_competition_lets_its_records_through(self, strict):
        told = a_batch(events=[an_event(competition="EPL")])
        UnknownName.objects.create(
            source=strict, kind="COMPETITION", name="EPL", first_seen_at=NOW, last_seen_at=NOW
        )
        mapping_names.map_name(
            unknown_id=named("EPL").pk, competition_id=Competition.objects.get().pk, **ME
        )
        assert CompetitionAlias.objects.get().alias == "EPL"
        assert [problem.field for problem in record(told, strict).problems] == [
            "participant", "participant",
        ]  # fmt: skip


class TestCreateFromName:
    def test_makes_a_participant_that_is_known_everywhere(self, strict, file):
        ingest(file)
        mapping_names.create_from_name(unknown_id=named("Cedar Town").pk, name="Cedars", **ME)
        alias = ParticipantAlias.objects.get(alias="Cedar Town")
        assert (alias.participant.name, alias.participant.kind) == ("Cedars", "TEAM")
        assert alias.competition is None

    def test_makes_no_twin(self, strict, file):
        ingest(file)
        with pytest.raises(NameRefused, match="already"):
            mapping_names.create_from_name(unknown_id=named("Birches").pk, **ME)

    def test_makes_a_competition_or_a_book(self, strict):
        for kind, name in (("COMPETITION", "Cup of Leaves"), ("BOOK", "leafbet")):
            UnknownName.objects.create(
                source=strict, kind=kind, name=name, first_seen_at=NOW, last_seen_at=NOW
            )
        with pytest.raises(NameRefused, match="sport"):
            mapping_names.create_from_name(unknown_id=named("Cup of Leaves").pk, **ME)
        mapping_names.create_from_name(
            unknown_id=named("Cup of Leaves").pk, sport_code="soccer", **ME
        )
        mapping_names.create_from_name(unknown_id=named("leafbet").pk, **ME)
        assert Competition.objects.filter(code="cup-of-leaves").exists()
        assert Book.objects.filter(code="leafbet").exists()


class TestIgnoreName:
    def test_lets_its_records_rest_until_it_is_mapped_after_all(self, strict, file):
        ingest(file)
        cedars = named("Cedar Town")
        mapping_names.ignore_name(unknown_id=cedars.pk, **ME)
        assert ParkedRow.objects.get(names=cedars).state == "IGNORED"
        ingest(file)
        assert ParkedRow.objects.get(names=cedars).state == "IGNORED"
        map_to("Cedar Town", "Alders")
        assert ParkedRow.objects.get(names=cedars).state == "WAITING"


class TestSuggest:
    def test_names_nobody_who_only_plays_in_a_simulated_league(self, source):
        record(a_batch(events=[an_event(home="Leeds United", away="Derby County")]), source)
        league = Competition.objects.get()
        asked = {"name": "Leeds Utd", "sport_id": league.sport_id, "competition_id": None}
        assert [one.name for one in suggesting.suggest(**asked)] == ["Leeds United"]
        Competition.objects.update(is_simulated=True)
        assert suggesting.suggest(**asked) == []

    def test_puts_those_of_the_competition_first_and_others_of_the_sport_after(self, source):
        record(a_batch(events=[an_event(home="Leeds United", away="Derby County")]), source)
        sport = Competition.objects.get().sport_id
        found = suggesting.suggest(
            name="Leeds Utd", sport_id=sport, competition_id=Competition.objects.get().pk
        )
        assert [one.name for one in found] == ["Leeds United"]
        assert suggesting.suggest(name="Zzyzx", sport_id=sport, competition_id=None) == []
