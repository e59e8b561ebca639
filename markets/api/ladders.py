"""GET selections/{id}/ladder: an exchange's best offers on both sides, and how they came."""

from django.http import Http404
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from markets import queries
from markets.models import LadderSnapshot, Selection
from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ERRORS, refuse_unknown

HIGHEST_ID = 2**62


class Offer(serializers.Serializer):
    price = serializers.DecimalField(max_digits=9, decimal_places=3)
    size = serializers.DecimalField(max_digits=14, decimal_places=2)


class OrderBook(serializers.Serializer):
    """Best offers first; the size is what can be had at that price, in the exchange's currency."""

    book = serializers.CharField(source="book.code")
    seen_at = serializers.DateTimeField()
    back = serializers.SerializerMethodField()
    lay = serializers.SerializerMethodField()
    last_traded = serializers.DecimalField(max_digits=9, decimal_places=3, allow_null=True)
    matched = serializers.DecimalField(max_digits=16, decimal_places=2, allow_null=True)
    fetched_at = serializers.DateTimeField()

    @extend_schema_field(Offer(many=True))
    def get_back(self, row: LadderSnapshot) -> list:
        return _offers(row.back_prices, row.back_sizes)

    @extend_schema_field(Offer(many=True))
    def get_lay(self, row: LadderSnapshot) -> list:
        return _offers(row.lay_prices, row.lay_sizes)


def _offers(prices: list, sizes: list) -> list:
    rows = [{"price": price, "size": size} for price, size in zip(prices, sizes, strict=True)]
    return list(Offer(rows, many=True).data)


class SelectionLadder(APIView):
    """The offers on one selection, newest first."""

    permission = "markets.view_selection"

    class LadderQuery(serializers.Serializer):
        book = serializers.SlugField(required=False, help_text="An exchange's code.")
        as_of = MomentField(required=False, help_text="None that was seen after this time.")
        since = MomentField(required=False, help_text="Seen at this time or later.")
        until = MomentField(required=False, help_text="Seen before this time.")
        limit = serializers.IntegerField(default=1, min_value=1, max_value=1_000)

    @extend_schema(parameters=[LadderQuery], responses={200: OrderBook(many=True), **ERRORS})
    def get(self, request: Request, pk: int) -> Response:
        """Return the newest ladder of one selection, or more of them."""
        refuse_unknown(request, self.LadderQuery().fields)
        asked = self.LadderQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        if pk > HIGHEST_ID or not Selection.objects.filter(pk=pk).exists():
            raise Http404
        window = dict(asked.validated_data)
        limit, book = window.pop("limit"), window.pop("book", "")
        found = queries.ladder_history(selection_id=pk, book_code=book, **window)
        return Response(OrderBook(found[:limit], many=True).data)


PATHS = [
    path("selections/<int:pk>/ladder", SelectionLadder.as_view(), name="selection-ladder"),
]
