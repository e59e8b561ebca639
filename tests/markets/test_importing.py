"""Mappings as operators keep them: revisions, choice by file name, preview."""

from datetime import UTC, datetime

import pytest

from markets.models import ImportMapping, ImportMappingRevision
from markets.services import importing
from markets.services.importing import MappingChanged, MappingRefused
from markets.services.presets import PRESETS
from monitoring.models import AuditEntry
from tests.markets.builders import a_source

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SPEC = {
    "sport": "soccer",
    "competition": {"code": "HOVE", "name": "Hove League"},
    "season": {"rule": "BY_DATE", "turns": 7},
    "time": {"date": "day", "zone": "Europe/London"},
    "sides": {"home": "home", "away": "away"},
    "prices": [
        {"kind": "MATCH_ODDS", "role": "HOME", "book": "hove", "column": "h", "mark": "CLOSE"}
    ],
}


def a_mapping(**changes):
    told = {
        "name": "hove",
        "title": "Hove League",
        "file_pattern": "hove_*.csv",
        "spec": SPEC,
        "reason": "first",
        "actor": "user:ada",
        "now": NOW,
    }
    return importing.create_mapping(**{**told, **changes})


def change(row, **changes):
    told = {"mapping_id": row.pk, "reason": "better", "actor": "user:bob", "now": LATER}
    return importing.change_mapping(**{**told, **changes})


class TestCreateMapping:
    def test_writes_the_first_revision_and_the_audit(self):
        row = a_mapping()
        assert (row.revision, row.changed_by) == (1, "user:ada")
        revision = ImportMappingRevision.objects.get()
        assert (revision.revision, revision.spec, revision.reason) == (1, row.spec, "first")
        entry = AuditEntry.objects.get()
        assert (entry.action, entry.detail["reason"]) == ("markets.create_mapping", "first")

    @pytest.mark.parametrize(
        "wrong, why",
        [
            ({"name": "a b"}, "name"),
            ({"name": "x" * 51}, "name"),
            ({"name": ""}, "name"),
            ({"title": ""}, "title"),
            ({"file_pattern": " "}, "file_pattern"),
            ({"file_pattern": "a\0b"}, "file_pattern"),
            ({"spec": {"sport": "soccer"}}, "sides"),
            ({"spec": {**SPEC, "colour": 1}}, "colour"),
        ],
    )
    def test_refuses_one_that_cannot_be_used(self, wrong, why):
        with pytest.raises(MappingRefused, match=why):
            a_mapping(**wrong)
        assert not ImportMapping.objects.exists()

    def test_refuses_a_second_of_the_name(self):
        a_mapping()
        with pytest.raises(MappingRefused, match="already"):
            a_mapping()
        assert ImportMapping.objects.count() == 1


class TestChangeMapping:
    def test_makes_a_revision_and_keeps_the_one_before(self):
        row = a_mapping()
        changed = change(row, spec={**SPEC, "delimiter": ";"}, title="Other")
        assert (changed.revision, changed.changed_by, changed.title) == (2, "user:bob", "Other")
        said = list(row.revisions.order_by("revision").values_list("revision", "spec", "reason"))
        assert [(revision, reason) for revision, _, reason in said] == [(1, "first"), (2, "better")]
        assert "delimiter" not in said[0][1]
        assert said[1][1]["delimiter"] == ";"
        assert AuditEntry.objects.get(action="markets.change_mapping").detail["changed"] == [
            "spec",
            "title",
        ]

    def test_makes_none_where_nothing_changes(self):
        row = a_mapping()
        assert change(row, spec=SPEC, title=row.title, is_enabled=True).revision == 1
        assert ImportMappingRevision.objects.count() == 1

    def test_refuses_a_change_to_what_somebody_else_has_changed(self):
        row = a_mapping()
        change(row, expected_revision=1, is_enabled=False)
        with pytest.raises(MappingChanged, match="revision 2 by user:bob, not at 1"):
            change(row, expected_revision=1, title="Mine")
        assert ImportMapping.objects.get().title == "Hove League"

    def test_refuses_one_without_a_reason(self):
        with pytest.raises(MappingRefused, match="reason"):
            change(a_mapping(), reason=" ", title="x")

    def test_refuses_one_that_cannot_be_used(self):
        row = a_mapping()
        with pytest.raises(MappingRefused):
            change(row, spec={})
        assert ImportMapping.objects.get().revision == 1

    def test_refuses_one_of_what_is_not_there(self):
        with pytest.raises(MappingRefused, match="no such mapping"):
            importing.change_mapping(mapping_id=0, reason="r", actor="a", now=NOW)


