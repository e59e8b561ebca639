"""Letting a strategy go on to the next phase, by two people, or back at once, by anybody."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from betting.domain import phases
from betting.domain.phases import Criterion
from betting.models import PhaseChange, Strategy
from betting.queries import phases as queries
from monitoring import thresholds
from monitoring.domain.thresholds import declare
from monitoring.errors import Refused
from monitoring.models import User
from monitoring.services import audit

Phase, State = Strategy.Phase, PhaseChange.State
LONGEST = 250  # characters of a reason
BETS = declare(
    "betting.phase-bets", 50, "bets",
    "So many settled bets of its phase a strategy needs before it may go on to the next one.",
    lowest=1, highest=10_000, is_whole=True,
)  # fmt: skip
YIELD = declare(
    "betting.phase-yield", 0.05, "share",
    "Above this yield of its phase's bets a strategy may go on to the next phase.",
    lowest=-1, highest=1,
)  # fmt: skip
FILL_RATE = declare(
    "betting.phase-fill-rate", 0.75, "share",
    "Above this share of its phase's bets that the venues took a strategy may go on.",
    lowest=0, highest=0.99,
)  # fmt: skip
IS_SURE = declare(
    "betting.phase-sure", 0, "",
    "Whether (1) the whole 95 % interval of yield and fill rate must lie above its bound before a"
    " strategy goes on, or (0) the value.",
    lowest=0, highest=1, is_whole=True,
)  # fmt: skip


class PhaseRefused(Refused):
    """This strategy does not change its phase so."""


def criteria(*, strategy: Strategy) -> tuple[Criterion, ...]:
    """Hold the bets of the strategy's phase against what is asked before it goes on."""
    return phases.criteria(
        phase=strategy.phase, record=queries.record(strategy=strategy), bounds=_bounds()
    )


def waiting() -> QuerySet[PhaseChange]:
    """Return what is asked and waits for a second person, the oldest first."""
    return queries.changes().filter(state=State.ASKED).order_by("pk")


def ask(*, strategy_id: int, user_id: int, actor: str, reason: str, now: datetime) -> PhaseChange:
    """Ask that a strategy may go on to the next phase; somebody else has to approve it.

    Raises:
        PhaseRefused: no reason, no such strategy, a replay's, no phase after its own, it is asked
            already, or a criterion is not met; each of those is named.
    """
    reason = _reason(reason)
    with transaction.atomic():
        strategy = _locked(strategy_id)
        wanted = phases.following(strategy.phase)
        if wanted is None:
            raise PhaseRefused(f"{strategy} is in production: no phase comes after it")
        if standing := _open(strategy).first():
            raise PhaseRefused(f"{standing.asked_by} has asked already (#{standing.pk})")
        seen = criteria(strategy=strategy)
        _need_met(strategy, seen)
        change = PhaseChange.objects.create(
            strategy=strategy,
            former=strategy.phase,
            wanted=wanted,
            reason=reason,
            criteria=[one.as_dict() for one in seen],
            asked_by=actor,
            asked_by_user_id=user_id,
            asked_at=now,
        )
        _record(change, action="strategy.phase_asked", actor=actor, now=now, reason=reason)
    return change


def approve(
    *, change_id: int, user_id: int, actor: str, now: datetime, reason: str = ""
) -> PhaseChange:
    """Let a strategy go on, as another person than who asked; its bets are looked at once more.

    Raises:
        PhaseRefused: no such question, it is closed, the wrong person, the phase is another by
            now, or a criterion is no longer met.
    """
    with transaction.atomic():
        change, strategy = _asked(change_id)
        _need_other(change, user_id=user_id)
        if strategy.phase != change.former:
            raise PhaseRefused(f"{strategy} is not in {change.former} any more")
        seen = criteria(strategy=strategy)
        _need_met(strategy, seen)
        change.criteria = [one.as_dict() for one in seen]
        change.decided_by_user_id = user_id
        _close(change, state=State.MADE, actor=actor, note=reason, now=now)
        _enter(strategy, change.wanted)
        _record(change, action="strategy.phase_advanced", actor=actor, now=now, reason=reason)
    return change


def turn_down(*, change_id: int, actor: str, reason: str, now: datetime) -> PhaseChange:
    """Close a question: the strategy stays where it is; who asked may take it back so.

    Raises:
        PhaseRefused: no reason, no such question, or it is closed.
    """
    reason = _reason(reason)
    with transaction.atomic():
        change, _ = _asked(change_id)
        _close(change, state=State.TURNED_DOWN, actor=actor, note=reason, now=now)
        _record(change, action="strategy.phase_turned_down", actor=actor, now=now, reason=reason)
    return change


