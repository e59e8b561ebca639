"""The API against its own description: whatever is sent, the answer is one it announces."""

import os
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from markets.services import simulating
from monitoring.models import User
from monitoring.services import incidents, thresholding, tokens

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
TAKES_NOTHING = {  # that could be wrong
    "GET /api/v1/jobs",
    "GET /api/v1/performance/standings",
    "GET /api/v1/strategies/presets",
    "GET /api/v1/strategies/programs",
}
EXAMPLES = settings(
    max_examples=int(os.environ.get("API_EXAMPLES", "2")),  # more for a longer look
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def header():
    User.objects.create_superuser("root", password=None)
    key, _ = tokens.make_token(
        name="fuzz",
        username="root",
        scopes=("read", "run"),
        life=timedelta(days=1),
        actor="cli:test",
        now=NOW,
    )
    return {"Authorization": f"Token {key}"}


@pytest.fixture
def application():
    """The application, on the test's own connection, as Django's test client has it."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield get_wsgi_application()
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
def test_no_operation_breaks_or_answers_what_it_does_not_announce(header, application):
    """Some rows lie in every table of the catalogue, so that ids met by chance exist."""
    simulating.create_history(seasons=0, seed=1, now=NOW, actor="cli:test")
    simulating.tick(now=NOW)
    simulating.tick(now=NOW + timedelta(minutes=1))
    incidents.open_incident(kind="test.kind", severity="P3", summary="s", at=NOW)
    thresholding.sync()
    schema = schemathesis.openapi.from_wsgi("/api/schema", application, headers=header)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 60
    broken = []
    for operation, mode in product(operations, MODES):

        @EXAMPLES
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case):
            case.call_and_validate(headers=header, checks=CHECKS)

        try:
            ask()
        except Unsatisfiable:
            assert operation.label in TAKES_NOTHING
        except Exception as fault:
            broken.append(f"{operation.label} ({mode.value}): {fault}")
    assert not broken, "\n\n".join(broken)
