"""People, roles and programs' keys."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from monitoring.desk import chips, sections
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.pages import Desk, Fixed
from monitoring.models import ApiToken, User
from monitoring.services import audit

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(Desk, StockUserAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "full_name", "roles", "active", "is_superuser", "seen", "time_zone")
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    ordering = ("username",)
    fieldsets = (*(StockUserAdmin.fieldsets or ()), ("Desk", {"fields": ("time_zone",)}))
    filter_horizontal = ("groups", "user_permissions")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("groups")

    @display(description="Name")
    def full_name(self, row: User) -> str:
        return row.get_full_name()

    @display(description="Roles")
    def roles(self, row: User) -> str:
        return ", ".join(sorted(group.name for group in row.groups.all()))

    @display(description="Active", ordering="is_active")
    def active(self, row: User) -> str:
        return chips.yes_no(row.is_active, yes="Active", no="Locked out")

    @display(description="Signed in last", ordering="last_login")
    def seen(self, row: User) -> str:
        return chips.when(row.last_login)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A person is locked out, not removed: the audit names them."""
        return False


@admin.register(Group)
class GroupAdmin(Desk, StockGroupAdmin):
    list_display = ("name", "people", "permissions_held")
    search_fields = ("name",)
    ordering = ("name",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return (
            super()
            .get_queryset(request)
            .annotate(
                n_people=Count("user", distinct=True),
                n_permissions=Count("permissions", distinct=True),
            )
        )

    @display(description="People", ordering="n_people")
    def people(self, row: Any) -> int:
        return int(row.n_people)

    @display(description="Permissions", ordering="n_permissions")
    def permissions_held(self, row: Any) -> int:
        return int(row.n_permissions)


def _revoke(asked: Asked) -> Done:
    for token in asked.rows:
        audit.record(
            actor=asked.actor,
            action="monitoring.revoke_token",
            subject=token,
            at=asked.now,
            name=token.name,
            reason=asked.reason,
        )
        token.delete()
    return Done(f"Revoked {len(asked.rows)}.")


@admin.register(ApiToken)
class ApiTokenAdmin(Fixed):
    """Keys are shown by name and first letters; the key itself is not kept."""

    list_display = ("name", "token_key", "owner", "scope_list", "expires", "used", "state_chip")
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "token_key")
    ordering = ("-created",)
    detail_related = ("user",)
    empty_text = "No program has a key. Make one with the API or `manage.py`; it is shown once."
    desk_actions = (
        Action(
            name="revoke",
            title="Revoke",
            permission="monitoring.delete_apitoken",
            consequence="Programs that use it are refused from now on. It cannot be undone.",
            act=_revoke,
            icon="key_off",
            is_dangerous=True,
            on=frozenset({"rows"}),
        ),
    )

    @display(description="Owner", ordering="user")
    def owner(self, row: ApiToken) -> str:
        return chips.link(row.user)

    @display(description="Scopes")
    def scope_list(self, row: ApiToken) -> str:
        return ", ".join(row.scopes)

    @display(description="Expires", ordering="expiry")
    def expires(self, row: ApiToken) -> str:
        return chips.when(row.expiry)

    @display(description="Used last", ordering="last_used_at")
    def used(self, row: ApiToken) -> str:
        return chips.when(row.last_used_at)

    @display(description="State")
    def state_chip(self, row: ApiToken) -> str:
        over = row.expiry is not None and row.expiry <= timezone.now()
        return (
            chips.chip("Expired", "idle", "key_off") if over else chips.chip("Good", "good", "key")
        )

    def parts(self, request: HttpRequest, row: ApiToken) -> list[Any]:
        items = [
            ("Name", row.name),
            ("Begins with", row.token_key),
            ("Owner", row.user),
            ("Scopes", ", ".join(row.scopes)),
            ("Made", row.created),
            ("Expires", row.expiry),
            ("Used last", row.last_used_at),
        ]
        return [sections.Facts("Facts", items)]
