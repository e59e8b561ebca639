"""Messages in the shape of Betfair's stream, with invented races; times in ms since 1970."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

FETCHED = datetime(2031, 3, 5, 12, 0, tzinfo=UTC)
START = datetime(2031, 3, 4, 3, 30, tzinfo=UTC)  # 14:30 in Melbourne
MARKET = "1.900000001"
BEGAN = int(START.timestamp() * 1000) - 600_000  # ten minutes before the planned start
OFF = int(START.timestamp() * 1000) + 45_000
NAMES = {101: "1. Plum Duff", 102: "2. Quick Custard", 103: "3. Rhubarb Fool"}


def at(milliseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def a_runner(number: int, **fields: Any) -> dict[str, Any]:
    values = {"id": number, "status": "ACTIVE", "sortPriority": number - 100}
    return {**values, "name": NAMES[number], "adjustmentFactor": 33.3, **fields}


def a_definition(runners: list[dict[str, Any]] | None = None, **fields: Any) -> dict[str, Any]:
    values = {
        "marketType": "WIN",
        "eventTypeId": "7",
        "eventId": "31000001",
        "eventName": "Custard Hill (AUS) 4th Mar",
        "name": "R3 1200m Hcap",
        "venue": "Custard Hill",
        "countryCode": "AU",
        "timezone": "Australia/Sydney",
        "openDate": "2031-03-04T01:00:00.000Z",
        "marketTime": START.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "status": "OPEN",
        "inPlay": False,
        "bspReconciled": False,
        "numberOfWinners": 1,
        "runners": [a_runner(number) for number in NAMES] if runners is None else runners,
    }
    return {**values, **fields}


def a_message(moment: int, *changes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"op": "mcm", "clk": "AAA", "pt": moment, "mc": list(changes), **fields}


def defined(moment: int, *, market: str = MARKET, **fields: Any) -> dict[str, Any]:
    return a_message(moment, {"id": market, "marketDefinition": a_definition(**fields)})


def changed(moment: int, *runners: dict[str, Any], market: str = MARKET, **fields: Any) -> dict:
    return a_message(moment, {"id": market, "rc": list(runners), **fields})


def lines(*messages: dict[str, Any] | str) -> bytes:
    texts = [text if isinstance(text, str) else json.dumps(text) for text in messages]
    return ("\n".join(texts) + "\n").encode()


def a_race(*, market: str = MARKET) -> list[dict[str, Any]]:
    """Return a whole race: offers, a removal, the off with starting prices, the result."""
    removed = a_runner(
        103, status="REMOVED", removalDate="2031-03-04T03:25:00.000Z", adjustmentFactor=12.5
    )
    started = [a_runner(101, bsp=2.6), a_runner(102, bsp=1.6249571), removed]
    closed = [
        a_runner(101, bsp=2.6, status="LOSER"),
        a_runner(102, bsp=1.62, status="WINNER"),
        removed,
    ]
    return [
        defined(BEGAN, market=market),
        changed(BEGAN + 10, {"id": 101, "atb": [[2.5, 10], [2.4, 30]], "atl": [[2.6, 5]]},
                {"id": 102, "atb": [[1.6, 20]], "atl": [[1.63, 8]]}, market=market),
        changed(BEGAN + 2_000, {"id": 101, "ltp": 2.54, "tv": 12.5}, market=market),
        defined(BEGAN + 300_000, market=market,
                runners=[a_runner(101), a_runner(102), removed]),
        changed(BEGAN + 400_000, {"id": 101, "atb": [[2.5, 0], [2.52, 4]]}, market=market),
        defined(OFF - 500, market=market, status="SUSPENDED",
                runners=[a_runner(101), a_runner(102), removed]),
        defined(OFF, market=market, status="SUSPENDED", bspReconciled=True, runners=started),
        defined(OFF + 300, market=market, inPlay=True, bspReconciled=True, runners=started),
        changed(OFF + 9_000, {"id": 102, "atb": [[1.6, 0], [1.05, 50]], "ltp": 1.05},
                market=market),
        defined(OFF + 70_000, market=market, inPlay=True, bspReconciled=True, status="CLOSED",
                runners=closed),
    ]  # fmt: skip


def a_catalogue(*, market: str = MARKET, **fields: Any) -> dict[str, Any]:
    values = {
        "marketId": market,
        "marketName": "R3 1200m Hcap",
        "marketStartTime": START.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "description": {"marketType": "WIN", "bettingType": "ODDS"},
        "runners": [
            {"selectionId": number, "runnerName": name, "handicap": 0.0, "sortPriority": place}
            for place, (number, name) in enumerate(NAMES.items(), start=1)
        ],
        "eventType": {"id": "7", "name": "Horse Racing"},
        "event": {
            "id": "31000001",
            "name": "Custard Hill (AUS) 4th Mar",
            "countryCode": "AU",
            "timezone": "Australia/Sydney",
            "venue": "Custard Hill",
            "openDate": "2031-03-04T01:00:00.000Z",
        },
    }
    return {**values, **fields}
