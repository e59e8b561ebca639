"""Whom an unknown name may mean: the names most alike, for a person to choose from.

Nothing is ever mapped by likeness alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from rapidfuzz import fuzz, process

from markets.models import Book, Competition, Event, Participant, ParticipantAlias, UnknownName
from markets.queries import names as names_known
from monitoring import thresholds
from monitoring.domain.thresholds import declare

AT_MOST = 5
LISTS_ABOVE = declare(
    "markets.alias-listed", 60, "of 100",
    "A name less alike than this is not suggested: it has nothing in common that would help.",
    lowest=0, highest=100,
)  # fmt: skip
MAPS_ABOVE = declare(
    "markets.alias-likely", 96, "of 100",
    "A suggestion at least so alike is shown as likely; a person maps it.",
    lowest=50, highest=100,
)  # fmt: skip
MARGIN = declare(
    "markets.alias-margin", 8, "of 100",
    "A suggestion is shown as likely only so far ahead of the next one.",
    lowest=0, highest=100,
)  # fmt: skip
#: How much the participants of the same competition go before those of the whole sport.
_AT_HOME = 3.0


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something whose name is alike, and how much: 100 is the same."""

    id: int
    name: str
    score: float

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "score": self.score}


def likeness(one: str, other: str, *, score_cutoff: float = 0) -> float:
    """Return how alike two names are, 0 to 100, whatever the order of their words.

    Source: rapidfuzz, WRatio and token_sort_ratio of the lower-case names; the mean of both.

    >>> likeness("Leeds United", "United Leeds"), round(likeness("Man United", "Man Utd"))
    (97.5, 82)
    """
    first, second = one.casefold(), other.casefold()
    found = (fuzz.WRatio(first, second) + fuzz.token_sort_ratio(first, second)) / 2
    return found if found >= score_cutoff else 0.0


def suggest(
    *, name: str, kind: str = UnknownName.Kind.PARTICIPANT, sport_id: int | None,
    competition_id: int | None,
) -> list[Suggestion]:  # fmt: skip
    """Return up to five that the name may mean, the most alike first."""
    row = UnknownName(kind=kind, sport_id=sport_id, competition_id=competition_id, name=name)
    fill(names=[row])
    return [Suggestion(**one) for one in row.suggestions]


def is_likely(row: UnknownName) -> bool:
    """Say whether the first suggestion is far ahead: it is shown so, and mapped by a person."""
    return (
        bool(row.suggestions)
        and row.suggestions[0]["score"] >= thresholds.value(MAPS_ABOVE)
        and (row.margin or 0) >= thresholds.value(MARGIN)
    )


def fill(*, names: Sequence[UnknownName]) -> None:
    """Write suggestions and the lead of the first into names that are not saved yet."""
    groups: dict[tuple[str, int | None, int | None], list[UnknownName]] = defaultdict(list)
    for row in names:
        groups[row.kind, row.sport_id, row.competition_id].append(row)
    for (kind, sport_id, competition_id), rows in groups.items():
        choices = _choices(kind, sport_id)
        at_home = _at_home(competition_id) if competition_id is not None else set()
        for row in rows:
            found = [] if row.name.startswith("#") else _best(row.name, choices, at_home)
            row.suggestions = [one.as_json() for one in found]
            scores = [one.score for one in found]
            row.margin = None if not scores else round(scores[0] - (scores[1:] or [0.0])[0], 1)


def _best(
    name: str, choices: Sequence[tuple[int, str, str]], at_home: set[int]
) -> list[Suggestion]:
    """Return the best of (id, a name of it, its name to show); one has several names."""
    hits = process.extract(
        name,
        [text for _, text, _ in choices],
        scorer=_scorer,
        limit=AT_MOST * 6,
        score_cutoff=thresholds.value(LISTS_ABOVE),
    )
    best: dict[int, Suggestion] = {}
    for _, score, place in hits:
        pk, _, shown = choices[place]
        score = round(min(100.0, score + (_AT_HOME if pk in at_home else 0.0)), 1)
        if pk not in best or best[pk].score < score:
            best[pk] = Suggestion(pk, shown, score)
    return sorted(best.values(), key=lambda one: (-one.score, one.name, one.id))[:AT_MOST]


def _scorer(one: str, other: str, *, score_cutoff: float | None = None, **_: Any) -> float:
    return likeness(one, other, score_cutoff=score_cutoff or 0.0)


def _choices(kind: str, sport_id: int | None) -> list[tuple[int, str, str]]:
    """Return (id, name, name to show) of everything real that such a name can mean."""
    if kind == UnknownName.Kind.COMPETITION:
        real = Competition.objects.filter(is_simulated=False)
        rows = real.values_list("pk", "name", "code")
        return [(pk, text, f"{name} ({code})") for pk, name, code in rows for text in (name, code)]
    if kind == UnknownName.Kind.BOOK:
        books = Book.objects.filter(is_simulated=False).values_list("pk", "name", "code")
        return [(pk, text, name) for pk, name, code in books for text in (name, code)]
    own = [(pk, name, _shown(name, qualifier)) for pk, name, qualifier in _participants(sport_id)]
    shown = {pk: text for pk, _, text in own}
    aliases = ParticipantAlias.objects.filter(sport=sport_id).values_list("participant_id", "alias")
    texts = {(pk, alias) for pk, alias in aliases if pk in shown and len(alias) > 3}
    return own + [(pk, alias, shown[pk]) for pk, alias in sorted(texts)]


def _participants(sport_id: int | None) -> Iterable[tuple[int, str, str]]:
    rows = Participant.objects.filter(sport=sport_id).order_by("pk")
    invented = names_known.invented(sport_id=sport_id)
    found = rows.values_list("pk", "name", "qualifier")
    return [row for row in found if row[0] not in invented]


def _shown(name: str, qualifier: str) -> str:
    return f"{name} ({qualifier})" if qualifier else name


def _at_home(competition_id: int) -> set[int]:
    """Return the participants that played in a competition."""
    pairs = Event.objects.filter(Q(competition=competition_id), home__isnull=False)
    return {pk for pair in pairs.values_list("home_id", "away_id").distinct() for pk in pair}
