"""List filters that start at what needs a person, and a count that never reads a whole table."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property

COUNTED_AT_MOST = 20_000


class BoundedPaginator(Paginator):
    """Count no further than ``COUNTED_AT_MOST`` rows: a page shows fifty of them."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[:COUNTED_AT_MOST].count()
        return len(rows)


class StartingFilter(SimpleListFilter):
    """A filter whose first choice is on until another is taken; "All" is a choice like others.

    Subclasses give ``options``: value -> (text, function of the time that returns a ``Q``).
    """

    title = "show"
    parameter_name = "show"
    options: dict[str, tuple[str, Callable[[datetime], Q]]] = {}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, text) for value, (text, _) in self.options.items()]

    def value(self) -> str:
        asked = super().value()
        return asked if asked in self.options or asked == "all" else next(iter(self.options))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        if self.value() == "all":
            return queryset
        return queryset.filter(self.options[self.value()][1](timezone.now()))

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, text in [*self.lookup_choices, ("all", "All")]:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": text,
            }
