"""Who quotes prices, and whose close is believed."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets import models
from markets.domain import odds
from markets.services import referencing, switching
from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource

RULES = "markets.change_referencerule"


class SwitchingBook(serializers.Serializer):
    """Why a book is switched; it is audited."""

    reason = serializers.CharField(max_length=250)


class BookBase(ReadOnlyResource):
    """Books, and whether bets are taken with them."""

    permissions = {"enable": "markets.change_book", "disable": "markets.change_book"}


_Books: Any = resource(
    models.Book,
    fields=[
        "id", "code", "name", "kind", "is_enabled", "disabled_reason", "is_simulated",
        "reference_rank",
    ],
    filters={
        "code": ["exact"], "kind": ["exact"], "is_enabled": ["exact"], "is_simulated": ["exact"],
    },
    base=BookBase,
)  # fmt: skip


class Books(_Books):
    @extend_schema(request=SwitchingBook, responses={200: _Books.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def enable(self, request: Request, pk: str) -> Response:
        """Take bets with the book again."""
        return self._switched(request, switching.enable_book)

    @extend_schema(request=SwitchingBook, responses={200: _Books.serializer_class, **ACTING})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def disable(self, request: Request, pk: str) -> Response:
        """Take no bets with the book, and leave its live prices out of the market's belief."""
        return self._switched(request, switching.disable_book)

    def _switched(self, request: Request, switch: Any) -> Response:
        data = SwitchingBook(data=request.data)
        data.is_valid(raise_exception=True)
        book = switch(
            book_code=self.get_object().code,
            actor=actor_of(request),
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(self.get_serializer(book).data)


class RulePlace(serializers.Serializer):
    """Where a rule holds, and why it is changed."""

    competition = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=30,
        help_text="Its code; none: every competition that is not simulated.",
    )  # fmt: skip
    kind = serializers.ChoiceField(
        choices=models.Market.Kind.choices, required=False, default="", allow_blank=True,
        help_text="Of market; none: every kind.",
    )  # fmt: skip
    reason = serializers.CharField(max_length=250)


class RuleWanted(RulePlace):
    """Whose close is believed there, in order, and by which method it loses its margin."""

    chain = serializers.ListField(
        child=serializers.CharField(max_length=30), min_length=1, max_length=20,
        help_text='Codes of books; the last may be "consensus".',
    )  # fmt: skip
    method = serializers.ChoiceField(
        choices=sorted(odds.METHODS), required=False, default="", allow_blank=True,
        help_text="None: by the number of answers.",
    )  # fmt: skip


class RuleBase(ReadOnlyResource):
    """Whose close is believed, by competition and kind of market."""

    permissions = {"put": RULES, "drop": RULES}


_Rules: Any = resource(
    models.ReferenceRule,
    fields=["id", "competition", "kind", "chain", "method", "changed_by", "changed_at"],
    texts={"competition_code": "competition.code"},
    filters={"competition": ["exact"], "kind": ["exact"]},
    base=RuleBase,
)


class Rules(_Rules):
    @extend_schema(request=RuleWanted, responses={200: _Rules.serializer_class, **ACTING})
    @action(
        detail=False, methods=["post"], url_path="set", pagination_class=None, filterset_class=None
    )
    def put(self, request: Request) -> Response:
        """Make a rule, or change the one that holds there."""
        data = RuleWanted(data=request.data)
        data.is_valid(raise_exception=True)
        told = dict(data.validated_data)
        rule = referencing.set_rule(
            competition_code=told.pop("competition"),
            actor=actor_of(request),
            now=timezone.now(),
            **told,
        )
        return Response(self.get_serializer(rule).data)

    @extend_schema(request=RulePlace, responses={204: None, **ACTING})
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def drop(self, request: Request) -> Response:
        """Go by the rule that says less again."""
        data = RulePlace(data=request.data)
        data.is_valid(raise_exception=True)
        told = dict(data.validated_data)
        referencing.drop_rule(
            competition_code=told.pop("competition"),
            actor=actor_of(request),
            now=timezone.now(),
            **told,
        )
        return Response(status=204)


RESOURCES: dict[str, type[ReadOnlyResource]] = {"books": Books, "reference-rules": Rules}
