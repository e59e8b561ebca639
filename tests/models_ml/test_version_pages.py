"""The page of a version: everybody's scores with intervals, its calibration drawn, its service."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from models_ml.admin import scorecards
from models_ml.models import Evaluation
from monitoring.services import roles
from tests.models_ml import registry

pytestmark = pytest.mark.django_db
BETA = {
    "method": "beta",
    "curves": [[1.5, 1.0, 0.1], [1.0, 1.2, 0.0], [1.0, 1.0, -0.1]],
    "n": 480,
    "held_out_log_loss": {"identity": 0.9712, "temperature": 0.9705, "beta": 0.9633},
}


def card(log_loss: float, n: int = 300) -> dict:
    ends = [round(log_loss - 0.02, 4), round(log_loss + 0.02, 4)]
    return {"n": n, "log_loss": log_loss, "intervals": {"log_loss": ends}}


METRICS = {
    "model": card(0.9611),
    "market": card(0.9622),
    "close": card(0.9533, 298),
    "baselines": {"dixon_coles": card(0.9844), "elo_logistic": card(0.9855)},
    "differences": {
        "model-market": {
            "mean": -0.0011, "low": -0.004, "high": 0.002, "n": 300, "clusters": 30, "dm_p": 0.4,
        }
    },
    "parts": {"test": {"n": 300, "from": "2026-05-01T12:00:00", "to": "2026-10-30T12:00:00"}},
}  # fmt: skip


@pytest.fixture
def viewer():
    roles.ensure_roles()
    client = Client()
    client.force_login(registry.a_person("vera", roles.VIEWER, is_staff=True))
    return client


def a_version(**fields):
    pipeline = registry.a_pipeline(registry.SIMULATED)
    return registry.a_candidate(pipeline, metrics=METRICS, **fields)


def page_of(client, version):
    url = reverse("admin:models_ml_modelversion_change", args=[version.pk])
    return client.get(url).content.decode()


def unfolded(text: str) -> str:
    """Return a page without what opens only when somebody asks."""
    return re.sub(r"<details.*?</details>", "", text, flags=re.DOTALL)


class TestScores:
    def test_stand_beside_market_close_and_plain_methods_with_intervals_and_rows(self, viewer):
        text = page_of(viewer, a_version())
        for told in (
            "0.9611 (0.9411 to 0.9811)", "0.9622 (0.9422 to 0.9822)", "0.9533 (0.9333 to 0.9733)",
            "0.9844 (0.9644 to 1.0044)", "-0.0011 (-0.0040 to +0.0020)",
        ):  # fmt: skip
            assert scorecards.over(told) in text
        for told in (
            "dixon coles", "elo logistic", "298",
            "300 rows it had not seen, from 2026-05-01 to 2026-10-30",
        ):  # fmt: skip
            assert told in text

    def test_are_missing_in_words_where_none_were_kept(self, viewer):
        version = a_version()
        version.metrics = {}
        version.save()
        assert "No figures were kept." in page_of(viewer, version)

    def test_of_later_events_lead_to_their_evaluation(self, viewer):
        version = a_version()
        kept = Evaluation.objects.create(
            pipeline=version.pipeline, version=version, kind="EVALUATE", n=40, actor="test",
            since=registry.NOON - timedelta(days=9), until=registry.NOON, at=registry.NOON,
            figures={"model": card(0.95), "market": card(0.94), "at_close": {"close": card(0.93)}},
        )  # fmt: skip
        text = page_of(viewer, version)
        assert "Log loss on later events" in text
        assert reverse("admin:models_ml_evaluation_change", args=[kept.pk]) in text
        for told in (
            "0.9500 (0.9300 to 0.9700)", "0.9400 (0.9200 to 0.9600)", "0.9300 (0.9100 to 0.9500)",
        ):  # fmt: skip
            assert scorecards.over(told) in text


class TestCalibration:
    def test_is_drawn_and_its_parameters_are_folded_away(self, viewer):
        version = a_version()
        version.calibration = BETA
        version.save()
        text = page_of(viewer, version)
        assert text.count("<polyline") == 3
        for told in ("home: 0.02 becomes", "held-out log loss", "0.9633", "chosen", "480"):
            assert told in text.lower()
        assert "curves" in text
        assert "curves" not in unfolded(text)

    def test_of_both_starts_is_told_of_each(self, viewer):
        version = a_version(kind="boosted2")
        version.calibration = {"market": {"method": "identity", "n": 20}, "ratings": {
            "method": "temperature", "temperature": 1.25, "n": 90}}  # fmt: skip
        version.save()
        text = page_of(viewer, version)
        assert text.count("<polyline") == 1
        assert "rows that start from ratings" in text
        assert "temperature 1.25" in text

    def test_without_classes_is_told_in_numbers(self, viewer):
        version = a_version(kind="margin")
        version.calibration = {"market": {"method": "moved", "shift": 0.75, "scale": 1.1, "n": 90}}
        version.save()
        text = page_of(viewer, version)
        assert "scale 1.1, shift 0.75" in text
        assert "<polyline" not in text


class TestService:
    def test_is_listed_with_who_began_it(self, viewer):
        version = a_version()
        assert "It has never served." in page_of(viewer, version)
        registry.promoted(version)
        period = version.periods.get()
        text = page_of(viewer, version)
        assert reverse("admin:models_ml_servingperiod_change", args=[period.pk]) in text


def test_asks_as_much_for_much_as_for_little(viewer):
    version = a_version()

    def statements():
        with CaptureQueriesContext(connection) as found:
            page_of(viewer, version)
        return len(found)

    statements()  # content types are read once
    before = statements()
    Evaluation.objects.bulk_create(
        Evaluation(
            pipeline=version.pipeline, version=version, kind="EVALUATE", n=40, actor="test",
            since=registry.NOON, until=registry.NOON, at=registry.NOON, figures=METRICS,
        )
        for _ in range(20)
    )  # fmt: skip
    assert statements() == before
