"""Facts out of a seed: leagues with late, corrected and withdrawn results, moved starts, quotes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from markets.domain import kinds
from models_ml.domain import known as known_codes
from models_ml.domain.facts import (
    EVER,
    NEVER,
    NONE,
    Asks,
    Books,
    Facts,
    Fixtures,
    Notices,
    Quotes,
    Results,
)  # fmt: skip
from tests.models_ml.worlds import FIRST, HOUR, World, rounds

DAY = 24 * HOUR
START = int(FIRST.timestamp()) * 1_000_000
BOOKS = Books.of(
    {
        "id": [1, 2, 3, 4],
        "kind": [0, 0, 1, 2],
        "rank": [1, NONE, NONE, NONE],
        "enabled": [1] * 4,
        "known_at": [EVER] * 4,
    },
    codes=("sharp", "soft", "softer", "action_consensus"),
)
STATUSES = ("Out", "Questionable", "temperature", "wind", "tickets")


def asks(events, as_of, participant=None) -> Asks:
    events = np.asarray(events, dtype=np.int64)
    nobody = np.full(len(events), NONE) if participant is None else participant
    return Asks(events, np.asarray(nobody), np.broadcast_to(as_of, events.shape).astype(np.int64))


def fixtures_table(rows: list[dict], **attributes) -> Fixtures:
    defaults = {
        "season_rank": 0, "known_at": EVER, "certainty": 0, "time_scale": 1.0,
        "is_neutral": False, "round": NONE, "is_on": 1,
    }  # fmt: skip
    rows = [{**defaults, **row} for row in rows]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    days = [row["starts_at"] // DAY for row in rows]
    numbers = {name: np.asarray(values, dtype=np.float64) for name, values in attributes.items()}
    return Fixtures.of({**columns, "local_day": days}, attributes=numbers)


def of_world(world: World, *, with_quotes: bool = True) -> Facts:
    """Return a world's matches as facts; two looks at its market where it is wanted."""
    fixtures = [
        {
            "event": f.event_id, "competition": f.competition_id, "season": f.season_id,
            "season_rank": f.season_id, "home": f.home_id, "away": f.away_id,
            "starts_at": f.starts_at,
        }
        for f in world.fixtures
    ]  # fmt: skip
    results = sorted(world.matches, key=lambda m: m.known_at)
    columns = ("version", "known_at", "is_final", "home_score", "away_score")
    told = {name: [getattr(m, name) for m in results] for name in columns}
    return replace(
        Facts.nothing(),
        fixtures=fixtures_table(fixtures),
        results=Results.of({"event": [m.event_id for m in results], **told}),
        quotes=quotes_table(_looks(world) if with_quotes else []),
        books=BOOKS,
    )


def _looks(world: World) -> list[tuple]:
    rows = []
    for f in world.fixtures:
        for place, p in enumerate(f.market):
            for hours, factor in ((26, 1.04), (0.02, 1.2)):
                millis = round(1000 / (factor * p))
                rows.append(
                    (f.event_id, f.event_id, "MATCH_ODDS", np.nan, place, 1,
                     f.starts_at - int(hours * HOUR), millis)
                )  # fmt: skip
    return rows


def quotes_table(rows: list[tuple]) -> Quotes:
    """Return quotes of (event, market, kind, line, place, book, seen_at, millis)."""
    rows = sorted(rows, key=lambda row: row[6])
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 8
    roles = {
        kind: [known_codes.ROLES.index(role) for role in kinds.ROLES[kind]] for kind in kinds.ROLES
    }
    return Quotes.of(
        {
            "event": columns[0],
            "market": columns[1],
            "selection": [10 * row[1] + row[4] for row in rows],
            "kind": [known_codes.KINDS.index(kind) for kind in columns[2]],
            "line": columns[3],
            "statistic": [NONE] * len(rows),
            "place": [roles[row[2]][row[4]] for row in rows],
            "participant": [NONE] * len(rows),
            "book": columns[5],
            "seen_at": columns[6],
            "price_millis": columns[7],
        }
    )


def a_busy_world(
    *,
    seed: int,
    competitions: int = 2,
    sides: int = 8,
    seasons: int = 2,
    points: float = 1.4,
    neutral: float = 0.03,
    head_to_head: str = "MATCH_ODDS",
    handicap: str = "ASIAN_HANDICAP",
    names_of_teams: Sequence[str] = (),
) -> Facts:
    """Return leagues in which everything happens that can: see the module."""
    rng = np.random.default_rng(seed)
    fixtures, results, quotes = [], [], []
    for competition in range(1, competitions + 1):
        for season in range(seasons):
            for week, pairs in enumerate(rounds(sides)):
                for slot, (home, away) in enumerate(pairs):
                    event = len({row["event"] for row in fixtures}) + 1
                    start = START + (280 * season + 5 * week) * DAY + slot // 2 * 2 * HOUR
                    row = {
                        "event": event, "competition": competition, "season": 10 * season + 1,
                        "season_rank": season, "home": 100 * competition + home,
                        "away": 100 * competition + away, "starts_at": start,
                        "is_neutral": bool(rng.random() < neutral), "round": week + 1,
                    }  # fmt: skip
                    fixtures.append(row)
                    if rng.random() < 0.06:
                        known = start - int(rng.integers(5, 60)) * HOUR
                        start += int(rng.integers(1, 80)) * HOUR
                        fixtures.append({**row, "starts_at": start, "known_at": known})
                    results += _told(rng, event, start, points)
                    quotes += _quoted(rng, event, start, head_to_head, handicap)
    fixtures.sort(key=lambda row: row.get("known_at", EVER))
    results.sort(key=lambda row: row[2])
    columns = list(zip(*results, strict=True))
    names = ("event", "version", "known_at", "is_final", "home_score", "away_score")
    attributes = {
        name: rng.integers(0, 2, len(fixtures))
        for name in ("is_dome", "is_retractable", "is_grass", "is_playoff")
    }
    teams = sorted({row[side] for row in fixtures for side in ("home", "away")})
    return replace(
        Facts.nothing(),
        fixtures=fixtures_table(fixtures, **attributes),
        results=Results.of(dict(zip(names, columns, strict=True))),
        quotes=quotes_table(quotes),
        notices=_notices(rng, fixtures),
        books=BOOKS,
        names=dict(zip(teams, names_of_teams, strict=False)),
    )


