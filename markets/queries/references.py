"""Whose close is believed: the rules that operators made, and the ranks of the books."""

from collections.abc import Collection, Mapping

from markets.domain import references
from markets.models import Book, Event, ReferenceRule


def rules() -> references.Rules:
    """Return every rule by competition and kind."""
    rows = ReferenceRule.objects.values_list("competition_id", "kind", "chain", "method")
    return {
        (competition, kind): references.Rule(tuple(chain), method)
        for competition, kind, chain, method in rows
    }


def ranked() -> Mapping[bool, references.Rule]:
    """Return whom to ask where no rule says it, of real and of simulated competitions."""
    rows = Book.objects.filter(reference_rank__isnull=False).order_by("reference_rank")
    found: dict[bool, list[str]] = {False: [], True: []}
    for code, is_simulated in rows.values_list("code", "is_simulated"):
        found[is_simulated].append(code)
    return {
        which: references.Rule((*codes, references.CONSENSUS)) for which, codes in found.items()
    }


def competitions_of(event_ids: Collection[int]) -> Mapping[int, tuple[int, bool]]:
    """Return the competition of each event, and whether it is simulated."""
    rows = Event.objects.filter(pk__in=list(event_ids))
    columns = ("pk", "competition_id", "competition__is_simulated")
    return {pk: (competition, is_sim) for pk, competition, is_sim in rows.values_list(*columns)}
