"""Events as models ask for them."""

from collections.abc import Iterable
from datetime import datetime

from markets.models import Event


def starts(*, event_ids: Iterable[int]) -> dict[int, datetime]:
    """Return when events start, as the fixture list has it."""
    return dict(Event.objects.filter(pk__in=list(event_ids)).values_list("pk", "starts_at"))
