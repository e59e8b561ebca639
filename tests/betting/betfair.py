"""What tests of the exchange start from: an account at the double, and selections it knows."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from unittest.mock import patch

from pydantic import SecretStr

from betting import venues
from betting.venues.base import Answer, State, Ticket
from betting.venues.betfair import BetfairVenue, venue
from markets.models import Selection, SelectionAlias
from monitoring.services import beating
from tests.betting.betfair_double import BetfairDouble
from tests.betting.builders import NOON, ROLES, a_book, a_selection, an_event, quote

MARKET = "1.206064380"
PATIENCE = 120.0  # seconds
_refs = itertools.count(1)


def account(url: str, **changes: object) -> dict[str, object]:
    """Return the variables of an installation that bets at the double."""
    return {
        "betfair_username": SecretStr("jo"),
        "betfair_password": SecretStr("pass phrase"),
        "betfair_app_key": SecretStr("key-1"),
        "betfair_betting": True,
        "betfair_url": url,
        **changes,
    }


def patient(*, rests: bool = False) -> BetfairVenue:
    """Return a venue that gives up no call because the machine is busy."""
    return BetfairVenue(rests=rests, timeout_seconds=PATIENCE)


@contextmanager
def an_exchange(settings) -> Iterator[BetfairDouble]:
    """Run a double, and let this installation bet there and keep its watch, however slow."""
    with (
        BetfairDouble().running() as double,
        patch.dict(venues.VENUES, betfair=patient()),
        patch.object(venue, "PATIENCE", PATIENCE),
    ):
        settings.ENVIRONMENT = settings.ENVIRONMENT.model_copy(update=account(double.url))
        heard()
        yield double


def heard(at: datetime = NOON) -> None:
    """Let the exchange have heard of us."""
    beating.beat_heart(name="venue:betfair", now=at, detail={"seconds": 60})


def a_mapped_event(double: BetfairDouble, *, market: str = MARKET, price: str = "2.20"):
    """An event whose three answers the exchange knows as runners 1, 2 and 3 of a market."""
    event = an_event()
    double.market(market)
    a_book("betfair_exchange", kind="EXCHANGE")
    quote(event, "betfair_exchange", (price, "3.30", "3.50"))
    for number, role in enumerate(ROLES, start=1):
        name(a_selection(event, role), market=market, ref=str(number))
    return event


def name(selection: Selection, *, market: str, ref: str) -> None:
    """Let the exchange know a selection by its own ids."""
    SelectionAlias.objects.create(
        namespace="betfair", market_ref=market, ref=ref, selection=selection
    )


def a_ticket(selection: Selection, **fields: object) -> Ticket:
    """Ten on a selection at 2.20 or better."""
    market = selection.market
    defaults = {
        "client_ref": f"d{next(_refs)}",
        "event_id": market.event_id,
        "market_kind": market.kind,
        "selection_id": selection.pk,
        "book_id": a_book("betfair_exchange").pk,
        "side": "BACK",
        "price": Decimal("2.20"),
        "stake": Decimal("10.00"),
        "asked_at": NOON,
        "currency": "EUR",
    }
    return Ticket(**{**defaults, **fields})


def place(*tickets: Ticket, at: BetfairVenue | None = None) -> list[Answer]:
    return list((at or patient()).place(tickets))


def states(answers) -> list[State]:
    return [answer.state for answer in answers]
