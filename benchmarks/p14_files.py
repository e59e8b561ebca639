"""Made files for P14, as large as is asked for: one format, one way to write it."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from benchmarks import p12_json

FIRST_DAY = datetime(2023, 1, 2, 2, 0, tzinfo=UTC)
RUNNERS, LASTS = 8, timedelta(minutes=30)
PER_SECOND, RACES_A_DAY = 20, 8


def betfair_stream(file: TextIO, size: int) -> None:
    """Write whole races until the file is as large as was asked for."""
    chance = random.Random(14)
    number = 0
    while file.tell() < size:
        for message in race(number, chance):
            file.write(json.dumps(message, separators=(",", ":")) + "\n")
        number += 1


def race(number: int, chance: random.Random) -> list[dict[str, Any]]:
    """Return a race's messages: its definition, offers that move, its end."""
    day, place = divmod(number, RACES_A_DAY)
    start = FIRST_DAY + timedelta(days=day, minutes=35 * place)
    market = f"1.{200_000_000 + number}"
    runners = [
        {"id": 1_000 + (number * RUNNERS + n) % 400, "sortPriority": n + 1, "status": "ACTIVE"}
        for n in range(RUNNERS)
    ]
    for runner in runners:
        runner["name"] = f"{runner['sortPriority']}. Runner {runner['id']}"
    told = {
        "marketType": "WIN",
        "eventTypeId": "7",
        "eventId": str(31_000_000 + day),
        "eventName": f"Custard Hill (AUS) {start:%-d} {start:%b}",
        "name": f"R{place + 1} 1200m Hcap",
        "venue": "Custard Hill",
        "countryCode": "AU",
        "timezone": "Australia/Sydney",
        "openDate": f"{FIRST_DAY + timedelta(days=day):%Y-%m-%dT%H:%M:%S.000Z}",
        "marketTime": f"{start:%Y-%m-%dT%H:%M:%S.000Z}",
        "status": "OPEN",
        "inPlay": False,
        "bspReconciled": False,
        "numberOfWinners": 1,
        "runners": runners,
    }
    first = int((start - LASTS).timestamp() * 1000)
    messages = [said(first, {"id": market, "marketDefinition": told})]
    mid = [chance.uniform(2, 20) for _ in runners]
    for step in range(1, int(LASTS.total_seconds()) * PER_SECOND):
        at = first + step * 1000 // PER_SECOND
        changes = []
        for n in chance.sample(range(RUNNERS), 2):
            mid[n] = min(max(mid[n] * chance.choice((0.99, 1, 1, 1, 1.01)), 1.5), 50)
            back, lay = round(mid[n] - 0.1, 1), round(mid[n] + 0.1, 1)
            size = chance.randint(5, 500)
            best = {"batb": [[0, back, size]], "batl": [[0, lay, size + 3]]}
            changes.append({"id": runners[n]["id"], **best})
        messages.append(said(at, {"id": market, "rc": changes}))
    end = int(start.timestamp() * 1000) + 60_000
    over = [
        {**runner, "status": "LOSER", "bsp": round(mid[n], 2)} for n, runner in enumerate(runners)
    ]
    over[0]["status"] = "WINNER"
    off = {**told, "inPlay": True, "bspReconciled": True, "runners": over}
    messages.append(said(end - 59_000, {"id": market, "marketDefinition": off}))
    closed = {**off, "status": "CLOSED"}
    return [*messages, said(end, {"id": market, "marketDefinition": closed})]


def said(moment: int, change: dict[str, Any]) -> dict[str, Any]:
    return {"op": "mcm", "clk": "AAA", "pt": moment, "mc": [change]}


#: As in the files of 2023: eight books and the two aggregates, early and at the close.
BOOKS = ("PS", "B365", "BW", "IW", "WH", "VC", "Max", "Avg")
TEAMS, SEASON = 400, date(2023, 8, 5)  # a made league: each row is a match of its own


def football_data(file: TextIO, size: int) -> None:
    """Write a season of a league of as many teams as the size needs."""
    chance = random.Random(14)
    columns = ["Div", "Date", "Time", "HomeTeam", "AwayTeam", "FTHG", "FTAG", "FTR"]
    columns += [f"{book}{c}{side}" for c in ("", "C") for book in BOOKS for side in "HDA"]
    columns += [
        f"{b}{c}{side}" for c in ("", "C") for b in ("P", "B365") for side in (">2.5", "<2.5")
    ]
    columns += ["AHh", "PAHH", "PAHA", "AHCh", "PCAHH", "PCAHA"]
    file.write(",".join(columns) + "\n")
    for home, away, day in fixtures():
        if file.tell() >= size:
            return
        goals = chance.randint(0, 4), chance.randint(0, 4)
        result = "HDA"[(goals[0] <= goals[1]) + (goals[0] < goals[1])]
        row = ["E0", f"{day:%d/%m/%Y}", "15:00", home, away, *map(str, goals), result]
        row += [f"{chance.uniform(1.2, 9):.2f}" for _ in range(len(columns) - len(row) - 6)]
        for line in ("-0.25", "-0.5"):
            row += [line, f"{chance.uniform(1.7, 2.2):.2f}", f"{chance.uniform(1.7, 2.2):.2f}"]
        file.write(",".join(row) + "\n")


def fixtures() -> Iterator[tuple[str, str, date]]:
    """Yield pairings, each at one home on days of one season, for as long as anybody asks."""
    for leg in range(300):
        for away in range(1, TEAMS):
            day = SEASON + timedelta(days=leg)
            for home in range(TEAMS):
                yield f"Team {home}", f"Team {(home + away) % TEAMS}", day


def odds_api(file: TextIO, size: int) -> None:
    """Write one day's answer of The Odds API."""
    of_one = len(p12_json.payload(games=20)) / 20
    file.write(p12_json.payload(games=round(size / of_one)).decode())


WRITERS: dict[str, Callable[[TextIO, int], None]] = {
    "betfair_stream": betfair_stream,
    "football_data": football_data,
    "odds_api": odds_api,
}
#: What a file is called, by its format.
NAMES = {
    "betfair_stream": "1.{megabytes}",
    "football_data": "E0_2324_{megabytes}.csv",
    "odds_api": "odds_{megabytes}.json",
}


def write(folder: Path, *, source: str, megabytes: int) -> Path:
    """Write a source's file of about so many megabytes; return where it is."""
    path = folder / NAMES[source].format(megabytes=megabytes)
    with path.open("w") as file:
        WRITERS[source](file, megabytes * 1_000_000)
    return path
