"""Games of a league with the figures of its players, and lines on some of them."""

from dataclasses import fields, replace

import numpy as np

from models_ml.domain import known
from models_ml.domain.facts import Asks, Facts, Figures, Notices, Quotes
from tests.models_ml import fact_worlds
from tests.models_ml.worlds import HOUR

PER_SIDE = 3


def players_of(side: int) -> list[int]:
    return [10 * side + n for n in range(PER_SIDE)]


def figures(rows: list[tuple]) -> Figures:
    """Return points of (event, version, known_at, participant, value, took part)."""
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 6
    return Figures.of(
        {
            "event": columns[0], "version": columns[1], "known_at": columns[2],
            "participant": columns[3], "statistic": [0] * len(rows), "value": columns[4],
            "took_part": columns[5],
        },
        statistics=("points",),
    )  # fmt: skip


def lines(rows: list[tuple]) -> Quotes:
    """Return quotes of (event, participant, line, over or under, book, seen_at, millis)."""
    columns = list(zip(*rows, strict=True))
    n = len(rows)
    roles = [known.ROLES.index(role) for role in columns[3]]
    return Quotes.of(
        {
            "event": columns[0], "participant": columns[1], "line": columns[2], "place": roles,
            "market": [10**6 + 100 * row[1] + int(2 * row[2]) for row in rows],
            "selection": np.arange(n), "kind": [known.KINDS.index("PLAYER_TOTAL")] * n,
            "statistic": [0] * n, "book": columns[4], "seen_at": columns[5],
            "price_millis": columns[6],
        },
        statistics=("points",),
    )  # fmt: skip


def a_busy_world(*, seed: int, points: float = 105.0, **size: int) -> Facts:
    facts = fact_worlds.a_busy_world(
        seed=seed, points=points, competitions=1, head_to_head="MONEYLINE", handicap="SPREAD",
        **size,
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    f, r = facts.fixtures, facts.results
    sides = dict(zip(f.event.tolist(), zip(f.home.tolist(), f.away.tolist(), strict=True),
                     strict=True))  # fmt: skip
    rows = [
        (event, version, at, player, float(rng.poisson(18.0)), int(rng.random() < 0.9))
        for event, version, at in zip(
            r.event.tolist(), r.version.tolist(), r.known_at.tolist(), strict=True
        )
        for side in sides[event]
        for player in players_of(side)
    ]
    starts = dict(zip(f.event.tolist(), f.starts_at.tolist(), strict=True))
    quoted = [
        (event, players_of(pair[0])[0], line, role, book, starts[event] - hours * HOUR, millis)
        for event, pair in sides.items()
        for book, line, hours in ((1, 18.5, 9), (1, 19.5, 4), (2, 17.5, 3))
        for role, millis in (("OVER", int(rng.integers(1700, 2100))), ("UNDER", 1900))
    ]
    quotes = lines(quoted)
    plain = [field.name for field in fields(quotes) if field.name != "statistics"]
    both = {n: np.concatenate([getattr(facts.quotes, n), getattr(quotes, n)]) for n in plain}
    return replace(
        facts,
        figures=figures(rows),
        quotes=Quotes.of(both, statistics=quotes.statistics),
        notices=_lineups(rng, sides, starts),
    )


def _lineups(rng: np.random.Generator, sides: dict, starts: dict) -> Notices:
    rows = [
        (event, player, int(rng.random() < 0.4), 100 * event + player, starts[event] - 2 * HOUR)
        for event, pair in sides.items()
        for player in players_of(pair[1])
    ]
    columns = list(zip(*rows, strict=True))
    n = len(rows)
    return Notices.of(
        {
            "event": columns[0], "participant": columns[1], "status": columns[2],
            "thread": columns[3], "known_at": columns[4], "version": np.ones(n),
            "kind": [known.NOTICES.index("LINEUP")] * n, "value": [np.nan] * n,
        },
        statuses=("Starter", "Bench"),
    )  # fmt: skip


def final_asks(facts: Facts, *, hours: float = 1.0, every: int = 4) -> Asks:
    """Return an ask of every player of both sides, in every fourth game or more often."""
    whole = fact_worlds.final_asks(facts, hours=hours)
    f = facts.fixtures
    sides = dict(zip(f.event.tolist(), zip(f.home.tolist(), f.away.tolist(), strict=True),
                     strict=True))  # fmt: skip
    rows = [
        (event, player, as_of)
        for event, as_of in zip(whole.event.tolist(), whole.as_of.tolist(), strict=True)
        if event % every == every - 1
        for side in sides[event]
        for player in players_of(side)
    ]
    return Asks(*[np.array(column) for column in zip(*rows, strict=True)])
