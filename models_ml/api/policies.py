"""What a promotion asks for, and what is kept for how long: read, and changed with a reason."""

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from models_ml import models
from models_ml.api.registry import HIGHEST_ID, checked
from models_ml.services import policies
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource


class Values(serializers.Serializer):
    """What is to be changed of a policy, and why; the rest stays."""

    reason = serializers.CharField(max_length=250)


class PromotionValues(Values):
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6),
        required=False,
        min_length=1,
        max_length=7,
        help_text="In order, Monday being 0.",
    )
    until_time = serializers.TimeField(required=False)
    time_zone = serializers.CharField(required=False, max_length=64)
    slope_tolerance = serializers.FloatField(required=False)
    minimum_test_rows = serializers.IntegerField(required=False)
    minimum_challenger_bets = serializers.IntegerField(required=False)
    too_good_sigma = serializers.FloatField(required=False)
    wants_significance = serializers.BooleanField(required=False)
    expires_after_days = serializers.IntegerField(
        required=False, allow_null=True, help_text="null: never."
    )
    proposal_expires_days = serializers.IntegerField(required=False)


class HygieneValues(Values):
    keep_days = serializers.IntegerField(required=False)
    keep_last = serializers.IntegerField(required=False)
    keep_best = serializers.IntegerField(required=False)
    predictions_days = serializers.IntegerField(required=False)
    rehearsals_days = serializers.IntegerField(required=False)
    is_enabled = serializers.BooleanField(required=False)


class OfPipeline(serializers.Serializer):
    pipeline = serializers.IntegerField(
        allow_null=True,
        min_value=1,
        max_value=HIGHEST_ID,
        help_text="null: of all that have no policy of their own.",
    )


class NewPromotionPolicy(OfPipeline, PromotionValues):
    """A pipeline's own policy; what is not told is as in the house's."""


class NewHygienePolicy(OfPipeline, HygieneValues):
    """A pipeline's own policy; what is not told is as in the house's."""


class _Policies(ReadOnlyResource):
    """Change a policy, or give a pipeline its own."""

    change: Callable[..., Any]

    def _changed(self, request: Request, data: dict[str, Any], pipeline_id: int | None) -> Any:
        reason = data.pop("reason")
        return type(self).change(
            pipeline_id=pipeline_id,
            changes=data,
            actor=actor_of(request),
            reason=reason,
            now=timezone.now(),
        )


class PromotionPolicyBase(_Policies):
    """What a version must show before it serves; without a pipeline: the house's default."""

    permissions = {
        "create": "models_ml.change_promotionpolicy",
        "partial_update": "models_ml.change_promotionpolicy",
    }
    change = policies.change_promotion


class HygienePolicyBase(_Policies):
    """What is kept, and for how long; without a pipeline: the house's default."""

    permissions = {
        "create": "models_ml.change_hygienepolicy",
        "partial_update": "models_ml.change_hygienepolicy",
    }
    change = policies.change_hygiene


_Promotion: Any = resource(
    models.PromotionPolicy,
    fields=["id", "pipeline", *policies.PROMOTION],
    filters={"pipeline": ["exact", "isnull"]},
    base=PromotionPolicyBase,
)
_Hygiene: Any = resource(
    models.HygienePolicy,
    fields=["id", "pipeline", *policies.HYGIENE],
    filters={"pipeline": ["exact", "isnull"]},
    base=HygienePolicyBase,
)


class PromotionPolicies(_Promotion):
    @extend_schema(
        request=NewPromotionPolicy, responses={201: _Promotion.serializer_class, **ACTING}
    )
    def create(self, request: Request) -> Response:
        """Set the policy of a pipeline, or the house's; audited with the reason."""
        data = checked(NewPromotionPolicy, request)
        made = self._changed(request, data, data.pop("pipeline"))
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=PromotionValues, responses={200: _Promotion.serializer_class, **ACTING})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a policy; audited with the reason."""
        row = self.get_object()
        data = checked(PromotionValues, request)
        return Response(self.get_serializer(self._changed(request, data, row.pipeline_id)).data)


class HygienePolicies(_Hygiene):
    @extend_schema(request=NewHygienePolicy, responses={201: _Hygiene.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Set the policy of a pipeline, or the house's; audited with the reason."""
        data = checked(NewHygienePolicy, request)
        made = self._changed(request, data, data.pop("pipeline"))
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=HygieneValues, responses={200: _Hygiene.serializer_class, **ACTING})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a policy; audited with the reason."""
        row = self.get_object()
        data = checked(HygieneValues, request)
        return Response(self.get_serializer(self._changed(request, data, row.pipeline_id)).data)


RESOURCES: dict[str, Any] = {
    "promotion-policies": PromotionPolicies,
    "hygiene-policies": HygienePolicies,
}
