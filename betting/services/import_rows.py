"""One portion of an imported file: which bets are known, which are made, which cannot be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from betting.domain.bet_mapping import BetSpec
from betting.domain.bet_rows import RaceTold, RowTold
from betting.domain.recorded import BadBet, Wanted
from betting.domain.rules import Broken
from betting.models import Bankroll, Bet, BetImport, TrackedBet
from betting.models.tracking import IMPORTED
from betting.services import bankrolls, finding, holding, recording
from markets.models import Book, Selection

_SAME = ("bankroll_id", "selection_id", "book_id", "side", "price", "stake", "placed_at")

SHOWN = 10  # new bets of a file


@dataclass(slots=True)
class Done:
    """What became of a portion's rows; ``refused`` says by row why, ``beyond`` what it breaks.

    ``first``: the first new bets, as a person reads them.
    """

    made: int = 0
    unchanged: int = 0
    refused: dict[int, list[BadBet]] = field(default_factory=dict)
    beyond: dict[int, list[Broken]] = field(default_factory=dict)
    first: list[dict[str, Any]] = field(default_factory=list)


def write(
    *,
    rows: Sequence[RowTold],
    spec: BetSpec,
    selections: Mapping[tuple[str, str], int],
    seen: dict[str, int],
    imported: BetImport,
    actor: str,
    now: datetime,
) -> Done:
    """Make the bets of a portion that are not known by their reference yet.

    ``seen``: in which row of the file each reference stood before.
    """
    done = Done()
    purses = _purses(rows, spec, actor=actor, now=now)
    books = Book.objects.in_bulk({row.book for row in rows}, field_name="code")
    chosen = _selections(rows, selections)
    known = _known([row.reference for row in rows])
    new: list[tuple[RowTold, Bet]] = []
    for row in rows:
        try:
            if row.reference in seen:
                raise BadBet(
                    "reference", f"another than row {seen[row.reference]}'s", row.reference
                )
            bet = _bet(row, purses=purses, books=books, chosen=chosen[row.row], now=now)
            if (standing := known.get(row.reference)) is not None:
                _compare(bet, standing, row)
                done.unchanged += 1
            else:
                new.append((row, bet))
            seen[row.reference] = row.row
        except BadBet as bad:
            done.refused[row.row] = [bad]
    done.beyond = _beyond(new, purses, now=now)
    Bet.objects.bulk_create([bet for _, bet in new])
    tracked = [_tracked(row, bet, imported, actor=actor, now=now) for row, bet in new]
    for made in tracked:
        made.beyond = holding.in_words(done.beyond.get(made.row or 0, []))
    TrackedBet.objects.bulk_create(tracked)
    done.made = len(new)
    done.first = [_in_words(row, bet) for row, bet in new[:SHOWN]]
    return done


def _in_words(row: RowTold, bet: Bet) -> dict[str, Any]:
    return {
        "row": row.row,
        "reference": row.reference,
        "event": bet.selection.market.event.name,
        "market": bet.selection.market.get_kind_display(),
        "selection": bet.selection.name,
        "book": bet.book.code,
        "side": bet.side,
        "price": f"{bet.price:.3f}",
        "stake": f"{bet.stake:.2f}",
        "told": row.outcome,
    }


def _beyond(
    new: Sequence[tuple[RowTold, Bet]], purses: Mapping[str, Bankroll], *, now: datetime
) -> dict[int, list[Broken]]:
    """Return by row which limits the bets break that can still lose money, in their order."""
    standing = [(row, bet) for row, bet in new if not row.outcome]
    held = {
        name: holding.Held(bankroll=purses[name], at=now)
        for name in {row.bankroll for row, _ in standing}
    }
    found = {}
    for row, bet in standing:
        if broken := held[row.bankroll].broken(bet):
            found[row.row] = broken
        held[row.bankroll].take(bet)
    return found


def _purses(
    rows: Sequence[RowTold], spec: BetSpec, *, actor: str, now: datetime
) -> dict[str, Bankroll]:
    """Return the bankrolls of the rows, locked; one that may be made is opened on paper."""
    names = {row.bankroll: row.currency for row in rows}
    found = _locked(names)
    missing = {name: code for name, code in names.items() if name not in found}
    if not (missing and spec.bankroll.is_made):
        return found
    for name, currency in missing.items():
        bankrolls.open_bankroll(
            name=name,
            kind=Bankroll.Kind.PAPER,
            currency=currency or "EUR",
            time_zone=spec.placed_at.zone,
            actor=actor,
            now=now,
        )
    return _locked(names)


def _locked(names: Mapping[str, str]) -> dict[str, Bankroll]:
    rows = Bankroll.objects.select_for_update(of=("self",)).filter(name__in=names)
    return {row.name: row for row in rows.order_by("pk")}


def _selections(
    rows: Sequence[RowTold], selections: Mapping[tuple[str, str], int]
) -> dict[int, Selection | BadBet]:
    """Return what each row bets on, by its number."""
    found: dict[int, Selection | BadBet] = {}
    named = [(row.row, row.selection) for row in rows if isinstance(row.selection, Wanted)]
    results = finding.find_all([wanted for _, wanted in named]) if named else []
    found |= {number: result for (number, _), result in zip(named, results, strict=True)}
    told = {
        row.row: selections.get((row.selection.market_id, row.selection.runner_id))
        for row in rows
        if isinstance(row.selection, RaceTold)
    }
    by_id = Selection.objects.select_related("market__event__competition").in_bulk(
        {pk for pk in told.values() if pk is not None}
    )
    for number, pk in told.items():
        unknown = BadBet("selection", "a runner that can be told for certain")
        found[number] = unknown if pk is None else by_id[pk]
    return found


def _known(references: Sequence[str]) -> dict[str, Bet]:
    """Return the bets that bear a reference already, ours among them."""
    rows = Bet.objects.filter(
        Q(tracked__reference__in=references) | Q(tracked=None, client_ref__in=references)
    ).select_related("tracked")
    return {bet.tracked.reference if hasattr(bet, "tracked") else bet.client_ref: bet
            for bet in rows}  # fmt: skip


def _bet(
    row: RowTold,
    *,
    purses: Mapping[str, Bankroll],
    books: Mapping[str, Book],
    chosen: Selection | BadBet,
    now: datetime,
) -> Bet:
    """Return the bet that a row tells of, not saved yet.

    Raises:
        BadBet: it names something unknown, or what does not belong together.
    """
    if isinstance(chosen, BadBet):
        raise chosen
    if (bankroll := purses.get(row.bankroll)) is None:
        raise BadBet("bankroll", "a bankroll that is known", row.bankroll)
    if (book := books.get(row.book)) is None:
        raise BadBet("book", "the code of a known book", row.book)
    _belongs(row, bankroll, book, chosen, now=now)
    return Bet(
        bankroll=bankroll,
        selection=chosen,
        book=book,
        venue=IMPORTED,
        client_ref=recording.client_ref(row.reference),
        side=row.side,
        price=row.price,
        stake=row.stake,
        liability_asked=row.told_stake if row.is_liability else None,
        status=Bet.Status.ACCEPTED,
        placed_at=row.placed_at,
        reserved_at=now,
        answered_at=now,
    )


def _belongs(
    row: RowTold, bankroll: Bankroll, book: Book, selection: Selection, *, now: datetime
) -> None:
    event = selection.market.event
    start = min(event.starts_at, event.started_at or event.starts_at)
    if bankroll.kind == Bankroll.Kind.REPLAY:
        raise BadBet("bankroll", "a bankroll that is no replay's", row.bankroll)
    if row.currency and row.currency != bankroll.currency:
        raise BadBet("currency", f"{bankroll.currency} as the bankroll's", row.currency)
    if event.competition.is_simulated != bankroll.is_simulated:
        raise BadBet("event", "simulated events for simulated money alone", event.name)
    if book.kind in (Book.Kind.AGGREGATE, Book.Kind.RATED):
        raise BadBet("book", "a book that takes bets", book.code)
    if row.placed_at > now:
        raise BadBet("placed_at", "a time that is not ahead", row.placed_at.isoformat())
    if row.placed_at >= start:
        expected = f"a time before the event's start, {start:%Y-%m-%d %H:%M} UTC"
        raise BadBet("placed_at", expected, row.placed_at.isoformat())


def _compare(bet: Bet, standing: Bet, row: RowTold) -> None:
    """Ask that a bet that is known is told as it stands.

    Raises:
        BadBet: it is another bet.
    """
    others = [
        name.removesuffix("_id") for name in _SAME if getattr(bet, name) != getattr(standing, name)
    ]
    if others:
        raise BadBet(
            "reference", f"the bet that bears it: {', '.join(others)} differ", row.reference
        )


def _tracked(
    row: RowTold, bet: Bet, imported: BetImport, *, actor: str, now: datetime
) -> TrackedBet:
    return TrackedBet(
        bet=bet,
        reference=row.reference,
        note=row.note,
        recorded_by=actor,
        recorded_at=now,
        imported=imported,
        row=row.row,
        told_stake=row.told_stake,
        is_stake_liability=row.is_liability,
        told_outcome=row.outcome,
        told_commission=row.commission,
        told_profit=row.profit,
        kept=dict(row.kept),
    )