def _told(rng: np.random.Generator, event: int, start: int, points: float) -> list[tuple]:
    """Return the versions of a result: most one, some late, corrected, taken back, told again."""

    def score() -> tuple[int, int]:
        return int(rng.poisson(points * 1.1)), int(rng.poisson(points))

    known = start + 2 * HOUR + (int(rng.integers(1, 20)) * DAY if rng.random() < 0.05 else 0)
    rows = [(event, 1, known, True, *score())]
    luck = rng.random()
    if luck < 0.05:
        later = known + int(rng.integers(1, 40)) * 12 * HOUR
        rows.append((event, 2, later, luck < 0.03, *score()))
        if luck > 0.04:
            rows.append((event, 3, later + 3 * DAY, True, *score()))
    return rows


def _quoted(
    rng: np.random.Generator, event: int, start: int, head_to_head: str, handicap: str
) -> list[tuple]:
    rows = []
    for book in (1, 2, 3, 4):
        if rng.random() < 0.3:
            continue
        for hours in sorted(rng.choice(60, 2, replace=False) + 1, reverse=True):
            seen = start - int(hours) * HOUR
            ps = rng.dirichlet([4.0, 3.0, 3.0] if head_to_head == "MATCH_ODDS" else [4.0, 4.0])
            for place, p in enumerate(np.clip(ps, 0.03, 0.95)):
                if rng.random() < 0.97:
                    millis = round(1000 / (1.05 * p))
                    rows.append(
                        (event, 10 * event, head_to_head, np.nan, place, book, seen, millis)
                    )
            for kind, number in ((handicap, 1), ("TOTAL", 4)):
                line = float(rng.integers(0, 3)) / 2 + (2.0 if kind == "TOTAL" else -0.5)
                market = 10 * event + number + int(2 * line) % 3
                p = float(rng.uniform(0.4, 0.6))
                for place, share in enumerate((p, 1 - p)):
                    millis = round(1000 / (1.05 * share))
                    rows.append((event, market, kind, line, place, book, seen, millis))
    return rows


def _notices(rng: np.random.Generator, fixtures: list[dict]) -> Notices:
    rows = []
    for row in fixtures[::3]:
        known = row["starts_at"] - int(rng.integers(1, 70)) * HOUR
        thread, status = int(rng.integers(0, 40)), int(rng.random() < 0.3)
        rows.append((NONE, row["home"], "INJURY", status, thread, known, np.nan))
        rows.append((row["event"], NONE, "LINEUP", NONE, 100, known, np.nan))
        for what, status in (("WEATHER", 2), ("WEATHER", 3), ("PUBLIC_SHARE", 4)):
            rows.append((row["event"], NONE, what, status, 200, known, float(rng.uniform())))
    columns = list(zip(*rows, strict=True))
    return Notices.of(
        {
            "event": columns[0],
            "participant": columns[1],
            "kind": [known_codes.NOTICES.index(kind) for kind in columns[2]],
            "status": columns[3],
            "thread": columns[4],
            "version": np.arange(len(rows)),
            "known_at": columns[5],
            "value": columns[6],
        },
        statuses=STATUSES,
    )


def final_asks(facts: Facts, *, hours: float = 1.0) -> Asks:
    """Return an ask of every event some hours before the start that was planned last."""
    f = facts.fixtures
    last = {int(event): int(start) for event, start in zip(f.event, f.starts_at, strict=True)}
    return asks(list(last), np.array(list(last.values())) - int(hours * HOUR))


def with_another_future(facts: Facts, moment: int, seed: int) -> Facts:
    """Return facts that are equal up to a moment: later ones changed, doubled or left out."""
    rng = np.random.default_rng(seed)
    changed = {}
    for name, column in (
        ("results", "known_at"), ("quotes", "seen_at"), ("notices", "known_at"),
        ("fixtures", "known_at"), ("runners", "known_at"), ("figures", "known_at"),
    ):  # fmt: skip
        table = getattr(facts, name)
        moments = getattr(table, column)
        rows = np.arange(len(moments))
        later = rows[moments > moment]
        kept = later[rng.random(len(later)) < 0.7]
        chosen = np.concatenate([rows[moments <= moment], kept, kept[::3]])
        chosen = chosen[np.argsort(moments[chosen], kind="stable")]
        changed[name] = table.take(chosen)
    r, q = changed["results"], changed["quotes"]
    fresh = r.known_at > moment
    scores = {
        name: np.where(fresh, rng.integers(0, 9, len(fresh)), getattr(r, name))
        for name in ("home_score", "away_score")
    }
    millis = np.where(q.seen_at > moment, rng.integers(1100, 9000, len(q.event)), q.price_millis)
    changed["results"] = replace(r, **scores)
    f = changed["figures"]
    values = np.where(f.known_at > moment, rng.poisson(20.0, len(f.event)), f.value)
    changed["figures"] = replace(f, value=values)
    gone = facts.entries.removed_at
    later = rng.choice([NEVER, moment + HOUR], len(gone))
    changed["entries"] = replace(facts.entries, removed_at=np.where(gone > moment, later, gone))
    changed["quotes"] = replace(q, price_millis=millis)
    return replace(facts, **changed)
