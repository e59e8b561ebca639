"""Past intervals foretold again: what differed, and every row of it."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from models_ml import models
from models_ml.services import keeping
from monitoring.rest.resources import ERRORS, ReadOnlyResource, resource

PARQUET = "application/vnd.apache.parquet"


class RerunsBase(ReadOnlyResource):
    """Past intervals foretold again by chosen versions."""

    permissions = {"rows": "models_ml.view_rerun"}


_Reruns: Any = resource(
    models.Rerun,
    fields=[
        "id",
        "since",
        "until",
        "stage",
        "actor",
        "began_at",
        "finished_at",
        "figures",
        "differences",
        "file",
    ],
    texts={"pipeline": "pipeline.code", "is_simulated": "pipeline.is_simulated"},
    filters={"pipeline__code": ["exact"], "stage": ["exact"]},
    base=RerunsBase,
)


class Reruns(_Reruns):
    @extend_schema(responses={(200, PARQUET): OpenApiTypes.BINARY, **ERRORS})
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def rows(self, request: Request, pk: str) -> HttpResponse:
        """Return every selection of a rerun as Parquet, the versions beside one another."""
        row = self.get_object()
        try:
            content = keeping.read(name=row.file, sha256=row.figures.get("file_sha256", ""))
        except keeping.FileGone as gone:
            raise NotFound(str(gone)) from gone
        answer = HttpResponse(content, content_type=PARQUET)
        answer["Content-Disposition"] = f'attachment; filename="rerun-{row.pk}.parquet"'
        return answer


RESOURCES: dict[str, Any] = {"reruns": Reruns}
