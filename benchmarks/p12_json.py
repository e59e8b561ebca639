"""P12: odds JSON to rows, beside typed msgspec and the standard library's json.

"ours" is the whole connector: every price judged, converted and laid into columns with its market,
book, moment and record.  "msgspec_typed" and "json" only flatten what they decode into one tuple
per price and judge nothing; "msgspec_judged" flattens and judges each price and line for itself.
"""

import argparse
import json
import random
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from benchmarks.side_by_side import medians, report
from markets.connectors.base import ParsedBatch
from markets.connectors.odds_api import OddsApi
from markets.domain import formats, kinds

NOW = datetime(2024, 3, 1, tzinfo=UTC)
SIDES = ("Boston Celtics", "Denver Nuggets", "Miami Heat", "Utah Jazz", "Chicago Bulls")


class _Outcome(msgspec.Struct, gc=False):
    name: str
    price: int
    point: float | None = None


class _Market(msgspec.Struct, gc=False):
    key: str
    last_update: datetime
    outcomes: list[_Outcome]


class _Book(msgspec.Struct, gc=False):
    key: str
    markets: list[_Market]


class _Game(msgspec.Struct, gc=False):
    id: str
    commence_time: datetime
    home_team: str
    away_team: str
    bookmakers: list[_Book]


class _Day(msgspec.Struct, gc=False):
    data: list[_Game]


def payload(*, games: int, books: int = 10) -> bytes:
    """Return a day's historical answer as the API writes it, about 60 prices a game."""
    chance = random.Random(12)
    day = {"timestamp": "2024-02-01T11:55:39Z", "data": []}
    for number in range(games):
        home, away = chance.sample(SIDES, 2)
        handicap, total = chance.choice((3.5, 4.0, 4.5)), chance.choice((219.5, 221.5, 222.0))
        quoted = []
        for book in range(books):
            handicap += chance.choice((-0.5, 0, 0, 0, 0.5))
            answers = {
                "h2h": [(home, None), (away, None)],
                "spreads": [(home, -handicap), (away, handicap)],
                "totals": [("Over", total), ("Under", total)],
            }
            stamp = f"2024-02-01T11:{50 + book % 5}:{number % 60:02d}Z"
            markets = []
            for key, outcomes in answers.items():
                rows = []
                for name, point in outcomes:
                    price = chance.choice((-1, 1)) * chance.randint(100, 300)
                    row = {"name": name, "price": price}
                    rows.append(row if point is None else {**row, "point": point})
                markets.append({"key": key, "last_update": stamp, "outcomes": rows})
            title = f"Book {book}"
            quoted.append(
                {"key": f"book{book}", "title": title, "last_update": stamp, "markets": markets}
            )
        game = {
            "id": f"{number:032x}",
            "sport_key": "basketball_nba",
            "sport_title": "NBA",
            "commence_time": f"2024-02-{1 + number % 27:02d}T00:10:00Z",
            "home_team": home,
            "away_team": away,
            "bookmakers": quoted,
        }
        day["data"].append(game)
    return json.dumps(day).encode()


def typed(body: bytes) -> list[tuple[object, ...]]:
    return [
        (game.id, market.key, book.key, outcome.name, outcome.point, outcome.price,
         market.last_update)
        for game in msgspec.json.decode(body, type=_Day).data
        for book in game.bookmakers
        for market in book.markets
        for outcome in market.outcomes
    ]  # fmt: skip


def judged(body: bytes) -> list[tuple[object, ...]]:
    """Flatten, with what every row needs before it may be stored, price by price."""
    kinds_of = {"h2h": "MONEYLINE", "spreads": "SPREAD", "totals": "TOTAL"}
    rows = []
    for game in msgspec.json.decode(body, type=_Day).data:
        sides = {game.home_team: "HOME", game.away_team: "AWAY", "Over": "OVER", "Under": "UNDER"}
        for book in game.bookmakers:
            for market in book.markets:
                kind = kinds_of[market.key]
                for outcome in market.outcomes:
                    role, point = sides[outcome.name], outcome.point
                    line = None if point is None else Decimal(str(point))
                    if line is not None and role == "AWAY":
                        line = -line
                    line = kinds.market_line(kind=kind, line=line)
                    price = formats.american(outcome.price)
                    rows.append((game.id, kind, line, role, book.key, price, market.last_update))
    return rows


def standard(body: bytes) -> list[tuple[object, ...]]:
    return [
        (game["id"], market["key"], book["key"], outcome["name"], outcome.get("point"),
         outcome["price"], market["last_update"])
        for game in json.loads(body)["data"]
        for book in game["bookmakers"]
        for market in book["markets"]
        for outcome in market["outcomes"]
    ]  # fmt: skip


def run(games: int) -> None:
    body = payload(games=games)
    connector = OddsApi()

    def ours() -> ParsedBatch:
        return connector.parse(body, name="day.json", fetched_at=NOW)

    n = len(ours().all_prices())
    assert n == len(typed(body)) == len(standard(body)) and not ours().problems
    contestants = {
        "ours": ours,
        "msgspec_typed": lambda: typed(body),
        "msgspec_judged": lambda: judged(body),
        "msgspec_decode_only": lambda: msgspec.json.decode(body, type=_Day),
        "json": lambda: standard(body),
    }
    seconds = medians(contestants, repeat=9)
    report(bench="P12", work=f"odds JSON to rows, {games} games", n=n, seconds=seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--games", type=int, nargs="+", default=[10, 100, 1_000])
    for games in parser.parse_args().games:
        run(games)


if __name__ == "__main__":
    main()
