"""The worker of a matchday is killed at any point; the next one goes on, and no look is lost."""

import os
import signal

import numpy as np
import pytest
from django.conf import settings as django_settings
from django.db.models import Max

from models_ml.models import StageLook
from tests.faults.processes import times, wait_for
from tests.flows import matchday
from tests.models_ml.matchdays import states

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
LOOKS = 35  # of a day that nobody disturbs


def live(artefacts: str, events: list[int]) -> None:
    """Live the matchday from its first moment: what the child process does."""
    django_settings.ARTEFACT_DIR = artefacts
    matchday.live(events)


@pytest.fixture
def artefacts(settings, tmp_path):
    settings.ARTEFACT_DIR = tmp_path / "artefacts"
    return str(settings.ARTEFACT_DIR)


def taken(events):
    return StageLook.objects.filter(event__in=events, state__in=["DONE", "LATE"])


def test_a_worker_killed_at_any_point_leaves_every_look_to_the_next(nursery, artefacts):
    seed = int.from_bytes(os.urandom(2))
    print(f"seed {seed}")
    random = np.random.default_rng(seed)
    for _ in range(times(2, 15)):
        events = [event.pk for event in matchday.found()]
        goal = int(random.integers(1, LOOKS - 2))
        child = nursery.start(__name__, "live", artefacts, events)
        wait_for(lambda: taken(events).count() >= goal, pause=0.002)  # noqa: B023
        os.kill(child, signal.SIGKILL)
        assert nursery.wait() == -signal.SIGKILL
        reached = taken(events).aggregate(at=Max("done_at"))["at"]
        matchday.live(events, reached.isoformat())
        matchday.assert_every_look_is_accounted_for(events)
        assert taken(events).count() == LOOKS


def test_two_workers_at_once_take_every_look_once(nursery, artefacts):
    events = matchday.found()
    keys = [event.pk for event in events]
    nursery.start(__name__, "live", artefacts, keys)
    matchday.live(keys)
    assert nursery.wait() == 0
    matchday.assert_every_look_is_accounted_for(keys)
    assert states(events[0]) == dict.fromkeys(matchday.STAGES, "DONE")
