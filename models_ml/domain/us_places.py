"""Where American teams play at home: coordinates, zones, divisions, height above the sea.

By the names of ``markets.domain.teams``.  A team that moved is at its old home until it moved.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from models_ml.domain.arrays import Floats, Ints
from models_ml.domain.facts import NONE

EARTH = 6371.0  # km


class Place(NamedTuple):
    latitude: float
    longitude: float
    zone: int  # hours behind UTC in winter: 5 Eastern to 8 Pacific
    division: str
    metres: int = 0


NFL: Mapping[str, Place] = {
    "Arizona Cardinals": Place(33.53, -112.26, 7, "NFC West"),
    "Atlanta Falcons": Place(33.76, -84.40, 5, "NFC South"),
    "Baltimore Ravens": Place(39.28, -76.62, 5, "AFC North"),
    "Buffalo Bills": Place(42.77, -78.79, 5, "AFC East"),
    "Carolina Panthers": Place(35.23, -80.85, 5, "NFC South"),
    "Chicago Bears": Place(41.86, -87.62, 6, "NFC North"),
    "Cincinnati Bengals": Place(39.10, -84.52, 5, "AFC North"),
    "Cleveland Browns": Place(41.51, -81.70, 5, "AFC North"),
    "Dallas Cowboys": Place(32.75, -97.09, 6, "NFC East"),
    "Denver Broncos": Place(39.74, -105.02, 7, "AFC West", 1609),
    "Detroit Lions": Place(42.34, -83.05, 5, "NFC North"),
    "Green Bay Packers": Place(44.50, -88.06, 6, "NFC North"),
    "Houston Texans": Place(29.68, -95.41, 6, "AFC South"),
    "Indianapolis Colts": Place(39.76, -86.16, 5, "AFC South"),
    "Jacksonville Jaguars": Place(30.32, -81.64, 5, "AFC South"),
    "Kansas City Chiefs": Place(39.05, -94.48, 6, "AFC West"),
    "Las Vegas Raiders": Place(36.09, -115.18, 8, "AFC West"),
    "Los Angeles Chargers": Place(33.95, -118.34, 8, "AFC West"),
    "Los Angeles Rams": Place(33.95, -118.34, 8, "NFC West"),
    "Miami Dolphins": Place(25.96, -80.24, 5, "AFC East"),
    "Minnesota Vikings": Place(44.97, -93.26, 6, "NFC North"),
    "New England Patriots": Place(42.09, -71.26, 5, "AFC East"),
    "New Orleans Saints": Place(29.95, -90.08, 6, "NFC South"),
    "New York Giants": Place(40.81, -74.07, 5, "NFC East"),
    "New York Jets": Place(40.81, -74.07, 5, "AFC East"),
    "Philadelphia Eagles": Place(39.90, -75.17, 5, "NFC East"),
    "Pittsburgh Steelers": Place(40.45, -80.02, 5, "AFC North"),
    "San Francisco 49ers": Place(37.40, -121.97, 8, "NFC West"),
    "Seattle Seahawks": Place(47.60, -122.33, 8, "NFC West"),
    "Tampa Bay Buccaneers": Place(27.98, -82.50, 5, "NFC South"),
    "Tennessee Titans": Place(36.17, -86.77, 6, "AFC South"),
    "Washington Commanders": Place(38.91, -76.86, 5, "NFC East"),
}
NBA: Mapping[str, Place] = {
    "Atlanta Hawks": Place(33.76, -84.40, 5, "Southeast"),
    "Boston Celtics": Place(42.37, -71.06, 5, "Atlantic"),
    "Brooklyn Nets": Place(40.68, -73.97, 5, "Atlantic"),
    "Charlotte Hornets": Place(35.23, -80.84, 5, "Southeast"),
    "Chicago Bulls": Place(41.88, -87.67, 6, "Central"),
    "Cleveland Cavaliers": Place(41.50, -81.69, 5, "Central"),
    "Dallas Mavericks": Place(32.79, -96.81, 6, "Southwest"),
    "Denver Nuggets": Place(39.75, -105.01, 7, "Northwest", 1609),
    "Detroit Pistons": Place(42.34, -83.06, 5, "Central"),
    "Golden State Warriors": Place(37.77, -122.39, 8, "Pacific"),
    "Houston Rockets": Place(29.75, -95.36, 6, "Southwest"),
    "Indiana Pacers": Place(39.76, -86.16, 5, "Central"),
    "Los Angeles Clippers": Place(34.04, -118.27, 8, "Pacific"),
    "Los Angeles Lakers": Place(34.04, -118.27, 8, "Pacific"),
    "Memphis Grizzlies": Place(35.14, -90.05, 6, "Southwest"),
    "Miami Heat": Place(25.78, -80.19, 5, "Southeast"),
    "Milwaukee Bucks": Place(43.05, -87.92, 6, "Central"),
    "Minnesota Timberwolves": Place(44.98, -93.28, 6, "Northwest"),
    "New Orleans Pelicans": Place(29.95, -90.08, 6, "Southwest"),
    "New York Knicks": Place(40.75, -73.99, 5, "Atlantic"),
    "Oklahoma City Thunder": Place(35.46, -97.52, 6, "Northwest"),
    "Orlando Magic": Place(28.54, -81.38, 5, "Southeast"),
    "Philadelphia 76ers": Place(39.90, -75.17, 5, "Atlantic"),
    "Phoenix Suns": Place(33.45, -112.07, 7, "Pacific"),
    "Portland Trail Blazers": Place(45.53, -122.67, 8, "Northwest"),
    "Sacramento Kings": Place(38.58, -121.50, 8, "Pacific"),
    "San Antonio Spurs": Place(29.43, -98.44, 6, "Southwest"),
    "Toronto Raptors": Place(43.64, -79.38, 5, "Atlantic"),
    "Utah Jazz": Place(40.77, -111.90, 7, "Northwest", 1288),
    "Washington Wizards": Place(38.90, -77.02, 5, "Southeast"),
}
#: Former homes, and the first day (since 1970) of the new one.
MOVED: Mapping[str, tuple[Place, int]] = {
    "Los Angeles Rams": (Place(38.63, -90.19, 6, "NFC West"), 16_801),  # St. Louis, 2016
    "Los Angeles Chargers": (Place(32.78, -117.12, 8, "AFC West"), 17_167),  # San Diego, 2017
    "Las Vegas Raiders": (Place(37.75, -122.20, 8, "AFC West"), 18_262),  # Oakland, 2020
    "Oklahoma City Thunder": (Place(47.62, -122.35, 8, "Northwest"), 14_061),  # Seattle, 2008
}


def kilometres(one: Place, other: Place) -> float:
    """Return the great-circle distance between two homes.

    >>> round(kilometres(NFL["Seattle Seahawks"], NFL["Miami Dolphins"]))
    4377
    """
    a, b = math.radians(one.latitude), math.radians(other.latitude)
    across = math.radians(other.longitude - one.longitude)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(across / 2) ** 2
    return 2 * EARTH * math.asin(math.sqrt(half))


class Homes:
    """The homes of a competition's teams, numbered; a team that is not in a table has none.

    >>> homes = Homes(NFL, {7: "Seattle Seahawks", 8: "Miami Dolphins", 9: "Sides FC"})
    >>> at = homes.of(teams=np.array([7, 8, 9]), days=np.array([19_000] * 3))
    >>> homes.distances(at[:2], at[1:]).round().tolist()
    [4377.0, nan]
    """

    def __init__(self, places: Mapping[str, Place], names: Mapping[int, str]) -> None:
        known = [(team, name) for team, name in sorted(names.items()) if name in places]
        self._teams = np.array([team for team, _ in known], dtype=np.int64)
        self._now = np.arange(len(known))
        self._before = self._now.copy()
        self._since = np.zeros(len(known), dtype=np.int64)
        homes = [places[name] for _, name in known]
        for number, (_, name) in enumerate(known):
            if name in MOVED:
                former, self._since[number] = MOVED[name]
                self._before[number] = len(homes)
                homes.append(former)
        self._homes = homes
        self._distances = np.array([[kilometres(a, b) for b in homes] for a in homes])

    def of(self, *, teams: Ints, days: Ints) -> Ints:
        """Return the number of each team's home on a day, -1 where it has none."""
        if not len(self._teams):
            return np.full(len(teams), NONE)
        place = np.minimum(np.searchsorted(self._teams, teams), len(self._teams) - 1)
        now = np.where(days >= self._since[place], self._now[place], self._before[place])
        return np.where(self._teams[place] == teams, now, NONE)

    def distances(self, one: Ints, other: Ints) -> Floats:
        """Return kilometres between homes, NaN where one is not known."""
        return self._told(one, other, self._distances)

    def zones_east(self, one: Ints, other: Ints) -> Floats:
        """Return how many zones the second lies east of the first."""
        zones = np.array([home.zone for home in self._homes], dtype=np.float64)
        return self._told(one, other, zones[:, None] - zones[None, :])

    def same_division(self, one: Ints, other: Ints) -> Floats:
        divisions = np.array([home.division for home in self._homes], dtype=np.str_)
        return self._told(one, other, (divisions[:, None] == divisions[None, :]) * 1.0)

    def climb(self, one: Ints, other: Ints) -> Floats:
        """Return how many metres the second lies above the first, 0 where it lies below."""
        metres = np.array([home.metres for home in self._homes], dtype=np.float64)
        return self._told(one, other, np.maximum(metres[None, :] - metres[:, None], 0.0))

    def _told(self, one: Ints, other: Ints, table: Floats) -> Floats:
        if not self._homes:
            return np.full(len(one), np.nan)
        return np.where((one >= 0) & (other >= 0), table[one, other], np.nan)
