"""Why there was nothing to decide on: the steps before a candidate, and the first that failed."""

from dataclasses import dataclass

REPLAY = "REPLAY"
STRATEGY_DISABLED = "STRATEGY_DISABLED"
HALTED = "HALTED"
REDUCE_ONLY = "REDUCE_ONLY"
PIPELINE_DISABLED = "PIPELINE_DISABLED"
NOT_SERVING = "NOT_SERVING"
NO_EVENTS = "NO_EVENTS"
STAGE_MISSED = "STAGE_MISSED"
NO_PREDICTIONS = "NO_PREDICTIONS"
NO_PRICES = "NO_PRICES"
NOT_DECIDED = "NOT_DECIDED"


@dataclass(frozen=True, slots=True)
class Pause:
    """A halt that touched a strategy: ``what`` it names, "" for everything, and why."""

    what: str
    reason: str
    is_reduce_only: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.reason}" if self.what else self.reason


@dataclass(frozen=True, slots=True)
class Before:
    """What a strategy had to decide on in an interval; counts are of events.

    ``events`` reach the strategy's stage in the interval; of them ``looked_at`` were looked at
    then, ``missed`` were not in time, ``foretold`` have a prediction of the serving version,
    ``priced`` have prices at a book that takes bets besides, ``decided`` have a decision.
    """

    strategy_id: int
    strategy: str
    pipeline: str
    stage: str
    is_simulated: bool
    is_replay: bool
    is_enabled: bool
    is_pipeline_enabled: bool
    is_served: bool
    events: int
    looked_at: int
    missed: int
    foretold: int
    priced: int
    decided: int
    halts: tuple[Pause, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that kept a strategy from deciding, as a code and in words."""

    code: str
    text: str


def causes(seen: Before) -> tuple[Cause, ...]:
    """Return what stood between a strategy and its candidates, the first cause first.

    >>> seen = Before(1, "Value", "soccer-1x2", "T-60m", True, False, True, True, True,
    ...               events=4, looked_at=3, missed=1, foretold=3, priced=3, decided=3)
    >>> [cause.code for cause in causes(seen)]
    ['STAGE_MISSED']
    """
    if seen.is_replay:
        return (Cause(REPLAY, "it belongs to a replay, which decides by its own clock"),)
    stopped = "; ".join(str(pause) for pause in seen.halts if not pause.is_reduce_only)
    reduced = "; ".join(str(pause) for pause in seen.halts if pause.is_reduce_only)
    unforetold = seen.events - seen.foretold - seen.missed
    asked = (
        (not seen.is_enabled, STRATEGY_DISABLED, "the strategy is switched off"),
        (bool(stopped), HALTED, f"betting was paused: {stopped}"),
        (bool(reduced), REDUCE_ONLY, f"only what lowers an exposure was let through: {reduced}"),
        (not seen.is_pipeline_enabled, PIPELINE_DISABLED, f"{seen.pipeline} is switched off"),
        (not seen.is_served, NOT_SERVING, f"no version of {seen.pipeline} serves"),
        (seen.events == 0, NO_EVENTS, f"no event reaches {seen.stage} in this time"),
        (
            seen.missed > 0,
            STAGE_MISSED,
            _of(seen.missed, seen, f"missed their look at {seen.stage}"),
        ),
        (unforetold > 0, NO_PREDICTIONS, _of(unforetold, seen, "have no prediction yet")),
        (
            seen.foretold > seen.priced,
            NO_PRICES,
            _of(seen.foretold - seen.priced, seen, "are foretold and have no price to take"),
        ),
        (
            seen.foretold > seen.decided,
            NOT_DECIDED,
            _of(seen.foretold - seen.decided, seen, "are foretold and wait for a decision"),
        ),
    )
    return tuple(Cause(code, text) for is_so, code, text in asked if is_so)


def _of(count: int, seen: Before, what: str) -> str:
    return f"{count} of {seen.events} events {what}"
