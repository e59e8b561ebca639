"""Every feature set there is, by name, and their description for people."""

from collections.abc import Iterator

from models_ml.domain.features import FeatureSet
from models_ml.domain.nba_v1 import NBA_V1
from models_ml.domain.nfl_players_v1 import NFL_PLAYERS_V1
from models_ml.domain.nfl_v1 import NFL_V1
from models_ml.domain.players_v1 import PLAYERS_V1
from models_ml.domain.racing_v1 import RACING_V1
from models_ml.domain.soccer_v1 import SOCCER_V1
from monitoring.errors import Refused

FEATURE_SETS: dict[str, FeatureSet] = {
    feature_set.name: feature_set
    for feature_set in (
        SOCCER_V1,
        NFL_V1,
        NBA_V1,
        PLAYERS_V1,
        NFL_PLAYERS_V1,
        RACING_V1,
    )
}


class UnknownFeatureSet(Refused):
    """No feature set has this name."""


def named(name: str) -> FeatureSet:
    """Return a feature set.

    Raises:
        UnknownFeatureSet: there is none of this name.
    """
    try:
        return FEATURE_SETS[name]
    except KeyError:
        known = ", ".join(sorted(FEATURE_SETS))
        raise UnknownFeatureSet(f"no feature set {name!r}; there are: {known}") from None


def markdown() -> str:
    """Return ``docs/features.md``: every feature with unit, source and when it is known."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Features"
    yield ""
    yield "Written by `manage.py build_features --markdown` from the registry in"
    yield "`models_ml/domain`; a test holds the two equal. A feature of an event at `as_of` is"
    yield "computed only from what was known at `as_of`; what is not known is null, never zero."
    for name, feature_set in sorted(FEATURE_SETS.items()):
        yield ""
        yield f"## {name}"
        yield ""
        yield f"Sport: {feature_set.sport}. Columns, in order: {len(feature_set.features)}."
        yield ""
        yield "| # | feature | meaning | unit | source | known |"
        yield "|---|---|---|---|---|---|"
        for number, f in enumerate(feature_set.features, start=1):
            cells = (str(number), f.name, f.description, f.unit, f.source, f.known_at)
            yield f"| {' | '.join(cells)} |"
