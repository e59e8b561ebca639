"""Answers of a version at once: one estimator per process, and what was asked before kept.

A process counts what it answered; ``flush`` tells the table of it, so that one page shows them
all.  A child of a fork begins with nothing: neither its parent's answers nor its counts.
"""

import json
import os
import socket
import threading
import time
from bisect import bisect_left
from collections import OrderedDict
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from django.db import connection
from numpy.typing import NDArray

from models_ml.domain.estimators.base import Questions
from models_ml.domain.lines import Answers
from models_ml.models import ModelVersion
from models_ml.services import loading

KEEP = 50_000  # answers kept
SINGLE = 64  # rows, above which a batch is answered and not kept
BOUNDS = (0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)  # seconds
EVERY = timedelta(seconds=10)  # how often a process tells of itself
NAMES = (*[f"{bound:g}" for bound in BOUNDS], "+Inf")

_FLUSH = """
INSERT INTO models_ml_servicefigure AS f (process, at, hits, misses, calls, buckets, seconds)
VALUES (%(process)s, %(at)s, %(hits)s, %(misses)s, %(calls)s, %(buckets)s, %(seconds)s)
ON CONFLICT (process) DO UPDATE SET
    at = greatest(f.at, excluded.at), hits = excluded.hits, misses = excluded.misses,
    calls = excluded.calls, buckets = excluded.buckets, seconds = excluded.seconds
"""


class _Process:
    """What this process has answered."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kept: OrderedDict[bytes, Answers] = OrderedDict()
        self.hits = self.misses = self.calls = 0
        self.seconds = 0.0
        self.counts = [0] * len(NAMES)
        self.told_at: datetime | None = None
        self.told_calls = 0

    def note(self, seconds: float) -> None:
        with self.lock:
            self.calls += 1
            self.seconds += seconds
            self.counts[bisect_left(BOUNDS, seconds)] += 1


_here = _Process()


def forget() -> None:
    """Forget every answer and count of this process."""
    global _here
    _here = _Process()


os.register_at_fork(after_in_child=forget)


def counts() -> tuple[int, int, int]:
    """Return how many calls this process has answered, from what was kept, and computed anew."""
    return _here.calls, _here.hits, _here.misses


def answer(*, version: ModelVersion, values: NDArray, questions: Questions) -> Answers:
    """Return what a version says on rows of values, (n, f) with NaN where not known.

    A few rows are answered from what was kept where the same was asked before; the answers are
    the same alone as in a batch.

    Raises:
        DamagedArtefact, FeaturesChanged: as ``loading.load``.
        ValueError: the version does not answer this kind of market.
    """
    began = time.perf_counter()
    key = b"" if len(values) > SINGLE else _key(version, values, questions)
    found = _recalled(key) if key else None
    if found is None:
        found = loading.load(version=version).answer(values, questions)
        if key:
            _keep(key, found)
    _here.note(time.perf_counter() - began)
    return found


def _key(version: ModelVersion, values: NDArray, questions: Questions) -> bytes:
    digest = blake2b(values.tobytes(), digest_size=16)
    digest.update(f"{version.pk} {version.artefact_sha256} {questions.kind}".encode())
    for part in (
        questions.row, questions.place, questions.line, questions.side, questions.places,
        questions.groups,
    ):  # fmt: skip
        digest.update(part.tobytes())
        digest.update(b"|")
    return digest.digest()


def _recalled(key: bytes) -> Answers | None:
    with _here.lock:
        found = _here.kept.get(key)
        if found is None:
            _here.misses += 1
        else:
            _here.hits += 1
            _here.kept.move_to_end(key)
    return found


def _keep(key: bytes, found: Answers) -> None:
    with _here.lock:
        _here.kept[key] = found
        while len(_here.kept) > KEEP:
            _here.kept.popitem(last=False)


def flush(*, now: datetime, is_due: bool = False) -> bool:
    """Tell the table what this process has answered, at most every ten seconds; say if it did."""
    here = _here
    with here.lock:
        waits = here.told_at is not None and timedelta(0) <= now - here.told_at < EVERY
        if here.calls == here.told_calls or (waits and not is_due):
            return False
        here.told_at, here.told_calls = now, here.calls
        counts = list(here.counts)
        told: dict[str, Any] = {
            "process": f"{socket.gethostname()}:{os.getpid()}"[:80],
            "at": now,
            "hits": here.hits,
            "misses": here.misses,
            "calls": here.calls,
            "seconds": here.seconds,
        }
    told["buckets"] = json.dumps(dict(zip(NAMES, counts, strict=True)))
    with connection.cursor() as cursor:
        cursor.execute(_FLUSH, told)
    return True
