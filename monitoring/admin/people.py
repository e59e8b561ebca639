"""People, roles and programs' keys."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as StockGroupAdmin
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import BOTH, Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Desk, Fixed, list_url
from monitoring.models import ApiToken, User
from monitoring.services import tokens

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

    seen = columns.moment("last_login", "Signed in last")

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


class TokenForm(ReasonForm):
    """What the key is for, whose permissions it has, and how long."""

    name = forms.CharField(
        max_length=80,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The program, as runs and audit will call it.",
    )
    user = forms.ModelChoiceField(
        User.objects.none(),
        widget=UnfoldAdminSelectWidget(),
        help_text="The key may do what this person may, within its scope.",
    )
    scope = forms.ChoiceField(
        choices=[("read", "Read"), ("read run", "Read, and change what its person may")],
        widget=UnfoldAdminSelectWidget(),
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=tokens.LONGEST.days,
        initial=90,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Until it expires.",
    )
    field_order = ("name", "user", "scope", "days", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True).order_by("username")
        self.fields["user"].queryset = people  # type: ignore[attr-defined]


def _make(asked: Asked) -> Done:
    key, token = tokens.make_token(
        name=asked.values["name"],
        username=asked.values["user"].get_username(),
        scopes=asked.values["scope"].split(),
        life=timedelta(days=asked.values["days"]),
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
    )
    return Done(f"The key of {token.name}", secret=key)


def _revoke(asked: Asked) -> Done:
    for token in asked.rows:
        tokens.revoke_token(digest=token.pk, reason=asked.reason, actor=asked.actor, now=asked.now)
    return Done(f"Revoked {len(asked.rows)}.", list_url(ApiToken))


@admin.register(ApiToken)
class ApiTokenAdmin(Fixed):
    """Keys are shown by name and first letters; the key itself is not kept."""

    list_display = ("name", "token_key", "owner", "scope_list", "expires", "used", "state_chip")
    list_select_related = ("user",)
    search_fields = ("name", "user__username", "token_key")
    ordering = ("-created",)
    detail_related = ("user",)
    empty_text = "No program has a key."
    desk_actions = (
        Action(
            name="make",
            title="Make a key…",
            permission="monitoring.add_apitoken",
            consequence="A program that holds the key acts as the person you choose. The key is"
            " shown once, on the next page, and kept hashed.",
            act=_make,
            form=TokenForm,
            icon="key",
            on=frozenset({"table"}),
        ),
        Action(
            name="revoke",
            title="Revoke",
            permission="monitoring.delete_apitoken",
            consequence="Programs that use it are refused from now on. It cannot be undone.",
            act=_revoke,
            icon="key_off",
            is_dangerous=True,
            on=BOTH,
        ),
    )

    @display(description="Owner", ordering="user")
    def owner(self, row: ApiToken) -> str:
        return chips.link(row.user)

    @display(description="Scopes")
    def scope_list(self, row: ApiToken) -> str:
        return ", ".join(row.scopes)

    expires = columns.moment("expiry", "Expires")
    used = columns.moment("last_used_at", "Used last")

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
