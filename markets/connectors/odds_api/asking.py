"""What The Odds API is asked, and what it tells of how often it may be asked."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from markets.connectors.base import Answer, Asked, Get, Quota
from markets.connectors.odds_api import documents, odds

BASE = "https://api.the-odds-api.com"
_KEY = re.compile(r"[a-z0-9_]{1,60}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_LISTS = ("sports", "regions", "bookmakers", "markets", "event_markets")
_SECRET = frozenset({"apiKey"})
_DEFAULTS: Mapping[str, Any] = {
    "sports": (),
    "regions": ("us",),
    "bookmakers": (),
    "markets": ("h2h", "spreads", "totals"),
    "event_markets": (),
    "events_at_most": 20,
    "scores_days": 0,
    "history_at": "",
    "oddsFormat": "american",
}


def wrong_options(options: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an operator's options, in words.

    >>> wrong_options({"sports": ["basketball_nba"], "scores_days": 3})
    []
    >>> wrong_options({"sports": "basketball_nba", "oddsFormat": "fractional"})
    ['sports: a list of keys such as basketball_nba', 'oddsFormat: american or decimal']
    """
    wrong = [f"{name}: no option of this source" for name in options if name not in _DEFAULTS]
    for name in _LISTS:
        value = options.get(name, ())
        is_list = isinstance(value, list | tuple)
        if not is_list or not all(isinstance(k, str) and _KEY.fullmatch(k) for k in value):
            wrong.append(f"{name}: a list of keys such as basketball_nba")
    if options.get("oddsFormat", "american") not in odds.FORMATS:
        wrong.append(f"oddsFormat: {' or '.join(odds.FORMATS)}")
    for name, highest in (("scores_days", 3), ("events_at_most", 500)):
        value = options.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
            wrong.append(f"{name}: a whole number up to {highest}")
    if options.get("history_at") and _clock(options["history_at"]) is None:
        wrong.append("history_at: a time of day in UTC such as 11:55")
    return wrong


def ask(*, asked: Asked, get: Get) -> Iterator[Answer]:
    """Ask each sport for its prices, then its players' markets, then its scores.

    With ``since`` and the option ``history_at``, ask for that moment of each day instead.
    """
    options = {**_DEFAULTS, **asked.options}
    base = (asked.location or BASE).rstrip("/")
    secret = asked.credentials["key"].get_secret_value()

    def call(path: str, **parameters: Any) -> Answer:
        given = {name: value for name, value in parameters.items() if value}
        return get(f"{base}{path}", params={"apiKey": secret, **given}, secret_params=_SECRET)

    prices = {
        "regions": "" if options["bookmakers"] else ",".join(options["regions"]),
        "bookmakers": ",".join(options["bookmakers"]),
        "oddsFormat": options["oddsFormat"],
        "dateFormat": "iso",
    }
    featured = ",".join(options["markets"])
    players = ",".join(options["event_markets"])
    days = _days(asked, options)
    for sport in options["sports"]:
        for moment in days:
            path = f"/v4/historical/sports/{sport}/odds"
            yield call(path, markets=featured, date=f"{moment:%Y-%m-%dT%H:%M:%SZ}", **prices)
        if days:
            continue
        answer = call(f"/v4/sports/{sport}/odds", markets=featured, **prices)
        yield answer
        for event_id in _ids(answer)[: options["events_at_most"]] if players else ():
            path = f"/v4/sports/{sport}/events/{event_id}/odds"
            yield call(path, markets=players, **prices)
        if options["scores_days"]:
            yield call(
                f"/v4/sports/{sport}/scores", daysFrom=options["scores_days"], dateFormat="iso"
            )


def quota(headers: Mapping[str, str]) -> Quota | None:
    """Return how many requests were used and are left this month, as the headers tell.

    >>> quota({"X-Requests-Used": "120", "x-requests-remaining": "380"}).limit
    500
    >>> quota({"content-type": "application/json"}) is None
    True
    """
    told = {name.lower(): value.strip() for name, value in headers.items()}
    used, remaining = (_whole(told.get(f"x-requests-{what}", "")) for what in ("used", "remaining"))
    if used is None and remaining is None:
        return None
    limit = None if used is None or remaining is None else used + remaining
    return Quota(limit=limit, used=used, remaining=remaining)


def _whole(text: str) -> int | None:
    """Read a count; the API writes 499.0 for some plans.

    >>> _whole("499"), _whole("499.0"), _whole("-1"), _whole("")
    (499, 499, None, None)
    """
    match = re.fullmatch(r"(\d{1,9})(\.0+)?", text, flags=re.ASCII)
    return int(match[1]) if match else None


def _days(asked: Asked, options: Mapping[str, Any]) -> list[datetime]:
    """Return the moments of history to ask for, none of them to come."""
    at = _clock(options["history_at"]) if options["history_at"] else None
    if at is None or asked.since is None:
        return []
    first = datetime.combine(asked.since, at, tzinfo=UTC)
    count = max(0, (asked.now - first) // timedelta(days=1) + 1)
    return [first + timedelta(days=number) for number in range(count)]


def _clock(text: object) -> time | None:
    try:
        return time.fromisoformat(str(text)).replace(tzinfo=None)
    except ValueError:
        return None


def _ids(answer: Answer) -> list[str]:
    payload = answer.payload.read_bytes() if isinstance(answer.payload, Path) else answer.payload
    games = documents.read(payload).games
    return [game.id for game in games if not isinstance(game, str) and _ID.fullmatch(game.id)]
