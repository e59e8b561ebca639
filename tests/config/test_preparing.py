import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from config import preparing
from markets.services import partitions
from monitoring.models import AuditEntry, User


@pytest.mark.django_db
class TestEnsureAdmin:
    def test_makes_the_first_user_with_a_password_kept_for_its_owner_alone(
        self, settings, tmp_path
    ):
        settings.CLOSINGLINE_HOME = tmp_path
        assert preparing.ensure_admin(now=timezone.now())
        kept = tmp_path / "admin_password"
        assert User.objects.get().check_password(kept.read_text())
        assert kept.stat().st_mode & 0o077 == 0
        assert AuditEntry.objects.filter(action="monitoring.make_first_user").count() == 1

    def test_makes_nobody_where_somebody_is(self, settings, tmp_path):
        settings.CLOSINGLINE_HOME = tmp_path
        User.objects.create_user("alice")
        assert not preparing.ensure_admin(now=timezone.now())
        assert not (tmp_path / "admin_password").exists()

    @pytest.mark.parametrize("name", ["staging", "production"])
    def test_makes_nobody_where_others_can_reach_the_site(self, settings, name):
        settings.ENVIRONMENT_NAME = name
        assert not preparing.ensure_admin(now=timezone.now())
        assert User.objects.count() == 0


@pytest.mark.django_db(transaction=True)
class TestPrepare:
    def test_twice_is_once(self, settings, tmp_path):
        settings.CLOSINGLINE_HOME = tmp_path
        settings.STATIC_ROOT = tmp_path / "static"
        first: list[str] = []
        again: list[str] = []
        preparing.prepare(now=timezone.now(), say=first.append)
        preparing.prepare(now=timezone.now(), say=again.append)
        assert any("static files" in line for line in first)
        assert any("user admin" in line for line in first)
        assert again == []
        assert Group.objects.count() > 0
        assert PeriodicTask.objects.count() > 0
        assert (tmp_path / "static" / "admin").is_dir()
        assert partitions.missing(now=timezone.now()) == []