class TestRestoreMapping:
    def test_says_again_what_it_said(self):
        row = a_mapping()
        change(row, spec={**SPEC, "delimiter": ";"})
        restored = importing.restore_mapping(
            mapping_id=row.pk, revision=1, reason="it was right", actor="user:ada", now=LATER
        )
        assert (restored.revision, restored.spec) == (3, row.spec)

    def test_refuses_a_revision_that_never_was(self):
        with pytest.raises(MappingRefused, match="no revision 9"):
            importing.restore_mapping(
                mapping_id=a_mapping().pk, revision=9, reason="r", actor="a", now=NOW
            )


class TestEnsurePresets:
    def test_makes_the_shipped_ones_once_and_leaves_changed_ones_alone(self):
        importing.ensure_presets()
        assert set(ImportMapping.objects.values_list("name", flat=True)) == {
            preset.name for preset in PRESETS
        }
        change(ImportMapping.objects.get(name="nba_games"), is_enabled=False)
        importing.ensure_presets()
        assert not ImportMapping.objects.get(name="nba_games").is_enabled
        assert ImportMapping.objects.count() == len(PRESETS)


class TestReadingOptions:
    def test_are_those_of_the_source_where_no_mapping_is_needed(self):
        source = a_source(code="hove", options={"a": 1})
        assert importing.reading_options(source=source, name="x.csv") == {"a": 1}

    def test_carry_the_mapping_that_fits_best_with_its_revision(self):
        a_mapping(name="wide", file_pattern="*.csv")
        row = a_mapping()
        source = a_source(code="csv")
        options = importing.reading_options(source=source, name="2026/HOVE_1.csv")
        assert options == {"mapping": "hove", "revision": 1, "spec": row.spec}
        assert importing.reading_options(source=source, name="b.csv")["mapping"] == "wide"

    def test_are_without_one_where_none_fits(self):
        row = a_mapping()
        change(row, is_enabled=False)
        assert importing.reading_options(source=a_source(code="csv"), name="hove_1.csv") == {}

    def test_take_the_one_that_the_source_names(self):
        a_mapping()
        source = a_source(code="csv", options={"mapping": "hove"})
        assert importing.reading_options(source=source, name="x.txt")["mapping"] == "hove"

    def test_find_the_shipped_ones_by_their_files(self):
        source = a_source(code="csv")
        for name, mapping in (
            ("nba/games_2008_2024.csv", "nba_games"),
            ("Kash_Model_Results_2026_01.csv", "kash_model"),
        ):
            assert importing.reading_options(source=source, name=name)["mapping"] == mapping


class TestAsAllowed:
    def test_lets_a_mapping_make_names_and_tell_whose_ids_it_has(self):
        source = a_source(code="csv", creates_names=False)
        spec = {**SPEC, "creates_names": True, "namespace": "betfair"}
        allowed = importing.as_allowed(source=source, options={"spec": spec})
        assert (allowed.creates_names, allowed.ids_of, allowed.pk) == (True, "betfair", source.pk)
        assert (source.creates_names, source.ids_of) == (False, "csv")

    def test_leaves_every_other_source_as_it_is(self):
        source = a_source(code="hove")
        assert importing.as_allowed(source=source, options={"spec": SPEC}) is source


class TestPreview:
    def preview(self, payload, spec=SPEC):
        return importing.preview(spec=spec, payload=payload, name="hove.csv", now=NOW)

    def test_tells_what_a_sample_would_bring_and_writes_nothing(self, django_assert_num_queries):
        payload = b"day,home,away,h\n2026-11-21 15:00,Alders,Birches,2.1\nsoon,A,B,0\n"
        with django_assert_num_queries(0):
            report = self.preview(payload)
        assert report["counts"] == {
            "rows": 2, "rejected": 1, "events": 1, "prices": 1, "results": 0, "problems": 1,
        }  # fmt: skip
        first, second = report["records"]
        assert first["event"] == "Alders v Birches, HOVE 2026-27, 2026-11-21 15:00 UTC"
        assert first["prices"] == ["hove MATCH_ODDS HOME 2.100 at 2026-11-21 12:00 UTC"]
        assert (second["event"], len(second["problems"])) == ("", 1)
        assert report["problems"][0]["field"] == "day"

    def test_shows_the_first_fifty_and_counts_them_all(self):
        lines = [f"2026-11-21 15:00,T{n},Birches,2.1" for n in range(80)]
        report = self.preview("\n".join(["day,home,away,h", *lines]).encode())
        assert (report["counts"]["rows"], len(report["records"])) == (80, 50)

    def test_refuses_a_mapping_that_is_none_and_a_sample_that_is_too_large(self):
        with pytest.raises(MappingRefused):
            self.preview(b"a\n", spec={})
        with pytest.raises(MappingRefused, match="a sample of up to"):
            self.preview(b"x" * (importing.LONGEST_SAMPLE + 1))
