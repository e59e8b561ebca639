"""Bets as the API shows them, and those that a person or a program records."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from betting import models
from betting.api import bet_files
from betting.domain.recorded import BadBet, Wanted
from betting.services import finding, recording, replacing
from betting.services.recording import Told
from markets.models import Book
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource

_WIDEST_ID = 2**62
_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="The bet's reference where the body has none: the same bet again is the same one.",
)
_TERMS = ("side", "price", "stake", "placed_at")


def _id(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=_WIDEST_ID, **options)


class VoidReason(serializers.Serializer):
    reason = serializers.CharField(max_length=recording.LONGEST_REASON)


class BetTerms(serializers.Serializer):
    """What was agreed.  ``stake`` is the backer's, whichever side is ours."""

    side = serializers.ChoiceField(choices=models.Bet.Side.choices, default="BACK")
    price = serializers.DecimalField(max_digits=9, decimal_places=3)
    stake = serializers.DecimalField(max_digits=12, decimal_places=2)
    placed_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class NewBet(BetTerms):
    """A bet that was placed elsewhere: its selection by number, or by what it is called."""

    bankroll = _id()
    book = serializers.SlugField(max_length=30, help_text="The book's code.")
    selection = _id(required=False)
    event = serializers.CharField(max_length=250, required=False, help_text="Name or number.")
    market = serializers.CharField(max_length=40, required=False, help_text="MATCH_ODDS, 1X2, …")
    line = serializers.DecimalField(max_digits=7, decimal_places=2, required=False)
    answer = serializers.CharField(max_length=120, required=False, help_text="Name or role.")
    starts_at = serializers.DateTimeField(required=False, help_text="Tells namesakes apart.")
    currency = serializers.CharField(max_length=3, required=False, default="")
    reference = serializers.CharField(max_length=120, required=False, default="")
    note = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)
    is_accepted = serializers.BooleanField(
        default=True, help_text="False: its book has not taken it yet, and it may be changed."
    )

    beyond_limits = serializers.BooleanField(
        default=False,
        help_text="True: it stands at its book already, so a limit that it breaks is told, and"
        " does not refuse it.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ask for one way of naming the selection, and for nothing unknown."""
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            raise ValidationError(dict.fromkeys(unknown, "unknown: there is no such field"))
        by_name = {"event", "market", "answer"} & attrs.keys()
        if "selection" in attrs and by_name:
            raise ValidationError({"selection": "by its number, or by event, market and answer"})
        missing = {"event", "market", "answer"} - by_name
        if "selection" not in attrs and missing:
            raise ValidationError(dict.fromkeys(sorted(missing), "needed, or selection's number"))
        return attrs


class BetChange(VoidReason):
    """What is to change of a bet that is not accepted yet, and why."""

    side = serializers.ChoiceField(choices=models.Bet.Side.choices, required=False)
    price = serializers.DecimalField(max_digits=9, decimal_places=3, required=False)
    stake = serializers.DecimalField(max_digits=12, decimal_places=2, required=False)
    placed_at = serializers.DateTimeField(required=False)
    selection = _id(required=False)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse what cannot be changed, rather than pass over it."""
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            raise ValidationError(dict.fromkeys(unknown, "this cannot be changed: void the bet"))
        return attrs


class OtherPrice(VoidReason):
    """At which price what is left of an order is offered, and why."""

    price = serializers.DecimalField(max_digits=9, decimal_places=3)


class BetBase(ReadOnlyResource):
    """Bets: placed by strategies, recorded by people, imported from files."""

    permissions = {
        "create": "betting.add_bet",
        "partial_update": "betting.change_bet",
        "accept": "betting.change_bet",
        "void": "betting.change_bet",
        "replace": "betting.change_bet",
    }


_Bets: Any = resource(
    models.Bet,
    fields=[
        "id",
        "client_ref",
        "venue",
        "venue_ref",
        "bankroll",
        "strategy",
        "decision",
        "selection",
        "side",
        "price",
        "stake",
        "liability",
        "requested_price",
        "requested_stake",
        "matched_price",
        "matched_stake",
        "probability",
        "status",
        "status_reason",
        "order_state",
        "latency_ms",
        "placed_at",
        "answered_at",
        "outcome",
        "profit",
        "commission",
        "settled_at",
    ],
    texts={
        "is_simulated": "bankroll.is_simulated",
        "book": "book.code",
        "selection_name": "selection.name",
        "market": "selection.market.kind",
        "event": "selection.market.event.name",
    },
    filters={
        "bankroll": ["exact"],
        "bankroll__kind": ["exact"],
        "bankroll__is_simulated": ["exact"],
        "strategy": ["exact"],
        "status": ["exact"],
        "order_state": ["exact"],
        "venue": ["exact"],
        "client_ref": ["exact"],
        "placed_at": ("gte", "lt"),
        "settled_at": ("gte", "lt"),
    },
    orderings=["-id", "id", "-placed_at", "placed_at"],
    base=BetBase,
)
_ANSWER = _Bets.serializer_class


class RecordedBet(_ANSWER):  # type: ignore[misc, valid-type]
    """A bet, and the limits that it was recorded beyond."""

    beyond_limits = serializers.ListField(
        child=serializers.CharField(), source="tracked.beyond", read_only=True
    )

    class Meta(_ANSWER.Meta):  # type: ignore[name-defined]
        fields = [*_ANSWER.Meta.fields, "beyond_limits"]


class Bets(_Bets):
    @extend_schema(
        request=NewBet, parameters=[_KEY], responses={200: RecordedBet, 201: RecordedBet, **ACTING}
    )
    def create(self, request: Request) -> Response:
        """Record a bet that was placed elsewhere.  200: it is known already under its reference."""
        data = _valid(NewBet, request)
        bet, is_new = recording.record(
            told=Told(
                bankroll_id=data["bankroll"],
                selection_id=data.get("selection") or _selection(data),
                book_id=_book(data["book"]),
                reference=data["reference"] or _key(request),
                note=data["note"],
                currency=data["currency"],
                **{name: data[name] for name in _TERMS},
            ),
            actor=actor_of(request),
            now=timezone.now(),
            is_accepted=data["is_accepted"],
            beyond_limits=data["beyond_limits"],
        )
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(RecordedBet(bet, context=self.get_serializer_context()).data, status=code)

    @bet_files.EXPORT
    @action(detail=False, methods=["get"], pagination_class=None, filterset_class=None)
    def export(self, request: Request) -> Any:
        """Return bets as CSV, oldest first: docs/tracking.md."""
        return bet_files.export(request)

    @extend_schema(request=BetChange, responses={200: _ANSWER, **ACTING})
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a recorded bet that its book has not accepted yet."""
        data = _valid(BetChange, request)
        if "selection" in data:
            data["selection_id"] = data.pop("selection")
        bet = recording.change(
            bet_id=self.get_object().pk, actor=actor_of(request), now=timezone.now(), **data
        )
        return Response(self.get_serializer(bet).data)

    @extend_schema(request=None, responses={200: _ANSWER, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def accept(self, request: Request, pk: str) -> Response:
        """Tell that the book took a recorded bet."""
        bet = recording.accept(
            bet_id=self.get_object().pk, actor=actor_of(request), now=timezone.now()
        )
        return Response(self.get_serializer(bet).data)

    @extend_schema(request=VoidReason, responses={200: _ANSWER, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def void(self, request: Request, pk: str) -> Response:
        """Take a recorded or imported bet back."""
        bet = recording.void(
            bet_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **_valid(VoidReason, request),
        )
        return Response(self.get_serializer(bet).data)

    @extend_schema(request=OtherPrice, responses={201: _ANSWER, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def replace(self, request: Request, pk: str) -> Response:
        """Take a waiting order back and place what is left at another price: a bet of its own."""
        bet = replacing.replace(
            bet_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **_valid(OtherPrice, request),
        )
        return Response(self.get_serializer(bet).data, status=status.HTTP_201_CREATED)


def _valid(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    data = serializer(data=request.data)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)


def _selection(data: dict[str, Any]) -> int:
    try:
        return finding.find(
            Wanted(
                event=data["event"],
                market=data["market"],
                selection=data["answer"],
                line=data.get("line"),
                starts_at=data.get("starts_at"),
            )
        ).pk
    except BadBet as bad:
        field = "answer" if bad.field == "selection" else bad.field
        said = f"expected {bad.expected}, found {bad.found!r}"
        raise ValidationError({field: said}) from bad


def _book(code: str) -> int:
    found = Book.objects.filter(code=code).values_list("pk", flat=True).first()
    if found is None:
        raise ValidationError({"book": f"there is no book {code!r}"})
    return found


def _key(request: Request) -> str:
    """Return the request's own key as a reference; "" where it has none."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return ""
    if not 1 <= len(key) <= 100 or not all("!" <= letter <= "~" for letter in key):
        raise ValidationError({"Idempotency-Key": "1 to 100 visible ASCII characters are expected"})
    return f"{actor_of(request)}:{key}"[:120]
