"""Promotions killed between two steps, and many at once: one version serves, wholly or not."""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings as django_settings
from django.db import connection

from models_ml.models import ModelVersion, Proposal, ServingPeriod
from models_ml.services import approving, loading, promoting, serving
from monitoring.models import AuditEntry
from monitoring.services import audit
from tests.faults.processes import times, wait_for
from tests.models_ml import registry
from tests.models_ml.registry import HOUR, NOON

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]
LATER = NOON + HOUR


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.ARTEFACT_DIR = tmp_path / "artefacts"
    loading.forget()
    yield str(settings.ARTEFACT_DIR)
    loading.forget()


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


STEPS = {
    "before it is checked": (promoting, "_need_sound"),
    "once the former one stepped down": (promoting, "_serve"),
    "before the period begins": (serving, "begin"),
    "before the audit": (audit, "record"),
    "before the proposal is closed": (approving, "close"),
}


def promote_and_die(folder: str, step: str, version_id: int) -> None:
    """Promote in this process, which is killed at the step: the body of the child process."""
    django_settings.ARTEFACT_DIR = folder
    if step in STEPS:
        setattr(*STEPS[step], die)
    promote(version_id)
    die()


def promote(version_id: int) -> ModelVersion:
    return promoting.promote(version_id=version_id, actor="user:mona", reason="better", now=LATER)


def roll_back_and_die(folder: str, step: str, pipeline_id: int) -> None:
    django_settings.ARTEFACT_DIR = folder
    if step in STEPS:
        setattr(*STEPS[step], die)
    roll_back(pipeline_id)
    die()


def roll_back(pipeline_id: int) -> ModelVersion:
    return promoting.rollback(pipeline_id=pipeline_id, actor="user:mona", reason="worse", now=LATER)


def approved(version: ModelVersion) -> ModelVersion:
    registry.approved(registry.a_proposal(version))
    return version


@pytest.fixture
def champion():
    return registry.promoted(registry.a_candidate(registry.a_pipeline(registry.REAL)))


def serves() -> int:
    """Return which version serves, by every table that tells."""
    version = ModelVersion.objects.get(stage="PRODUCTION")
    period = ServingPeriod.objects.get(until=None)
    assert period.version_id == version.pk
    ends = list(ServingPeriod.objects.order_by("since").values_list("until", flat=True))
    begins = list(ServingPeriod.objects.order_by("since").values_list("since", flat=True))
    assert ends == [*begins[1:], None]  # without a gap
    told = {row.version_id for row in Proposal.objects.filter(state="PROMOTED")}
    assert told == {row.version_id for row in ServingPeriod.objects.all()}
    return version.pk


def others_are_gone() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "select not exists (select from pg_stat_activity where datname = current_database()"
            " and backend_type = 'client backend' and pid <> pg_backend_pid())"
        )
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_former_one_serves_and_the_next_try_promotes(
    nursery, folder, champion, step
):
    candidate = approved(registry.a_candidate(champion.pipeline))
    nursery.start(__name__, "promote_and_die", folder, step, candidate.pk)
    assert nursery.wait() == -signal.SIGKILL
    wait_for(others_are_gone)
    assert serves() == champion.pk
    assert Proposal.objects.get(version=candidate).state == "OPEN"
    promote(candidate.pk)
    assert serves() == candidate.pk


def test_killed_once_it_is_done_it_is_done(nursery, folder, champion):
    candidate = approved(registry.a_candidate(champion.pipeline))
    nursery.start(__name__, "promote_and_die", folder, "after all", candidate.pk)
    assert nursery.wait() == -signal.SIGKILL
    assert serves() == candidate.pk
    promote(candidate.pk)
    assert AuditEntry.objects.filter(action="models_ml.promote").count() == 2


@pytest.mark.parametrize("step", list(STEPS)[:4])
def test_a_rollback_killed_at_any_step_changes_nothing(nursery, folder, champion, step):
    second = approved(registry.a_candidate(champion.pipeline))
    promoting.promote(version_id=second.pk, actor="user:mona", reason="better", now=NOON + HOUR / 2)
    nursery.start(__name__, "roll_back_and_die", folder, step, champion.pipeline_id)
    assert nursery.wait() == -signal.SIGKILL
    wait_for(others_are_gone)
    assert serves() == second.pk
    roll_back(champion.pipeline_id)
    assert serves() == champion.pk


def test_killed_at_any_moment_either_the_one_serves_or_the_other(nursery, folder, champion):
    seed = int.from_bytes(os.urandom(2), "big")
    print(f"seed {seed}")
    chance, candidate = random.Random(seed), approved(registry.a_candidate(champion.pipeline))
    for _ in range(times(2, 40)):
        child = nursery.start(__name__, "promote_and_die", folder, "", candidate.pk)
        time.sleep(chance.random() * 0.4)
        os.kill(child, signal.SIGKILL)
        assert nursery.wait() == -signal.SIGKILL
        wait_for(others_are_gone)
        assert serves() in (champion.pk, candidate.pk)
    promote(candidate.pk)
    assert serves() == candidate.pk


def all_at_once(act, arguments):
    """Return what each worker brought: a version's id, or why it was refused."""

    def work(argument):
        try:
            return act(argument).pk
        except promoting.PromotionRefused as no:
            return str(no)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as workers:
        return list(workers.map(work, arguments))


def test_of_two_versions_promoted_at_once_exactly_one_serves(champion):
    rivals = [approved(registry.a_candidate(champion.pipeline)) for _ in range(2)]
    brought = all_at_once(promote, [one.pk for one in rivals])
    winner = serves()
    assert winner in brought
    (no,) = [answer for answer in brought if answer != winner]
    assert "weigh it anew" in no


def test_one_version_promoted_by_many_at_once_is_promoted_once(champion):
    candidate = approved(registry.a_candidate(champion.pipeline))
    assert all_at_once(promote, [candidate.pk] * 4) == [candidate.pk] * 4
    assert serves() == candidate.pk
    assert ServingPeriod.objects.filter(version=candidate).count() == 1
    assert AuditEntry.objects.filter(action="models_ml.promote").count() == 2


def test_of_two_rollbacks_at_once_one_finds_nothing_left(champion):
    second = approved(registry.a_candidate(champion.pipeline))
    promoting.promote(version_id=second.pk, actor="user:mona", reason="better", now=NOON + HOUR / 2)
    brought = all_at_once(roll_back, [champion.pipeline_id] * 2)
    assert serves() == champion.pk
    assert sorted(map(str, brought), key=len)[0] == str(champion.pk)
    assert any("no previous version" in str(answer) for answer in brought)
