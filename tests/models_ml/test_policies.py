from datetime import time

import pytest
from django.urls import reverse

from models_ml import queries
from models_ml.models import HygienePolicy, PromotionPolicy
from models_ml.services import policies
from models_ml.services.policies import WrongPolicy
from monitoring.models import AuditEntry
from monitoring.services import roles
from tests.models_ml import registry
from tests.models_ml.registry import NOON
from tests.models_ml.test_registry_doors import do, signed_in

pytestmark = pytest.mark.django_db


def change(pipeline_id=None, *, reason="a new season", **changes):
    return policies.change_promotion(
        pipeline_id=pipeline_id, changes=changes, actor="user:bob", reason=reason, now=NOON
    )


class TestChangePromotion:
    def test_of_the_house_holds_for_every_pipeline_without_its_own(self):
        pipeline = registry.a_pipeline()
        change(too_good_sigma=4.0)
        assert queries.policy(pipeline=pipeline).too_good_sigma == 4.0
        change(pipeline.pk, too_good_sigma=2.5)
        change(too_good_sigma=5.0)
        assert queries.policy(pipeline=pipeline).too_good_sigma == 2.5

    def test_gives_a_pipeline_the_rest_of_the_house(self):
        change(until_time=time(12), weekdays=[0])
        own = change(registry.a_pipeline().pk, minimum_test_rows=50)
        assert (own.until_time, own.weekdays, own.minimum_test_rows) == (time(12), [0], 50)

    def test_keeps_in_the_audit_what_was_and_what_is(self):
        change(until_time=time(12), proposal_expires_days=14)
        entry = AuditEntry.objects.get()
        assert entry.detail["changed"] == {"until_time": ["18:00:00", "12:00:00"]}
        assert (entry.actor, entry.detail["reason"]) == ("user:bob", "a new season")

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            pytest.param("weekdays", [], id="no-day"),
            pytest.param("weekdays", [3, 1], id="days-out-of-order"),
            pytest.param("weekdays", [7], id="an-eighth-day"),
            pytest.param("until_time", "18:00", id="a-text-for-a-time"),
            pytest.param("time_zone", "Mars/Base", id="an-unknown-zone"),
            pytest.param("slope_tolerance", 0.0, id="no-tolerance"),
            pytest.param("slope_tolerance", float("nan"), id="not-a-number"),
            pytest.param("too_good_sigma", True, id="a-switch-for-a-number"),
            pytest.param("minimum_test_rows", 0, id="no-rows"),
            pytest.param("wants_significance", 1, id="a-number-for-a-switch"),
            pytest.param("expires_after_days", 0, id="expired-at-once"),
            pytest.param("proposal_expires_days", None, id="never-decided"),
            pytest.param("colour", "red", id="no-such-thing"),
        ],
    )
    def test_refuses_what_cannot_be(self, name, value):
        with pytest.raises(WrongPolicy, match=name):
            change(**{name: value})
        assert not PromotionPolicy.objects.exists()

    def test_lets_versions_serve_for_ever(self):
        assert change(expires_after_days=None).expires_after_days is None

    def test_refuses_without_a_reason_a_change_or_a_pipeline(self):
        for no in ({"reason": " ", "keep": 1}, {}, {"pipeline_id": 0, "too_good_sigma": 4.0}):
            with pytest.raises(WrongPolicy):
                change(**no)


class TestThePages:
    def test_offer_the_values_that_stand_and_take_a_reason(self):
        row = change(minimum_test_rows=321)
        client = signed_in("bob", roles.OPS_LEAD)
        url = do("change", row.pk, "promotionpolicy")
        assert 'value="321"' in client.get(url).content.decode()
        values = {
            "confirmed": "yes", "reason": "fewer games", "weekdays": ["1", "2"],
            "until_time": "17:30", "time_zone": "UTC", "slope_tolerance": "0.1",
            "minimum_test_rows": "100", "minimum_challenger_bets": "50", "too_good_sigma": "3",
            "expires_after_days": "", "proposal_expires_days": "7",
        }  # fmt: skip
        client.post(url, values)
        row.refresh_from_db()
        assert (row.minimum_test_rows, row.until_time) == (100, time(17, 30))
        assert (row.weekdays, row.expires_after_days, row.wants_significance) == (
            [1, 2], None, False,
        )  # fmt: skip

    def test_set_the_houses_hygiene_where_there_is_none(self):
        client = signed_in("bob", roles.OPS_LEAD)
        url = reverse("admin:models_ml_hygienepolicy_do_many", args=["set"])
        assert 'value="180"' in client.get(url).content.decode()
        values = {
            "confirmed": "yes", "reason": "a small disk", "pipeline": "", "keep_days": "90",
            "keep_last": "10", "keep_best": "5", "predictions_days": "100",
            "rehearsals_days": "7", "is_enabled": "on",
        }  # fmt: skip
        client.post(url, values)
        row = HygienePolicy.objects.get()
        assert (row.pipeline, row.keep_days, row.is_enabled) == (None, 90, True)
        assert AuditEntry.objects.filter(action="models_ml.change_hygienepolicy").exists()

    def test_are_closed_to_a_modeling_lead(self):
        row = change(minimum_test_rows=321)
        client = signed_in("mona", roles.MODELING_LEAD)
        url = do("change", row.pk, "promotionpolicy")
        assert client.post(url, {"confirmed": "yes"}).status_code == 403
