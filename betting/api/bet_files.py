"""Files of bets: mappings, imports, and the same as CSV outward."""

from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from betting import models
from betting.services import bet_mappings, exporting, importing
from betting.services.exporting import Choice
from monitoring.rest.access import actor_of
from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ACTING, ReadOnlyResource, refuse_unknown, resource

MOST_ROWS = 5_000  # in one request; a command reads more
_LARGEST = 900_000


class BetMappingBody(serializers.Serializer):
    """A mapping: written anew, or changed where one has this name."""

    name = serializers.SlugField(max_length=50)
    title = serializers.CharField(max_length=120)
    spec = serializers.DictField(help_text="What each column means: docs/tracking.md.")
    is_enabled = serializers.BooleanField(default=True)
    reason = serializers.CharField(max_length=250)


class BetFile(serializers.Serializer):
    """A file of bets, and the mapping that it is read by."""

    mapping = serializers.CharField(max_length=50, default="closing_line")
    name = serializers.CharField(max_length=250, default="bets.csv", help_text="The file's name.")
    content = serializers.CharField(
        max_length=_LARGEST, trim_whitespace=False, help_text="The file, header and all."
    )
    dry_run = serializers.BooleanField(default=False, help_text="Say what it would; keep nothing.")


class RowError(serializers.Serializer):
    file = serializers.CharField()
    row = serializers.IntegerField()
    field = serializers.CharField()
    expected = serializers.CharField()
    found = serializers.CharField()


class RowBeyond(serializers.Serializer):
    """A bet that can still lose money, and what it breaks."""

    file = serializers.CharField()
    row = serializers.IntegerField()
    limits = serializers.ListField(child=serializers.CharField())


class FirstBet(serializers.Serializer):
    """A new bet of the file, as a person reads it."""

    row = serializers.IntegerField()
    reference = serializers.CharField()
    event = serializers.CharField()
    market = serializers.CharField()
    selection = serializers.CharField()
    book = serializers.CharField()
    side = serializers.CharField()
    price = serializers.CharField()
    stake = serializers.CharField()
    told = serializers.CharField(help_text="How it ended, as the file tells; empty where not.")


class ImportedOut(serializers.Serializer):
    """What became of the rows."""

    id = serializers.IntegerField(allow_null=True)
    mapping = serializers.CharField()
    file = serializers.CharField()
    sha256 = serializers.CharField()
    dry_run = serializers.BooleanField()
    rows = serializers.IntegerField()
    made = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    refused = serializers.IntegerField()
    errors_left_off = serializers.IntegerField()
    beyond = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="How many bets break each limit, by its code: told, not refused.",
    )
    beyond_rows = RowBeyond(many=True)
    first = FirstBet(many=True, help_text="The first of the new bets.")

    def get_fields(self) -> dict[str, Any]:
        """Add ``errors``, a name that the class itself uses for something else."""
        return {**super().get_fields(), "errors": RowError(many=True)}


class ExportAsked(serializers.Serializer):
    bankroll = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
    strategy = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
    imported = serializers.IntegerField(required=False, min_value=1, max_value=2**62)
    since = MomentField(required=False, help_text="Placed at this time or later.")
    until = MomentField(required=False, help_text="Placed before this time.")
    status = serializers.MultipleChoiceField(
        choices=models.Bet.Status.choices, required=False, help_text="Those that were taken."
    )


class BetMappingBase(ReadOnlyResource):
    """Mappings: what the columns of files of bets mean."""

    permissions = {"create": "betting.change_betmapping"}


class BetImportBase(ReadOnlyResource):
    """Files of bets that were read."""

    permissions = {"create": "betting.add_betimport"}


_Mappings: Any = resource(
    models.BetMapping,
    fields=["id", "name", "title", "is_enabled", "spec", "changed_by", "changed_at"],
    filters={"name": ["exact"], "is_enabled": ["exact"]},
    base=BetMappingBase,
)
_Imports: Any = resource(
    models.BetImport,
    fields=[
        "id", "file", "sha256", "imported_by", "imported_at", "rows", "made", "unchanged",
        "refused", "errors",
    ],
    texts={"mapping": "mapping.name"},
    filters={"sha256": ["exact"], "mapping__name": ["exact"]},
    base=BetImportBase,
)  # fmt: skip


class BetMappings(_Mappings):
    @extend_schema(request=BetMappingBody, responses={200: _Mappings.serializer_class, **ACTING})
    def create(self, request: Request) -> Response:
        """Write a mapping; one of this name is changed.  The audit keeps what it said before."""
        data = BetMappingBody(data=request.data)
        data.is_valid(raise_exception=True)
        row = bet_mappings.write(**data.validated_data, actor=actor_of(request), now=timezone.now())
        return Response(self.get_serializer(row).data)


class BetImports(_Imports):
    @extend_schema(request=BetFile, responses={201: ImportedOut, **ACTING})
    def create(self, request: Request) -> Response:
        """Read a file of bets: good rows become bets, once; the others say what is wrong."""
        data = BetFile(data=request.data)
        data.is_valid(raise_exception=True)
        asked, now = data.validated_data, timezone.now()
        bet_mappings.ensure_presets(now=now)
        report = importing.import_bets(
            mapping=asked["mapping"],
            payload=asked["content"].encode("utf-8", "replace"),
            file=asked["name"],
            actor=actor_of(request),
            now=now,
            dry_run=asked["dry_run"],
            most_rows=MOST_ROWS,
        )
        return Response(ImportedOut(report.as_dict()).data, status=status.HTTP_201_CREATED)


EXPORT = extend_schema(
    parameters=[ExportAsked], responses={(200, "text/csv"): OpenApiTypes.BINARY, **ACTING}
)


def export(request: Request) -> Any:
    """Answer with the chosen bets as a file, streamed."""
    refuse_unknown(request, ExportAsked().fields)
    query = ExportAsked(data=request.query_params)
    query.is_valid(raise_exception=True)
    asked = query.validated_data
    bets = exporting.chosen(
        Choice(
            bankroll_id=asked.get("bankroll"),
            strategy_id=asked.get("strategy"),
            imported_id=asked.get("imported"),
            since=asked.get("since"),
            until=asked.get("until"),
            statuses=sorted(asked.get("status", ())),
        )
    )
    answer = StreamingHttpResponse(exporting.pieces(bets), content_type="text/csv")
    answer["Content-Disposition"] = 'attachment; filename="bets.csv"'
    return answer


RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "bet-mappings": BetMappings,
    "bet-imports": BetImports,
}
