"""Probabilities now, predictions as a file, and where one came from."""

from dataclasses import asdict
from typing import Any

from django.http import Http404, StreamingHttpResponse
from django.urls import path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from models_ml.models import Prediction
from models_ml.services import auditing, exporting, forecasting
from monitoring.rest.filters import MomentField
from monitoring.rest.resources import ACTING, ERRORS, REFUSED, refuse_unknown

HIGHEST_ID = 2**62


class Said(serializers.Serializer):
    selection_id = serializers.IntegerField()
    probability = serializers.FloatField(help_text="Of winning where no stake is refunded.")
    refund_probability = serializers.FloatField(help_text="Share of the stake expected back.")
    market_probability = serializers.FloatField(allow_null=True, help_text="Without margin.")


class Forecast(serializers.Serializer):
    """What a version says of an event, from what was known at ``as_of``."""

    pipeline = serializers.CharField()
    version = serializers.IntegerField()
    event_id = serializers.IntegerField()
    stage = serializers.CharField(help_text='Of the look it is from; "now": of none.')
    as_of = serializers.DateTimeField()
    said = Said(many=True)


class Forecasts(serializers.Serializer):
    forecasts = Forecast(many=True)
    refused = serializers.DictField(
        child=serializers.CharField(), help_text="Pipelines that say nothing, and why."
    )


class ForecastWanted(serializers.Serializer):
    event = serializers.IntegerField(min_value=1, max_value=HIGHEST_ID)
    as_of = MomentField(required=False, default=None, allow_null=True)
    fresh = serializers.BooleanField(
        required=False, default=False, help_text="Features made now, not those of the last look."
    )


class PredictNow(APIView):
    """What a pipeline says of an event; nothing is stored."""

    permission = "models_ml.view_prediction"

    @extend_schema(request=ForecastWanted, responses={200: Forecast, **ACTING})
    def post(self, request: Request, pk: int) -> Response:
        data = ForecastWanted(data=request.data)
        data.is_valid(raise_exception=True)
        try:
            told = forecasting.forecast(
                pipeline_id=pk,
                event_id=data.validated_data["event"],
                as_of=data.validated_data["as_of"],
                is_fresh=data.validated_data["fresh"],
                now=timezone.now(),
            )
        except forecasting.UnknownPipeline as unknown:
            raise Http404 from unknown
        return Response(asdict(told))


class EventForecast(APIView):
    """What every pipeline in service says of an event; nothing is stored."""

    permission = "models_ml.view_prediction"

    @extend_schema(responses={200: Forecasts, **ERRORS, **REFUSED})
    def get(self, request: Request, pk: int) -> Response:
        refuse_unknown(request, ())
        found, refused = forecasting.forecasts(event_id=pk, now=timezone.now())
        return Response({"forecasts": [asdict(one) for one in found], "refused": refused})


class Audit(serializers.Serializer):
    """By what a prediction was made and from what, and whether the same comes out now."""

    prediction = serializers.IntegerField()
    event = serializers.IntegerField()
    selection = serializers.IntegerField()
    probability = serializers.FloatField()
    as_of = serializers.DateTimeField()
    made_at = serializers.DateTimeField()
    pipeline = serializers.CharField()
    version = serializers.IntegerField()
    artefact_sha256 = serializers.CharField()
    features_sha256 = serializers.CharField()
    code_version = serializers.CharField()
    trained_until = serializers.DateTimeField()
    stage = serializers.CharField()
    due_at = serializers.DateTimeField(allow_null=True)
    is_late = serializers.BooleanField()
    checksum = serializers.CharField()
    sources = serializers.DictField()
    is_of_this_code = serializers.BooleanField()
    features = serializers.BooleanField(help_text="The row holds what its checksum is of.")
    recomputed = serializers.BooleanField(allow_null=True, help_text="The tables say the same.")
    answered = serializers.BooleanField(allow_null=True, help_text="The version says the same.")
    why = serializers.CharField()


class PredictionAudit(APIView):
    """Where a prediction came from."""

    permission = "models_ml.view_prediction"

    @extend_schema(responses={200: Audit, **ERRORS})
    def get(self, request: Request, pk: int) -> Response:
        refuse_unknown(request, ())
        if not Prediction.objects.filter(pk=pk).exists():
            raise Http404
        return Response(auditing.audit_of(prediction_id=pk, now=timezone.now()))


class ExportQuery(serializers.Serializer):
    since = MomentField(help_text="Made at this time or later.")
    until = MomentField(required=False, default=None, help_text="Made before this time; now.")
    pipeline = serializers.CharField(required=False, default="", max_length=60)
    form = serializers.ChoiceField(choices=list(exporting.FORMATS), default="csv")


_FILES: Any = {(200, kind): OpenApiTypes.BINARY for kind in exporting.FORMATS.values()}


class PredictionExport(APIView):
    """Live predictions as a file, streamed."""

    permission = "models_ml.view_prediction"

    @extend_schema(parameters=[ExportQuery], responses={**_FILES, **ERRORS, **REFUSED})
    def get(self, request: Request) -> Any:
        refuse_unknown(request, ExportQuery().fields)
        query = ExportQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        rows = exporting.chosen(
            since=asked["since"],
            until=asked["until"] or timezone.now(),
            pipeline=asked["pipeline"],
        )
        form = asked["form"]
        answer = StreamingHttpResponse(
            exporting.pieces(rows=rows, form=form), content_type=exporting.FORMATS[form]
        )
        answer["Content-Disposition"] = f'attachment; filename="predictions.{form}"'
        return answer


PATHS = [
    path("pipelines/<int:pk>/predict", PredictNow.as_view(), name="pipeline-predict"),
    path("events/<int:pk>/forecast", EventForecast.as_view(), name="event-forecast"),
    path("predictions/export", PredictionExport.as_view(), name="prediction-export"),
    path("predictions/<int:pk>/audit", PredictionAudit.as_view(), name="prediction-audit"),
]
