"""A publisher's twelve thousand real tips: each becomes a bet and is paid what was published."""

import csv
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal

import pytest
from django.utils import timezone

from betting.models import Bankroll, Bet, BetImport, TrackedBet
from betting.services import bet_mappings, exporting, importing
from betting.services.exporting import Choice
from markets.models import Event, Market
from settlements.services import comparing, rule_sets, settling
from tests.real.data import FOLDER

FILE = FOLDER / "betfair" / "tips" / "Hub_Tipster_Results_2025.csv"
CENT = Decimal("0.01")
pytestmark = [
    pytest.mark.real,
    pytest.mark.django_db,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not FILE.is_file(), reason=f"no real data at {FILE} (REAL_DATA_DIR)"),
]


def test_each_row_becomes_one_bet_that_is_settled_to_its_published_profit():
    now = timezone.now()
    bet_mappings.ensure_presets(now=now)
    rule_sets.ensure_shipped(now=now, actor="t")
    asked = {"mapping": "betfair_hub_tips", "payload": FILE.read_bytes(), "file": FILE.name}
    report = importing.import_bets(**asked, actor="t", now=now)
    assert (report.rows, report.made, report.unchanged, report.refused) == (12_628, 12_628, 0, 0)
    with FILE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert off(rows) == []
    told = [one.bet.selection for one in tracked()]
    assert Market.objects.count() == len({selection.market_id for selection in told})
    assert Event.objects.exclude(data__told_by=f"betfair_hub_tips: {FILE.name}").count() == 0
    again = importing.import_bets(**asked, actor="t", now=now)
    assert (again.made, again.unchanged, again.refused) == (0, 12_628, 0)

    settled = settling.settle_due(as_of=now, now=now, actor="t").as_dict()
    assert settled == {
        "settled": 12_628, "resettled": 0, "void": 0, "failed": 0, "ledger_imbalance": "0.00",
    }  # fmt: skip
    cents = Decimal("0.00")
    unlike = []
    for one in tracked():
        published = Decimal(rows[one.row - 1]["PROFIT_BSP"]).quantize(CENT, ROUND_HALF_UP)
        cents += published
        if one.bet.profit != published:
            unlike.append((one.row, one.bet.profit, published))
    assert unlike == []
    purse = Bankroll.objects.get()
    assert purse.balance == cents
    assert settling.settle_due(as_of=now, now=now, actor="t").settled == 0
    _check_export(purse, rows)
    _check_other_rules(purse, rows)


def tracked():
    return TrackedBet.objects.select_related("bet__selection__market__event").order_by("row")


def off(rows: list[dict[str, str]]) -> list[int]:
    """Return the numbers of the rows whose bet is another than they tell."""
    told = {one.row: one for one in tracked()}
    assert len(told) == Bet.objects.count() == len(rows)
    return [number for number, row in enumerate(rows, 1) if not _is(row, told[number])]


def _is(row: dict[str, str], told: TrackedBet) -> bool:
    bet, rate = told.bet, Decimal(row["MBR"]) / 100
    is_lay, stake = row["BettingStrategy"] == "LAY", Decimal(row["Stake"])
    won = (row["RESULT"] == "1") != is_lay
    market = bet.selection.market
    return (
        (bet.side == "LAY") == is_lay
        and bet.price == Decimal(row["BSP"])
        and bet.liability == stake
        and (told.told_stake, told.is_stake_liability) == (stake, is_lay)
        and (told.told_commission, told.told_outcome) == (rate, "WON" if won else "LOST")
        and told.told_profit == Decimal(row["PROFIT_BSP"])
        and market.kind == row["MarketType"]
        and market.event.name.startswith(row["TrackName"].strip())
        and told.reference == f"{FILE.stem}:{told.row}"
    )


def _check_export(purse: Bankroll, rows: list[dict[str, str]]) -> None:
    """The file out tells of each bet how it ended and what it brought."""
    lines = b"".join(exporting.pieces(exporting.chosen(Choice(bankroll_id=purse.pk)))).decode()
    out = list(csv.DictReader(lines.splitlines()))
    assert len(out) == len(rows)
    by_row = {int(line["reference"].rpartition(":")[2]): line for line in out}
    assert by_row.keys() == set(range(1, len(rows) + 1))
    for number, row in enumerate(rows, 1):
        line = by_row[number]
        won = (row["RESULT"] == "1") == (row["BettingStrategy"] == "BACK")
        assert line["outcome"] == ("WON" if won else "LOST"), number
        assert Decimal(line["liability"]) == Decimal(row["Stake"]), number
        published = Decimal(row["PROFIT_BSP"]).quantize(CENT, ROUND_HALF_UP)
        assert Decimal(line["profit"]) == published, number
    assert Counter(line["status"] for line in out) == {"SETTLED": len(rows)}


def _shared(rows: list[dict[str, str]]) -> set[str]:
    """Return the markets to win of which the file tells several winners."""
    won = {(row["Market_ID"], row["Selection_ID"]) for row in rows
           if (row["RESULT"], row["MarketType"]) == ("1", "WIN")}  # fmt: skip
    counts = Counter(market for market, _ in won)
    return {market for market, count in counts.items() if count > 1}


def _check_other_rules(purse: Bankroll, rows: list[dict[str, str]]) -> None:
    """Under an exchange's own rules the same bets differ in what its rules do otherwise alone."""
    found = comparing.compare(
        import_id=BetImport.objects.get(made__gt=0).pk, code="exchange", as_of=timezone.now()
    )
    assert (found.bets, found.unjudged, found.profit) == (12_628, 0, purse.balance)
    assert found.causes["no_starting_price"].bets <= 18
    assert found.causes.keys() <= {"dead_heat", "commission", "no_starting_price", "rounding"}
    assert ("dead_heat" in found.causes) == bool(_shared(rows))
    assert found.causes["commission"].amount > 0  # netted, and less won to take it of
    amounts = [cause.amount for cause in found.causes.values()]
    assert found.profit + sum(amounts) == found.profit_other
