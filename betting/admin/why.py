"""Why no bets: a day's funnel; and what a strategy would bet now."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html

from betting.admin import common
from betting.models import Decision, Strategy
from betting.services import explaining
from monitoring.desk import chips, sections
from monitoring.desk.pages import list_url
from monitoring.errors import Refused

NAME, PREVIEW = "betting_why_no_bets", "betting_strategy_preview"
MISSES, SHOWN = 20, 200


class Asked(forms.Form):
    """Which day, and whose; today, and all but replays, where nothing is chosen."""

    day = forms.DateField(
        label="Day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        validators=[MinValueValidator(explaining.DAYS[0]), MaxValueValidator(explaining.DAYS[1])],
    )
    strategy = forms.ModelChoiceField(
        Strategy.objects.select_related("bankroll", "pipeline").order_by("name"),
        required=False,
        empty_label="All but replays",
    )


def urls() -> list[Any]:
    view = admin.site.admin_view
    return [
        path("why-no-bets/", view(page), name=NAME),
        path("<int:pk>/preview/", view(preview), name=PREVIEW),
    ]


def address(strategy: Strategy | None = None) -> str:
    url = reverse(f"admin:{NAME}")
    return f"{url}?strategy={strategy.pk}" if strategy else url


def page(request: HttpRequest) -> HttpResponse:
    """Answer the account of a betting day."""
    _allow(request)
    form = Asked(request.GET)
    chosen = form.cleaned_data if form.is_valid() else {}
    found = explaining.account(
        now=timezone.now(),
        day=chosen.get("day"),
        strategy=chosen.get("strategy"),
        nearest=MISSES,
    )
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "opts": Decision._meta,
        "title": "Why no bets?",
        "form": form,
        "desk_sections": [
            _funnel(found),
            _before(found),
            _refused(found),
            _misses(found),
            _shopping(found),
            _books(found),
        ],
        "desk_chips": _origins(found),
        "desk_buttons": [],
    }
    return TemplateResponse(request, "betting/why.html", context)


def _origins(found: explaining.Account) -> list[Any]:
    """Say whose decisions these are: real ones, simulated ones, or both."""
    kinds = sorted({(one.seen.is_simulated, one.seen.is_replay) for one in found.stood})
    return [chips.origin(is_simulated=sim, is_replay=replay) for sim, replay in kinds]


def _allow(request: HttpRequest) -> None:
    if not request.user.has_perm("betting.view_decision"):
        raise PermissionDenied


def words(code: str) -> str:
    """Return a code as people read it: "EDGE_TOO_SMALL" is "Edge too small"."""
    return code.replace("_", " ").capitalize()


def _funnel(found: explaining.Account) -> sections.Html:
    """Draw each step as a bar: what went on, and in front of it what stopped there."""
    funnel = found.funnel
    whole = max(funnel.candidates, 1)
    rows: list[dict[str, Any]] = [
        {"name": "Considered", "left": funnel.candidates, "kind": "good"},
        *(
            {
                "name": words(step.reason),
                "count": step.count,
                "left": step.left,
                "failed": step.failed,
                "alone": step.alone,
                "url": _decisions(found, reason__exact=step.reason, show="passes"),
            }
            for step in funnel.steps
        ),
        {"name": "Decided to bet", "left": funnel.bets, "kind": "good"},
        {"name": "Sent to a book", "left": funnel.sent, "kind": "good"},
    ]
    for row in rows:
        row["width"] = round(100 * row["left"] / whole, 2)
        row["lost"] = round(100 * row.get("count", 0) / whole, 2)
    html = render_to_string("betting/funnel.html", {"rows": rows, "funnel": funnel})
    title = f"{found.since:%A %d %B %Y}, {found.time_zone}"
    return sections.Html(title, html)


def _decisions(found: explaining.Account, **query: object) -> str:
    if found.strategy:
        query["strategy__id__exact"] = found.strategy.pk
    return list_url(Decision, **query)


def _before(found: explaining.Account) -> sections.Table:
    return sections.Table(
        "What there was to decide on",
        ("Strategy", "Stage", "Events", "Looked at", "Foretold", "With prices", "Decided", "Why"),
        [
            (
                _strategy(one.seen.strategy_id, one.seen.strategy), one.seen.stage,
                one.seen.events, one.seen.looked_at, one.seen.foretold, one.seen.priced,
                one.seen.decided,
                "; ".join(cause.text for cause in one.causes) or "Nothing stood in between",
            )
            for one in found.stood
        ],
        empty="There is no strategy.",
        note="Events whose stage lies in this day; predictions of the version that serves now.",
    )  # fmt: skip


def _strategy(pk: int, name: str) -> Any:
    url = reverse("admin:betting_strategy_change", args=[pk])
    return format_html('<a class="cl-link" href="{}">{}</a>', url, name)


def _refused(found: explaining.Account) -> sections.Table:
    funnel = found.funnel
    rows = [("Refused", words(rule), count) for rule, count in sorted(funnel.refusals.items())]
    rows += [("Sent", words(status), count) for status, count in sorted(funnel.placed.items())]
    if funnel.waiting:
        rows.append(("Waiting", "To be placed", funnel.waiting))
    return sections.Table(
        "What became of the bets", ("At placing", "Rule or state", "Bets"), rows,
        empty="Nothing was decided to bet.",
    )  # fmt: skip


def _misses(found: explaining.Account) -> sections.Table:
    return sections.Table(
        "Nearest misses",
        ("Selection", "Strategy", "Stopped by", "Price", "Missed by", "It wanted"),
        [
            (
                chips.two_lines(_decision(miss), miss.event), miss.strategy, words(miss.reason),
                f"{miss.price or '–'} {miss.book or ''}", chips.percent(miss.missing), miss.needed,
            )
            for miss in found.nearest
        ],
        empty="No candidate was stopped by one filter alone.",
        note="Passes that one filter alone stopped, by the distance as a share of its bound.",
    )  # fmt: skip


def _decision(miss: explaining.Miss) -> Any:
    url = reverse("admin:betting_decision_change", args=[miss.decision])
    return format_html('<a class="cl-link" href="{}">{}</a>', url, miss.selection)


def _shopping(found: explaining.Account) -> sections.Table:
    return sections.Table(
        "Better prices elsewhere",
        ("Strategy", "Bets", "With a better price", "Better by", "Would have paid more",
         "Expected of it", "Passes worth a bet there"),
        [
            (
                _strategy(row.strategy_id, row.strategy), row.bets, row.bettered,
                chips.percent(row.missed, places=2), chips.money(row.winnings, row.currency),
                f"{row.expected:.2f}", row.lost,
            )
            for row in found.shopped
        ],
        empty="Nothing was decided.",
        note="At enabled books with a fresh price, also those that the strategy may not use.",
    )  # fmt: skip


def _books(found: explaining.Account) -> sections.Table:
    names = {row.strategy_id: row.strategy for row in found.shopped}
    return sections.Table(
        "Books beside the best price",
        ("Strategy", "Book", "Quoted", "Taken", "Best, not taken", "Behind the best",
         "Would have paid more", "Not taken because"),
        [
            (
                names.get(row.strategy_id, ""), row.book, row.offered, row.taken, row.bettered,
                chips.percent(row.behind, places=2), chips.money(row.winnings),
                words(row.why) if row.why else chips.NOTHING,
            )
            for row in found.shopped_books
        ],
        empty="No bet was decided.",
    )  # fmt: skip


def preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer what a strategy would bet now; nothing is written."""
    _allow(request)
    strategy = Strategy.objects.select_related("bankroll", "pipeline").filter(pk=pk).first()
    if strategy is None:
        raise Http404("It is not there (any more).")
    try:
        parts = _previewed(explaining.preview(strategy=strategy, now=timezone.now()))
    except Refused as no:
        parts = [sections.Text("Refused", str(no), tone="bad")]
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "opts": Strategy._meta,
        "original": strategy,
        "title": f"What {strategy} would bet now",
        "desk_sections": parts,
        "desk_chips": [common.origin(strategy.bankroll), chips.chip("Nothing is written")],
        "desk_buttons": [],
    }
    return TemplateResponse(request, "desk/facts.html", context)


