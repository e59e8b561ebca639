"""What programs may be told, at the doors: the API's schema, the command's list, the page."""

import json

import pytest
from django.core.management import call_command
from django.test import Client

from betting.domain.strategies import REGISTRY
from monitoring.services import roles
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer() -> Client:
    roles.ensure_roles()
    client = Client()
    client.force_login(a_person("vera", roles.VIEWER))
    return client


class TestProgramsOverTheApi:
    URL = "/api/v1/strategies/programs"

    def test_are_told_with_what_each_may_be_told(self, viewer):
        told = {one["code"]: one for one in viewer.get(self.URL).json()}
        assert sorted(told) == sorted(REGISTRY)
        for code, program in REGISTRY.items():
            names = list(program.parameters.model_fields)
            assert [one["name"] for one in told[code]["parameters"]] == names
            assert list(told[code]["schema"]["properties"]) == names
            assert told[code]["schema"]["additionalProperties"] is False

    def test_are_not_for_everybody(self, client, viewer):
        assert client.get(self.URL).status_code == 401
        assert viewer.get(f"{self.URL}?nonsense=1").status_code == 400


class TestProgramsByCommand:
    def test_are_told_for_people_and_programs(self, capsys, monkeypatch):
        monkeypatch.setenv("COLUMNS", "240")
        call_command("strategies", "programs")
        shown = capsys.readouterr().out
        call_command("strategies", "programs", "--output", "json")
        told = json.loads(capsys.readouterr().out.splitlines()[-1])["programs"]
        assert [one["code"] for one in told] == list(REGISTRY)
        for program in REGISTRY.values():
            assert program.title in shown
            assert all(name in shown for name in program.parameters.model_fields)
