"""Recording a bet by hand: search the event, fill in the slip, see what it risks, record it."""

import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from betting import queries
from betting.domain.recorded import Terms
from betting.domain.rules import Broken
from betting.models import Bankroll, Bet
from betting.services import exporting, finding, recording
from betting.services.exporting import Choice
from betting.services.recording import BetRefused, Told
from markets.models import Book, Event, Market, Selection
from monitoring.desk import chips, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.fields import MoneyField
from monitoring.desk.pages import actor_of, row_url

PERMISSION = "betting.add_bet"
_KINDS = Market.Kind.values  # the plainest question first
NAME, EXPORT = "betting_bet_record", "betting_bet_export"


def _price(**options: Any) -> forms.DecimalField:
    widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"})
    return forms.DecimalField(min_value=1, max_digits=9, decimal_places=3, widget=widget, **options)


def _moment(**options: Any) -> forms.DateTimeField:
    widget = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
    return forms.DateTimeField(required=False, widget=widget, **options)


class SlipForm(forms.Form):
    """What the slip says."""

    selection = forms.TypedChoiceField(coerce=int, widget=UnfoldAdminSelectWidget())
    side = forms.ChoiceField(choices=Bet.Side.choices, widget=UnfoldAdminSelectWidget())
    bankroll = forms.ModelChoiceField(Bankroll.objects.none(), widget=UnfoldAdminSelectWidget())
    book = forms.ModelChoiceField(Book.objects.none(), widget=UnfoldAdminSelectWidget())
    price = _price(help_text="Decimal: 2.50.")
    stake = MoneyField(help_text="The backer's, also of a lay: a lay risks stake × (price − 1).")
    placed_at = _moment(help_text="Empty: now. Of an event that began, the time before its start.")
    is_accepted = forms.BooleanField(
        required=False,
        initial=True,
        label="The book took it",
        widget=UnfoldBooleanSwitchWidget(),
        help_text="Off: it reserves its money, and may be changed until it is taken.",
    )
    beyond_limits = forms.BooleanField(
        required=False,
        label="Even beyond limits",
        widget=UnfoldBooleanSwitchWidget(),
        help_text="Only of a bet that stands already: what it breaks is kept with it and audited.",
    )
    note = forms.CharField(
        required=False, max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    reference = forms.CharField(
        max_length=120,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The slip's own number, if it has one: the same one twice is the same bet.",
    )

    def __init__(self, *args: Any, event: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        simulated = event.competition.is_simulated
        rows = Selection.objects.filter(market__event=event).select_related("market__participant")
        fields: Any = self.fields
        in_order = rows.order_by("market__kind", "market__line", "market_id", "pk")[:1000]
        fields["selection"].choices = [
            (row.pk, f"{row.market}: {row}")
            for row in sorted(in_order, key=lambda row: _KINDS.index(row.market.kind))
        ]
        mine = Bankroll.objects.filter(replay=None, is_simulated=simulated).order_by("name")
        fields["bankroll"].queryset = mine
        if len(some := mine[:2]) == 1:
            fields["bankroll"].initial = some[0]
        fields["book"].queryset = Book.objects.filter(
            is_enabled=True, kind__in=(*Book.TAKES_BETS, Book.Kind.STARTING)
        ).order_by("name")
        fields["reference"].initial = f"manual-{uuid.uuid4().hex[:16]}"

    @property
    def told(self) -> Told:
        values = self.cleaned_data
        return Told(
            bankroll_id=values["bankroll"].pk,
            selection_id=values["selection"],
            book_id=values["book"].pk,
            **{name: values[name] for name in ("side", "price", "stake", "placed_at")},
            reference=values["reference"],
            note=values["note"],
        )


class ChangeForm(ReasonForm):
    """What is to change; empty fields stay as they are."""

    price = _price(required=False)
    stake = MoneyField(required=False)
    placed_at = _moment()
    field_order = ("price", "stake", "placed_at", "reason")


def change(asked: Asked) -> Done:
    told = {name: asked.values[name] for name in ("price", "stake", "placed_at")}
    bet = recording.change(
        bet_id=asked.row.pk,
        actor=asked.actor,
        reason=asked.reason,
        now=asked.now,
        **{name: value for name, value in told.items() if value is not None},
    )
    return Done(f"Changed: {bet}, {bet.liability} at risk.")


def accept(asked: Asked) -> Done:
    for row in asked.rows:
        recording.accept(bet_id=row.pk, actor=asked.actor, now=asked.now)
    return Done("Accepted.")


def void(asked: Asked) -> Done:
    for row in asked.rows:
        recording.void(bet_id=row.pk, actor=asked.actor, reason=asked.reason, now=asked.now)
    return Done("Void: what it reserved is free again.")


def _is_tracked(row: Bet) -> bool:
    return hasattr(row, "tracked")


def _waits(row: Bet) -> bool:
    return _is_tracked(row) and row.status == Bet.Status.RESERVED


ACTIONS = (
    Action(
        name="change",
        title="Change…",
        permission="betting.change_bet",
        consequence="It is held to every rule again, as if it were recorded now.",
        act=change,
        form=ChangeForm,
        valid=_waits,
        invalid="{row} was not recorded by hand, or its book has taken it: void it instead.",
        icon="edit",
    ),
    Action(
        name="accept",
        title="The book took it",
        permission="betting.change_bet",
        consequence="It stands as it is, and is settled by its event's result.",
        act=accept,
        valid=_waits,
        invalid="{row} was not recorded by hand, or is accepted.",
        icon="check_circle",
    ),
    Action(
        name="void",
        title="Void",
        permission="betting.change_bet",
        consequence="It stakes nothing any more and nothing settles it. Its book is told nothing.",
        act=void,
        valid=lambda row: _is_tracked(row) and row.status in Bet.OPEN,
        invalid="{row} was sent to a venue, or is over.",
        icon="block",
        is_dangerous=True,
    ),
)


def _share(share: Decimal | None) -> str:
    return chips.percent(None if share is None else float(share))


def parts(row: Bet) -> list[sections.Section]:
    """Return what is known of a bet that was placed elsewhere."""
    if not _is_tracked(row):
        return []
    told = row.tracked
    items = [
        ("Reference", told.reference),
        ("Note", told.note),
        ("Recorded by", told.recorded_by),
        ("Recorded", told.recorded_at),
        ("Import", told.imported),
        ("Row of its file", told.row),
        *(("Beyond a limit", each) for each in told.beyond),
        ("Published outcome", told.get_told_outcome_display()),
        ("Published profit", told.told_profit),
        ("Published commission", _share(told.told_commission)),
        *((name, value) for name, value in sorted(told.kept.items()) if value),
    ]
    return [sections.Facts("As it was told", items)]


class RecordsBets:
    """The page on which a bet is recorded, beside the list of bets."""

    admin_site: Any
    model: Any

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.record_view)
        out = self.admin_site.admin_view(self.export_view)
        return [
            path("record/", view, name=NAME),
            path("export/", out, name=EXPORT),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def export_view(self, request: HttpRequest) -> Any:
        """Answer with all bets that were taken as a file; the API and a command choose."""
        if not request.user.has_perm("betting.view_bet"):
            raise PermissionDenied
        bets = exporting.chosen(Choice())
        answer = StreamingHttpResponse(exporting.pieces(bets), content_type="text/csv")
        answer["Content-Disposition"] = 'attachment; filename="bets.csv"'
        return answer

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Offer recording a bet first among the buttons above the list."""
        page: Any = self
        download = {"title": "Export CSV", "icon": "download", "url": reverse(f"admin:{EXPORT}")}
        buttons = [page._button(one, page._url(one)) for one in page._offered(request, "table")]
        if request.user.has_perm(PERMISSION):
            url = reverse(f"admin:{NAME}")
            mine = {"title": "Record a bet…", "icon": "edit_note", "url": url}
            buttons = [{**mine, "is_dangerous": False}, *buttons]
        buttons.append({**download, "is_dangerous": False})
        context = {"desk_buttons": buttons, **(extra_context or {})}
        return super().changelist_view(request, context)  # type: ignore[misc]

    def record_view(self, request: HttpRequest) -> HttpResponse:
        """Search the event; with one chosen, fill in the slip, check it, record it."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        event = _chosen(request)
        form: SlipForm | None = None
        shown: list[sections.Section] = []
        if event is not None:
            asked = request.POST if request.method == "POST" else None
            form = SlipForm(asked, event=event)
            if form.is_valid():
                done, shown = _take(request, form)
                if done is not None:
                    return done
        text = request.GET.get("q", "").replace("\x00", "")[:100]
        is_searched = bool(text.strip())
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": "Record a bet",
            "form": form,
            "event": event,
            "q": text,
            "found": finding.events_called(text) if event is None and is_searched else [],
            "coming": []
            if event is not None or is_searched
            else finding.events_coming(now=timezone.now()),
            "desk_sections": shown,
            "here": reverse(f"admin:{NAME}"),
            "cancel_url": reverse("admin:betting_bet_changelist"),
        }
        return TemplateResponse(request, "betting/record_bet.html", context)


def _chosen(request: HttpRequest) -> Event | None:
    key = request.GET.get("event", "")
    if not (key.isascii() and key.isdigit() and len(key) <= 18):
        return None
    return Event.objects.select_related("competition").filter(pk=int(key)).first()


def _take(
    request: HttpRequest, form: SlipForm
) -> tuple[HttpResponse | None, list[sections.Section]]:
    """Record what was filled in, or, where it is only to be checked, say what it risks."""
    try:
        if "record" in request.POST:
            bet, is_new = recording.record(
                told=form.told,
                actor=actor_of(request),
                now=timezone.now(),
                is_accepted=form.cleaned_data["is_accepted"],
                beyond_limits=form.cleaned_data["beyond_limits"],
            )
            text = f"Recorded: {bet}." if is_new else f"It was recorded before: {bet}."
            messages.success(request, text)
            for each in bet.tracked.beyond:
                messages.warning(request, f"It is beyond a limit. {each}")
            return HttpResponseRedirect(row_url(bet)), []
        bankroll = form.cleaned_data["bankroll"]
        broken = recording.allow(
            told=form.told,
            bankroll=bankroll,
            now=timezone.now(),
            beyond_limits=form.cleaned_data["beyond_limits"],
        )
    except BetRefused as no:
        for said in no.message.split("; "):  # each limit in a line of its own
            form.add_error(no.field if no.field in form.fields else None, said)
        return None, []
    return None, [_risk(form.told.terms, bankroll), *_beyond(broken)]


def _beyond(broken: list[Broken]) -> list[sections.Section]:
    if not broken:
        return []
    rows = [(each.code, each.numbers) for each in broken]
    return [sections.Table("Limits that it is beyond", ("Limit", "What it breaks"), rows)]


def _risk(terms: Terms, bankroll: Bankroll) -> sections.Section:
    free = queries.available(bankroll_id=bankroll.pk)
    currency = bankroll.currency
    return sections.Facts(
        "What it risks",
        [
            ("Liability", chips.money(terms.liability, currency)),
            ("Wins, before commission", chips.money(terms.gain, currency)),
            ("Free now", chips.money(free, currency)),
            ("Free with it", chips.money(free - terms.liability, currency)),
        ],
    )
