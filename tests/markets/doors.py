"""The doors as a person finds them: pages and API with a role, commands with JSON."""

import json

import pytest
from django.core.management import call_command
from django.test import Client

from monitoring.services import roles
from tests.config.builders import a_person


def a_client(role: str = roles.OPERATOR) -> Client:
    """Return the browser of somebody with this role."""
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("olga", role))
    return client


def run(capsys: pytest.CaptureFixture[str], command: str, *words: str) -> tuple[object, dict]:
    """Return the exit code and the JSON of a command."""
    code: object = 0
    try:
        call_command(command, *words, "--output", "json")
    except SystemExit as ended:
        code = ended.code
    return code, json.loads(capsys.readouterr().out)
