"""Small CSV files of an invented league, and the mapping that reads them."""

import io
from datetime import UTC, datetime

from markets.connectors.base import Reading
from markets.connectors.csv_import import CsvImport

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
BASIC = {
    "sport": "soccer",
    "competition": {"code": "HOVE", "name": "Hove League", "country": "England"},
    "season": {"rule": "BY_DATE", "turns": 7},
    "time": {"date": "day", "zone": "Europe/London"},
    "sides": {"home": "home", "away": "away"},
    "books": [{"code": "hove", "name": "Hove Bets"}],
    "prices": [
        {"kind": "MATCH_ODDS", "role": role, "book": "hove", "column": column, "mark": "CLOSE"}
        for role, column in (("HOME", "h"), ("DRAW", "d"), ("AWAY", "a"))
    ],
    "result": {"home": "hg", "away": "ag"},
}
HEADER = "day,home,away,h,d,a,hg,ag"
ROW = "2026-11-21 15:00,Alders,Birches,2.10,3.40,3.60,2,1"


def batches(payload, spec=BASIC, name="matches.csv", zone="UTC", **changes):
    payload = payload.encode() if isinstance(payload, str) else payload
    reading = Reading(name, NOW, options={"spec": {**spec, **changes}}, time_zone=zone)
    return list(CsvImport().read(io.BytesIO(payload), reading=reading))


def read(payload, spec=BASIC, **changes):
    (batch,) = batches(payload, spec, **changes)
    return batch


def rows(*lines, header=HEADER):
    return "\n".join([header, *lines]) + "\n"


def problems(batch):
    return [(problem.row, problem.field, problem.is_rejection) for problem in batch.problems]
