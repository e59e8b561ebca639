"""GET movement: how prices moved before the start; GET fair-closes: what the closes say."""

from dataclasses import asdict
from typing import Any

from django.urls import path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from markets import models, queries
from markets.domain import odds
from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ERRORS, REFUSED, refuse_unknown

EVENTS_AT_MOST = 2_000


class Interval(serializers.Serializer):
    """A mean, and what 95 % of resamples of events lie between."""

    value = serializers.FloatField(allow_null=True)
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)


class OpenToClose(serializers.Serializer):
    sport = serializers.CharField()
    kind = serializers.CharField()
    n = serializers.IntegerField()
    events = serializers.IntegerField()
    moved = serializers.FloatField(allow_null=True, help_text="Mean distance in probability.")
    value = Interval(help_text="Opening price times fair closing probability, less 1.")
    beat = serializers.FloatField(allow_null=True)
    true_openers = serializers.FloatField(allow_null=True)
    moved_lines = serializers.FloatField(allow_null=True)


class TimingWindow(serializers.Serializer):
    nearest = serializers.FloatField(help_text="Hours before the start.")
    farthest = serializers.FloatField()
    n = serializers.IntegerField()
    events = serializers.IntegerField()
    moved = serializers.FloatField(allow_null=True)
    value = Interval()


class Timing(serializers.Serializer):
    sport = serializers.CharField()
    kind = serializers.CharField()
    windows = TimingWindow(many=True)
    advice = TimingWindow(allow_null=True, help_text="The clearly best window; null: none is.")


class PriceMove(serializers.Serializer):
    event_id = serializers.IntegerField()
    event = serializers.CharField()
    kind = serializers.CharField()
    selection_id = serializers.IntegerField()
    selection = serializers.CharField()
    direction = serializers.IntegerField(help_text="1: the chance rose; -1: it fell.")
    from_hours = serializers.FloatField()
    to_hours = serializers.FloatField()
    books = serializers.IntegerField()
    change = serializers.FloatField(help_text="Mean change of implied probability.")


class ReverseMove(serializers.Serializer):
    event_id = serializers.IntegerField()
    event = serializers.CharField()
    kind = serializers.CharField()
    role = serializers.CharField()
    public_share = serializers.FloatField(help_text="Of the number of bets.")
    books = serializers.IntegerField(help_text="That went against the public.")
    line_change = serializers.FloatField()
    change = serializers.FloatField()


class Divergence(serializers.Serializer):
    book = serializers.CharField()
    n = serializers.IntegerField()
    distance = serializers.FloatField(allow_null=True)
    bias = serializers.FloatField(allow_null=True)
    worth = serializers.FloatField(allow_null=True)


class MovementFigures(serializers.Serializer):
    events = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    open_to_close = OpenToClose(many=True)
    timing = Timing(many=True)
    steam_found = serializers.IntegerField()
    steam = PriceMove(many=True)
    reverse_found = serializers.IntegerField()
    reverse = ReverseMove(many=True)
    divergence = Divergence(many=True)
    reference = serializers.DictField(child=serializers.IntegerField())


class MovementQuery(serializers.Serializer):
    since = MomentField(required=False, help_text="Events that start at this time or later.")
    until = MomentField(required=False, help_text="Events that start before this time.")
    sport = serializers.SlugField(required=False)
    competition = serializers.CharField(required=False, max_length=30)
    kind = serializers.ChoiceField(required=False, choices=models.Market.Kind.choices)
    is_simulated = serializers.BooleanField(default=False)
    events = serializers.IntegerField(default=300, min_value=1, max_value=EVENTS_AT_MOST)


class Movement(APIView):
    """Movement of the newest events that have started and have their closes recorded."""

    permission = "markets.view_closingprice"

    @extend_schema(
        parameters=[MovementQuery], responses={200: MovementFigures, **ERRORS, **REFUSED}
    )
    def get(self, request: Request) -> Response:
        """Return moves from open to close, timing windows, steam and divergence."""
        refuse_unknown(request, MovementQuery().fields)
        asked = MovementQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted: dict[str, Any] = dict(asked.validated_data)
        kind = wanted.pop("kind", None)
        report = queries.movement_report(
            until=wanted.pop("until", timezone.now()),
            kinds=[kind] if kind else None,
            events_at_most=wanted.pop("events"),
            **wanted,
        )
        return Response(MovementFigures(asdict(report)).data)


class FairClose(serializers.Serializer):
    market_id = serializers.IntegerField()
    kind = serializers.CharField()
    selection_id = serializers.IntegerField()
    role = serializers.CharField()
    name = serializers.CharField()
    book = serializers.CharField(source="book_code", help_text="Whose close was used.")
    price = serializers.FloatField()
    fair_probability = serializers.FloatField()
    overround = serializers.FloatField(allow_null=True)
    method = serializers.CharField()
    exactness = serializers.ChoiceField(choices=models.ClosingPrice.Exactness.choices)
    age_seconds = serializers.FloatField()
    is_simulated = serializers.BooleanField(help_text="The event is.")


class FairCloseQuery(serializers.Serializer):
    event = serializers.IntegerField(min_value=1, max_value=2**62)
    method = serializers.ChoiceField(
        required=False,
        choices=sorted(odds.METHODS),
        help_text="How the margin is taken off; without it, as it was recorded.",
    )
    is_any_age = serializers.BooleanField(
        default=False, help_text="Use closes too that are too old to be one."
    )
    is_simulated = serializers.BooleanField(
        required=False, allow_null=True, help_text="Answer for such an event alone."
    )


class FairCloses(APIView):
    """Margin-free closing probabilities of one event, along the chain of references."""

    permission = "markets.view_closingprice"

    @extend_schema(
        parameters=[FairCloseQuery], responses={200: FairClose(many=True), **ERRORS, **REFUSED}
    )
    def get(self, request: Request) -> Response:
        """Return one row per selection, with the book whose close was used."""
        refuse_unknown(request, FairCloseQuery().fields)
        asked = FairCloseQuery(data=request.query_params)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        event, is_wanted = wanted.pop("event"), wanted.pop("is_simulated", None)
        events = models.Event.objects.filter(pk=event)
        is_simulated = events.values_list("competition__is_simulated", flat=True).first()
        if is_simulated is None or is_wanted not in (None, is_simulated):
            return Response([])
        found = queries.closing_fair(event_ids=[event], **wanted).assign(is_simulated=is_simulated)
        return Response(FairClose(found.to_dict("records"), many=True).data)


PATHS = [
    path("movement", Movement.as_view(), name="movement"),
    path("fair-closes", FairCloses.as_view(), name="fair-closes"),
]
