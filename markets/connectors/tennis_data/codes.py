"""The words and columns of tennis-data.co.uk.

Source: the publisher's notes, http://www.tennis-data.co.uk/notes.txt
"""

from collections.abc import Collection

from markets.connectors.base import ParsedBook, ParsedCompetition

#: By the column that numbers the year's tournaments.
TOURS = {
    "WTA": ParsedCompetition("wta", "WTA Tour", sport="tennis"),
    "ATP": ParsedCompetition("atp", "ATP Tour", sport="tennis"),
}
BOOKS: dict[str, ParsedBook] = {
    "B365": ParsedBook("bet365", "bet365"),
    "PS": ParsedBook("pinnacle", "Pinnacle", reference_rank=1),
    "Max": ParsedBook("max", "Best of all books", kind="AGGREGATE"),
    "Avg": ParsedBook("average", "Average of all books", kind="AGGREGATE"),
    "BFE": ParsedBook("betfair_exchange", "Betfair Exchange", kind="EXCHANGE"),
    "EX": ParsedBook("expekt", "Expekt"),
    "LB": ParsedBook("ladbrokes", "Ladbrokes"),
    "UB": ParsedBook("unibet", "Unibet"),
    "SJ": ParsedBook("stanjames", "Stan James"),
    "CB": ParsedBook("centrebet", "Centrebet"),
    "GB": ParsedBook("gamebookers", "Gamebookers"),
    "IW": ParsedBook("interwetten", "Interwetten"),
    "SB": ParsedBook("sportingbet", "Sportingbet"),
    "B&W": ParsedBook("bwin", "bwin"),
}
REQUIRED = ("Date", "Round", "Winner", "Loser", "Comment")
SETS = (1, 2, 3, 4, 5)
#: How a match ended: the status of its result.
ENDS = {
    "completed": "FINAL",
    "retired": "RETIRED",
    "disqualified": "RETIRED",
    "awarded": "RETIRED",
    "walkover": "WALKOVER",
}
BLANKS = frozenset({"", "N/A", "-"})
#: Column -> name under which it is kept with the event.
DATA = {
    "Tournament": "tournament",
    "Location": "location",
    "Tier": "tier",
    "Series": "tier",
    "Court": "court",
    "Surface": "surface",
    "Best of": "best_of",
}
RANKS = {"Rank": "rank", "Pts": "points"}  # W… and L… of them


def books_in(columns: Collection[str]) -> dict[str, ParsedBook]:
    """Return the books that a header has both prices of, by what their columns begin with.

    >>> sorted(books_in(["B365W", "B365L", "PSW"]))
    ['B365']
    """
    return {
        prefix: book
        for prefix, book in BOOKS.items()
        if f"{prefix}W" in columns and f"{prefix}L" in columns
    }