def fall_back(
    *, strategy_id: int, actor: str, reason: str, now: datetime, to: str | None = None
) -> PhaseChange:
    """Put a strategy back into an earlier phase at once: the one before, unless told.

    A question that is open is closed.  Bets that stand stay, and are settled.

    Raises:
        PhaseRefused: no reason, no such strategy, a replay's, or no earlier phase.
    """
    reason = _reason(reason)
    with transaction.atomic():
        strategy = _locked(strategy_id)
        earlier = [phase for phase in phases.ORDER if phases.is_below(phase, strategy.phase)]
        wanted = to or (earlier[-1] if earlier else "")
        if wanted not in earlier:
            told = f"{wanted} is not before it" if wanted else "no phase comes before it"
            raise PhaseRefused(f"{strategy} is in {strategy.phase}: {told}")
        for standing in _open(strategy):
            note = f"fell back: {reason}"[:LONGEST]
            _close(standing, state=State.TURNED_DOWN, actor=actor, note=note, now=now)
        change = PhaseChange(
            strategy=strategy,
            former=strategy.phase,
            wanted=wanted,
            reason=reason,
            criteria=[one.as_dict() for one in criteria(strategy=strategy)],
            asked_by=actor,
            asked_at=now,
            state=State.MADE,
            decided_by=actor,
            decided_at=now,
        )
        change.save(force_insert=True)
        _enter(strategy, wanted)
        _record(change, action="strategy.phase_fell_back", actor=actor, now=now, reason=reason)
    return change


def _bounds() -> phases.Bounds:
    return phases.Bounds(
        bets=thresholds.whole(BETS),
        yield_=thresholds.value(YIELD),
        fill_rate=thresholds.value(FILL_RATE),
        is_sure=bool(thresholds.whole(IS_SURE)),
    )


def _locked(strategy_id: int) -> Strategy:
    rows = Strategy.objects.select_for_update(of=("self",)).select_related("bankroll")
    strategy = rows.filter(pk=strategy_id).first()
    if strategy is None:
        raise PhaseRefused(f"there is no strategy #{strategy_id}")
    if strategy.bankroll.replay_id is not None:
        raise PhaseRefused(f"{strategy} belongs to a replay, which risks no money")
    return strategy


def _open(strategy: Strategy) -> QuerySet[PhaseChange]:
    return PhaseChange.objects.filter(strategy=strategy, state=State.ASKED)


def _asked(change_id: int) -> tuple[PhaseChange, Strategy]:
    """Return an open question and its strategy, both locked, the strategy first."""
    found = PhaseChange.objects.filter(pk=change_id).values_list("strategy_id", flat=True).first()
    if found is None:
        raise PhaseRefused(f"nothing is asked as #{change_id}")
    strategy = _locked(found)
    change = PhaseChange.objects.select_for_update().get(pk=change_id)
    if change.state != State.ASKED:
        raise PhaseRefused(f"#{change_id} is closed: {change.get_state_display().lower()}")
    change.strategy = strategy
    return change, strategy


def _need_met(strategy: Strategy, seen: Sequence[Criterion]) -> None:
    unmet = [str(one) for one in seen if not one.is_met]
    if unmet:
        raise PhaseRefused(f"{strategy} stays in {strategy.phase}: {'; '.join(unmet)}")


def _need_other(change: PhaseChange, *, user_id: int) -> None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        raise PhaseRefused("nobody signs in as that")
    name = user.get_username()
    if not user.groups.filter(name=phases.APPROVES).exists():
        raise PhaseRefused(f"{name} is no {phases.APPROVES}")
    if user.pk == change.asked_by_user_id:
        raise PhaseRefused(f"{name} asked for it: somebody else has to approve")


def _enter(strategy: Strategy, phase: str) -> None:
    strategy.phase = phase
    strategy.save(update_fields=["phase"])


def _close(change: PhaseChange, *, state: str, actor: str, note: str, now: datetime) -> None:
    change.state, change.decided_by, change.decided_at = state, actor, now
    change.note = _plain(note)
    change.save()


def _record(change: PhaseChange, *, action: str, actor: str, now: datetime, reason: str) -> None:
    audit.record(
        actor=actor,
        action=action,
        subject=change.strategy,
        at=now,
        reason=reason,
        change=change.pk,
        former=change.former,
        wanted=change.wanted,
        criteria=[f"{one['name']}: {one['value']}" for one in change.criteria],
    )


def _reason(text: str) -> str:
    if not (text := _plain(text)):
        raise PhaseRefused("give a reason for changing a strategy's phase")
    return text


def _plain(text: str) -> str:
    """Return text without blanks around it, if it can be kept."""
    text = text.strip()
    if len(text) > LONGEST or "\x00" in text:
        raise PhaseRefused(f"a reason is plain text of {LONGEST} characters at most")
    return text
