"""What must exist beside the code, because somebody will look for it when it is late."""

import re
from pathlib import Path

import pytest
from celery import current_app
from django.conf import settings

from config.environment import BASE_DIR, Environment
from monitoring import registry

RUNBOOKS = BASE_DIR / "docs" / "runbooks"
PARTS = ("Symptom", "Look", "Act", "Confirm")


def example() -> dict[str, str]:
    """Return the variables of .env.example with the values it shows."""
    lines = (BASE_DIR / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=")[::2] for line in lines if re.match(r"[A-Z_]+=", line))
    return dict(pairs)


def _has(path: Path, part: str) -> bool:
    return re.search(rf"^(\*\*|## ){part}\b", path.read_text(encoding="utf-8"), re.M) is not None


class TestEnvironment:
    def test_is_documented_field_by_field(self):
        assert sorted(example()) == sorted(name.upper() for name in Environment.model_fields)

    @pytest.mark.parametrize("field", sorted(Environment.model_fields))
    def test_is_documented_with_its_default(self, field):
        default = Environment.model_fields[field].default
        shown = default.get_secret_value() if hasattr(default, "get_secret_value") else default
        expected = str(shown).lower() if isinstance(shown, bool) else str(shown)
        assert example()[field.upper()] == expected


class TestChecks:
    def test_each_has_its_runbook(self):
        missing = [kind for kind in registry.checks if not (RUNBOOKS / f"{kind}.md").exists()]
        assert missing == []

    def test_each_runbook_leads_from_the_symptom_to_the_proof(self):
        incomplete = {
            path.name: missing
            for path in RUNBOOKS.glob("*.md")
            if (missing := [part for part in PARTS if not _has(path, part)])
        }
        assert incomplete == {}

    def test_no_response_is_offered_for_a_kind_that_cannot_occur(self):
        runbooks = {path.stem for path in RUNBOOKS.glob("*.md")}
        unknown = {
            response.name: sorted(response.kinds - runbooks)
            for response in registry.responses.values()
            if response.kinds - runbooks
        }
        assert unknown == {}


class TestJobs:
    def test_each_is_a_task_that_a_worker_knows(self):
        assert sorted(registry.jobs.keys() - current_app.tasks.keys()) == []

    def test_each_goes_to_a_queue_that_a_worker_reads(self):
        queues = {
            name: current_app.amqp.router.route({}, name)["queue"].name for name in registry.jobs
        }
        assert set(queues.values()) <= set(settings.QUEUES)

    def test_no_message_reaches_two_queues(self):
        bindings = [
            (queue.exchange.name, queue.routing_key) for queue in settings.CELERY_TASK_QUEUES
        ]
        assert len(set(bindings)) == len(settings.QUEUES)


class TestRequirements:
    @pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
    def test_are_pinned_and_name_no_index(self, file):
        lines = [
            line
            for line in (BASE_DIR / file).read_text(encoding="utf-8").splitlines()
            if line.strip() and not line.lstrip().startswith("#")
        ]
        assert [line for line in lines if "==" not in line] == []
        assert [line for line in lines if "://" in line or line.startswith("-")] == []


class TestMakefile:
    def test_help_shows_every_target(self):
        text = Path(BASE_DIR / "Makefile").read_text(encoding="utf-8")
        targets = set(re.findall(r"^\.PHONY: ([\w-]+)$", text, re.MULTILINE))
        explained = set(re.findall(r"^([\w-]+):.*## \S", text, re.MULTILINE))
        assert targets == explained
        assert {"up", "setup", "test", "e2e", "faults", "bench", "lint"} <= targets
