"""What `manage.py up` is asked for reaches the processes that it starts."""

import os

import pytest
from django.core.management import call_command
from pydantic import ValidationError

from config import environment, up


@pytest.fixture
def asked(monkeypatch):
    """Note what would be started, and start nothing."""
    found = {}
    environment.read.cache_clear()
    monkeypatch.setenv("SIMULATOR_SPEED", "360")
    monkeypatch.setattr(
        up, "main", lambda read, **asked: found.update(speed=read.simulator_speed, **asked) or 0
    )
    yield found
    monkeypatch.undo()
    environment.read.cache_clear()


class TestSpeed:
    def test_is_that_of_the_environment_where_nothing_is_said(self, asked):
        with pytest.raises(SystemExit):
            call_command("up")
        assert (asked["speed"], asked["chaos"]) == (360.0, False)

    def test_goes_to_every_process(self, asked):
        with pytest.raises(SystemExit):
            call_command("up", "--speed", "60", "--chaos")
        assert (asked["speed"], asked["chaos"]) == (60.0, True)
        assert os.environ["SIMULATOR_SPEED"] == "60"

    @pytest.mark.parametrize("speed", ["0", "-1", "100000"])
    def test_that_no_league_can_run_at_is_refused(self, asked, speed):
        with pytest.raises(ValidationError, match="simulator_speed"):
            call_command("up", "--speed", speed)
