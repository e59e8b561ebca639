"""Arbitrage: read it, look for it now, close out what stands alone, say who settles alike."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from betting.domain import arbitrage
from betting.models import Arbitrage, ArbitrageLeg, SettlingTerms
from betting.services import arbitraging, equating, hedging
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource

_HIGHEST = 2**62
PLAIN: dict[str, Any] = {"methods": ["post"], "pagination_class": None, "filterset_class": None}


class Looking(serializers.Serializer):
    strategy = serializers.IntegerField(min_value=1, max_value=_HIGHEST)
    dry_run = serializers.BooleanField(default=False, help_text="Write and send nothing.")


class Looked(serializers.Serializer):
    """What a look came to: boards, how many by reason, what was found and what became of it."""

    boards = serializers.IntegerField()
    reasons = serializers.DictField(child=serializers.IntegerField())
    found = serializers.ListField(child=serializers.DictField())
    states = serializers.DictField(child=serializers.IntegerField())


class ClosingOut(serializers.Serializer):
    reason = serializers.CharField(max_length=hedging.LONGEST_NOTE, help_text="It is audited.")
    max_loss = serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=0, required=False, allow_null=True, default=None,
        help_text="What it may cost at most; null: whatever it costs.",
    )  # fmt: skip


class Handled(serializers.Serializer):
    reason = serializers.CharField(max_length=hedging.LONGEST_NOTE, help_text="It is audited.")


class NewTerms(serializers.Serializer):
    sport = serializers.IntegerField(min_value=1, max_value=_HIGHEST)
    kind = serializers.ChoiceField(choices=arbitrage.KINDS)
    books = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=_HIGHEST),
        min_length=1,
        max_length=100,
    )
    terms = serializers.CharField(
        max_length=equating.LONGEST_TERMS, allow_blank=True,
        help_text="The same words are the same terms; empty takes back what was said.",
    )  # fmt: skip
    reason = serializers.CharField(max_length=equating.LONGEST_REASON)


class ArbitrageBase(ReadOnlyResource):
    """Arbitrages: taken leg by leg, or passed over with the reason."""

    permissions = {
        "look": "betting.add_arbitrage",
        "close_out": "betting.change_arbitrage",
        "handled": "betting.change_arbitrage",
    }


_Arbitrages: Any = resource(
    Arbitrage,
    fields=[
        "id",
        "strategy",
        "market",
        "state",
        "reason",
        "found_at",
        "seen_at",
        "closed_at",
        "guaranteed",
        "total",
        "worst",
        "best",
        "max_loss",
        "chain",
        "note",
    ],
    texts={
        "event": "market.event.name",
        "is_simulated": "strategy.bankroll.is_simulated",
        "currency": "strategy.bankroll.currency",
    },
    filters={
        "strategy": ["exact"],
        "market": ["exact"],
        "state": ["exact", "in"],
        "reason": ["exact"],
        "closed_at": ["isnull"],
        "seen_at": ["gte", "lt"],
    },
    orderings=["-id", "id", "-seen_at", "seen_at"],
    base=ArbitrageBase,
)
_ONE = {200: _Arbitrages.serializer_class, **ACTING}


class Arbitrages(_Arbitrages):
    @extend_schema(request=Looking, responses={200: Looked, **ACTING})
    @action(**PLAIN, detail=False)
    def look(self, request: Request) -> Response:
        """Look for a strategy now, and take what is found; a dry run says what it would take."""
        data = Looking(data=request.data)
        data.is_valid(raise_exception=True)
        found = arbitraging.look(
            strategy_id=data.validated_data["strategy"],
            dry_run=data.validated_data["dry_run"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        return Response(found)

    @extend_schema(request=ClosingOut, responses=_ONE)
    @action(**PLAIN, detail=True, url_path="close-out")
    def close_out(self, request: Request, pk: str) -> Response:
        """Cover what stands alone at the best prices there are now."""
        data = ClosingOut(data=request.data)
        data.is_valid(raise_exception=True)
        row = hedging.close_out(
            arbitrage_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(self.get_serializer(row).data)

    @extend_schema(request=Handled, responses=_ONE)
    @action(**PLAIN, detail=True)
    def handled(self, request: Request, pk: str) -> Response:
        """Say that what stands alone is hedged elsewhere, or is to stand."""
        data = Handled(data=request.data)
        data.is_valid(raise_exception=True)
        row = hedging.handle(
            arbitrage_id=self.get_object().pk,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(self.get_serializer(row).data)


class TermsBase(ReadOnlyResource):
    """By which terms books settle kinds of markets."""

    permissions = {"create": "betting.change_settlingterms"}


_Terms: Any = resource(
    SettlingTerms,
    fields=["id", "sport", "kind", "book", "terms", "reason", "changed_by", "changed_at"],
    texts={"book_code": "book.code", "sport_code": "sport.code"},
    filters={"sport": ["exact"], "kind": ["exact"], "book": ["exact"], "terms": ["exact"]},
    base=TermsBase,
)


class TermsTold(serializers.Serializer):
    """The rows as they stand now, one for each book that was named."""

    settling_terms = _Terms.serializer_class(many=True)


class Terms(_Terms):
    @extend_schema(request=NewTerms, responses={200: TermsTold, **ACTING})
    def create(self, request: Request) -> Response:
        """Say by which terms books settle a kind of market; the next look heeds it."""
        data = NewTerms(data=request.data)
        data.is_valid(raise_exception=True)
        wanted = data.validated_data
        rows = equating.set_terms(
            sport_id=wanted["sport"],
            kind=wanted["kind"],
            book_ids=wanted["books"],
            terms=wanted["terms"],
            reason=wanted["reason"],
            actor=actor_of(request),
            now=timezone.now(),
        )
        told = self.get_serializer(rows, many=True).data
        return Response({"settling_terms": told}, status=status.HTTP_200_OK)


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "arbitrages": Arbitrages,
    "arbitrage-legs": resource(
        ArbitrageLeg,
        fields=[
            "id", "arbitrage", "rank", "role", "selection", "book", "price", "commission", "stake",
            "bet",
        ],
        texts={
            "order_state": "bet.order_state",
            "matched_stake": "bet.matched_stake",
            "matched_price": "bet.matched_price",
        },
        filters={"arbitrage": ["exact"], "role": ["exact"]},
    ),
    "settling-terms": Terms,
}  # fmt: skip
