"""Saying by which terms books settle a kind of market: the same words, the same terms.

Legs of an arbitrage stand at books of the same terms alone, so where nobody says, none is taken.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from betting.domain import arbitrage
from betting.models import BookRule, SettlingTerms
from markets.models import Book, Sport
from monitoring.errors import Refused
from monitoring.services import audit

LONGEST_REASON = 250
LONGEST_TERMS = 120


class TermsRefused(Refused):
    """Terms cannot be said so."""


def set_terms(
    *, sport_id: int, kind: str, book_ids: Collection[int], terms: str, reason: str, actor: str,
    now: datetime,
) -> list[SettlingTerms]:  # fmt: skip
    """Say by which terms books settle a kind of market; "" takes back what was said.

    Returns the rows that stand for these books now.

    Raises:
        TermsRefused: no reason, no such sport, kind or book, or text that is too long.
    """
    why, told = _plain("reason", reason, LONGEST_REASON), _plain("terms", terms, LONGEST_TERMS)
    if not why:
        raise TermsRefused("reason: say why, it is kept in the audit")
    if kind not in arbitrage.KINDS:
        raise TermsRefused(f"kind: one of {', '.join(arbitrage.KINDS)}")
    with transaction.atomic():
        sport = Sport.objects.filter(pk=sport_id).first()
        books = list(Book.objects.select_for_update(of=("self",)).filter(pk__in=set(book_ids)))
        if sport is None or not books or len(books) != len(set(book_ids)):
            raise TermsRefused("there is no such sport or book")
        rows = SettlingTerms.objects.filter(sport=sport, kind=kind, book__in=books)
        before = {row.book_id: row.terms for row in rows}
        if told:
            for book in books:
                SettlingTerms.objects.update_or_create(
                    sport=sport,
                    kind=kind,
                    book=book,
                    defaults={
                        "terms": told, "reason": why, "changed_by": actor, "changed_at": now,
                    },
                )  # fmt: skip
        else:
            rows.delete()
        audit.record_all(
            actor=actor,
            action="betting.set_settling_terms",
            at=now,
            details={
                audit.label(book): {
                    "sport": sport.code,
                    "kind": kind,
                    "reason": why,
                    "before": before.get(book.pk, ""),
                    "after": told,
                }
                for book in books
            },
        )
        return list(rows.all().order_by("pk"))


@dataclass(frozen=True, slots=True)
class Known:
    """By which terms books settle, as far as somebody said or wrote down."""

    said: Mapping[tuple[int, str], Mapping[int, str]]
    written: Mapping[int, str]

    def of(self, *, sport_id: int, kind: str) -> dict[int, str]:
        """Return the terms by book; a book is left out of which nobody says."""
        return {**self.written, **self.said.get((sport_id, kind), {})}


def known() -> Known:
    """Return what is known of all books; two queries."""
    said: dict[tuple[int, str], dict[int, str]] = {}
    rows = SettlingTerms.objects.values_list("sport_id", "kind", "book_id", "terms")
    for sport_id, kind, book_id, told in rows:
        terms = arbitrage.terms_of(told=told, push_rule="", overtime_rule="")
        said.setdefault((sport_id, kind), {})[book_id] = terms
    return Known(said, _written())


def _written() -> dict[int, str]:
    """Return the terms of the books whose own rules are written down whole."""
    rows = BookRule.objects.values_list("book_id", "push_rule", "overtime_rule")
    found = {
        book_id: arbitrage.terms_of(told="", push_rule=push, overtime_rule=overtime)
        for book_id, push, overtime in rows
    }
    return {book_id: terms for book_id, terms in found.items() if terms}


def _plain(name: str, text: str, longest: int) -> str:
    kept = " ".join(text.split())
    if len(kept) > longest or not kept.isprintable():
        raise TermsRefused(f"{name}: plain text of at most {longest} characters")
    return kept
