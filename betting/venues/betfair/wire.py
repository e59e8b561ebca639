"""What the exchange answers, as far as it is read.

Source: Betfair, "Betting Type Definitions"; fields that it may leave out may be missing here.
"""

from datetime import datetime
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class MarketBook(msgspec.Struct):
    marketId: str
    status: str
    version: int
    inplay: bool = False


class Account(msgspec.Struct):
    currencyCode: str


class Funds(msgspec.Struct):
    """What can be bet with; what open orders may lose is told below zero."""

    availableToBetBalance: float
    exposure: float = 0.0


class Heart(msgspec.Struct):
    """What the exchange did because we had been silent, and after how long it will again."""

    actionPerformed: str
    actualTimeoutSeconds: int


class Instruction(msgspec.Struct):
    customerOrderRef: str | None = None


class PlaceReport(msgspec.Struct):
    """What became of one instruction to place."""

    status: str
    errorCode: str | None = None
    orderStatus: str | None = None
    betId: str | None = None
    averagePriceMatched: float | None = None
    sizeMatched: float | None = None
    instruction: Instruction = msgspec.field(default_factory=Instruction)


class CancelReport(msgspec.Struct):
    status: str
    errorCode: str | None = None


class ReplaceReport(msgspec.Struct):
    status: str
    errorCode: str | None = None


class Execution(msgspec.Struct, Generic[T]):
    """What became of a request, and of each instruction in it."""

    status: str
    errorCode: str | None = None
    instructionReports: list[T] = msgspec.field(default_factory=list)


class PriceSize(msgspec.Struct):
    price: float
    size: float


class CurrentOrder(msgspec.Struct):
    betId: str
    marketId: str
    selectionId: int
    status: str
    customerOrderRef: str | None = None
    averagePriceMatched: float | None = None
    sizeMatched: float | None = None
    side: str = ""
    handicap: float | None = None
    priceSize: PriceSize | None = None
    placedDate: datetime | None = None


class CurrentOrders(msgspec.Struct):
    currentOrders: list[CurrentOrder]
    moreAvailable: bool


class ClearedOrder(msgspec.Struct):
    betId: str = ""  # of a whole market: told only where one order is all of it
    customerOrderRef: str | None = None
    priceMatched: float | None = None
    sizeSettled: float | None = None
    marketId: str = ""
    selectionId: int = 0
    handicap: float | None = None
    side: str = ""
    priceRequested: float | None = None
    placedDate: datetime | None = None
    settledDate: datetime | None = None
    betOutcome: str = ""
    profit: float | None = None
    commission: float | None = None  # told of whole markets alone
    priceReduced: bool = False
    sizeCancelled: float | None = None


class ClearedOrders(msgspec.Struct):
    clearedOrders: list[ClearedOrder]
    moreAvailable: bool
