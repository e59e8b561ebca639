"""The roles: what each may, and that nothing is left to nobody."""

import pytest
from django.contrib.auth.models import Group

from monitoring import registry
from monitoring.services import roles
from tests.config.builders import a_person

pytestmark = pytest.mark.django_db


def permissions_of(role: str) -> set[str]:
    return set(a_person(f"one-{role}".replace(" ", "-"), role).get_all_permissions())


@pytest.fixture(autouse=True)
def _roles() -> None:
    roles.ensure_roles()


class TestEnsureRoles:
    def test_twice_is_once(self) -> None:
        first = roles.ensure_roles()
        assert roles.ensure_roles() == first
        assert Group.objects.count() == 5

    def test_takes_back_what_was_added_to_a_role(self) -> None:
        viewer, operator = Group.objects.get(name="viewer"), Group.objects.get(name="operator")
        viewer.permissions.add(*operator.permissions.all())
        roles.ensure_roles()
        assert all(".view_" in name for name in permissions_of(roles.VIEWER))

    def test_refuses_a_permission_that_does_not_exist(self, monkeypatch) -> None:
        monkeypatch.setattr(roles, "MATRIX", {"odd": ("betting.add_unicorn",)})
        with pytest.raises(LookupError, match="add_unicorn"):
            roles.ensure_roles()


class TestMatrix:
    def test_a_viewer_sees_everything_but_keys_and_accounts_and_changes_nothing(self) -> None:
        held = permissions_of(roles.VIEWER)
        assert {"betting.view_bet", "markets.view_event", "monitoring.view_auditentry"} <= held
        assert not {name for name in held if ".view_" not in name}
        assert not held & {"monitoring.view_user", "monitoring.view_apitoken", "auth.view_group"}

    @pytest.mark.parametrize(
        ("permission", "holders"),
        [
            ("betting.add_tradinghalt", {"operator", "modeling lead", "ops lead"}),
            ("betting.change_tradinghalt", {"ops lead"}),
            ("betting.change_strategy", {"ops lead"}),
            ("models_ml.change_modelversion", {"modeling lead"}),
            ("models_ml.add_modelversion", {"modeling lead"}),
            ("settlements.add_settlement", {"operator", "ops lead"}),
            ("settlements.add_ledgertransfer", {"ops lead"}),
            ("markets.change_source", {"operator", "ops lead"}),
            ("django_celery_beat.change_periodictask", {"ops lead"}),
            ("monitoring.change_incident", {"operator", "modeling lead", "ops lead"}),
            ("monitoring.change_threshold", {"ops lead"}),
            ("monitoring.change_user", set()),
            ("monitoring.delete_apitoken", set()),
            ("auth.change_group", set()),
        ],
    )
    def test_gives_it_to_these_and_the_administrator(self, permission, holders) -> None:
        having = {role for role in roles.MATRIX if permission in permissions_of(role)}
        assert having == holders
        assert permission in permissions_of(roles.ADMINISTRATOR)

    def test_leaves_no_job_and_no_response_to_nobody(self) -> None:
        held = set().union(*(permissions_of(role) for role in roles.MATRIX))
        asked = {job.permission for job in registry.jobs.values()}
        asked |= {response.permission for response in registry.responses.values()}
        assert asked - held == set()

    def test_lets_no_viewer_start_a_job(self) -> None:
        held = permissions_of(roles.VIEWER)
        assert not [job.task for job in registry.jobs.values() if job.permission in held]
