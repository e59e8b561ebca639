"""Small slices of the real data: no feature of any sport sees what was told after its moment."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from markets.models import Event, Sport
from markets.services import ingesting
from models_ml.domain import asking, features
from models_ml.domain.facts import Asks, Facts
from models_ml.domain.feature_sets import FEATURE_SETS
from models_ml.queries import facts as tables
from tests.models_ml import stored_worlds
from tests.real.data import FOLDER

DATA = FOLDER
pytestmark = [
    pytest.mark.real,
    pytest.mark.django_db,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]
LONG_AFTER = datetime(2100, 1, 1, tzinfo=UTC)
ASKED, ALONE = 200, 25


def load(source: str, path: Path) -> None:
    ingesting.ingest(source_code=source, path=str(path), actor="test", now=timezone.now())


def cut(name: str, into: Path, keep: Callable[[str], bool]) -> Path:
    """Copy the lines of a file that are to be kept, behind its head."""
    with (DATA / name).open(encoding="utf-8-sig", newline="") as file:
        head, *lines = file.readlines()
    path = into / Path(name).name
    path.write_text(head + "".join(line for line in lines if keep(line)), encoding="utf-8")
    return path


def soccer(folder: Path) -> None:
    for season in ("2223", "2324"):
        shutil.copy(DATA / "football_data" / f"E0_{season}.csv", folder)
    load("football_data", folder)


def american_football(folder: Path) -> None:
    late = ("2023_", "2024_")
    load("nflverse", cut("nfl/games.csv", folder, lambda line: line.startswith(late)))
    shutil.copy(DATA / "nfl" / "line_changes_2024.csv", folder)
    load("nfl_lines", folder / "line_changes_2024.csv")


def basketball(folder: Path) -> None:
    offered = folder / "offered"
    offered.mkdir()
    for path in sorted((DATA / "the_odds_api" / "nba_2023_24").iterdir())[:30]:
        shutil.copy(path, offered)
    load("odds_api", offered)
    late = ("2024,2023-",)
    load("csv", cut("nba/games_2008_2024.csv", folder, lambda line: line.startswith(late)))


def horse_racing(folder: Path) -> None:
    days = tuple(f"2026-01-{day:02d}" for day in range(1, 9))
    for name in ("ANZ_Thoroughbreds_2026_01.csv", "Kash_Model_Results_2026_01.csv"):
        path = cut(f"betfair/racing/{name}", folder, lambda line: line.startswith(days))
        load("betfair_bsp" if name.startswith("ANZ") else "csv", path)


LOADS = {
    "soccer_v1": soccer,
    "nfl_v1": american_football,
    "nba_v1": basketball,
    "racing_v1": horse_racing,
}


@pytest.mark.parametrize("name", LOADS)
def test_features_of_real_events_are_the_same_in_a_world_that_ends_at_their_moment(
    name, tmp_path, settings
):
    settings.ARCHIVE_DIR = tmp_path / "archive"
    LOADS[name](tmp_path)
    feature_set = FEATURE_SETS[name]
    sport = Sport.objects.get(code=feature_set.sport)
    events = list(Event.objects.values_list("pk", flat=True))

    def told(until: datetime) -> Facts:
        return tables.facts(sport_id=sport.pk, is_simulated=False, until=until, quotes_of=events)

    def values(facts: Facts, rows: np.ndarray) -> bytes:
        some = Asks(*[column[rows] for column in asks])
        return features.compute(feature_set=feature_set, facts=facts, asks=some).tobytes()

    whole = told(LONG_AFTER)
    asks = asking.labelled(facts=whole, grain=feature_set.grain, minutes=60).asks
    rng = np.random.default_rng(11)
    chosen = np.sort(rng.choice(len(asks.event), ASKED, replace=False))
    together = features.compute(
        feature_set=feature_set, facts=whole, asks=Asks(*[column[chosen] for column in asks])
    )
    assert (~np.isnan(together)).any(axis=0).mean() > 0.6
    for row in rng.choice(ASKED, ALONE, replace=False):
        moment = int(asks.as_of[chosen[row]])
        assert values(whole.at(moment), chosen[[row]]) == together[[row]].tobytes()
    for row in (ASKED - 1, ASKED // 2):  # asks are in order of their moments
        until = stored_worlds.moment(int(asks.as_of[chosen[row]]))
        known = chosen[: row + 1]
        assert values(told(until), known) == together[: row + 1].tobytes()
        stored_worlds.forget(after=until)
        assert values(told(LONG_AFTER), known) == together[: row + 1].tobytes()
