"""The shapes of The Odds API's answers, told apart by their structure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import msgspec

from markets.connectors import payloads

PORTION = 2_000_000  # bytes of games that are read at a time, of a larger answer


class Outcome(msgspec.Struct, gc=False):
    name: str
    price: Any = None  # judged cell by cell: one bad price spoils no game
    point: float | None = None
    description: str | None = None


class Market(msgspec.Struct, gc=False):
    key: str
    outcomes: list[Outcome]
    last_update: str | int | None = None


class Bookmaker(msgspec.Struct, gc=False):
    key: str
    markets: list[Market] = []
    title: str = ""
    last_update: str | int | None = None


class Score(msgspec.Struct, gc=False):
    name: str
    score: Any = None


class Game(msgspec.Struct, gc=False):
    """One game, or one competition of which somebody bets on the winner."""

    id: str
    sport_key: str
    commence_time: str | int
    home_team: str | None = None
    away_team: str | None = None
    sport_title: str = ""
    bookmakers: list[Bookmaker] = []
    scores: list[Score] | None = None
    completed: bool | None = None
    last_update: str | int | None = None


#: History's envelope around games that are all well-formed: the decoder counts its keys, too.
_History = dict[str, list[Game] | str | int | float | bool | dict[str, Any] | None]


class _Envelope(msgspec.Struct, gc=False):
    """An object at the top: history's envelope, a single game, or what went wrong."""

    timestamp: str | int | None = None
    data: msgspec.Raw = msgspec.Raw()
    id: Any = None
    message: Any = None


@dataclass(frozen=True, slots=True)
class Portion:
    document: "Document"
    first: int  # number of its first record


@dataclass(frozen=True, slots=True)
class Document:
    """An answer: its games, each one read or the words why not; or what is wrong with all.

    ``unread``: games of a large answer that are read portion by portion.
    """

    games: Sequence[Game | str] = ()
    timestamp: str | int | None = None
    wrong: str = ""
    unread: Sequence[msgspec.Raw] = ()

    def portions(self, size: int) -> Iterator[Portion]:
        """Yield the answer in parts of at most ``size`` games."""
        if not self.unread:
            for start in range(0, max(len(self.games), 1), size):
                part = replace(self, games=self.games[start : start + size])
                yield Portion(part, start + 1)
            return
        start = 0
        while start < len(self.unread):
            raws, length = [], 0
            for raw in islice(self.unread, start, start + size):
                raws.append(raw)
                length += memoryview(raw).nbytes
                if length >= PORTION:
                    break
            games = _games(b"[" + b",".join(raws) + b"]")
            yield Portion(replace(self, games=games, unread=()), start + 1)
            start += len(raws)


def read(payload: bytes, *, in_portions: bool = False) -> Document:
    """Tell an answer's structure and read its games; never raises.

    ``in_portions``: the games of a large one are left unread.
    """
    is_large = in_portions and len(payload) > PORTION
    try:
        if payload[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
            if is_large:
                return Document(unread=payloads.json_document(payload, list[msgspec.Raw]))
            return Document(_games(payload))
        history = None if is_large else _history(payload)
        if history is not None:
            return history
        envelope: _Envelope = payloads.json_document(payload, _Envelope)
        data = memoryview(envelope.data)
        kind = bytes(data[:64]).lstrip()[:1]
        if kind == b"[" and is_large:
            unread = msgspec.json.decode(data, type=list[msgspec.Raw])
            return Document(timestamp=envelope.timestamp, unread=unread)
        if kind in (b"[", b"{"):
            games = _games(bytes(data)) if kind == b"[" else [_game(bytes(data))]
            return Document(games, envelope.timestamp)
        if envelope.id is not None:
            return Document([_game(payload)])
    except payloads.BadPayload as wrong:
        return Document(wrong=str(wrong))
    if envelope.message is not None:
        return Document(wrong=f"prices or scores, not the error {str(envelope.message)[:200]!r}")
    return Document(wrong="a list of games, an envelope with data, or one game")


def _history(payload: bytes) -> Document | None:
    """Read history's envelope at once; None where anything of it is not as it should be."""
    try:
        told: dict[str, Any] = payloads.json_document(payload, _History)
    except payloads.BadPayload:
        return None
    games, timestamp = told.get("data"), told.get("timestamp")
    is_moment = timestamp is None or type(timestamp) in (str, int)
    return Document(games, timestamp) if isinstance(games, list) and is_moment else None


def _games(payload: bytes) -> Sequence[Game | str]:
    """Read all games at once; where one of them is wrong, each for itself."""
    try:
        games: list[Game | str] = payloads.json_document(payload, list[Game])
        return games
    except payloads.BadPayload:
        raws: list[msgspec.Raw] = payloads.json_document(payload, list[msgspec.Raw])
        return [_game(bytes(raw)) for raw in raws]


def _game(payload: bytes) -> Game | str:
    try:
        return msgspec.json.decode(payload.removeprefix(b"\xef\xbb\xbf"), type=Game)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        better = payloads.mended(payload)
        if better is not payload:
            return _game(better)
        return payloads.in_words(wrong, what="a game as The Odds API writes it")