def _previewed(found: explaining.Preview) -> list[sections.Section]:
    why_none = "; ".join(cause.text for cause in found.causes)
    passes = [one for one in found.candidates if one not in found.bets]
    cut = " There are more predictions than were looked at." if found.is_cut else ""
    return [
        _candidates("Bets", found.bets, empty="Nothing, at the prices of this moment."),
        _candidates(
            "Passes", passes[:SHOWN],
            empty=f"No prediction of a coming event: {why_none}" if why_none else "None.",
            note=f"{len(passes)} passes, the first {min(len(passes), SHOWN)} shown.{cut}",
        ),
    ]  # fmt: skip


def _candidates(
    title: str, rows: Sequence[explaining.Candidate], *, empty: str, note: str = ""
) -> sections.Table:
    return sections.Table(
        title,
        ("Selection", "Start", "Probability", "Price", "Edge", "Kelly", "Stake", "Why",
         "All that speaks against it"),
        [
            (
                chips.two_lines(one.selection, one.event), one.starts_at,
                chips.percent(one.decision.probability),
                f"{one.decision.price or '–'} {one.book or ''}",
                chips.percent(one.decision.edge, signed=True),
                chips.percent(one.decision.chain.get("kelly")),
                chips.money(one.decision.stake) if one.decision.stake else chips.NOTHING,
                words(one.decision.reason),
                ", ".join(words(code) for code in one.decision.chain.get("failed", ())) or "–",
            )
            for one in rows
        ],
        empty=empty,
        note=note,
    )  # fmt: skip
