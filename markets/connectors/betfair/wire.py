"""The shapes of Betfair's own messages, as far as they are read."""

from msgspec import Struct, field


class Runner(Struct):
    """A runner in a market's definition."""

    id: int
    status: str = ""
    name: str = ""
    hc: float = 0.0
    sortPriority: int | None = None
    adjustmentFactor: float | None = None
    removalDate: str | None = None
    bsp: float | str | None = None  # "NaN" or "Infinity" where nothing was reconciled


class Definition(Struct):
    """A market's definition in the stream; it comes whole with every change of it."""

    marketType: str
    marketTime: str
    status: str
    runners: list[Runner]
    eventId: str = ""
    eventTypeId: str = ""
    eventName: str = ""
    name: str = ""
    venue: str = ""
    countryCode: str = ""
    timezone: str = "UTC"
    openDate: str = ""
    inPlay: bool = False
    bspReconciled: bool = False
    numberOfWinners: int | None = None
    eachWayDivisor: float | None = None


class RunnerChange(Struct):
    """What changed of one runner's offers and trades."""

    id: int
    hc: float = 0.0
    atb: list[tuple[float, float]] = []
    atl: list[tuple[float, float]] = []
    batb: list[tuple[int, float, float]] = []
    batl: list[tuple[int, float, float]] = []
    bdatb: list[tuple[int, float, float]] = []
    bdatl: list[tuple[int, float, float]] = []
    ltp: float | None = None
    tv: float | None = None


class MarketChange(Struct):
    id: str
    marketDefinition: Definition | None = None
    rc: list[RunnerChange] = []
    img: bool = False


class Message(Struct):
    """One line of a recording."""

    op: str
    pt: int | None = None  # milliseconds since 1970
    mc: list[MarketChange] = []


class Operation(Struct):
    """What any message of the stream says first."""

    op: str = ""


class CatalogueRunner(Struct):
    selectionId: int
    runnerName: str = ""
    handicap: float = 0.0
    sortPriority: int | None = None


class Description(Struct):
    marketType: str = ""
    bettingType: str = "ODDS"
    eachWayDivisor: float | None = None


class Named(Struct):
    id: str = ""
    name: str = ""


class MarketEvent(Struct):
    id: str = ""
    name: str = ""
    countryCode: str = ""
    timezone: str = "UTC"
    venue: str = ""
    openDate: str = ""


class Catalogue(Struct):
    """A market as ``listMarketCatalogue`` tells it, and as recorders keep it beside a stream."""

    marketId: str
    marketName: str = ""
    marketStartTime: str = ""
    description: Description = field(default_factory=Description)
    runners: list[CatalogueRunner] = []
    eventType: Named = field(default_factory=Named)
    competition: Named = field(default_factory=Named)
    event: MarketEvent = field(default_factory=MarketEvent)


class Offer(Struct):
    price: float
    size: float


class Offers(Struct):
    availableToBack: list[Offer] = []
    availableToLay: list[Offer] = []


class StartingPrices(Struct):
    actualSP: float | str | None = None


class BookRunner(Struct):
    selectionId: int
    handicap: float = 0.0
    status: str = ""
    adjustmentFactor: float | None = None
    removalDate: str | None = None
    lastPriceTraded: float | None = None
    totalMatched: float | None = None
    ex: Offers = field(default_factory=Offers)
    sp: StartingPrices = field(default_factory=StartingPrices)


class MarketBook(Struct):
    """A market's prices as ``listMarketBook`` tells them."""

    marketId: str
    status: str
    inplay: bool = False
    bspReconciled: bool = False
    numberOfWinners: int | None = None
    isMarketDataDelayed: bool = False
    runners: list[BookRunner] = []
