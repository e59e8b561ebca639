"""The shapes of The Odds API's answers, told apart by their structure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from markets.connectors import payloads


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


class _History(msgspec.Struct, gc=False):
    """History's envelope around games that are all well-formed."""

    data: list[Game]
    timestamp: str | int | None = None


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
    """An answer: its games, each one read or the words why not; or what is wrong with all."""

    games: Sequence[Game | str] = ()
    timestamp: str | int | None = None
    wrong: str = ""

    def portions(self, size: int) -> Iterator[Portion]:
        """Yield the answer in parts of at most ``size`` games."""
        for start in range(0, max(len(self.games), 1), size):
            part = replace(self, games=self.games[start : start + size])
            yield Portion(part, start + 1)


def read(payload: bytes) -> Document:
    """Tell an answer's structure and read its games; never raises."""
    try:
        if payload[:64].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
            return Document(_games(payload))
        try:
            history: _History = payloads.json_document(payload, _History)
            return Document(history.data, history.timestamp)
        except payloads.BadPayload:
            envelope: _Envelope = payloads.json_document(payload, _Envelope)
        data = bytes(envelope.data).lstrip()
        if data[:1] in (b"[", b"{"):
            games = _games(data) if data[:1] == b"[" else [_game(data)]
            return Document(games, envelope.timestamp)
        if envelope.id is not None:
            return Document([_game(payload)])
    except payloads.BadPayload as wrong:
        return Document(wrong=str(wrong))
    if envelope.message is not None:
        return Document(wrong=f"prices or scores, not the error {str(envelope.message)[:200]!r}")
    return Document(wrong="a list of games, an envelope with data, or one game")


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
        return payloads.in_words(wrong, what="a game as The Odds API writes it")
