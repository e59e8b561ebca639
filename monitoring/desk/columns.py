"""Columns of lists that look the same on every page: a moment, a state, a row's number."""

from collections.abc import Callable
from typing import Any

from django.utils.safestring import SafeString
from unfold.decorators import display

from monitoring.desk import chips

Column = Callable[[Any, Any], SafeString | str]


def moment(field: str, title: str) -> Column:
    """Show a time in UTC, and sort by it."""

    @display(description=title, ordering=field)
    def shown(page: Any, row: Any) -> SafeString:
        return chips.when(getattr(row, field))

    return shown


def state(field: str, title: str = "State") -> Column:
    """Show the chip of a choice under the name that people know it by, and sort by it."""

    @display(description=title, ordering=field)
    def shown(page: Any, row: Any) -> SafeString:
        return chips.state(getattr(row, field), getattr(row, f"get_{field}_display")())

    return shown


def number(title: str) -> Column:
    """Show a row's own number, and sort by it."""

    @display(description=title, ordering="pk")
    def shown(page: Any, row: Any) -> str:
        return f"#{row.pk}"

    return shown
