import csv
import io
import json
from datetime import timedelta

import pyarrow.parquet as pq
import pytest

from markets.models import Result
from models_ml.models import Prediction
from models_ml.services import answering, auditing, exporting, pipelines, predicting, rehearsing
from models_ml.services.exporting import ExportRefused
from models_ml.services.predicting import PredictionRefused
from tests.flows import matchday
from tests.flows.matchday import BEGINS, HOUR, START
from tests.models_ml import registry

pytestmark = pytest.mark.django_db

NOW = START - 24 * HOUR


@pytest.fixture
def day():
    events = matchday.found()
    predicting.predict_due(now=NOW)
    return events


def chosen(**fields):
    return exporting.chosen(since=BEGINS, until=NOW + HOUR, **fields)


def content(form, **fields):
    return b"".join(exporting.pieces(rows=chosen(**fields), form=form))


class TestPieces:
    def test_of_csv_hold_every_prediction_under_named_columns(self, day):
        rows = list(csv.DictReader(io.StringIO(content("csv").decode())))
        assert len(rows) == Prediction.objects.count() == 39
        stored = {str(p.pk): p.probability for p in Prediction.objects.all()}
        assert {row["prediction"]: float(row["probability"]) for row in rows} == stored
        assert {row["pipeline"] for row in rows} == {"soccer-1x2-simulated"}
        assert list(rows[0]) == list(exporting.COLUMNS)

    def test_of_json_are_one_array(self, day):
        rows = json.loads(content("json"))
        assert [row["prediction"] for row in rows] == sorted(row["prediction"] for row in rows)
        assert rows[0]["stage"] == "T-24h"
        assert rows[0]["line"] is None

    def test_of_parquet_keep_their_types(self, day):
        table = pq.read_table(io.BytesIO(content("parquet")))
        assert table.num_rows == 39
        assert str(table.schema.field("as_of").type) == "timestamp[us, tz=UTC]"
        assert table.column("probability").to_pylist() == list(
            Prediction.objects.order_by("made_at", "pk").values_list("probability", flat=True)
        )

    @pytest.mark.parametrize("form", list(exporting.FORMATS))
    def test_come_one_after_the_other(self, day, form, monkeypatch):
        whole = content(form)
        monkeypatch.setattr(exporting, "PIECE", 10)
        found = [piece for piece in exporting.pieces(rows=chosen(), form=form) if piece]
        assert len(found) >= 4
        if form != "parquet":
            assert b"".join(found) == whole

    @pytest.mark.parametrize("form", ["csv", "json"])
    def test_of_nothing_are_an_empty_file(self, form):
        registry.a_pipeline(registry.REAL)
        told = content(form, pipeline=registry.REAL)
        assert told == (b"[]" if form == "json" else f"{','.join(exporting.COLUMNS)}\n".encode())

    def test_hold_no_rehearsal(self, day):
        rehearsing.rehearse(
            pipeline=pipelines.named(code="soccer-1x2-simulated"), actor="a", now=NOW
        )
        assert len(json.loads(content("json"))) == 39

    def test_make_no_formula_of_a_name(self, day):
        day[0].name = '=HYPERLINK("x")'
        day[0].save(update_fields=["name"])
        rows = csv.DictReader(io.StringIO(content("csv").decode()))
        assert '\'=HYPERLINK("x")' in {row["event"] for row in rows}

    def test_are_refused_in_another_format(self, day):
        with pytest.raises(ExportRefused, match="no format 'xlsx'"):
            exporting.pieces(rows=chosen(), form="xlsx")


class TestChosen:
    def test_refuses_an_empty_interval_and_an_unknown_pipeline(self):
        with pytest.raises(ExportRefused, match="ends before it begins"):
            exporting.chosen(since=NOW, until=NOW)
        with pytest.raises(ExportRefused, match="no pipeline 'x'"):
            exporting.chosen(since=NOW, until=NOW + HOUR, pipeline="x")


class TestAuditOf:
    @pytest.fixture
    def prediction(self, day):
        return Prediction.objects.order_by("pk").first()

    def audit(self, prediction):
        return auditing.audit_of(prediction_id=prediction.pk, now=NOW + HOUR)

    def test_tells_by_what_and_from_what_it_was_made(self, prediction):
        told = self.audit(prediction)
        version, row = prediction.version, prediction.feature_row
        assert told["artefact_sha256"] == version.artefact_sha256
        assert (told["checksum"], told["sources"]) == (row.checksum, row.sources)
        assert told["sources"]["results"] == 13

    def test_finds_the_same_again(self, prediction):
        told = self.audit(prediction)
        assert [told[name] for name in ("features", "recomputed", "answered")] == [True] * 3
        assert (told["is_of_this_code"], told["why"]) == (True, "")

    def test_finds_values_that_were_changed(self, prediction):
        row = prediction.feature_row
        row.values[0] = 1.0
        row.save(update_fields=["values"])
        assert self.audit(prediction)["features"] is False

    def test_finds_tables_that_say_something_else_of_then(self, prediction):
        first = Result.objects.get(event__away=prediction.event.home)
        first.pk, first.version, first.home_score = None, 2, 9
        first.save(force_insert=True)
        told = self.audit(prediction)
        assert (told["features"], told["recomputed"]) == (True, False)

    def test_finds_a_probability_that_was_changed(self, prediction):
        Prediction.objects.filter(pk=prediction.pk).update(probability=0.9)
        assert self.audit(prediction)["answered"] is False

    def test_says_that_a_damaged_version_cannot_tell(self, prediction):
        registry.damage(prediction.version)
        answering.forget()
        told = self.audit(prediction)
        assert told["answered"] is None
        assert "SHA-256" in told["why"]

    def test_refuses_what_is_not_there(self, day):
        with pytest.raises(PredictionRefused, match="no prediction #0"):
            auditing.audit_of(prediction_id=0, now=NOW + timedelta(hours=1))
