"""Statements over HTTP: an account's sums and movements of a period, and as a file."""

from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ERRORS, REFUSED, ReadOnlyResource, refuse_unknown
from settlements.domain.statement import Head
from settlements.models import LedgerAccount
from settlements.services import periods, statement_files, stating

LINES = 200


class PeriodAsked(serializers.Serializer):
    """By whole betting days of the bankroll's zone, or by moments; this month by default."""

    first_day = serializers.DateField(required=False)
    last_day = serializers.DateField(required=False, help_text="It belongs to the period.")
    since = MomentField(required=False, help_text="In place of first_day.")
    until = MomentField(required=False, help_text="In place of last_day; exclusive.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if {"first_day", "since"} <= attrs.keys() or {"last_day", "until"} <= attrs.keys():
            raise serializers.ValidationError("an edge is a day or a moment, not both")
        return attrs


class StatementAsked(PeriodAsked):
    after = serializers.IntegerField(
        required=False, min_value=1, max_value=2**62, help_text="The last transfer seen."
    )
    limit = serializers.IntegerField(required=False, min_value=1, max_value=1000, default=LINES)


class FileAsked(PeriodAsked):
    output = serializers.ChoiceField(choices=sorted(statement_files.TYPES), default="csv")


class StatementKind(serializers.Serializer):
    kind = serializers.CharField()
    n = serializers.IntegerField()
    came = serializers.DecimalField(16, 2)
    went = serializers.DecimalField(16, 2)
    net = serializers.DecimalField(16, 2)


class StatementLine(serializers.Serializer):
    transfer = serializers.IntegerField()
    at = serializers.DateTimeField()
    kind = serializers.CharField()
    reference = serializers.CharField()
    cause = serializers.CharField()
    bet = serializers.IntegerField(allow_null=True)
    bet_reference = serializers.CharField(allow_blank=True)
    event = serializers.CharField(allow_blank=True)
    selection = serializers.CharField(allow_blank=True)
    outcome = serializers.CharField(allow_blank=True)
    reverses = serializers.CharField(allow_blank=True)
    other_account = serializers.CharField()
    amount = serializers.DecimalField(16, 2)
    balance = serializers.DecimalField(16, 2)


class StatementOut(serializers.Serializer):
    """Opening balance, movements, closing balance; all of one moment."""

    account = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.CharField()
    currency = serializers.CharField()
    time_zone = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    opening = serializers.DecimalField(16, 2)
    closing = serializers.DecimalField(16, 2)
    moved = serializers.DecimalField(16, 2)
    n = serializers.IntegerField()
    kinds = StatementKind(many=True)
    lines = StatementLine(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="`after` of the next lines.")


class StatedAccounts(ReadOnlyResource):
    """Where money lies; each account has a statement."""

    permissions = {
        "statement": "settlements.view_ledgertransfer",
        "statement_file": "settlements.view_ledgertransfer",
    }

    @extend_schema(parameters=[StatementAsked], responses={200: StatementOut, **ERRORS, **REFUSED})
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def statement(self, request: Request, pk: str) -> Response:
        """Return the sums of a period and its movements, oldest first, page by page."""
        row, asked = self._row(), _asked(request, StatementAsked)
        limit = asked["limit"]
        with stating.one_moment():
            head = _head(row, asked)
            found = stating.page(head=head, after=asked.get("after"), limit=limit + 1)
        return Response(
            {
                **statement_files.as_dict(head),
                "lines": [statement_files.line_as_dict(line) for line in found[:limit]],
                "next": found[limit - 1].id if len(found) > limit else None,
            }
        )

    @extend_schema(
        parameters=[FileAsked],
        responses={(200, "text/csv"): OpenApiTypes.BINARY, (200, "text/html"): OpenApiTypes.BINARY,
                   **ERRORS, **REFUSED},
    )  # fmt: skip
    @action(
        detail=True, methods=["get"], pagination_class=None, filterset_class=None,
        url_path="statement/file",
    )  # fmt: skip
    def statement_file(self, request: Request, pk: str) -> Any:
        """Return all movements of a period as a file, streamed."""
        row, asked = self._row(), _asked(request, FileAsked)
        head, form = _head(row, asked), asked["output"]
        answer = StreamingHttpResponse(
            statement_files.pieces(head=head, form=form), content_type=statement_files.TYPES[form]
        )
        name = statement_files.name(head, form)
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    def _row(self) -> LedgerAccount:
        found: LedgerAccount = self.get_object()
        return found


def _asked(request: Request, kind: type[serializers.Serializer]) -> dict[str, Any]:
    refuse_unknown(request, kind().fields)
    asked = kind(data=request.query_params)
    asked.is_valid(raise_exception=True)
    return dict(asked.validated_data)


def _head(row: LedgerAccount, asked: dict[str, Any]) -> Head:
    zone = row.bankroll.time_zone
    first, last = periods.month_of(at=timezone.now(), time_zone=zone)
    period = periods.between(
        first=asked.get("since") or asked.get("first_day") or first,
        last=asked.get("until") or asked.get("last_day") or last,
        time_zone=zone,
    )
    return stating.head(of=row, period=period)
