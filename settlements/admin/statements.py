"""Statements: what an account held, what moved it and why, as a page and as a file."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from betting.models import Bankroll
from monitoring.desk import chips, sections
from monitoring.errors import Refused
from settlements.domain.statement import Head, Line
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.services import periods, statement_files, stating

NAME = "settlements_statement"
PERMISSION = "settlements.view_ledgertransfer"
LINES = 100  # on one page


class Asked(forms.Form):
    """Whose statement, from which betting day to which, both of them whole."""

    account = forms.TypedChoiceField(coerce=int, widget=UnfoldAdminSelectWidget())
    first = forms.DateField(label="From", widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))
    last = forms.DateField(label="To", widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))

    def __init__(self, *args: Any, accounts: list[LedgerAccount], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].choices = [  # type: ignore[attr-defined]
            (one.pk, one.title) for one in accounts
        ]


class StatesAccounts:
    """The page of a statement beside the list of accounts, and the way there from each."""

    admin_site: Any

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(page)
        own = path("<int:account_id>/statement/", view, name=NAME)
        return [own, *super().get_urls()]  # type: ignore[misc]

    def detail_context(self, request: HttpRequest, row: LedgerAccount) -> dict[str, Any]:
        context = super().detail_context(request, row)  # type: ignore[misc]
        if request.user.has_perm(PERMISSION):
            context["desk_buttons"] = [_button("Statement", address(row)), *context["desk_buttons"]]
        return context


def address(row: LedgerAccount, **asked: object) -> str:
    url = reverse(f"admin:{NAME}", args=[row.pk])
    return f"{url}?{urlencode(asked)}" if asked else url


def page(request: HttpRequest, account_id: int) -> Any:
    """Answer with a statement: this month's where no days are asked for."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    rows = LedgerAccount.objects.select_related("bankroll", "book")
    row = rows.filter(pk=account_id).first() if account_id < 2**63 else None
    if row is None:
        raise Http404("There is no such account.")
    accounts = stating.of_bankroll(row.bankroll)
    now = timezone.now()
    first, last = periods.month_of(at=now, time_zone=row.bankroll.time_zone)
    form = Asked(
        {"account": row.pk, "first": first, "last": last, **request.GET.dict()}, accounts=accounts
    )
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "opts": LedgerTransfer._meta,
        "title": f"Statement of {row}",
        "form": form,
        "refused": "",
        "desk_sections": [],
        "desk_chips": [chips.origin(
            is_simulated=row.bankroll.is_simulated, is_replay=row.bankroll.replay_id is not None
        )],
        "desk_buttons": [],
    }  # fmt: skip
    if form.is_valid():
        row = next(one for one in accounts if one.pk == form.cleaned_data["account"])
        context["title"] = f"Statement of {row}"
        try:
            answer = _stated(request, row, form.cleaned_data, context)
        except Refused as no:
            context["refused"] = str(no)
        else:
            if answer is not None:
                return answer
    return TemplateResponse(request, "settlements/statement.html", context)


def _stated(
    request: HttpRequest, row: LedgerAccount, asked: dict[str, Any], context: dict[str, Any]
) -> HttpResponse | StreamingHttpResponse | None:
    """Fill the page, or return the file that was asked for."""
    zone = row.bankroll.time_zone
    period = periods.between(first=asked["first"], last=asked["last"], time_zone=zone)
    form = request.GET.get("output", "")
    if form in statement_files.TYPES:
        return download(stating.head(of=row, period=period), form)
    after = request.GET.get("after", "")
    behind = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else None
    with stating.one_moment():
        head = stating.head(of=row, period=period)
        found = stating.page(head=head, after=behind, limit=LINES + 1)
    days = {"first": asked["first"], "last": asked["last"]}
    context["desk_sections"] = [
        _sums(head, row),
        _kinds(head),
        _lines(head, found, address(row, **days, after=found[LINES - 1].id)
               if len(found) > LINES else ""),
    ]  # fmt: skip
    context["desk_buttons"] = [
        _button(form.upper(), address(row, **days, output=form), icon="download")
        for form in statement_files.TYPES
    ]
    context["presets"] = _presets(row)
    return None


