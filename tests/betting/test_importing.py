"""Files of bets: read by a mapping, row by row, once; and the same outward."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command

from betting.models import Bankroll, Bet, BetImport, BetMapping, TrackedBet
from betting.queries import uses
from betting.services import bet_mappings, exporting, importing, recording
from betting.services.exporting import Choice, ExportRefused
from betting.services.importing import ImportRefused, ImportReport
from betting.services.recording import Told
from markets.models import Event, Market, Selection, Source
from monitoring.models import AuditEntry
from settlements.services import rule_sets, settling
from tests.betting.builders import NOON, a_bankroll, a_bet, a_book, a_selection, an_event

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)
HUB = (
    "Tipster_Name,MeetingDate,TrackName,Content,International_Meeting,Racing_Code,Race,Selection,"
    "BettingStrategy,MarketType,RP,SelectionName,Stake,BestBet,Market_ID,Selection_ID,MBR,RESULT,"
    "BSP,PROFIT_BSP,PROFIT_BSP_RP,PROFIT_BESTBET\n"
)
TIPS = HUB + (
    "Ann,1/02/2025,Oakfield,TIPS,FALSE,Thoroughbred,4,7,BACK,WIN,$2.10,7. Blue Kite,4,,900001,71,"
    "7,1,1.48,1.79,0,0\n"
    "Ann,1/02/2025,Oakfield,TIPS,FALSE,Thoroughbred,4,7,BACK,PLACE,,7. Blue Kite,2,,900002,71,7,0,"
    "1.12,-2,-2,0\n"
    "Bob,1/02/2025,Oakfield,TIPS,FALSE,Thoroughbred,4,3,LAY,WIN,,3. Slow Boat,2,,900001,31,10,0,"
    "2.4,1.29,0,0\n"
    "Bob,1/02/2025,Oakfield,TIPS,FALSE,Thoroughbred,4,5,LAY,WIN,,5. Sea Fog,1,,900003,51,10,1,"
    "272.26,-1,0,0\n"
    "Cy,2/02/2025,Millbank,TIPS,FALSE,Greyhounds,1,2,BACK,WIN,,2. Quick Pup,1,,900004,21,8,0,"
    "0,-1,0,0\n"
    "Cy,31/02/2025,Millbank,TIPS,FALSE,Camels,1,2,BOTH,WIN,,2. Quick Pup,x,,900004,21,8,2,"
    "3.5,-1,0,0\n"
)


@pytest.fixture(autouse=True)
def shipped():
    bet_mappings.ensure_presets(now=NOON)


def read(
    text: str, mapping: str = "closing_line", *, file: str = "bets.csv", **changes
) -> ImportReport:
    asked = {"mapping": mapping, "payload": text.encode(), "file": file, "actor": "user:alice"}
    return importing.import_bets(**{**asked, "now": LATER, **changes})


def counts(report: ImportReport) -> tuple[int, int, int, int]:
    return report.rows, report.made, report.unchanged, report.refused


def a_file(*rows: dict[str, object]) -> str:
    """Bets in our own format: ten at 2.00 with Alpha on the home side, unless told otherwise."""
    text = io.StringIO()
    writer = csv.DictWriter(text, exporting.COLUMNS, restval="")
    writer.writeheader()
    for number, row in enumerate(rows, start=1):
        usual = {
            "reference": f"slip {number}", "bankroll": "Mine", "market": "MATCH_ODDS",
            "selection": "Home", "book": "alpha", "side": "BACK", "price": "2.00",
            "stake": "10.00", "placed_at": NOON.isoformat(),
        }  # fmt: skip
        writer.writerow({**usual, **row})
    return text.getvalue()


def exported(choice: Choice | None = None) -> list[dict[str, str]]:
    lines = b"".join(exporting.pieces(exporting.chosen(choice or Choice()))).decode()
    return list(csv.DictReader(io.StringIO(lines)))


@pytest.fixture
def event() -> Event:
    a_bankroll("100.00", name="Mine")
    a_book()
    return an_event()


class TestImport:
    def test_makes_one_bet_of_each_good_row_and_says_what_is_wrong_with_the_others(self, event):
        text = a_file(
            {"event": event.name, "side": "LAY", "price": "4.5", "note": "by phone"},
            {"event": event.name, "stake": "0", "price": "1", "placed_at": "soon"},
            {"event": event.name, "selection": "Nobody"},
            {"event": event.name, "outcome": "LOST", "profit": "-10"},
        )
        report = read(text)
        assert counts(report) == (4, 2, 0, 2)
        assert [(e["row"], e["field"], e["found"]) for e in report.errors] == [
            (2, "price", "1"), (2, "placed_at", "soon"), (3, "selection", "Nobody"),
        ]  # fmt: skip
        bet = Bet.objects.get(tracked__reference="slip 1")
        assert (bet.status, bet.venue, bet.liability) == ("ACCEPTED", "imported", Decimal("35.00"))
        assert (bet.tracked.note, bet.tracked.row, bet.tracked.imported_id) == (
            "by phone", 1, report.id,
        )  # fmt: skip
        lost = TrackedBet.objects.get(reference="slip 4")
        assert (lost.told_outcome, lost.told_profit, lost.bet.outcome) == ("LOST", -10, None)
        assert BetImport.objects.get().errors == report.errors
        assert AuditEntry.objects.get(action="bet.imported").detail["made"] == 2

    def test_twice_is_once_and_a_row_that_was_mended_is_added(self, event):
        bad = a_file({"event": event.name}, {"event": event.name, "price": "x"})
        good = a_file({"event": event.name}, {"event": event.name})
        assert counts(read(bad)) == (2, 1, 0, 1)
        assert counts(read(good)) == (2, 1, 1, 0)
        assert counts(read(good)) == (2, 0, 2, 0)
        changed = read(a_file({"event": event.name, "stake": "11.00"}))
        assert changed.errors[0]["field"] == "reference"
        assert "stake differ" in changed.errors[0]["expected"]
        twice = read(a_file({"event": event.name}, {"event": event.name, "reference": "slip 1"}))
        assert (twice.unchanged, twice.errors[0]["expected"]) == (1, "another than row 1's")

    def test_of_a_dry_run_says_the_same_and_keeps_nothing(self, event):
        report = read(a_file({"event": event.name}, {"event": "Nobody"}), dry_run=True)
        assert (*counts(report), report.id) == (2, 1, 0, 1, None)
        assert report.first == [{
            "row": 1, "reference": "slip 1", "event": event.name, "market": "1X2",
            "selection": "Home", "book": "alpha", "side": "BACK", "price": "2.000",
            "stake": "10.00", "told": "",
        }]  # fmt: skip
        assert not (Bet.objects.exists() or BetImport.objects.exists())
        assert not AuditEntry.objects.filter(action="bet.imported").exists()

    def test_numbers_bets_that_have_no_reference_by_file_and_row(self, event):
        rows = [{"event": event.name, "reference": ""}] * 2
        read(a_file(*rows).replace("\r\n", "\n\n", 1), file="C:\\x\\march.csv")
        found = TrackedBet.objects.order_by("row").values_list("reference", flat=True)
        assert list(found) == ["march:1", "march:2"]

    @pytest.mark.parametrize(
        "changes, field",
        [
            ({"stake": "-1"}, "stake"),
            ({"stake": "1e3"}, "stake"),
            ({"stake": "١٠"}, "stake"),
            ({"stake": "10,50"}, "stake"),
            ({"stake": "NaN"}, "stake"),
            ({"price": "+150"}, "price"),
            ({"price": "0"}, "price"),
            ({"side": "BOTH"}, "side"),
            ({"bankroll": "Yours"}, "bankroll"),
            ({"currency": "USD"}, "currency"),
            ({"currency": "euro"}, "currency"),
            ({"book": "nowhere"}, "book"),
            ({"book": "best"}, "book"),
            ({"event": "Nobody v Nobody"}, "event"),
            ({"market": "CORRECT_SCORE"}, "market"),
            ({"placed_at": (NOON + timedelta(hours=2)).isoformat()}, "placed_at"),
            ({"placed_at": (NOON + timedelta(days=9)).isoformat()}, "placed_at"),
            ({"placed_at": "1/2/2025"}, "placed_at"),
            ({"outcome": "YES"}, "outcome"),
            ({"published_commission": "1.5"}, "commission"),
            ({"profit": "lots"}, "profit"),
            ({"note": "a\u202eb"}, "note"),
            ({"reference": "x" * 121}, "reference"),
        ],
        ids=lambda value: json.dumps(value)[:50] if isinstance(value, dict) else value,
    )
    def test_names_row_field_expected_and_found(self, event, changes, field):
        a_book("best", kind="AGGREGATE")
        report = read(a_file({"event": event.name, **changes}))
        assert counts(report) == (1, 0, 0, 1)
        error = report.errors[0]
        assert (error["file"], error["row"], error["field"]) == ("bets.csv", 1, field)
        assert error["expected"]
        assert not Bet.objects.exists()

    @pytest.mark.parametrize(
        "payload, said",
        [
            (b"", "empty"),
            (b"\n \n", "empty"),
            (b"\xff\xfea\x00", "UTF-8"),
            (b"<html><body>", "web page"),
            (b'{"a": 1}', "JSON"),
            (b"reference,price\nx,2", "expected the columns"),
            (b"price,price,stake,placed_at,side,book,bankroll,event,market,selection", "twice"),
        ],
        ids=["none", "blank", "utf-16", "html", "json", "columns", "twice"],
    )
    def test_refuses_a_file_that_is_none(self, payload, said):
        with pytest.raises(ImportRefused, match=said):
            read("", payload=payload)
        assert not BetImport.objects.exists()

    def test_refuses_rows_of_another_width_and_a_second_header(self, event):
        header = ",".join(exporting.COLUMNS)
        report = read(a_file({"event": event.name}) + f"{header}\nx,y\n" + "," * 26 + "\n")
        assert counts(report) == (3, 1, 0, 2)
        said = [error["expected"] for error in report.errors]
        assert said == ["one header, not a second one", "27 cells"]

    def test_refuses_a_mapping_that_is_unknown_or_switched_off(self):
        with pytest.raises(ImportRefused, match="betfair_hub_tips, closing_line"):
            read("x", "nobody")
        row = {"name": "closing_line", "title": "x", "reason": "y", "actor": "t", "now": NOON}
        spec = bet_mappings.BetMapping.objects.get(name="closing_line").spec
        bet_mappings.write(**row, spec=spec, is_enabled=False)
        with pytest.raises(ImportRefused, match="switched off"):
            read("x")

    def test_asks_no_more_of_the_database_for_many_rows(self, event, django_assert_max_num_queries):
        rows = [{"event": event.name, "reference": f"r{n}"} for n in range(60)]
        with django_assert_max_num_queries(20):
            assert read(a_file(*rows)).made == 60


class TestHubTips:
    def test_become_bets_at_starting_price_on_races_that_are_made(self):
        report = read(TIPS, "betfair_hub_tips", file="Tips_2025.csv")
        assert counts(report) == (6, 5, 0, 1)
        wrong = {(error["row"], error["field"]) for error in report.errors}
        assert wrong == {(6, "placed_at"), (6, "day"), (6, "sport"), (6, "side"),
                         (6, "stake"), (6, "outcome")}  # fmt: skip
        bets = {bet.tracked.row: bet for bet in Bet.objects.select_related("tracked")}
        first, lay, long_lay = bets[1], bets[3], bets[4]
        assert (first.tracked.reference, first.price, first.stake, first.book.code) == (
            "Tips_2025:1", Decimal("1.480"), Decimal("4.00"), "betfair_sp",
        )  # fmt: skip
        told = lay.tracked
        assert (lay.stake, told.told_stake, told.is_stake_liability) == (Decimal("1.43"), 2, True)
        assert (told.told_outcome, told.told_commission, told.told_profit) == (
            "WON", Decimal("0.1"), Decimal("1.29"),
        )  # fmt: skip
        assert (long_lay.stake, long_lay.tracked.told_outcome) == (Decimal("0.01"), "LOST")
        assert (lay.liability, long_lay.liability) == (Decimal("2.00"), Decimal("1.00"))
        assert (bets[5].price, bets[5].stake, bets[5].liability) == (0, 1, 1)
        assert told.kept["Tipster_Name"] == "Bob"
        assert first.placed_at == datetime(2025, 1, 31, 22, tzinfo=UTC)
        purse = Bankroll.objects.get()
        assert (purse.name, purse.kind, purse.currency) == ("Betfair Hub tips", "PAPER", "AUD")

    def test_are_read_by_what_is_shipped_now_unless_somebody_changed_it(self):
        rows = BetMapping.objects.order_by("name")
        rows.filter(name="betfair_hub_tips").update(spec={})
        rows.filter(name="closing_line").update(spec={}, changed_by="user:alice")
        assert bet_mappings.ensure_presets(now=LATER) == 0
        assert [row.spec == {} for row in rows] == [False, True]

    def test_tell_races_of_one_number_apart_and_mark_where_they_come_from(self):
        read(TIPS, "betfair_hub_tips", file="Tips_2025.csv")
        events = list(Event.objects.order_by("pk"))
        assert [event.name for event in events] == [
            "Oakfield 2025-02-01 R4", "Oakfield 2025-02-01 R4 (1.900003)",
            "Millbank 2025-02-02 R1",
        ]  # fmt: skip
        assert events[0].data == {"told_by": "betfair_hub_tips: Tips_2025.csv"}
        assert (events[0].status, events[0].start_certainty) == ("FINISHED", "DATE")
        kinds = Market.objects.filter(event=events[0]).values_list("kind", flat=True)
        assert sorted(kinds) == ["PLACE", "WIN"]
        runners = Selection.objects.filter(market__event=events[0], market__kind="WIN")
        assert sorted(runners.values_list("name", "number")) == [("Blue Kite", 7), ("Slow Boat", 3)]
        source = Source.objects.get(code="bet_files")
        assert (source.is_enabled, source.ids_of) == (False, "betfair")

    def test_twice_are_once_and_settled_by_what_was_told_to_what_was_published(self):
        read(TIPS, "betfair_hub_tips", file="Tips_2025.csv")
        again = read(TIPS, "betfair_hub_tips", file="Tips_2025.csv")
        assert counts(again) == (6, 0, 5, 1)
        assert Event.objects.count() == 3
        rule_sets.ensure_shipped(now=NOON, actor="t")
        report = settling.settle_due(as_of=LATER, now=LATER, actor="t")
        assert (report.settled, report.failed, report.ledger_imbalance) == (5, 0, 0)
        bets = Bet.objects.select_related("tracked").order_by("tracked__row")
        assert [bet.profit for bet in bets] == [bet.tracked.told_profit for bet in bets]
        rows = list(csv.DictReader(io.StringIO(b"".join(exporting.pieces(bets)).decode())))
        names = ("reference", "side", "liability", "outcome", "commission", "profit")
        assert [tuple(row[name] for name in names) for row in rows] == [
            ("Tips_2025:1", "BACK", "4.00", "WON", "0.13", "1.79"),
            ("Tips_2025:2", "BACK", "2.00", "LOST", "0.00", "-2.00"),
            ("Tips_2025:3", "LAY", "2.00", "WON", "0.14", "1.29"),
            ("Tips_2025:4", "LAY", "1.00", "LOST", "0.00", "-1.00"),
            ("Tips_2025:5", "BACK", "1.00", "LOST", "0.00", "-1.00"),
        ]  # fmt: skip
        assert uses.exposures_over_limit() == []


class TestExport:
    def test_writes_each_bet_that_was_taken_with_numbers_as_numbers(self, event):
        bet = a_bet(
            bankroll=Bankroll.objects.get(), event=event, status="SETTLED", outcome="LOST",
            profit=Decimal("-10.00"), settled_at=LATER, client_ref="dx1",
        )  # fmt: skip
        a_bet(bankroll=bet.bankroll, event=event, status="REJECTED")
        (row,) = exported()
        assert {name: row[name] for name in (
            "reference", "side", "stake", "liability", "price", "outcome", "commission", "profit",
            "event", "market", "selection", "book", "strategy", "bankroll", "currency",
        )} == {
            "reference": "dx1", "side": "BACK", "stake": "10.00", "liability": "10.00",
            "price": "2.000", "outcome": "LOST", "commission": "0.00", "profit": "-10.00",
            "event": event.name, "market": "MATCH_ODDS", "selection": "Home", "book": "alpha",
            "strategy": "", "bankroll": "Mine", "currency": "EUR",
        }  # fmt: skip
        assert (row["placed_at"], row["settled_at"]) == (NOON.isoformat(), LATER.isoformat())

    def test_runs_no_formula(self, event):
        told = Told(
            bankroll_id=Bankroll.objects.get().pk, selection_id=a_selection(event).pk,
            book_id=a_book().pk, price=Decimal(2), stake=Decimal(10), reference="=1+1", note="@x",
        )  # fmt: skip
        recording.record(told=told, actor="t", now=NOON)
        (row,) = exported()
        assert (row["reference"], row["note"]) == ("'=1+1", "'@x")

    def test_chooses_by_money_time_status_and_file(self, event):
        mine = Bankroll.objects.get()
        early = a_bet(bankroll=mine, event=event, placed_at=NOON - timedelta(days=2))
        a_bet(event=event)
        read(a_file({"event": event.name}))
        assert len(exported()) == 3
        assert len(exported(Choice(bankroll_id=mine.pk))) == 2
        (row,) = exported(Choice(until=NOON - timedelta(days=1)))
        assert row["reference"] == early.client_ref
        (row,) = exported(Choice(imported_id=BetImport.objects.get().pk))
        assert row["reference"] == "slip 1"
        assert exported(Choice(statuses=["REJECTED"])) == []
        with pytest.raises(ExportRefused):
            exported(Choice(statuses=["LATER"]))
        with pytest.raises(ExportRefused):
            exported(Choice(since=NOON, until=NOON))

    def test_is_read_back_as_the_same_bets(self, event):
        """Out, in again (all known), and into another bankroll: nothing is lost on the way."""
        total = Market.objects.create(event=event, kind="TOTAL", line=Decimal("2.5"))
        over = Selection.objects.create(market=total, role="OVER", name="Over")
        mine = Bankroll.objects.get()
        a_bet(
            bankroll=mine, event=event, side="LAY", price=Decimal("3.35"), status="SETTLED",
            outcome="WON", profit=Decimal("10.00"), settled_at=LATER,
        )  # fmt: skip
        a_bet(bankroll=mine, event=event, selection=over, placed_at=NOON - timedelta(hours=1))
        read(a_file({"event": event.name, "note": "-5 =x", "published_profit": "1.7900",
                     "published_outcome": "WON", "published_commission": "0.07"}))  # fmt: skip
        lines = b"".join(exporting.pieces(exporting.chosen(Choice()))).decode()
        assert counts(read(lines)) == (3, 0, 3, 0)
        a_bankroll(name="Copy")
        before = exported()
        copied = io.StringIO()
        writer = csv.DictWriter(copied, exporting.COLUMNS)
        writer.writeheader()
        for row in before:
            writer.writerow({**row, "bankroll": "Copy", "reference": f"copy {row['reference']}"})
        assert counts(read(copied.getvalue())) == (3, 3, 0, 0)
        after = exported(Choice(bankroll_id=Bankroll.objects.get(name="Copy").pk))
        same = set(exporting.COLUMNS) - {
            "reference", "bankroll", "status", "outcome", "commission", "profit", "settled_at",
            "published_outcome", "published_profit",
        }  # fmt: skip
        for was, now in zip(before, after, strict=True):
            assert {name: was[name] for name in same} == {name: now[name] for name in same}
            ended = was["outcome"] or was["published_outcome"]
            profit = was["profit"] or was["published_profit"]
            assert now["published_outcome"] == ended
            assert Decimal(now["published_profit"] or 0) == Decimal(profit or 0)


class TestCommands:
    def run(self, capsys, *words: str) -> tuple[dict, int]:
        code = 0
        try:
            call_command(*words, "--output", "json")
        except SystemExit as end:
            code = end.code
        return json.loads(capsys.readouterr().out), code

    def test_import_and_export_files(self, capsys, event, tmp_path: Path):
        inward, outward = tmp_path / "in.csv", tmp_path / "out.csv"
        event.starts_at, placed = datetime.now(UTC), datetime.now(UTC) - timedelta(days=1)
        event.save()
        rows = [{"event": event.name, "placed_at": placed.isoformat(), **wrong}
                for wrong in ({}, {"price": "1"})]  # fmt: skip
        inward.write_text(a_file(*rows), encoding="utf-8")
        told, code = self.run(capsys, "import_bets", "--path", str(inward), "--dry-run")
        assert (told["made"], told["dry_run"], code) == (1, True, 2)
        told, code = self.run(capsys, "import_bets", "--path", str(inward))
        assert (told["made"], told["errors"][0]["field"], code) == (1, "price", 2)
        told, code = self.run(capsys, "export_bets", "--path", str(outward), "--bankroll", "Mine")
        assert (told["bets"], code) == (1, 0)
        assert len(outward.read_text(encoding="utf-8").splitlines()) == 2
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]

    @pytest.mark.parametrize(
        "words",
        [
            ("import_bets", "--path", "/nowhere/x.csv"),
            ("export_bets", "--path", "/nowhere/x.csv"),
            ("export_bets", "--path", "x.csv", "--bankroll", "Yours"),
            ("export_bets", "--path", "x.csv", "--since", "2026-01-01"),
        ],
        ids=["no-file", "no-folder", "no-bankroll", "no-zone"],
    )
    def test_say_what_they_cannot_do(self, capsys, words):
        told, code = self.run(capsys, *words)
        assert code == 1 and told["error"]
