"""P5: one prediction over the REST API, from the request to the answer's bytes.

``python -m benchmarks.p5_api``.  The application is called in this process, without a network:
routing, token, permissions, the stored row, the version's estimator, the answer as JSON.  "kept"
asks for the same match again, "made anew" lets the features be made of the tables as of now, and
"forecast" asks every pipeline in service.  Prints medians and 95th percentiles in milliseconds.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")
CALLS, MATCHES = 300, 60


def main() -> None:
    from config import engines

    with tempfile.TemporaryDirectory(prefix="clb-") as folder:
        home = Path(folder)
        os.environ["CLOSINGLINE_HOME"] = folder
        os.environ["CLOSINGLINE_ENVIRONMENT"] = "test"
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        with engines.postgres(home, throw_away=True), engines.valkey(home, throw_away=True):
            import django
            from django.core.management import call_command

            django.setup()
            call_command("migrate", verbosity=0)
            measure(home)


def measure(home: Path) -> None:
    from django.conf import settings
    from django.test import Client

    settings.ARTEFACT_DIR = home / "artefacts"
    settings.ALLOWED_HOSTS = ["testserver"]
    pipeline, events, token = found()
    client = Client(headers={"Authorization": f"Token {token}"})

    def predict(number: int, **wanted: object) -> None:
        answer = client.post(
            f"/api/v1/pipelines/{pipeline}/predict",
            {"event": events[number % len(events)], **wanted},
            content_type="application/json",
        )
        assert answer.status_code == 200, answer.content

    def forecast(number: int) -> None:
        answer = client.get(f"/api/v1/events/{events[number % len(events)]}/forecast")
        assert answer.status_code == 200 and answer.json()["forecasts"], answer.content

    told = percentiles(
        {
            "one prediction": predict,
            "one prediction, kept": lambda _: predict(0),
            "made anew": lambda number: predict(number, fresh=True),
            "forecast": forecast,
        }
    )
    for work, (median, high) in told.items():
        print(json.dumps({"bench": "P5", "work": f"API, {work}", "ms": median, "p95_ms": high}))


def found() -> tuple[int, list[int], str]:
    """Make matches to come with a stored look at each, a version that serves, and a token."""
    from django.utils import timezone

    from models_ml.services import predicting
    from monitoring.models import User
    from monitoring.services import tokens
    from tests.models_ml import matchdays

    now = timezone.now()
    version = matchdays.a_serving_version(since=now - timedelta(days=3))
    starts_at = now + timedelta(hours=20)
    events = matchdays.matches(*[starts_at] * MATCHES)
    matchdays.played_before(events, at=now - timedelta(days=5))
    predicting.predict_due(now=now)
    User.objects.create_superuser("bench", password=None)
    key, _ = tokens.make_token(
        name="bench", username="bench", scopes=("read", "run"), life=timedelta(days=1),
        actor="cli:bench", now=now,
    )  # fmt: skip
    return version.pipeline_id, [event.pk for event in events], key


def percentiles(ways: dict[str, Callable[[int], None]]) -> dict[str, tuple[float, float]]:
    """Return each way's median and 95th percentile in ms; they take turns, call by call."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for run in ways.values():
        run(0)  # what is loaded once is loaded now
    for number in range(CALLS):
        for name, run in ways.items():
            began = time.perf_counter()
            run(number)
            took[name].append(1e3 * (time.perf_counter() - began))
    return {
        name: (round(float(np.median(ms)), 2), round(float(np.quantile(ms, 0.95)), 2))
        for name, ms in took.items()
    }


if __name__ == "__main__":
    main()
