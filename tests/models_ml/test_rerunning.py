"""A past interval predicted again by chosen versions, held against what was served."""

import io
from datetime import timedelta

import pyarrow.parquet
import pytest
from django.conf import settings

from models_ml.models import FeatureRow, ModelVersion, Prediction, Rerun
from models_ml.services import featuring, keeping, loading, predicting, rerunning
from monitoring.errors import Cancelled
from monitoring.models import AuditEntry
from tests.models_ml import builders
from tests.models_ml.worlds import a_world

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
WEEKS = 12  # matches that were looked at and foretold: two rounds


@pytest.fixture(autouse=True)
def home(settings, tmp_path):
    settings.CLOSINGLINE_HOME = tmp_path


@pytest.fixture
def league():
    """Return four seasons; nobody quoted the first three, so that versions differ."""
    return builders.a_league(a_world(seasons=4), without_prices=range(396))


@pytest.fixture
def versions(league):
    """Return two versions: one of three seasons, one that learned half of the fourth as well."""
    pipeline = builders.a_pipeline(now=league.ends_at)
    return [_trained(league, pipeline, cut) for cut in (396, 462)]


_kept = {}  # the league comes back with its ids, so what was learned from it does too


def _trained(league, pipeline, cut):
    """Return a version that learned until a match, trained once for all tests."""
    if cut not in _kept:
        until = league.events[cut].starts_at - DAY
        made = builders.a_version(pipeline, until=until, seed=cut, now=league.ends_at)
        own = {
            field.attname: getattr(made, field.attname)
            for field in made._meta.concrete_fields
            if field.name not in ("id", "pipeline")
        }
        _kept[cut] = own, (settings.ARTEFACT_DIR / made.artefact).read_bytes()
        return made
    own, content = _kept[cut]
    path = settings.ARTEFACT_DIR / own["artefact"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return ModelVersion.objects.create(pipeline=pipeline, **own)


@pytest.fixture
def served(league, versions):
    """Return the predictions of the first rounds after three seasons, made at the time."""
    events = league.events[396 : 396 + WEEKS]
    rows = featuring.build(
        event_ids=[event.pk for event in events],
        feature_set="soccer_v1",
        stage="T-60m",
        as_of={event.pk: event.starts_at - timedelta(minutes=59) for event in events},
        now=league.ends_at,
    )
    return predicting.predict(feature_rows=rows, version=versions[0], now=league.ends_at)


def rerun(league, versions, **fields):
    fields = {
        "pipeline": versions[0].pipeline,
        "numbers": [version.number for version in versions],
        "since": league.events[396].starts_at,
        "until": league.ends_at,
        "actor": "test",
        "now": league.ends_at,
        **fields,
    }
    return rerunning.rerun(**fields)


class TestRerun:
    def test_by_the_version_that_served_says_the_same_again(self, league, versions, served):
        row = rerun(league, versions)
        assert row.figures["events"] == row.figures["rows"] == 132
        told = row.figures["features"]
        assert (told["equal"], told["different"], told["absent"]) == (WEEKS, 0, 132 - WEEKS)
        same = row.differences["served"][str(versions[0].number)]
        assert (same["n"], same["largest"], same["changes"]) == (3 * WEEKS, 0.0, [])

    def test_shows_how_far_another_version_is_from_what_was_served(self, league, versions, served):
        row = rerun(league, versions)
        other = row.differences["served"][str(versions[1].number)]
        assert other["n"] == 3 * WEEKS and other["largest"] > 0
        change = other["changes"][0]
        assert abs(change["after"] - change["before"]) == pytest.approx(other["largest"])
        said = {one.selection_id: one.probability for one in served}
        assert said[change["selection"]] == pytest.approx(change["before"], abs=1e-12)
        assert row.differences["between"]["1-2"]["n"] == 3 * 132

    def test_scores_leave_out_what_a_version_learned(self, league, versions):
        row = rerun(league, versions)
        first, second = (row.figures["versions"][number] for number in ("1", "2"))
        assert (first["n"], first["in_sample"]) == (132, 0)
        assert (second["n"], second["in_sample"]) == (66, 66)
        assert 0.9 < first["card"]["log_loss"] < 1.2
        (pair,) = row.figures["paired"]
        assert (pair["versions"], pair["n"]) == ([1, 2], 66)
        assert pair["low"] <= pair["mean"] <= pair["high"]

    def test_names_features_that_come_out_otherwise(self, league, versions, served):
        stored = FeatureRow.objects.order_by("pk").first()
        values = list(stored.values)
        values[0], values[3] = values[0] + 1.0, None
        FeatureRow.objects.filter(pk=stored.pk).update(values=values)
        told = rerun(league, versions).figures["features"]
        assert (told["equal"], told["different"]) == (WEEKS - 1, 1)
        assert [one["feature"] for one in told["shown"]] == ["elo_home", "elo_expectation"]
        assert told["shown"][0]["stored"] == pytest.approx(told["shown"][0]["again"] + 1.0)
        assert told["shown"][1]["stored"] is None

    def test_keeps_every_row_in_a_file(self, league, versions, served):
        row = rerun(league, versions)
        content = keeping.read(name=row.file, sha256=row.figures["file_sha256"])
        table = pyarrow.parquet.read_table(io.BytesIO(content)).to_pandas()
        assert len(table) == 3 * 132
        assert table.groupby("event")["v1"].sum().between(1 - 1e-6, 1 + 1e-6).all()
        assert table["served"].notna().sum() == 3 * WEEKS
        assert table["v2_in_sample"].sum() == 3 * 66 and not table["v1_in_sample"].any()

    def test_again_harms_nothing(self, league, versions, served):
        counts = [model.objects.count() for model in (FeatureRow, Prediction, ModelVersion)]
        first, second = rerun(league, versions), rerun(league, versions)
        assert (first.figures, first.differences) == (second.figures, second.differences)
        assert first.file == second.file and first.pk != second.pk
        after = [model.objects.count() for model in (FeatureRow, Prediction, ModelVersion)]
        assert counts == after
        assert AuditEntry.objects.filter(action="models_ml.rerun").count() == 2

    def test_reads_another_stage(self, league, versions):
        row = rerun(league, versions[:1], stage="T-24h", until=league.events[420].starts_at)
        assert (row.stage, row.figures["features"]["absent"]) == ("T-24h", row.figures["rows"])

    def test_tells_how_far_it_is(self, league, versions):
        told = []

        class Following:
            run_id = None

            def raise_if_cancelled(self):
                pass

            def progress(self, *, done, total, message):
                told.append((done, total, message))

        rerun(league, versions, progress=Following())
        assert [one[0] for one in told] == [1, 2, 3, 4] and {one[1] for one in told} == {4}
        assert told[1][2] == str(versions[0])

    def test_called_off_leaves_nothing_behind(self, league, versions):
        class Stopping:
            def raise_if_cancelled(self):
                raise Cancelled("asked for")

        with pytest.raises(Cancelled):
            rerun(league, versions, progress=Stopping())
        assert not Rerun.objects.exists()
        assert not (settings.CLOSINGLINE_HOME / "reruns").exists()

    def test_of_a_damaged_version_is_refused(self, league, versions):
        path = settings.ARTEFACT_DIR / versions[0].artefact
        path.write_bytes(path.read_bytes()[:-9])
        loading.forget()
        with pytest.raises(loading.DamagedArtefact):
            rerun(league, versions)
        assert not Rerun.objects.exists()

    @pytest.mark.parametrize(
        "asked, why",
        [
            ({"numbers": [99]}, "no version 99"),
            ({"numbers": []}, "one to 4"),
            ({"numbers": [1, 2, 3, 4, 5]}, "one to 4"),
            ({"stage": "T-1y"}, "no stage"),
        ],
        ids=["unknown version", "no version", "too many", "unknown stage"],
    )
    def test_refuses_what_it_cannot_run(self, league, versions, asked, why):
        with pytest.raises(rerunning.RerunRefused, match=why):
            rerun(league, versions, **asked)

    @pytest.mark.parametrize(
        "since, until, why",
        [(0, 0, "does not lie before"), (1, 0, "does not lie before"), (-1, 400, "future"),
         (-9000, -8999, "no event")],
        ids=["empty", "backwards", "future", "nothing played"],
    )  # fmt: skip
    def test_refuses_an_interval_without_a_past(self, league, versions, since, until, why):
        span = {"since": league.ends_at + since * DAY, "until": league.ends_at + until * DAY}
        with pytest.raises(rerunning.RerunRefused, match=why):
            rerun(league, versions, **span)
        assert not Rerun.objects.exists()


class TestNamed:
    def test_reads_versions_of_one_pipeline(self):
        pipeline = builders.a_pipeline(now=a_world_ends())
        assert rerunning.named(models="soccer-1x2:3, soccer-1x2:5") == (pipeline, [3, 5])

    @pytest.mark.parametrize(
        "models",
        ["", "soccer-1x2", "soccer-1x2:x", ":3", "soccer-1x2:3,soccer-1x2-simulated:1"],
        ids=["nothing", "no number", "no digit", "no pipeline", "two pipelines"],
    )
    def test_refuses_what_names_none(self, models):
        with pytest.raises(rerunning.RerunRefused):
            rerunning.named(models=models)


class TestKept:
    def test_files_are_refused_once_they_changed(self, league, versions):
        row = rerun(league, versions[:1])
        path = keeping.path(name=row.file)
        path.write_bytes(path.read_bytes() + b"x")
        with pytest.raises(keeping.FileGone, match="not what was written"):
            keeping.read(name=row.file, sha256=row.figures["file_sha256"])
        path.unlink()
        with pytest.raises(keeping.FileGone):
            keeping.read(name=row.file, sha256=row.figures["file_sha256"])

    def test_nothing_is_left_of_a_file_that_the_disk_did_not_take(self, monkeypatch):
        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(keeping.os, "fsync", full)
        with pytest.raises(keeping.FileNotKept, match="No space left"):
            keeping.keep(folder="reruns", name="rerun", columns={"event": [1]})
        assert list((settings.CLOSINGLINE_HOME / "reruns").iterdir()) == []


def a_world_ends():
    return builders.moment(a_world(seasons=1).fixtures[-1].starts_at)
