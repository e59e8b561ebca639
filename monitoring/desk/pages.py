"""The base classes of every admin page: bounded lists, facts, sections, confirmed actions."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from monitoring.desk import actions, sections
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.filters import BoundedPaginator
from monitoring.errors import OutsideFailed, Refused
from monitoring.services import audit

ROWS_AT_MOST = 200


def actor_of(request: HttpRequest) -> str:
    """Name the operator as audit and runs do: "user:alice"."""
    return f"user:{request.user.get_username()}"


class _List(ChangeList):
    def get_filters_params(self, params: Any = None) -> Any:
        """Let "?show=all" lead to any list, also to one that always shows all."""
        asked = super().get_filters_params(params)
        own = {getattr(kind, "parameter_name", "") for kind in self.list_filter}
        return asked if "show" in own else {k: v for k, v in asked.items() if k != "show"}


class Desk(ModelAdmin):
    """A page of ours.  Subclasses add ``desk_actions``, ``parts()`` and ``tiles()``."""

    desk_actions: Sequence[Action] = ()
    detail_related: Sequence[str] = ()
    empty_text = ""
    list_per_page = 50
    list_max_show_all = 200
    list_fullwidth = True
    list_filter_sheet = False
    show_full_result_count = False
    paginator: Any = BoundedPaginator
    actions: Any = None
    list_before_template = "desk/list_tiles.html"
    change_form_outer_before_template = "desk/head.html"
    change_form_outer_after_template = "desk/sections.html"

    # -- what subclasses say -------------------------------------------------
    def parts(self, request: HttpRequest, row: Any) -> list[sections.Section]:
        return []

    def badges(self, row: Any) -> list[Any]:
        return []

    def tiles(self, request: HttpRequest) -> list[sections.Tile]:
        return []

    def when_empty(self) -> Any:
        """Say what to do, or that all is well, where a list has no rows."""
        return self.empty_text

    # -- lists ---------------------------------------------------------------
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return _List

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changes = super().get_changelist_instance(request)
        changes.full_result_count = changes.result_count  # no "show all" that shows the default
        changes.desk_empty = self.when_empty() if not changes.result_count else ""
        return changes

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer the actions on ticked rows; each leads to its confirmation page."""
        offered = super().get_actions(request)
        offered.pop("delete_selected", None)
        for action in self._offered(request, "rows"):
            offered[action.name] = (_confirm_ticked(action), action.name, action.title)
        return offered

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        buttons = [
            self._button(action, self._url(action)) for action in self._offered(request, "table")
        ]
        return super().changelist_view(
            request,
            {
                "desk_buttons": buttons,
                "desk_tiles": self.tiles(request) if self.has_view_permission(request) else [],
                **(extra_context or {}),
            },
        )

    # -- one row -------------------------------------------------------------
    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        if "\x00" in object_id:
            return None
        if not self.detail_related:
            return super().get_object(request, object_id, from_field)
        rows = self.get_queryset(request).select_related(*self.detail_related)
        try:
            return rows.get(pk=self.model._meta.pk.to_python(object_id))
        except (self.model.DoesNotExist, ValueError, ValidationError):
            return None

    def render_change_form(
        self, request: HttpRequest, context: Any, *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        if obj is not None:
            context.update(self.detail_context(request, obj))
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)

    def detail_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        offered = sections.offered_on(row, may=request.user.has_perm)
        return {
            "desk_chips": self.badges(row),
            "desk_buttons": [
                self._button(action, self._url(action, row))
                for action in self._offered(request, "row")
                if action.valid(row)
            ],
            "desk_sections": sections.beside(self.parts(request, row), offered),
        }

    # -- edits ---------------------------------------------------------------
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save, and put into the audit who changed which field from what to what."""
        super().save_model(request, obj, form, change)
        audit.record(
            actor=actor_of(request),
            action="admin.change" if change else "admin.add",
            subject=obj,
            at=timezone.now(),
            changed={
                name: [_plain(form.initial.get(name)), _plain(form.cleaned_data.get(name))]
                for name in form.changed_data
                if "password" not in name
            },
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        audit.record(
            actor=actor_of(request),
            action="admin.delete",
            subject=obj,
            at=timezone.now(),
            was=str(obj),
        )
        super().delete_model(request, obj)

    # -- confirmed actions ---------------------------------------------------
    def get_urls(self) -> list[Any]:
        name = f"{self.model._meta.app_label}_{self.model._meta.model_name}_do"
        view = self.admin_site.admin_view(self.do_view)
        return [
            path("do/<slug:name>/", view, name=f"{name}_many"),
            path("<path:object_id>/do/<slug:name>/", view, name=name),
            *super().get_urls(),
        ]

    def do_view(
        self, request: HttpRequest, name: str, object_id: str | None = None
    ) -> HttpResponse:
        """Ask for confirmation, then do it.  Only a POST with a reason does anything."""
        action = self._action(request, name)
        rows = self._rows(request, object_id)
        if object_id is None and not rows and "table" not in action.on:
            return self._back(request, messages.WARNING, "Nothing was selected.")
        unfit = [row for row in rows if not action.valid(row)]
        if unfit:
            text = action.invalid.format(row=unfit[0])
            return self._back(request, messages.WARNING, text, object_id)
        confirmed = request.method == "POST" and "confirmed" in request.POST
        form = action.form(
            request.POST if confirmed else None, rows=rows, initial=self._initial(request)
        )
        if not (confirmed and form.is_valid()):
            return self._confirmation(request, action, rows, form, object_id)
        return self._do(request, action, rows, form, object_id)

    def _do(
        self, request: HttpRequest, action: Action, rows: Any, form: Any, object_id: str | None
    ) -> HttpResponse:
        asked = Asked(rows, form.cleaned_data, request.user, actor_of(request), timezone.now())
        try:
            done: Done = action.act(asked)
        except Refused as no:
            return self._back(request, messages.WARNING, f"Refused: {no}", object_id)
        except OutsideFailed as failed:
            return self._back(request, messages.ERROR, f"Failed outside: {failed}", object_id)
        if done.secret:
            return self._shown_once(request, action, done)
        if done.url:
            messages.success(request, done.text)
            return HttpResponseRedirect(done.url)
        return self._back(request, messages.SUCCESS, done.text, object_id)

    def _shown_once(self, request: HttpRequest, action: Action, done: Done) -> HttpResponse:
        """Answer with a secret itself: a message would lie in a cookie or a session until read."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": action.title.rstrip("…"),
            "done": done,
            "back_url": done.url or self._here(None),
        }
        return TemplateResponse(request, "desk/shown_once.html", context)  # admin: never cached

    def _actions(self) -> Sequence[Action]:
        return (*self.desk_actions, *actions.offered_on(self.model))

    def _initial(self, request: HttpRequest) -> dict[str, str]:
        return {key: str(value) for key, value in request.GET.items()}

    def _action(self, request: HttpRequest, name: str) -> Action:
        action = next((found for found in self._actions() if found.name == name), None)
        if action is None:
            raise Http404(f"There is no action {name!r} here.")
        if not self.has_view_permission(request) or not request.user.has_perm(action.permission):
            raise PermissionDenied
        return action

    def _rows(self, request: HttpRequest, object_id: str | None) -> list[Model]:
        if object_id is not None:
            row = self.get_object(request, unquote(object_id))
            if row is None:
                raise Http404("It is not there (any more).")
            return [row]
        keys = request.POST.getlist(ACTION_CHECKBOX_NAME)[:ROWS_AT_MOST]
        rows: QuerySet[Model] = self.get_queryset(request).select_related(*self.detail_related)
        return list(rows.filter(pk__in=keys)) if keys else []

    def _confirmation(
        self, request: HttpRequest, action: Action, rows: Any, form: Any, object_id: str | None
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": action.title,
            "action": action,
            "verb": action.title.rstrip("…"),
            "consequence": action.consequence_for(rows),
            "rows": rows,
            "shown_rows": rows[:10],
            "n_more": max(0, len(rows) - 10),
            "form": form,
            "post_to": self._url(action, rows[0] if object_id is not None else None),
            "cancel_url": self._here(object_id),
            "is_many": object_id is None and bool(rows),
            "checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "desk/confirm.html", context)

    def _offered(self, request: HttpRequest, where: str) -> list[Action]:
        return [
            action
            for action in self._actions()
            if where in action.on and request.user.has_perm(action.permission)
        ]

    def _button(self, action: Action, url: str) -> dict[str, Any]:
        return {
            "title": action.title,
            "icon": action.icon,
            "url": url,
            "is_dangerous": action.is_dangerous,
        }

    def _url(self, action: Action, row: Model | None = None) -> str:
        meta = self.model._meta
        name = f"admin:{meta.app_label}_{meta.model_name}_do"
        if row is None:
            return reverse(f"{name}_many", args=[action.name])
        return reverse(name, args=[row.pk, action.name])

    def _here(self, object_id: str | None) -> str:
        meta = self.model._meta
        name = f"admin:{meta.app_label}_{meta.model_name}"
        if object_id is None:
            return reverse(f"{name}_changelist")
        return reverse(f"{name}_change", args=[object_id])

    def _back(
        self, request: HttpRequest, level: int, text: str, object_id: str | None = None
    ) -> HttpResponse:
        messages.add_message(request, level, text)
        return HttpResponseRedirect(self._here(object_id))


def _confirm_ticked(action: Action) -> Any:
    def ask(page: Desk, request: HttpRequest, rows: QuerySet[Model]) -> HttpResponse:
        return page.do_view(request, action.name)

    return ask


class Fixed(Desk):
    """Rows that nobody edits here: facts are written by services, once."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show the facts of one row and what hangs on it."""
        row = self.get_object(request, unquote(object_id))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        if row is None:
            raise Http404("It is not there (any more).")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "original": row,
            "title": str(row),
            "media": self.media,
            **self.detail_context(request, row),
            **(extra_context or {}),
        }
        return TemplateResponse(request, self.facts_template, context)

    facts_template = "desk/facts.html"

    def parts(self, request: HttpRequest, row: Any) -> list[sections.Section]:
        return [self.all_facts(row)]

    def all_facts(self, row: Any, title: str = "Facts") -> sections.Facts:
        """Return every column as a fact; large JSON is left to sections of its own."""
        return sections.Facts(
            title,
            [
                (str(field.verbose_name), _value(row, field))
                for field in row._meta.concrete_fields
                if field.get_internal_type() not in ("JSONField", "ArrayField")
            ],
        )


class Kept(Desk):
    """Rows an operator edits but never deletes: others refer to them."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        """Show or save; what a service refuses is said above what stands then."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as no:
            messages.warning(request, f"Refused: {no}")
            return HttpResponseRedirect(request.path)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _plain(value: Any) -> Any:
    """Return a form's value as JSON can hold it."""
    if isinstance(value, Model):
        return audit.label(value)
    if isinstance(value, QuerySet | list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _value(row: Any, field: Any) -> Any:
    if field.choices:
        return getattr(row, f"get_{field.name}_display")()
    return getattr(row, field.name)


def list_url(model: type[Model], **query: object) -> str:
    """Return the address of a list, filtered."""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{urlencode(query)}" if query else url


def row_url(row: Model) -> str:
    """Return the address of a row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
