"""Transfers over HTTP: read them all; move money between cash, books and outside."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.rest.access import actor_of
from monitoring.rest.resources import ACTING, ReadOnlyResource, resource
from settlements.models import LedgerTransfer
from settlements.services import ledger, moving

PLACE = '"cash", "outside", a book\'s code, or "bonus:" and a book\'s code.'


class MoneyMove(serializers.Serializer):
    """From where to where; the same reference again moves nothing."""

    bankroll = serializers.IntegerField(min_value=1, max_value=2**62)
    from_place = serializers.CharField(max_length=40, help_text=PLACE)
    to_place = serializers.CharField(max_length=40, help_text=PLACE)
    amount = serializers.DecimalField(14, 2, min_value=0)
    currency = serializers.CharField(
        max_length=3, required=False, allow_blank=True, default="",
        help_text="Where it is given, it must be the bankroll's.",
    )  # fmt: skip
    reference = serializers.CharField(max_length=ledger.LONGEST_REFERENCE)
    reason = serializers.CharField(max_length=250)


class TransferBase(ReadOnlyResource):
    """Positive amounts that moved from one account to another, each written once."""

    permissions = {"create": "settlements.add_ledgertransfer"}


_Transfers: Any = resource(
    LedgerTransfer,
    fields=[
        "id", "kind", "debit", "credit", "amount", "settlement", "reverses", "reference", "at",
    ],
    texts={"is_simulated": "debit.bankroll.is_simulated"},
    filters={
        "kind": ["exact"],
        "reference": ["exact"],
        "debit__bankroll": ["exact"],
        "settlement": ["exact"],
        "at": ("gte", "lt"),
    },
    base=TransferBase,
)  # fmt: skip


class Transfers(_Transfers):
    @extend_schema(request=MoneyMove, responses={201: _Transfers.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Move money between cash, books and outside, or give, release and forfeit a bonus."""
        data = MoneyMove(data=request.data)
        data.is_valid(raise_exception=True)
        asked = dict(data.validated_data)
        made = moving.move(
            bankroll_id=asked.pop("bankroll"), source=asked.pop("from_place"),
            target=asked.pop("to_place"), **asked, actor=actor_of(request),
            now=timezone.now(),
        )  # fmt: skip
        return Response(self.get_serializer(made).data, status=status.HTTP_201_CREATED)
