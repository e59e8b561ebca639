"""Living a past season again, day by day, through the services that live betting uses.

Every step is told the time of the replay (``as_of``) and sees nothing known later: the model is
trained on what was known the day before the first kick-off, each event is foreseen and bet on as
of an hour before its start, each day is settled the next morning.  A replay has its own row,
bankroll, strategy and model version, so it stands beside live figures and in none of them.  The
same season and seed give the same bets to the cent.

A replay that dies is not resumed: its row is ended, its open bets are settled like any others,
and a new one starts from the first day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from time import monotonic
from typing import Any

from betting.models import Bankroll, Strategy
from betting.services import bankrolls, deciding, placing, strategies
from markets import queries as markets
from markets.models import Competition, Event, Season
from markets.services import closing
from models_ml.domain import stages
from models_ml.models import ModelVersion, Pipeline, Replay
from models_ml.services import featuring, pipelines, predicting, replays, training
from monitoring.domain.progress import RunHandle
from monitoring.errors import Refused
from settlements.domain.backtesting import calendars
from settlements.services import ledger, replay_figures, settling, valuing

BANKROLL = Decimal("10000.00")
STAGE = stages.FINAL_STAGE
#: A season's pre-closing prices are collected once for a whole week-end of matches.
PRICE_AGE = timedelta(days=5)
#: A live strategy asks for more; a replay bets on every edge there is, or a model close to the
#: market would leave a season with too few bets to say anything of them.
MIN_EDGE = 0.0
PIPELINE = {False: "soccer-1x2", True: "soccer-1x2-simulated"}


class NothingToReplay(Refused):
    """This competition or season is not loaded, or nothing came before it to learn from."""


@dataclass(slots=True)
class _Clock:
    """The wall clock of a replay: it goes on, or bets placed late would seem to wait for long."""

    began_at: datetime
    began: float  # by a clock that nobody sets

    def now(self) -> datetime:
        return self.began_at + timedelta(seconds=monotonic() - self.began)


@dataclass(slots=True)
class _Stage:
    """What one replay works with."""

    replay: Replay
    version: ModelVersion
    strategy: Strategy
    bankroll: Bankroll
    actor: str
    clock: _Clock
    until: datetime  # how far the replay has come
    event_ids: list[int] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.clock.now()


def replay_season(
    *,
    competition_code: str,
    season_label: str,
    seed: int,
    actor: str,
    now: datetime,
    progress: RunHandle | None = None,
) -> dict[str, Any]:
    """Replay a season and return its figures (``replay_figures.KEYS``).

    Raises:
        NothingToReplay: the competition or season is not loaded; it names what is.
    """
    replays.end_lost(actor=actor, now=now)
    season = find_season(competition_code=competition_code, season_label=season_label)
    events = _started(season, now=now)
    clock = _Clock(now, monotonic())
    replay = replays.begin(season=season, seed=seed, actor=actor, now=now)
    ended: dict[str, Any] = {}
    try:
        first = events[0].starts_at
        stage = _prepare(replay, first=first, actor=actor, clock=clock, progress=progress)
        _live(stage, events, progress=progress)
        ended = replay_figures.figures(
            bankroll=stage.bankroll,
            version=stage.version,
            event_ids=stage.event_ids,
            as_of=stage.until,
        )
    except BaseException as end:
        ended = {"ended": f"{type(end).__name__}: {end}"[:500]}
        raise
    finally:
        replays.finish(replay=replay, figures=ended, actor=actor, now=clock.now())
    return ended


def _started(season: Season, *, now: datetime) -> list[Event]:
    """Return the season's events that have started, in time order."""
    started = season.events.filter(home__isnull=False, starts_at__lt=now)
    events = list(started.order_by("starts_at", "pk"))
    if not events:
        raise NothingToReplay(f"no event of {season} has started yet")
    return events


def find_season(*, competition_code: str, season_label: str) -> Season:
    """Return the season with these names, which has events.

    Raises:
        NothingToReplay: it is not loaded; the message names what is.
    """
    found = (
        Season.objects.select_related("competition__sport")
        .filter(competition__code=competition_code, label=season_label, events__isnull=False)
        .first()
    )
    if found:
        return found
    competition = Competition.objects.filter(code=competition_code).first()
    if competition is None:
        codes = Competition.objects.order_by("code").values_list("code", flat=True)
        loaded = f"competitions loaded: {', '.join(codes) or 'none'}"
        raise NothingToReplay(f"there is no competition {competition_code!r}; {loaded}")
    labels = competition.seasons.order_by("label").values_list("label", flat=True)
    loaded = f"seasons loaded: {', '.join(labels) or 'none'}"
    raise NothingToReplay(f"{competition_code} has no season {season_label!r}; {loaded}")


