"""Starts throw-away engines once for the whole run, before Django reads its settings."""

import gc
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest
from _pytest.doctest import DoctestModule

_PREFIX = "clt-"
_YOUNG = 3600  # seconds; a younger home may be one that is just being made
_HELD = ExitStack()


def _begin() -> None:
    """Give this run a home of its own; its parallel workers inherit it by the environment."""
    if "CLOSINGLINE_TEST_HOME" in os.environ:
        return
    _compute_in_one_thread()
    _remove_left_overs()
    home = Path(tempfile.mkdtemp(prefix=_PREFIX))
    _HELD.callback(shutil.rmtree, home, ignore_errors=True)
    _take_no_input(home)
    from config import engines

    _HELD.enter_context(engines.for_tests(home))


def _compute_in_one_thread() -> None:
    """The runners take all cores themselves; numerics that start threads beside them wait long."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def _take_no_input(home: Path) -> None:
    """Run on the defaults, whatever the shell or ``.env`` says: never on an operator's servers."""
    from config.environment import Environment

    for name, field in Environment.model_fields.items():
        default = field.default
        plain = default.get_secret_value() if hasattr(default, "get_secret_value") else default
        os.environ[name.upper()] = str(plain)
    os.environ["CLOSINGLINE_TEST_HOME"] = os.environ["CLOSINGLINE_HOME"] = str(home)
    os.environ["CLOSINGLINE_ENVIRONMENT"] = "test"
    # Named here and not in pyproject.toml: there, Django's plugin would read the settings before
    # this file is read.
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"


def _remove_left_overs() -> None:
    """Remove the homes of earlier runs that were killed; the kernel tells which nobody holds."""
    from config.embedded import holding

    for home in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if time.time() - home.stat().st_mtime < _YOUNG:
                continue
            descriptor = os.open(home / "run" / "postgres.users", os.O_RDWR)
        except OSError:
            continue  # not ours
        try:
            if holding.try_lock(descriptor):
                shutil.rmtree(home, ignore_errors=True)
        finally:
            os.close(descriptor)


_begin()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage seldom, and never in what was collected: that stays until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path) -> Generator[None, list, list]:
    """Look for examples only where some are: looking for them takes a tenth of collecting."""
    found = yield
    if file_path.suffix == ".py" and ">>>" not in file_path.read_text():
        return [collector for collector in found if not isinstance(collector, DoctestModule)]
    return found


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what starts and kills processes: one runner waits while the others compute."""
    items.sort(key=lambda item: not _waits(item))


def _waits(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) is not None for name in ("faults", "waits"))


def pytest_configure(config: pytest.Config) -> None:
    from django.conf import settings

    assert settings.CLOSINGLINE_HOME  # read now; Django's plugin sets Django up only if it was


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by what they are for: an archive holds the time, and workers must agree."""
    return argname if isinstance(val, bytes) else None


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _HELD.close()


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker, django_db_modify_db_settings):
    """Copy what was migrated once; empty what a test that commits wrote, and nothing else."""
    from tests import databases, emptying

    emptying.only_what_was_written()
    with ExitStack() as held:
        with django_db_blocker.unblock():
            held.enter_context(databases.own_copy())
        yield
        with django_db_blocker.unblock():
            held.close()
