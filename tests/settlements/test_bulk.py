"""Tables as files: what stands in them is what stands in the database."""

import csv
import io
from datetime import timedelta
from decimal import Decimal

import pyarrow.parquet as parquet
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from monitoring.services import roles
from settlements.models import LedgerTransfer, Settlement
from settlements.services import bulk
from tests import kept
from tests.config.builders import a_person
from tests.settlements.builders import NOON
from tests.settlements.test_windows import forty_days

HALF = NOON + timedelta(days=20)


@pytest.fixture
def bankroll(db):
    return kept.world("forty days of bets", forty_days)


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


class TestWrite:
    @pytest.mark.parametrize("what", bulk.TABLES)
    def test_writes_the_same_rows_as_csv_and_as_parquet(
        self, bankroll, what, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(bulk, "BATCH", 7)
        done = {form: bulk.write(what=what, path=tmp_path / f"out.{form}") for form in bulk.FORMATS}
        rows = read((tmp_path / "out.csv").read_text())
        table = parquet.read_table(tmp_path / "out.parquet").to_pylist()
        assert done["csv"] == done["parquet"] == len(rows) == len(table) > 7
        for one, other in zip(rows, table, strict=True):
            assert one["bet" if "bet" in one else "reference"] == str(
                other["bet" if "bet" in one else "reference"]
            )
            money = "amount" if what == "transfers" else "profit"
            assert Decimal(one[money]) == other[money]
        assert [path.name for path in tmp_path.iterdir() if "half" in path.name] == []

    def test_chooses_a_time_and_its_end_is_not_in_it(self, bankroll, tmp_path):
        last = Settlement.objects.latest("settled_at").settled_at
        path = tmp_path / "out.csv"
        counts = [
            bulk.write(what="settlements", path=path, since=since, until=until)
            for since, until in ((None, HALF), (HALF, None), (None, last))
        ]
        every = Settlement.objects.count()
        at_the_end = Settlement.objects.filter(settled_at=last).count()
        assert (sum(counts[:2]), counts[2]) == (every, every - at_the_end)

    @pytest.mark.parametrize(
        "asked", [{"what": "moons"}, {"since": HALF, "until": HALF}, {"path": "out.xls"}],
        ids=["table", "time", "format"],
    )  # fmt: skip
    def test_refuses_what_it_cannot_write(self, tmp_path, asked):
        path = tmp_path / asked.pop("path", "out.csv")
        with pytest.raises(bulk.BadExport):
            bulk.write(**{"what": "bets", **asked}, path=path)
        assert list(tmp_path.iterdir()) == []


class TestDoors:
    def test_command_and_api_tell_the_same(self, bankroll, tmp_path):
        path = tmp_path / "transfers.csv"
        call_command("export", "transfers", path=str(path), since="2026-03-20", output="json")
        roles.ensure_roles()
        client = Client()
        client.force_login(a_person("vera", roles.VIEWER))
        answer = client.get("/api/v1/exports?what=transfers&since=2026-03-20T00:00:00Z")
        text = b"".join(answer.streaming_content).decode()
        assert text == path.read_text()
        assert 0 < len(read(text)) < LedgerTransfer.objects.count()
        assert client.get("/api/v1/exports?what=moons").status_code == 400
        with pytest.raises(CommandError, match="neither a day"):
            call_command("export", "bets", path=str(path), since="soon")
