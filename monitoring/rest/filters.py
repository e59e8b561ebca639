"""What a list may be filtered by: declared fields, and times that name their zone."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django_filters import IsoDateTimeFilter
from django_filters.rest_framework import FilterSet
from rest_framework import serializers

EXPECTED = "a time with its zone is expected, such as 2026-03-28T12:00:00Z"


def moment(text: str) -> datetime:
    """Read a time with its zone; return it in UTC.

    >>> moment("2026-03-28T13:00:00+01:00").isoformat()
    '2026-03-28T12:00:00+00:00'

    Raises:
        ValueError: it is none, names no zone, or lies outside the years that there are.
    """
    try:
        read = datetime.fromisoformat(text)
        if read.tzinfo is None or not text.isascii():
            raise ValueError(EXPECTED)
        return read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(EXPECTED) from None


class _MomentFormField(forms.CharField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return moment(text)
        except ValueError as error:
            raise ValidationError(str(error)) from None


class Moment(IsoDateTimeFilter):
    field_class = _MomentFormField


class MomentField(serializers.DateTimeField):
    """The same in a serializer of query parameters."""

    def to_internal_value(self, value: Any) -> datetime:
        try:
            return moment(str(value))
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None


class Filters(FilterSet):
    FILTER_DEFAULTS = {
        **FilterSet.FILTER_DEFAULTS,
        models.DateTimeField: {"filter_class": Moment},
    }
