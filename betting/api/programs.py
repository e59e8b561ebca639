"""The programs that a strategy may name, and what each may be told."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from betting.domain import parameters
from betting.domain.strategies import REGISTRY
from betting.services import strategy_presets
from monitoring.rest.resources import ERRORS, refuse_unknown

PLAIN: dict[str, Any] = {"detail": False, "pagination_class": None, "filterset_class": None}


class ProgramParameter(serializers.Serializer):
    name = serializers.CharField()
    expected = serializers.CharField(help_text="What it may be, in words.")
    default = serializers.JSONField(help_text="What it is unless told.")
    meaning = serializers.CharField(help_text="What it does.")


class StrategyProgram(serializers.Serializer):
    """A program, and the schema of what a strategy's ``parameters`` may hold for it."""

    code = serializers.CharField()
    title = serializers.CharField()
    parameters = ProgramParameter(many=True)
    schema = serializers.DictField(help_text="The same as a JSON Schema.")


class StrategyPreset(serializers.Serializer):
    """Settings that are shipped: what a preset sets, and what it is for."""

    name = serializers.CharField()
    title = serializers.CharField()
    code = serializers.CharField(help_text="The program that it is for.")
    kinds = serializers.ListField(child=serializers.CharField(), help_text="Of markets; none: any.")
    limits = serializers.DictField()
    parameters = serializers.DictField()


class AppliedPreset(serializers.Serializer):
    preset = serializers.ChoiceField(choices=sorted(strategy_presets.PRESETS))
    reason = serializers.CharField(max_length=400, help_text="It is audited.")


class ProgramDoors:
    """What the strategies' resource offers about their programs and presets."""

    @extend_schema(responses={200: StrategyProgram(many=True), **ERRORS})
    @action(**PLAIN)
    def programs(self, request: Request) -> Response:
        """Return every program with its parameters."""
        refuse_unknown(request, ())
        told = [
            {
                "code": program.code,
                "title": program.title,
                "parameters": parameters.described(program.parameters),
                "schema": program.parameters.model_json_schema(),
            }
            for program in REGISTRY.values()
        ]
        return Response(StrategyProgram(told, many=True).data)

    @extend_schema(responses={200: StrategyPreset(many=True), **ERRORS})
    @action(**PLAIN)
    def presets(self, request: Request) -> Response:
        """Return the settings that are shipped."""
        refuse_unknown(request, ())
        return Response(StrategyPreset(list(strategy_presets.PRESETS.values()), many=True).data)


PROGRAM_PERMISSIONS = {
    "programs": "betting.view_strategy",
    "presets": "betting.view_strategy",
    "preset": "betting.change_strategy",
}
