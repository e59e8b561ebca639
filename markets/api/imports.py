"""Mappings of files: read, write, try on a sample.  A change names the revision it is made to."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from markets import models
from markets.services import importing
from monitoring.rest.access import actor_of
from monitoring.rest.problems import problems
from monitoring.rest.resources import ACTING, ERRORS, ReadOnlyResource, resource

_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description='The revision that the change is made to: "3", as ETag told it.',
)
_CHANGING = {**ACTING, **problems(412, 428)}


class PreconditionFailed(exceptions.APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "precondition_failed"


class PreconditionRequired(exceptions.APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = "Send If-Match with the revision that you read."
    default_code = "precondition_required"


class MappingBody(serializers.Serializer):
    """What may be said of a mapping."""

    title = serializers.CharField(max_length=120)
    file_pattern = serializers.CharField(max_length=120, help_text="games_*.csv")
    spec = serializers.DictField(help_text="What each column means: docs/sources/csv.md.")
    is_enabled = serializers.BooleanField(default=True)
    reason = serializers.CharField(max_length=250)


class NewMapping(MappingBody):
    name = serializers.SlugField(max_length=50)


class MappingChange(serializers.Serializer):
    """What is to be changed; the rest stays."""

    title = serializers.CharField(max_length=120, required=False)
    file_pattern = serializers.CharField(max_length=120, required=False)
    spec = serializers.DictField(required=False)
    is_enabled = serializers.BooleanField(required=False)
    reason = serializers.CharField(max_length=250)


class RestoredRevision(serializers.Serializer):
    revision = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    reason = serializers.CharField(max_length=250)


class PreviewQuestion(serializers.Serializer):
    spec = serializers.DictField()
    name = serializers.CharField(max_length=200, default="sample.csv", help_text="The file's name.")
    sample = serializers.CharField(
        max_length=200_000, trim_whitespace=False, help_text="The file's first lines."
    )


class PreviewCounts(serializers.Serializer):
    rows = serializers.IntegerField()
    rejected = serializers.IntegerField()
    events = serializers.IntegerField()
    prices = serializers.IntegerField()
    results = serializers.IntegerField()
    problems = serializers.IntegerField()


class PreviewProblem(serializers.Serializer):
    row = serializers.IntegerField(allow_null=True)
    field = serializers.CharField()
    message = serializers.CharField()


class PreviewRecord(serializers.Serializer):
    row = serializers.IntegerField()
    text = serializers.CharField()
    event = serializers.CharField()
    prices = serializers.ListField(child=serializers.CharField())
    result = serializers.CharField()
    problems = serializers.ListField(child=serializers.CharField())


class PreviewAnswer(serializers.Serializer):
    counts = PreviewCounts()
    records = PreviewRecord(many=True)
    problems = PreviewProblem(many=True)


class ImportMappingBase(ReadOnlyResource):
    """Mappings: what the columns of CSV and Parquet files mean."""

    permissions = {
        "create": "markets.add_importmapping",
        "partial_update": "markets.change_importmapping",
        "restore": "markets.change_importmapping",
        "preview": "markets.view_importmapping",
    }


_Mappings: Any = resource(
    models.ImportMapping,
    fields=[
        "id",
        "name",
        "title",
        "is_enabled",
        "file_pattern",
        "spec",
        "revision",
        "changed_by",
        "changed_at",
    ],
    filters={"name": ["exact"], "is_enabled": ["exact"]},
    base=ImportMappingBase,
)
_ANSWER = _Mappings.serializer_class


class ImportMappings(_Mappings):
    @extend_schema(responses={200: _ANSWER, **ERRORS})
    def retrieve(self, request: Request, pk: str) -> Response:
        """Return one mapping; ETag tells its revision."""
        answer = self._retrieve(request, pk)
        revision = models.ImportMapping.objects.values_list("revision", flat=True).get(pk=pk)
        answer["ETag"] = f'"{revision}"'
        return answer

    @extend_schema(request=NewMapping, responses={201: _ANSWER, **ACTING})
    def create(self, request: Request) -> Response:
        """Write a new mapping."""
        data = _valid(NewMapping, request)
        made = importing.create_mapping(**data, actor=actor_of(request), now=timezone.now())
        return self._answer(made, status.HTTP_201_CREATED)

    @extend_schema(
        request=MappingChange, parameters=[_MATCH], responses={200: _ANSWER, **_CHANGING}
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a mapping, as a new revision.  None is ever deleted: payloads were read by it."""
        return self._change(request, importing.change_mapping, _valid(MappingChange, request))

    @extend_schema(
        request=RestoredRevision, parameters=[_MATCH], responses={200: _ANSWER, **_CHANGING}
    )
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def restore(self, request: Request, pk: str) -> Response:
        """Let a mapping say what it said at an earlier revision."""
        return self._change(request, importing.restore_mapping, _valid(RestoredRevision, request))

    @extend_schema(request=PreviewQuestion, responses={200: PreviewAnswer, **ACTING})
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def preview(self, request: Request) -> Response:
        """Say what a sample would bring by a mapping; nothing is written."""
        data = _valid(PreviewQuestion, request)
        report = importing.preview(
            spec=data["spec"],
            payload=data["sample"].encode("utf-8", "replace"),
            name=data["name"],
            now=timezone.now(),
        )
        return Response(PreviewAnswer(report).data)

    def _change(self, request: Request, change: Any, data: dict[str, Any]) -> Response:
        row = self.get_object()
        try:
            changed = change(
                mapping_id=row.pk,
                expected_revision=_revision(request),
                **data,
                actor=actor_of(request),
                now=timezone.now(),
            )
        except importing.MappingChanged as stale:
            raise PreconditionFailed(str(stale)) from stale
        return self._answer(changed, status.HTTP_200_OK)

    def _answer(self, row: models.ImportMapping, code: int) -> Response:
        answer = Response(self.get_serializer(row).data, status=code)
        answer["ETag"] = f'"{row.revision}"'
        return answer


def _valid(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    data = serializer(data=request.data)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)


def _revision(request: Request) -> int:
    """Return the revision of If-Match.

    Raises:
        PreconditionRequired, PreconditionFailed: it is missing, or no revision.
    """
    text = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if not text:
        raise PreconditionRequired
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise PreconditionFailed('If-Match names a revision, such as "3".')
    return int(text)


RESOURCES: dict[str, Any] = {
    "import-mappings": ImportMappings,
    "import-mapping-revisions": resource(
        models.ImportMappingRevision,
        fields=["id", "mapping", "revision", "spec", "changed_by", "changed_at", "reason"],
        filters={"mapping": ["exact"], "revision": ["exact"]},
    ),
    "notices": resource(
        models.Notice,
        fields=[
            "id",
            "kind",
            "ref",
            "version",
            "event",
            "participant",
            "person",
            "status",
            "title",
            "body",
            "url",
            "data",
            "published_at",
            "known_at",
        ],
        texts={"is_simulated": "source.is_simulated", "source": "source.code"},
        filters={
            "event": ["exact"],
            "participant": ["exact"],
            "kind": ["exact"],
            "source__code": ["exact"],
            "source__is_simulated": ["exact"],
            "known_at": ["gte", "lt"],
        },
        orderings=["-id", "id", "-known_at", "known_at"],
    ),
}
