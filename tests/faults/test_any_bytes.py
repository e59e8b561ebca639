"""Any bytes at all: a connector says what is wrong, and accounts for every record it read.

Good payloads, changed as files are changed by disks, lines and careless programs: each of them 40
times, and 5,000 times by ``make faults``, which takes some four minutes of one core.  The seed is
printed with a failure: ANY_BYTES_SEED repeats it.
"""

import os
import random
import time
from datetime import UTC, datetime
from io import BytesIO

import pytest

from markets.connectors.base import ParsedBatch, Reading, ReadingConnector
from markets.connectors.payloads import BadPayload
from markets.connectors.registry import CONNECTORS
from markets.services.accounting import Accounting
from tests.corpus.test_bad_input import SPEC
from tests.faults.processes import times
from tests.markets.builders import csv_file
from tests.markets.sources.payloads_of import FOLDER
from tests.markets.sources.test_tennis_data import workbook

NOW = datetime(2031, 6, 1, 12, 0, tzinfo=UTC)
ROUNDS = times(40, 5_000)
SEED = int(os.environ.get("ANY_BYTES_SEED") or time.time_ns())
OPTIONS = {"csv": {"spec": SPEC}, "feeds": {"fields": {"items": "items"}}}
HOVE = "day,home,away,h,d,a,hg,ag\n2023-10-21 15:00,Alders,Birches,2.10,3.40,3.60,2,1\n"
#: What careless programs, and hostile ones, put in the place of something else.
PIECES = (
    b"", b"\0", b"\xff", b"\xef\xbb\xbf", b'"', b",", b"\n", b"\r", b"[", b"]", b"{", b"}", b"<",
    b"NaN", b"-Infinity", b"null", b"true", b"1e308", b"-1e308", b"1e400", b"9" * 400, b"-1", b"0",
    b"1.0", b"31/02/2024", b"1900-01-01", b"9999-12-31T23:59:59Z", b"\\u0000", b"\\ud800",
    b"<script>", b"=1+1", b"A" * 5_000, "٣".encode(), "\u202e".encode(), b"&#0;", b"[[[[[[[[",
)  # fmt: skip

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]


def payloads() -> list[tuple[str, str, bytes]]:
    """Return good payloads with the source and the name of each."""
    found = [
        (folder.name, file.name, file.read_bytes())
        for folder in sorted(FOLDER.iterdir())
        for file in sorted(folder.iterdir())
        if folder.name != "csv"
    ]
    made = [
        ("football_data", "E0_2324.csv", csv_file({}, {"HomeTeam": "Cedars"})),
        ("tennis_data", "wta_2026.xlsx", workbook({}, {"Winner": "Cole C."})),
        ("csv", "hove_1.csv", HOVE.encode()),
    ]
    return [*found, *made]


def spoiled(body: bytes, chance: random.Random) -> bytes:
    """Return a payload with one to three things changed."""
    for _ in range(chance.randint(1, 3)):
        at, other = sorted(chance.randrange(len(body) + 1) for _ in range(2))
        end = min(len(body), at + chance.choice((0, 1, 1, 4, 40)))
        body = chance.choice(
            (
                body[:at],
                body[:at] + chance.choice(PIECES) + body[end:],
                body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :],
                body[:at] + body[at:other] * 2 + body[other:],
                body[:at] + body[other:],
                body[:at] + chance.randbytes(chance.randint(1, 20)) + body[end:],
            )
        )
    return body


def read(source: str, name: str, body: bytes) -> list[ParsedBatch]:
    """Take a payload apart; one that cannot be may say so by the one exception declared."""
    connector = CONNECTORS[source]
    try:
        if not isinstance(connector, ReadingConnector):
            return [connector.parse(body, name=name, fetched_at=NOW)]
        how = Reading(name, NOW, options=OPTIONS.get(source, {}), time_zone="Europe/London")
        return list(connector.read(BytesIO(body), reading=how))
    except BadPayload:
        return []


@pytest.mark.parametrize(
    ("source", "name", "body"),
    [pytest.param(*one, id=f"{one[0]}-{one[1]}") for one in payloads()],
)
def test_are_read_or_refused_in_words_and_every_record_is_accounted_for(source, name, body):
    chance = random.Random(f"{SEED} {source} {name}")
    for number in range(ROUNDS):
        changed = spoiled(body, chance)
        where = f"ANY_BYTES_SEED={SEED}, round {number}: {changed[:2_000]!r}"
        try:
            batches = read(source, name, changed)
        except Exception as fault:
            pytest.fail(f"{type(fault).__name__}: {fault}; {where}")
        for batch in batches:
            told = Accounting(batch, batch.all_prices()).told()
            assert len(told) <= batch.records, where
            assert all(problem.message for problem in batch.problems), where
