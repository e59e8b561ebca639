"""Race days out of a seed: late scratchings, corrected and late results, ratings, two markets."""

from dataclasses import replace

import numpy as np

from models_ml.domain import known
from models_ml.domain.facts import (
    EVER,
    NEVER,
    NONE,
    Asks,
    Books,
    Entries,
    Facts,
    Quotes,
    Results,
    Runners,
)  # fmt: skip
from tests.models_ml import fact_worlds
from tests.models_ml.fact_worlds import DAY, START
from tests.models_ml.worlds import HOUR

BOOKS = Books.of(
    {
        "id": [1, 2, 3, 4, 5],
        "kind": [known.BOOKS.index(k) for k in ("RATED", "STARTING", "BOOKMAKER", "EXCHANGE")]
        + [known.BOOKS.index("BOOKMAKER")],
        "rank": [NONE, 2, NONE, NONE, NONE],
        "enabled": [1, 1, 1, 1, 0],
        "known_at": [EVER] * 5,
    },
    codes=("kash_model", "betfair_sp", "tote", "exchange", "closed"),
)
RATED, STARTING, TOTE, EXCHANGE = 1, 2, 3, 4


def quotes(rows: list[tuple]) -> Quotes:
    """Return quotes of (event, kind, participant, book, seen_at, millis)."""
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 6
    n = len(rows)
    return Quotes.of(
        {
            "event": columns[0], "participant": columns[2], "book": columns[3],
            "market": [10 * row[0] + (row[1] == "PLACE") for row in rows],
            "selection": [10_000 * row[0] + row[2] for row in rows],
            "kind": [known.KINDS.index(kind) for kind in columns[1]],
            "line": [np.nan] * n, "statistic": [NONE] * n,
            "place": [known.ROLES.index("RUNNER")] * n,
            "seen_at": columns[4], "price_millis": columns[5],
        }
    )  # fmt: skip


def facts(
    races: list[dict], entries: list[tuple], told: list[tuple], prices: list[tuple], **attributes
) -> Facts:
    """Return facts of races.

    ``entries``: (event, participant, number, removed_at); ``told``: (event, version, known_at,
    is_final, {participant: (number, won, placed, removed)}).
    """
    rows = [{"competition": 1, "season": 1, "home": NONE, "away": NONE, **row} for row in races]
    ran = [
        (event, version, known_at, participant, *what)
        for event, version, known_at, _, runners in told
        for participant, what in runners.items()
    ]
    heads = (
        "event", "version", "known_at", "participant", "number", "is_winner", "is_placed",
        "is_removed",
    )  # fmt: skip
    columns = list(zip(*ran, strict=True)) if ran else [[]] * 8
    return replace(
        Facts.nothing(),
        fixtures=fact_worlds.fixtures_table(rows, **attributes),
        entries=Entries.of(
            {
                "event": [e[0] for e in entries], "participant": [e[1] for e in entries],
                "number": [e[2] for e in entries], "removed_at": [e[3] for e in entries],
                "known_at": [EVER] * len(entries),
            }
        ),
        results=Results.of(
            {
                "event": [t[0] for t in told], "version": [t[1] for t in told],
                "known_at": [t[2] for t in told], "is_final": [t[3] for t in told],
                "home_score": [NONE] * len(told), "away_score": [NONE] * len(told),
            }
        ),
        runners=Runners.of(dict(zip(heads, columns, strict=True))),
        quotes=quotes(prices),
        books=BOOKS,
    )  # fmt: skip


def a_busy_world(*, seed: int, days: int = 16, a_day: int = 5, horses: int = 60) -> Facts:
    rng = np.random.default_rng(seed)
    races, entries, told, prices = [], [], [], []
    for day in range(days):
        for number in range(a_day):
            event = len(races) + 1
            start = START + day * DAY + number * HOUR
            races.append({"event": event, "competition": 1 + number % 3, "starts_at": start})
            field = rng.choice(horses, int(rng.integers(3, 13)), replace=False) + 1000
            gone = {h: start - int(rng.integers(0, 9 * HOUR)) for h in field[3:]
                    if rng.random() < 0.1}  # fmt: skip
            entries += [(event, int(h), n + 1, gone.get(h, NEVER)) for n, h in enumerate(field)]
            told += _told(rng, event, start, field, set(gone))
            prices += _quoted(rng, event, start, field)
    attributes = {
        "distance": rng.integers(10, 16, len(races)) * 100,
        "is_maiden": rng.integers(0, 2, len(races)),
        "is_handicap": rng.integers(0, 2, len(races)),
        "race_class": rng.integers(1, 6, len(races)),
        "race_group": rng.integers(1, 6, len(races)),
    }
    return facts(races, entries, told, prices, **attributes)


def _told(rng, event: int, start: int, field: np.ndarray, gone: set) -> list[tuple]:
    def outcome() -> dict[int, tuple]:
        order = rng.permutation([h for h in field if h not in gone]).tolist()
        return {
            int(h): (n + 1, int(h == order[0]), int(h in order[:3]), int(h in gone))
            for n, h in enumerate(field)
        }

    at = start + HOUR // 4 + (int(rng.integers(1, 4)) * DAY if rng.random() < 0.06 else 0)
    rows = [(event, 1, at, 1, outcome())]
    if rng.random() < 0.06:
        rows.append((event, 2, at + DAY, int(rng.random() < 0.6), outcome()))
    return rows


def _quoted(rng, event: int, start: int, field: np.ndarray) -> list[tuple]:
    rows = []
    for h in field:
        one = (event, "WIN", int(h))
        rows.append((*one, STARTING, start, int(rng.integers(1500, 30_000))))
        if rng.random() < 0.9:
            rows.append((*one, RATED, start - 8 * HOUR, int(rng.integers(1500, 30_000))))
        for book in (TOTE, EXCHANGE):
            if event % 3:
                for hours in (7, 3):
                    rows.append((*one, book, start - hours * HOUR, int(rng.integers(1500, 30_000))))
        rows.append((event, "PLACE", int(h), TOTE, start - 5 * HOUR, 2000))
    return rows


def final_asks(known_facts: Facts, *, hours: float = 1.0) -> Asks:
    """Return an ask for everyone who is still entered some hours before the start."""
    starts = dict(
        zip(known_facts.fixtures.event.tolist(), known_facts.fixtures.starts_at.tolist(),
            strict=True)
    )  # fmt: skip
    e = known_facts.entries
    as_of = np.array([starts[event] for event in e.event.tolist()]) - int(hours * HOUR)
    here = e.removed_at > as_of
    return Asks(e.event[here], e.participant[here], as_of[here])
