"""Where what lies: a shelf for each sport, a part for each kind, competition and season."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from django.conf import settings

from markets.models import Sport

ALL = "all"  # a part that is not of one competition, or not of one season
SCHEMA = 1  # of the columns; another one is read by nobody


@dataclass(frozen=True, slots=True)
class Shelf:
    """A sport, its simulated leagues apart from the real ones."""

    sport: Sport
    is_simulated: bool

    @property
    def name(self) -> str:
        return f"{self.sport.code}-{'simulated' if self.is_simulated else 'real'}"


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """What is kept in one file: a season of a competition, or of all of them."""

    competition: str = ALL
    season: str = ALL

    @property
    def name(self) -> str:
        return f"{_plain(self.competition)}/{_plain(self.season)}"


def part(*, shelf: Shelf, kind: str, group: Group, number: int = 0) -> str:
    """Return the name of a part of facts.

    >>> soccer = Shelf(Sport(code="soccer"), is_simulated=False)
    >>> part(shelf=soccer, kind="QUOTES", group=Group("E0", "2023-24"))
    'soccer-real/quotes/E0/2023-24/000'
    >>> part(shelf=soccer, kind="NOTICES", group=Group("../x", ".."), number=2)
    'soccer-real/notices/%2E.%2Fx/%2E./002'
    """
    return f"{shelf.name}/{kind.lower()}/{group.name}/{number:03d}"


def features_part(*, shelf: Shelf, feature_set: str, group: Group) -> str:
    """Return the name of a part of features.

    >>> soccer = Shelf(Sport(code="soccer"), is_simulated=True)
    >>> group = Group("SIM1", "2023")
    >>> features_part(shelf=soccer, feature_set="soccer_v1", group=group)
    'soccer-simulated/features/soccer_v1/SIM1/2023'
    """
    return f"{shelf.name}/features/{_plain(feature_set)}/{group.name}"


def folder() -> Path:
    return Path(settings.CLOSINGLINE_HOME) / "store"


def path(*, part: str, sha256: str) -> Path:
    """Return where a part's file lies: its name tells its content, so old and new never mix."""
    return folder() / f"{part}-{sha256[:16]}.parquet"


def _plain(name: str) -> str:
    """Return a name that is one step of a path, whatever a source called it."""
    text = quote(name, safe="-_ ")
    return f"%2E{text[1:]}" if text.startswith(".") else text