def download(head: Head, form: str) -> StreamingHttpResponse:
    """Answer with a statement as a file, written while it is read."""
    pieces = statement_files.pieces(head=head, form=form)
    answer = StreamingHttpResponse(pieces, content_type=statement_files.TYPES[form])
    name = statement_files.name(head, form)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _sums(head: Head, row: LedgerAccount) -> sections.Facts:
    return sections.Facts(
        "Sums",
        [
            ("Account", chips.link(row, head.name)),
            ("Period", f"{head.since:%Y-%m-%d %H:%M} until {head.until:%Y-%m-%d %H:%M} UTC"),
            ("Days of", head.time_zone),
            ("Opening balance", chips.money(head.opening, head.currency)),
            ("Moved", chips.money(head.moved, head.currency, signed=True)),
            ("Closing balance", chips.money(head.closing, head.currency)),
            ("Balance now", chips.money(row.balance, head.currency)),
        ],
    )


def _kinds(head: Head) -> sections.Table:
    return sections.Table(
        "By kind",
        ("Kind", "Movements", "In", "Out", "Net"),
        [
            (
                statement_files.kind_label(one.kind), f"{one.n:,}", chips.money(one.came),
                chips.money(one.went), chips.money(one.net, signed=True),
            )
            for one in head.kinds
        ],
        empty="Nothing moved in this period.",
        wide=False,
    )  # fmt: skip


def _lines(head: Head, found: list[Line], more: str) -> sections.Table:
    zone = ZoneInfo(head.time_zone)
    return sections.Table(
        "Movements",
        ("When", "Kind", "Cause", "Other account", "Amount", "Balance"),
        [
            (
                f"{line.at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
                statement_files.kind_label(line.kind),
                _cause(line), line.other, chips.money(line.amount, signed=True),
                chips.money(line.balance),
            )
            for line in found[:LINES]
        ],
        empty="Nothing moved in this period.",
        note=f"Times of {head.time_zone}.",
        more=("Later movements", more) if more else None,
    )  # fmt: skip


def _cause(line: Line) -> Any:
    """Show the cause; it leads to the transfer, which leads to its settlement and bet."""
    url = reverse("admin:settlements_ledgertransfer_change", args=[line.id])
    return format_html('<a class="cl-link" href="{}">{}</a>', url, line.cause)


def _presets(row: LedgerAccount) -> list[tuple[str, str]]:
    """Return the periods that are asked for most, with where they are shown."""
    first, today = periods.month_of(at=timezone.now(), time_zone=row.bankroll.time_zone)
    yesterday, last = today - timedelta(days=1), first - timedelta(days=1)
    spans = {
        "Today": (today, today),
        "Yesterday": (yesterday, yesterday),
        "This month": (first, today),
        "Last month": (last.replace(day=1), last),
        "This year": (today.replace(month=1, day=1), today),
    }
    return [(name, address(row, first=a, last=b)) for name, (a, b) in spans.items()]


def _button(title: str, url: str, icon: str = "receipt_long") -> dict[str, Any]:
    return {"title": title, "icon": icon, "url": url, "is_dangerous": False}


def _on_bankroll(bankroll: Bankroll) -> list[sections.Section]:
    """Show where a bankroll's money lies, each account with its statement."""
    return [
        sections.Table(
            "Accounts",
            ("Account", "Balance", ""),
            [
                (
                    chips.link(one, one.title),
                    chips.money(one.balance, one.currency),
                    format_html('<a class="cl-link" href="{}">Statement</a>', address(one)),
                )
                for one in stating.of_bankroll(bankroll)
            ],
            empty="Its accounts are opened with its first deposit.",
            wide=False,
        )
    ]  # fmt: skip


sections.offer(Bankroll, permission=PERMISSION, make=_on_bankroll)
