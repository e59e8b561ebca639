"""Lines carried over on real games: shaped by the seasons before 2015, tried on those since."""

import csv

import numpy as np
import pytest

from settlements.domain import spreads
from tests.real.data import FOLDER

FILE = FOLDER / "nfl/games.csv"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.is_file(), reason=f"no real data at {FILE} (REAL_DATA_DIR)"),
]
SD = spreads.SIGMA["american_football", "MARGIN"]


@pytest.fixture(scope="module")
def games():
    with FILE.open(newline="") as file:
        rows = [
            (int(row["season"]), float(row["result"]), float(row["spread_line"]))
            for row in csv.DictReader(file)
            if row["result"] and row["spread_line"]
        ]
    return np.array(rows).T


@pytest.fixture(scope="module")
def shapes(games):
    season, margin, _ = games
    values, counts = np.unique(margin[season < 2015].astype(np.int64), return_counts=True)
    history = spreads.empirical(values=values, counts=counts, sd=SD, is_count=False)
    return history, spreads.normal(sd=SD, is_count=False)


def carried(shape, closing_line, line):
    return spreads.at_close(
        shape=shape, closing_line=closing_line, probability=np.full(line.size, 0.5), line=line
    )


@pytest.mark.parametrize("moved", [-4.5, -2.5, -0.5, 0.5, 2.5, 4.5])
def test_the_history_prices_other_lines_better_than_the_normal_curve(games, shapes, moved):
    _, margin, closing = (column[games[0] >= 2015] for column in games)
    line = np.floor(closing + moved) + 0.5
    covered = margin > line
    losses = []
    for shape in shapes:
        chance = carried(shape, closing, line).probability
        losses.append(-np.log(np.where(covered, chance, 1 - chance)).mean())
    assert losses[0] < losses[1]


def test_it_knows_how_often_a_whole_line_comes_back(games, shapes):
    _, margin, closing = (column[games[0] >= 2015] for column in games)
    whole = closing % 1 == 0
    pushed = (margin == closing)[whole].mean()
    expected = [carried(shape, closing, closing).refund[whole].mean() for shape in shapes]
    assert abs(expected[0] - pushed) < 0.01 < abs(expected[1] - pushed)
