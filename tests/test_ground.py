from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command

from config.environment import BASE_DIR


@pytest.mark.django_db
def test_the_migrations_hold_every_model(capsys):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_what_empties_the_database_between_tests_knows_every_table():
    """A table that Django does not manage would carry one test's rows into the next."""
    ours = [app.label for app in apps.get_app_configs() if Path(app.path).parent == BASE_DIR]
    unmanaged = [
        model._meta.label
        for label in ours
        for model in apps.get_app_config(label).get_models()
        if not model._meta.managed
    ]
    assert ours
    assert unmanaged == []
