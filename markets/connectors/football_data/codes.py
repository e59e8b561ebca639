"""The short codes of football-data.co.uk: divisions, books, and the columns they make.

Source: the publisher's notes, https://www.football-data.co.uk/notes.txt
"""

from dataclasses import dataclass

from markets.connectors.base import ParsedBook, ParsedCompetition


def _division(code: str, name: str, country: str, time_zone: str) -> ParsedCompetition:
    return ParsedCompetition(code=code, name=name, country=country, time_zone=time_zone)


DIVISIONS: dict[str, ParsedCompetition] = {
    division.code: division
    for division in (
        _division("E0", "Premier League", "England", "Europe/London"),
        _division("E1", "Championship", "England", "Europe/London"),
        _division("E2", "League One", "England", "Europe/London"),
        _division("E3", "League Two", "England", "Europe/London"),
        _division("EC", "National League", "England", "Europe/London"),
        _division("SC0", "Premiership", "Scotland", "Europe/London"),
        _division("SC1", "Scottish Championship", "Scotland", "Europe/London"),
        _division("SC2", "Scottish League One", "Scotland", "Europe/London"),
        _division("SC3", "Scottish League Two", "Scotland", "Europe/London"),
        _division("D1", "Bundesliga", "Germany", "Europe/Berlin"),
        _division("D2", "2. Bundesliga", "Germany", "Europe/Berlin"),
        _division("I1", "Serie A", "Italy", "Europe/Rome"),
        _division("I2", "Serie B", "Italy", "Europe/Rome"),
        _division("SP1", "La Liga", "Spain", "Europe/Madrid"),
        _division("SP2", "La Liga 2", "Spain", "Europe/Madrid"),
        _division("F1", "Ligue 1", "France", "Europe/Paris"),
        _division("F2", "Ligue 2", "France", "Europe/Paris"),
        _division("N1", "Eredivisie", "Netherlands", "Europe/Amsterdam"),
        _division("B1", "Pro League", "Belgium", "Europe/Brussels"),
        _division("P1", "Primeira Liga", "Portugal", "Europe/Lisbon"),
        _division("T1", "Süper Lig", "Turkey", "Europe/Istanbul"),
        _division("G1", "Super League", "Greece", "Europe/Athens"),
    )
}


@dataclass(frozen=True, slots=True)
class Prefix:
    """What one book's columns begin with, by kind of market; "" where it quotes none."""

    book: str
    match_odds: str
    total: str = ""
    handicap: str = ""
    own_line: str = ""  # its own handicap column in files before 2019/20


PREFIXES: tuple[Prefix, ...] = (
    Prefix("pinnacle", "PS", "P", "PAH"),
    Prefix("pinnacle", "P"),
    Prefix("bet365", "B365", "B365", "B365AH", "B365AH"),
    Prefix("bwin", "BW", "BW", "BWAH"),
    Prefix("interwetten", "IW", "IW", "IWAH"),
    Prefix("williamhill", "WH", "WH", "WHAH"),
    Prefix("vcbet", "VC", "VC", "VCAH"),
    Prefix("betfair", "BF", "BF", "BFAH"),
    Prefix("onexbet", "1XB", "1XB", "1XBAH"),
    Prefix("betfair_exchange", "BFE", "BFE", "BFEAH"),
    Prefix("betfred", "BFD", "BFD", "BFDAH"),
    Prefix("betmgm", "BMGM", "BMGM", "BMGMAH"),
    Prefix("betvictor", "BV", "BV", "BVAH"),
    Prefix("coral", "CL", "CL", "CLAH"),
    Prefix("ladbrokes", "LB", "LB", "LBAH", "LBAH"),
    Prefix("gamebookers", "GB", "GB", "GBAH", "GBAH"),
    Prefix("bluesquare", "BS"),
    Prefix("sportingodds", "SO"),
    Prefix("sportingbet", "SB"),
    Prefix("stanjames", "SJ"),
    Prefix("stanleybet", "SY"),
    Prefix("max", "Max", "Max", "MaxAH"),
    Prefix("average", "Avg", "Avg", "AvgAH"),
    Prefix("max", "BbMx", "BbMx", "BbMxAH"),
    Prefix("average", "BbAv", "BbAv", "BbAvAH"),
)

