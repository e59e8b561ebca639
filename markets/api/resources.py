"""The markets' read side: who plays, what is quoted, what happened, where it came from."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets import models
from markets.api.entering import EventBase
from markets.api.leagues import CompetitionBase
from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ERRORS, ReadOnlyResource, refuse_unknown, resource

TIME = ("gte", "lt")


class PriceHistoryQuery(serializers.Serializer):
    book = serializers.SlugField(required=False, help_text="A book's code.")
    since = MomentField(required=False, help_text="Shown at this time or later.")
    until = MomentField(required=False, help_text="Shown before this time.")
    limit = serializers.IntegerField(default=1_000, min_value=1, max_value=5_000)


class PriceChange(serializers.Serializer):
    book = serializers.CharField(source="book.code")
    price = serializers.DecimalField(max_digits=9, decimal_places=3)
    seen_at = serializers.DateTimeField()
    fetched_at = serializers.DateTimeField()
    mark = serializers.ChoiceField(choices=models.Mark.choices)


class SelectionBase(ReadOnlyResource):
    """Selections, and each one's price history."""

    @extend_schema(
        parameters=[PriceHistoryQuery], responses={200: PriceChange(many=True), **ERRORS}
    )
    @action(detail=True, pagination_class=None, filterset_class=None)
    def prices(self, request: Request, pk: str) -> Response:
        """Return the price changes of one selection in time order."""
        refuse_unknown(request, PriceHistoryQuery().fields)
        asked = PriceHistoryQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        selection = self.get_object()
        changes = _history(selection.pk, **asked.validated_data)
        return Response(PriceChange(changes, many=True).data)


def _history(
    selection_id: int, *, limit: int, book: str = "", since: object = None, until: object = None
) -> QuerySet[models.PriceSnapshot]:
    found = models.PriceSnapshot.objects.filter(selection_id=selection_id).select_related("book")
    if book:
        found = found.filter(book__code=book)
    if since:
        found = found.filter(seen_at__gte=since)
    if until:
        found = found.filter(seen_at__lt=until)
    return found.order_by("seen_at", "book_id")[:limit]


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "sports": resource(models.Sport, fields=["id", "code", "name"]),
    "competitions": resource(
        models.Competition,
        fields=["id", "code", "name", "country", "time_zone", "is_simulated", "time_scale"],
        texts={"sport": "sport.code"},
        filters={"code": ["exact"], "is_simulated": ["exact"], "sport__code": ["exact"]},
        base=CompetitionBase,
    ),
    "seasons": resource(
        models.Season,
        fields=["id", "competition", "label"],
        texts={"is_simulated": "competition.is_simulated"},
        filters={"competition": ["exact"], "competition__code": ["exact"], "label": ["exact"]},
    ),
    "participants": resource(
        models.Participant,
        fields=["id", "name"],
        texts={"sport": "sport.code"},
        filters={"name": ["exact", "icontains"], "sport__code": ["exact"]},
        orderings=["name", "-name", "-id", "id"],
    ),
    "events": resource(
        models.Event,
        fields=[
            "id",
            "name",
            "competition",
            "season",
            "home",
            "away",
            "leg",
            "starts_at",
            "started_at",
            "status",
        ],
        texts={"is_simulated": "competition.is_simulated", "competition_code": "competition.code"},
        filters={
            "competition__code": ["exact"],
            "competition__is_simulated": ["exact"],
            "season": ["exact"],
            "status": ["exact"],
            "starts_at": TIME,
        },
        orderings=["-starts_at", "starts_at", "-id", "id"],
        base=EventBase,
    ),
    "markets": resource(
        models.Market,
        fields=["id", "event", "kind", "period", "line"],
        texts={"is_simulated": "event.competition.is_simulated"},
        filters={"event": ["exact"], "kind": ["exact"]},
    ),
    "selections": resource(
        models.Selection,
        fields=["id", "market", "role", "name", "line"],
        texts={
            "is_simulated": "market.event.competition.is_simulated",
            "kind": "market.kind",
            "event": "market.event_id",
        },
        filters={"market": ["exact"], "market__event": ["exact"], "role": ["exact"]},
        base=SelectionBase,
    ),
    "latest-prices": resource(
        models.LatestPrice,
        fields=["id", "selection", "price", "previous_price", "seen_at", "confirmed_at", "mark"],
        texts={"is_simulated": "book.is_simulated", "book": "book.code"},
        filters={
            "selection": ["exact"],
            "selection__market__event": ["exact"],
            "book__code": ["exact"],
            "confirmed_at": TIME,
        },
        orderings=["-id", "id"],
    ),
    "closing-prices": resource(
        models.ClosingPrice,
        fields=[
            "id",
            "selection",
            "opening_price",
            "opened_at",
            "price",
            "seen_at",
            "confirmed_at",
            "starts_at",
            "overround",
            "fair_probability",
            "method",
            "opening_exactness",
            "exactness",
            "recorded_at",
        ],
        texts={"is_simulated": "book.is_simulated", "book": "book.code"},
        filters={
            "selection": ["exact"],
            "selection__market__event": ["exact"],
            "book__code": ["exact"],
            "exactness": ["exact"],
        },
    ),
    "results": resource(
        models.Result,
        fields=[
            "id",
            "event",
            "version",
            "status",
            "home_score",
            "away_score",
            "home_score_half",
            "away_score_half",
            "known_at",
            "recorded_at",
        ],
        texts={"is_simulated": "source.is_simulated", "source": "source.code"},
        filters={"event": ["exact"], "status": ["exact"], "known_at": TIME},
        orderings=["-known_at", "known_at", "-id", "id"],
    ),
}
