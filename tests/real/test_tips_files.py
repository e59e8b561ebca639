"""A publisher's twelve thousand real tips: each becomes a bet, but for those without a price."""

import csv
from collections import Counter
from decimal import Decimal

import pytest
from django.utils import timezone

from betting.models import Bankroll, Bet, TrackedBet
from betting.services import bet_mappings, exporting, importing
from betting.services.exporting import Choice
from markets.models import Event, Market
from tests.real.data import FOLDER

FILE = FOLDER / "betfair" / "tips" / "Hub_Tipster_Results_2025.csv"
CENT = Decimal("0.01")
pytestmark = [
    pytest.mark.real,
    pytest.mark.django_db,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not FILE.is_file(), reason=f"no real data at {FILE} (REAL_DATA_DIR)"),
]


def test_each_row_with_a_starting_price_becomes_one_bet_with_what_was_published():
    now = timezone.now()
    bet_mappings.ensure_presets(now=now)
    asked = {"mapping": "betfair_hub_tips", "payload": FILE.read_bytes(), "file": FILE.name}
    report = importing.import_bets(**asked, actor="t", now=now)
    assert (report.rows, report.made, report.unchanged, report.refused) == (12_628, 12_610, 0, 18)
    assert Counter((e["field"], e["found"]) for e in report.errors) == {("price", "0"): 18}
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    tracked = TrackedBet.objects.select_related("bet__selection__market__event")
    told = {one.row: one for one in tracked}
    off = [
        number
        for number, row in enumerate(rows, 1)
        if number in told and not _is(row, told[number])
    ]
    assert off == []
    assert Market.objects.count() == len({one.bet.selection.market_id for one in told.values()})
    assert Event.objects.exclude(data__told_by=f"betfair_hub_tips: {FILE.name}").count() == 0
    again = importing.import_bets(**asked, actor="t", now=now)
    assert (again.made, again.unchanged, again.refused) == (0, 12_610, 18)
    purse = Bankroll.objects.get()
    lines = sum(1 for _ in exporting.pieces(exporting.chosen(Choice(bankroll_id=purse.pk))))
    assert (lines, Bet.objects.count()) == (12_611, 12_610)


def _is(row: dict[str, str], told: TrackedBet) -> bool:
    """Say whether a bet is what its row tells; what it won follows from what is kept of it."""
    bet, rate = told.bet, Decimal(row["MBR"]) / 100
    is_lay, stake = row["BettingStrategy"] == "LAY", Decimal(row["Stake"])
    won = (row["RESULT"] == "1") != is_lay
    gain = stake / (bet.price - 1) if is_lay else stake * (bet.price - 1)
    profit = gain * (1 - rate) if won else -stake
    market = bet.selection.market
    return (
        (bet.side == "LAY") == is_lay
        and bet.price == Decimal(row["BSP"])
        and (told.told_stake, told.is_stake_liability) == (stake, is_lay)
        and (told.told_commission, told.told_outcome) == (rate, "WON" if won else "LOST")
        and told.told_profit == Decimal(row["PROFIT_BSP"])
        and abs(profit - told.told_profit) <= CENT / 2 + Decimal("1e-9")
        and market.kind == row["MarketType"]
        and market.event.name.startswith(row["TrackName"].strip())
        and told.reference == f"{FILE.stem}:{told.row}"
    )
