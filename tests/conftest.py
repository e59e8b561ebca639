"""What every test stands on: thresholds at their defaults, asked of no database."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # this file is read before Django is set up
    from monitoring.domain.thresholds import Threshold

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def changed_thresholds(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, float]]:
    """Take thresholds from this dictionary and no row: statements that are counted stay so."""
    from monitoring import thresholds

    changed: dict[str, float] = {}
    if "threshold_rows" not in request.fixturenames:
        monkeypatch.setattr(thresholds, "_read", lambda: changed)
    thresholds.forget()
    yield changed
    thresholds.forget()


@pytest.fixture(autouse=True)
def _passwords_that_are_quick_to_hash(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def set_threshold(changed_thresholds: dict[str, float]) -> "Callable[[Threshold, float], None]":
    """Let a threshold be something else for the rest of the test."""

    def set_to(threshold: "Threshold", value: float) -> None:
        changed_thresholds[threshold.key] = value

    return set_to


@pytest.fixture
def threshold_rows() -> None:
    """Let thresholds be read from their rows, as they are where the product runs."""


@pytest.fixture
def change_threshold(
    threshold_rows: None, db: None, django_capture_on_commit_callbacks: Any
) -> "Callable[[Threshold, float], None]":
    """Change a threshold as an operator does, in a test that never commits."""
    from monitoring.services import thresholding

    def change(threshold: "Threshold", value: float) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            thresholding.change(
                key=threshold.key, value=value, actor="user:lea", reason="to see", now=NOON
            )

    return change
