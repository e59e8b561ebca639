"""What paper bets cost at each book; set it with a reason."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from betting.models import CostModel
from betting.services import costing
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ERRORS, ReadOnlyResource, resource


class CostsChange(serializers.ModelSerializer):
    """The numbers to set, and why; what is not named stays."""

    reason = serializers.CharField(max_length=500)

    class Meta:
        model = CostModel
        fields = [*costing.NUMBERS, "reason"]
        extra_kwargs = {name: {"required": False} for name in costing.NUMBERS}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what no number is called, rather than pass over it."""
        known = set(self.fields)
        if unknown := sorted(set(self.initial_data) - known):
            raise ValidationError(dict.fromkeys(unknown, "unknown: there is no such number"))
        return attrs


class NewCosts(CostsChange):
    book = serializers.IntegerField(min_value=1, max_value=2**62)

    class Meta(CostsChange.Meta):
        fields = [*CostsChange.Meta.fields, "book"]


class EstimateOut(serializers.Serializer):
    """What is expected of a stake: chances of being filled whole, and the share in the mean."""

    stake = serializers.DecimalField(max_digits=14, decimal_places=2)
    filled_at_once = serializers.FloatField()
    filled_in_a_minute = serializers.FloatField()
    filled_at_last = serializers.FloatField()
    share = serializers.FloatField()
    net_of_two = serializers.FloatField()


class CostsBase(ReadOnlyResource):
    """Costs of paper bets by book."""

    permissions = {
        "create": "betting.change_costmodel",
        "partial_update": "betting.change_costmodel",
        "estimates": "betting.view_costmodel",
    }


_Costs: Any = resource(
    CostModel,
    fields=["id", "book", *costing.NUMBERS],
    texts={"book_code": "book.code"},
    filters={"book": ["exact"], "is_enabled": ["exact"]},
    base=CostsBase,
)


class Costs(_Costs):
    @extend_schema(request=NewCosts, responses={201: _Costs.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Set a book's costs; a book that has some keeps what is not named."""
        data = NewCosts(data=request.data)
        data.is_valid(raise_exception=True)
        values = dict(data.validated_data)
        row = costing.set_costs(
            book_id=values.pop("book"), actor=actor_of(request), now=timezone.now(), **values
        )
        return Response(self.get_serializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=CostsChange, responses={200: _Costs.serializer_class, **ACTING})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a book's costs; the next paper bet there heeds it."""
        data = CostsChange(data=request.data)
        data.is_valid(raise_exception=True)
        row = costing.set_costs(
            book_id=self.get_object().book_id,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(self.get_serializer(row).data)

    @extend_schema(responses={200: EstimateOut(many=True), **ERRORS}, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def estimates(self, request: Request, pk: str) -> Response:
        """Say what the costs let expect of small and of large stakes."""
        return Response([each.as_dict() for each in costing.estimates(self.get_object())])
