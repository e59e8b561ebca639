"""A real season lived again: one league, four earlier seasons, the whole chain.

Reads football-data.co.uk files; changes one score in a copy of its own.
"""

import csv
import shutil
from decimal import Decimal as D

import pytest
from django.utils import timezone

from betting.models import Bankroll, Bet
from markets.models import Event
from markets.services import ingesting
from models_ml.models import FeatureRow, Prediction, Replay
from monitoring.models import AuditEntry
from settlements import queries
from settlements.models import LedgerTransfer, Settlement
from settlements.services import ledger, replay_figures, replaying, settling
from tests.real.data import FOLDER

DATA = FOLDER / "football_data"
SEASONS = ("1920", "2021", "2122", "2223", "2324")
pytestmark = [
    pytest.mark.real,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA} (REAL_DATA_DIR)"),
]


def load(folder):
    return ingesting.ingest(
        source_code="football_data", path=str(folder), actor="test", now=timezone.now()
    )


def replay(seed=0):
    return replaying.replay_season(
        competition_code="E0",
        season_label="2023-24",
        seed=seed,
        actor="test",
        now=timezone.now(),
    )


@pytest.fixture
def one_league(tmp_path):
    """Load one league's five seasons from a copy of its files."""
    for season in SEASONS:
        shutil.copy(DATA / f"E0_{season}.csv", tmp_path)
    load(tmp_path)
    return tmp_path


def change_the_score(path, event):
    """Turn one match's result around in the file: the sides' goals change places."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    at = {name: place for place, name in enumerate(rows[0])}
    for row in rows[1:]:
        if (row[at["HomeTeam"]], row[at["AwayTeam"]]) == (event.home.name, event.away.name):
            home, away = at["FTHG"], at["FTAG"]
            row[home], row[away] = str(int(row[away]) + 1), row[home]
            row[at["FTR"]] = "H" if int(row[home]) > int(row[away]) else "A"
            if int(row[home]) == int(row[away]):
                row[at["FTR"]] = "D"
            row[at["HTHG"]] = row[at["HTAG"]] = row[at["HTR"]] = ""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def assert_nothing_was_known_too_early(season):
    """Hold each row and bet against the clock of its own event."""
    rows = FeatureRow.objects.filter(replay=season).select_related("event")
    assert rows.count() == 380
    assert all((row.event.starts_at - row.as_of).total_seconds() == 3600 for row in rows)
    version = season.versions.get()
    first = min(row.event.starts_at for row in rows)
    assert version.trained_until < first
    for bet in Bet.objects.filter(bankroll__replay=season).select_related(
        "selection__market__event"
    ):
        assert bet.placed_at < bet.selection.market.event.starts_at < bet.settled_at


def test_a_season_lived_again(one_league):
    first = replay()

    assert tuple(first) == replay_figures.KEYS
    assert (first["events"], first["predictions"]) == (380, 1140)
    assert first["bets"] > 20
    assert first["market_log_loss"] - 0.005 < first["model_log_loss"]
    assert first["model_log_loss"] < first["market_log_loss"] + 0.03
    assert first["yield_low"] < first["yield"] < first["yield_high"]
    assert first["clv_low"] < first["clv"] < first["clv_high"]
    assert first["ledger_imbalance"] == "0.00"
    season = Replay.objects.get()
    assert season.figures == first
    assert_nothing_was_known_too_early(season)
    bankroll = Bankroll.objects.get(kind="REPLAY")
    assert bankroll.balance == D("10000.00") + D(first["profit"])
    assert not Bet.objects.exclude(status__in=["SETTLED", "REJECTED"]).exists()

    # It stands in no live figure, and the same season again gives the same bets to the cent.
    assert queries.performance().n == 0
    assert queries.groups() == []
    assert replay() == first
    assert Prediction.objects.count() == 2 * 1140

    # One changed score reverses and re-settles exactly the bets of that event.
    event = Event.objects.filter(
        markets__selections__bets__bankroll=bankroll, results__home_score__lt=3
    ).order_by("starts_at")[0]
    bets = Bet.objects.filter(selection__market__event=event)
    before = {bet.pk: (bet.bankroll_id, bet.profit) for bet in bets}
    balances = dict(Bankroll.objects.values_list("pk", "balance"))
    settlements = Settlement.objects.count()
    change_the_score(one_league / "E0_2324.csv", event)
    counts = load(one_league)
    assert counts["results"]["corrected"] == 1, counts["problems"]

    now = timezone.now()
    report = settling.settle_due(as_of=now, now=now, actor="test")

    assert (report.settled, report.resettled) == (0, len(before))
    assert Settlement.objects.count() == settlements + len(before)
    touched = Settlement.objects.filter(revision__gt=1).values_list("bet_id", flat=True)
    assert set(touched) == set(before)
    assert LedgerTransfer.objects.filter(kind="REVERSAL").count() == len(before)
    assert AuditEntry.objects.filter(action="settlements.resettled").count() == len(before)
    for pk, (bankroll_id, profit) in before.items():
        balances[bankroll_id] += Bet.objects.get(pk=pk).profit - profit
    assert dict(Bankroll.objects.values_list("pk", "balance")) == balances
    assert ledger.imbalance() == D("0.00")


@pytest.mark.parametrize(
    ("competition", "season", "named"), [("E9", "2023-24", "E0"), ("E0", "1999-00", "2023-24")]
)
def test_names_what_is_loaded_where_the_season_is_not(tmp_path, competition, season, named):
    shutil.copy(DATA / "E0_2324.csv", tmp_path)
    load(tmp_path)
    with pytest.raises(replaying.NothingToReplay, match=named):
        replaying.replay_season(
            competition_code=competition,
            season_label=season,
            seed=0,
            actor="test",
            now=timezone.now(),
        )