def _prepare(
    replay: Replay,
    *,
    first: datetime,
    actor: str,
    clock: _Clock,
    progress: RunHandle | None,
) -> _Stage:
    """Open bankroll and strategy, and train on what was known the day before the season."""
    competition, now = replay.competition, clock.began_at
    pipelines.ensure_default_pipelines(now=now)
    pipeline = Pipeline.objects.get(code=PIPELINE[competition.is_simulated])
    if progress:
        progress.progress(done=0, message="training on the seasons before")
    version = training.train(
        pipeline=pipeline,
        until=first - timedelta(days=1),
        seed=replay.seed,
        actor=actor,
        now=now,
        replay=replay,
        progress=progress,
    )
    name = f"Replay {replay.pk} · {replay.season}"[:60]
    bankroll = _bankroll(replay, name=name, actor=actor, now=now, at=first - timedelta(days=1))
    strategy = strategies.ensure_strategy(
        name=name,
        code="value",
        bankroll=bankroll,
        pipeline=pipeline,
        now=now,
        actor=actor,
        decide_at_stage=STAGE,
        min_edge=MIN_EDGE,
        max_price_age_seconds=int(PRICE_AGE.total_seconds()),
    )
    return _Stage(replay, version, strategy, bankroll, actor, clock, until=first)


def _bankroll(replay: Replay, *, name: str, actor: str, now: datetime, at: datetime) -> Bankroll:
    competition = replay.competition
    bankroll = bankrolls.open_bankroll(
        name=name,
        kind=Bankroll.Kind.REPLAY,
        currency="EUR",
        time_zone=competition.time_zone,
        replay=replay,
        is_simulated=competition.is_simulated,
        actor=actor,
        now=now,
    )
    ledger.deposit(
        bankroll_id=bankroll.pk, amount=BANKROLL, reference="opening", actor=actor, now=at
    )
    bankroll.refresh_from_db()
    return bankroll


def _live(stage: _Stage, events: Sequence[Event], *, progress: RunHandle | None) -> None:
    """Go through the kick-offs in time order; settle each morning what the day before left."""
    foreseen = _foresee(stage, events)
    done, scale = 0, stage.replay.competition.time_scale
    morning: datetime | None = None
    for kick_off, batch in _kick_offs(events):
        as_of = stages.opens_at(kick_off, STAGE, scale)
        if morning and as_of >= morning:
            _settle(stage, as_of=morning)
            morning = None
        ids = [prediction for event in batch for prediction in foreseen.get(event.pk, ())]
        bet_on(ids, stage=stage, as_of=as_of)
        stage.event_ids += [event.pk for event in batch]
        morning = morning or calendars.next_morning(kick_off)
        done += len(batch)
        if progress:
            day = f"{kick_off:%Y-%m-%d}"
            progress.progress(done=done, total=len(events), message=f"{day}: {done} matches")
            progress.raise_if_cancelled()
    if morning:
        _settle(stage, as_of=morning)


def _foresee(stage: _Stage, events: Sequence[Event]) -> dict[int, list[int]]:
    """Return the ids of each event's predictions, every row as of its own event's stage.

    No bet changes what a model sees, so one pass over the history makes the rows of the whole
    season; a row still knows nothing that came after its own moment.
    """
    scale = stage.replay.competition.time_scale
    rows = featuring.build(
        event_ids=[event.pk for event in events],
        feature_set=stage.version.pipeline.feature_set,
        stage=STAGE,
        as_of={event.pk: stages.opens_at(event.starts_at, STAGE, scale) for event in events},
        now=stage.now,
        replay=stage.replay,
    )
    found: dict[int, list[int]] = {}
    for prediction in predicting.predict(feature_rows=rows, version=stage.version, now=stage.now):
        found.setdefault(prediction.event_id, []).append(prediction.pk)
    return found


def _kick_offs(events: Sequence[Event]) -> Iterator[tuple[datetime, list[Event]]]:
    for kick_off, batch in groupby(events, key=lambda event: event.starts_at):
        yield kick_off, list(batch)


def bet_on(prediction_ids: list[int], *, stage: _Stage, as_of: datetime) -> None:
    """Decide one kick-off's predictions and place what is a bet, as the live chain does."""
    decided = deciding.decide(
        strategy=stage.strategy,
        prediction_ids=prediction_ids,
        as_of=as_of,
        now=stage.now,
        actor=stage.actor,
    )
    bets = [decision.pk for decision in decided if decision.verdict == "BET"]
    if bets:
        placing.place(decision_ids=bets, as_of=as_of, now=stage.now, actor=stage.actor)


def _settle(stage: _Stage, *, as_of: datetime) -> None:
    """Settle, close and value what stands at ``as_of``, in this bankroll alone."""
    ids, stage.until = [stage.bankroll.pk], as_of
    settling.settle_due(
        as_of=as_of,
        now=stage.now,
        actor=stage.actor,
        bankroll_ids=ids,
        with_imbalance=False,
    )
    recent = markets.events_starting(after=as_of - timedelta(days=3), until=as_of)
    season = recent.filter(season_id=stage.replay.season_id).values_list("pk", flat=True)
    closing.record_closes(as_of=as_of, now=stage.now, event_ids=list(season))
    valuing.value_due(as_of=as_of, now=stage.now, bankroll_ids=ids, since=as_of - timedelta(days=7))