BOOKS: tuple[ParsedBook, ...] = (
    ParsedBook("pinnacle", "Pinnacle", reference_rank=1),
    ParsedBook("bet365", "bet365"),
    ParsedBook("bwin", "bwin"),
    ParsedBook("interwetten", "Interwetten"),
    ParsedBook("williamhill", "William Hill"),
    ParsedBook("vcbet", "VC Bet"),
    ParsedBook("betfair", "Betfair"),
    ParsedBook("onexbet", "1xBet"),
    ParsedBook("betfair_exchange", "Betfair Exchange", kind="EXCHANGE"),
    ParsedBook("betfred", "Betfred"),
    ParsedBook("betmgm", "BetMGM"),
    ParsedBook("betvictor", "BetVictor"),
    ParsedBook("coral", "Coral"),
    ParsedBook("ladbrokes", "Ladbrokes"),
    ParsedBook("gamebookers", "Gamebookers"),
    ParsedBook("bluesquare", "Blue Square"),
    ParsedBook("sportingodds", "Sporting Odds"),
    ParsedBook("sportingbet", "Sportingbet"),
    ParsedBook("stanjames", "Stan James"),
    ParsedBook("stanleybet", "Stanleybet"),
    ParsedBook("max", "Best of all books", kind="AGGREGATE"),
    ParsedBook("average", "Average of all books", kind="AGGREGATE"),
)


@dataclass(frozen=True, slots=True)
class PriceColumn:
    """One column of prices: whose, of what, and which column holds its line."""

    at: int
    name: str
    book: str
    kind: str
    role: str
    is_closing: bool
    line_at: int | None = None


def price_columns(places: dict[str, int]) -> list[PriceColumn]:
    """Return the columns of a header that hold prices we know; ``places`` by column name.

    >>> [column.book for column in price_columns({"PSH": 0, "PSD": 1, "PSA": 2, "XYZ": 3})]
    ['pinnacle', 'pinnacle', 'pinnacle']
    >>> column, = price_columns({"PC<2.5": 7})
    >>> column.kind, column.role, column.is_closing
    ('TOTAL', 'UNDER', True)
    """
    found: list[PriceColumn] = []
    taken: set[tuple[str, str, str, bool]] = set()
    for prefix in PREFIXES:
        for is_closing in (False, True):
            for kind, role, name, line in _names(prefix, is_closing):
                key = (prefix.book, kind, role, is_closing)
                line_at = next((places[name] for name in line if name in places), None)
                has_line = line_at is not None or kind != "ASIAN_HANDICAP"
                if name in places and has_line and key not in taken:
                    taken.add(key)
                    found.append(
                        PriceColumn(
                            places[name], name, prefix.book, kind, role, is_closing, line_at
                        )
                    )
    return sorted(found, key=lambda column: column.at)


def _names(prefix: Prefix, is_closing: bool) -> list[tuple[str, str, str, tuple[str, ...]]]:
    """Return (kind, role, column name, names of its line) of one book's columns."""
    c = "C" if is_closing else ""
    names: list[tuple[str, str, str, tuple[str, ...]]] = [
        ("MATCH_ODDS", "HOME", f"{prefix.match_odds}{c}H", ()),
        ("MATCH_ODDS", "DRAW", f"{prefix.match_odds}{c}D", ()),
        ("MATCH_ODDS", "AWAY", f"{prefix.match_odds}{c}A", ()),
    ]
    if prefix.total:
        names += [
            ("TOTAL", "OVER", f"{prefix.total}{c}>2.5", ()),
            ("TOTAL", "UNDER", f"{prefix.total}{c}<2.5", ()),
        ]
    if prefix.handicap:
        base = prefix.handicap.removesuffix("AH")
        lines = ("AHCh",) if is_closing else tuple(filter(None, (prefix.own_line, "AHh", "BbAHh")))
        names += [
            ("ASIAN_HANDICAP", "HOME", f"{base}{c}AHH", lines),
            ("ASIAN_HANDICAP", "AWAY", f"{base}{c}AHA", lines),
        ]
    return names
