"""Answers of Betfair's API, with invented races; what several tests ask of a batch."""

import io
import json
from datetime import timedelta

from markets.connectors.base import Reading
from markets.connectors.betfair_api import BetfairApi
from tests.markets.sources.betfair import MARKET, START

SEEN = START - timedelta(minutes=10)


def a_book_runner(number, back=(), lay=(), **fields):
    def offers(pairs):
        return [{"price": price, "size": size} for price, size in pairs]

    return {
        "selectionId": number,
        "handicap": 0.0,
        "status": "ACTIVE",
        "ex": {"availableToBack": offers(back), "availableToLay": offers(lay)},
        **fields,
    }


def a_book(*runners, **fields):
    values = {
        "marketId": MARKET,
        "status": "OPEN",
        "inplay": False,
        "bspReconciled": False,
        "numberOfWinners": 1,
        "isMarketDataDelayed": False,
        "runners": list(runners),
    }
    return {**values, **fields}


RUNNERS = (
    a_book_runner(
        101, back=[(2.4, 30), (2.5, 10)], lay=[(2.6, 5)], lastPriceTraded=2.54, totalMatched=99.5
    ),
    a_book_runner(102, back=[(1.6, 20)], lay=[(1.63, 8)]),
    a_book_runner(
        103, status="REMOVED", removalDate="2031-03-04T03:10:00.000Z", adjustmentFactor=12.5
    ),
)


def rpc(*elements):
    return {"jsonrpc": "2.0", "result": list(elements), "id": 1}


def parse(*answers, options=None):
    document = answers[0] if len(answers) == 1 else list(answers)
    payload = json.dumps(document).encode()
    if options is None:
        return BetfairApi().parse(payload, name="answer.json", fetched_at=SEEN)
    reading = Reading("answer.json", SEEN, options=options)
    (batch,) = BetfairApi().read(io.BytesIO(payload), reading=reading)
    return batch


def prices(batch, book):
    return {price.runner or price.role: price for price in batch.prices if price.book == book}
