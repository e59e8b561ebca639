"""The sources that this product knows, and what they need to be asked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from markets.connectors.base import Connector, ReadingConnector
from markets.connectors.registry import CONNECTORS
from markets.models import Source
from markets.services import credentials, default_sources
from markets.services.default_sources import DEFAULTS
from monitoring.errors import Refused


class CannotBeAsked(Refused):
    """A source's options are not such that it could be asked."""

    kind = "NOT_ALLOWED"


def ensure_default_sources(*, now: datetime) -> None:
    """Make the sources that are missing; those that stand are left as their operators set them.

    The simulator's is made by the simulator itself, when its league is founded.
    """
    found = set(Source.objects.filter(code__in=CONNECTORS).values_list("code", flat=True))
    locations = default_sources.locations()
    Source.objects.bulk_create(
        [
            Source(code=code, location=locations.get(code, ""), **DEFAULTS[code])
            for code in CONNECTORS
            if code not in found
        ],
        ignore_conflicts=True,
    )


def see_that_it_can_be_asked(*, source: Source, connector: Connector) -> None:
    """See that a source's options and secrets are such that it can be asked.

    Raises:
        CannotBeAsked: an option is wrong.
        credentials.NoCredentials: a secret is missing.
    """
    if isinstance(connector, ReadingConnector):
        wrong = connector.check_options(source.options)
        if wrong:
            raise CannotBeAsked(f"{source.code}: expected {'; '.join(wrong)}")
    credentials.named(source.credentials)


def check_options(*, source_code: str, options: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an operator's options of a source; none: nothing."""
    connector = CONNECTORS.get(source_code)
    if isinstance(connector, ReadingConnector):
        return connector.check_options(options)
    return [f"{name}: this source takes no options" for name in sorted(options)]
