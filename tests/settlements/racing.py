"""Races with their runners, and bets that a file told with their ends."""

from datetime import timedelta

from betting.models import BetImport, BetMapping, TrackedBet
from markets.models import Market, Participant, RunnerResult, Selection
from tests.settlements.builders import KICK_OFF, NOON, a_result, an_accepted_bet, an_event


def a_race(*names, kind="WIN", **market):
    """Return the runners of a race by name."""
    event = an_event()
    runners = {}
    question = Market.objects.create(event=event, kind=kind, **market)
    for name in names:
        horse = Participant.objects.create(
            sport=event.competition.sport, name=f"{name} {event.pk}", kind="RUNNER"
        )
        runners[name] = Selection.objects.create(
            market=question, role="RUNNER", participant=horse, name=name
        )
    return runners


def came_in(runners, **places):
    """Tell how the runners came in; those of the same position are tied."""
    selection = next(iter(runners.values()))
    result = a_result(
        selection.market.event, has_runners=True, known_at=KICK_OFF + timedelta(hours=1)
    )
    RunnerResult.objects.bulk_create(
        [
            RunnerResult(result=result, participant=runners[name].participant, position=position)
            for name, position in places.items()
        ]
    )
    return result


def an_import(rules="tips_at_sp"):
    mapping, _ = BetMapping.objects.get_or_create(
        name="theirs", defaults={"spec": {}, "changed_by": "t", "changed_at": NOON}
    )
    return BetImport.objects.create(
        mapping=mapping, spec={"rules": rules} if rules else {}, file="f", sha256="0",
        imported_by="t", imported_at=NOON, rows=1, made=1, unchanged=0, refused=0,
    )  # fmt: skip


def a_told_bet(selection, told, *, rules="tips_at_sp", rate=None, imported=None, **fields):
    imported = imported or an_import(rules)
    bet = an_accepted_bet(selection, venue="imported", **fields)
    TrackedBet.objects.create(
        bet=bet, reference=f"f:{bet.pk}", recorded_by="t", recorded_at=NOON, imported=imported,
        row=1, told_outcome=told, told_commission=rate,
    )  # fmt: skip
    return bet
