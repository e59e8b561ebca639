"""A league out of a seed: a season to learn from and a short one to live again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import numpy as np
from django.utils import timezone

from markets.connectors.base import (
    ParsedBatch,
    ParsedBook,
    ParsedCompetition,
    ParsedEvent,
    ParsedPrice,
    ParsedResult,
)
from markets.models import Source
from markets.services import recording
from models_ml.models import Pipeline
from models_ml.services import pipelines
from settlements.services import replaying

CODE, LEARNED, REPLAYED = "F2", "2023-24", "2024-25"
TEAMS = [f"Side {letter}" for letter in "ABCDEFGHIJKLMNOPQRST"]
ROLES = ("HOME", "DRAW", "AWAY")
BEGIN = {
    LEARNED: datetime(2023, 8, 5, 15, 0, tzinfo=UTC),
    REPLAYED: datetime(2024, 8, 3, 15, 0, tzinfo=UTC),
}
BOOKS = (
    ParsedBook(code="pinnacle", name="Pinnacle", reference_rank=1),
    ParsedBook(code="generous", name="Generous"),
)


def a_league(*, days: int = 12, seed: int = 0) -> None:
    """Load a whole season, and ``days`` match days of five matches of the next."""
    random = np.random.default_rng(seed)
    pairs = list(permutations(TEAMS, 2))
    learned = [pairs[place] for place in random.permutation(len(pairs))]
    replayed = [pairs[place] for place in random.permutation(len(pairs))[: 5 * days]]
    pipelines.ensure_default_pipelines(now=timezone.now())
    Pipeline.objects.update(parameters={"rounds": 10})
    source = Source.objects.create(code="league", name="League", creates_names=True)
    for season, matches in ((LEARNED, learned), (REPLAYED, replayed)):
        recording.record(batch=_season(season, matches, random), source=source, now=timezone.now())


def replay(*, seed: int) -> dict[str, Any]:
    """Live the second season again, in this process; return its figures."""
    return replaying.replay_season(
        competition_code=CODE, season_label=REPLAYED, seed=seed, actor="test", now=timezone.now()
    )


def _season(
    season: str, matches: Sequence[tuple[str, str]], random: np.random.Generator
) -> ParsedBatch:
    events, prices, results = [], [], []
    for number, (home, away) in enumerate(matches):
        ref, start = f"{season}-{number}", BEGIN[season] + timedelta(days=3 * (number // 5))
        events.append(ParsedEvent(ref, CODE, season, home, away, 1, start))
        edge = 0.06 * (TEAMS.index(away) - TEAMS.index(home)) + 0.2
        chances = np.array([np.exp(edge), 0.8, np.exp(-edge)])
        chances /= chances.sum()
        prices += _quotes(ref, "pinnacle", 0.97 / chances, start)
        prices += _quotes(ref, "generous", 1.05 / chances, start)
        goals = random.poisson(np.exp([0.2 + edge / 2, 0.2 - edge / 2])).tolist()
        results.append(ParsedResult(ref, "FINAL", *goals, known_at=start + timedelta(hours=2)))
    league = ParsedCompetition(code=CODE, name="Fault league", country="Nowhere")
    return ParsedBatch(events, prices, results, competitions=[league], books=BOOKS)


def _quotes(ref: str, book: str, prices: np.ndarray, start: datetime) -> list[ParsedPrice]:
    """Show the prices a day before the start, and a little shorter just before it."""
    return [
        ParsedPrice(ref, "MATCH_ODDS", None, role, book, _decimal(price * by), start - before)
        for role, price in zip(ROLES, prices.tolist(), strict=True)
        for by, before in ((1.0, timedelta(hours=20)), (0.98, timedelta(minutes=1)))
    ]


def _decimal(price: float) -> Decimal:
    return Decimal(f"{max(price, 1.01):.3f}")
