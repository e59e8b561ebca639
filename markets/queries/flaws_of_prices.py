"""The statements behind ``queries.quality`` that look at prices: what is wrong, the worst first.

Columns: season_id, and event_id, market_id, book_id where it has them; value, text, total (how
many there are beside those returned), and ``subject`` where it is none of these.
Times of competitions that run faster than the calendar are divided by ``time_scale``.
"""

from markets.queries.flaws_of_events import OPEN, SPAN

#: Every latest price of the open events; ``looked_at``: when the book's market was last told.
_QUOTED = f"""{OPEN},
quoted AS MATERIALIZED (
    SELECT o.id AS event_id, o.season_id, o.time_scale, m.id AS market_id, m.kind, m.period,
           m.participant_id, m.statistic, m.line, m.places, s.id AS selection_id, s.role,
           b.id AS book_id, b.code AS book, b.kind AS book_kind, b.is_enabled,
           l.price::float8 AS price, l.seen_at, l.confirmed_at,
           max(l.confirmed_at) OVER (
               PARTITION BY m.event_id, b.id, m.kind, m.period, m.participant_id, m.statistic
           ) AS looked_at
    FROM open o
    JOIN markets_market m ON m.event_id = o.id
    JOIN markets_selection s ON s.market_id = m.id
        AND (s.removed_at IS NULL OR s.removed_at > %(as_of)s)
    JOIN markets_latestprice l ON l.selection_id = s.id AND l.confirmed_at <= %(as_of)s
    JOIN markets_book b ON b.id = l.book_id AND b.is_enabled
)"""
_RANGES = """
ranges AS (
    SELECT * FROM unnest(%(kinds)s::text[], %(book_kinds)s::text[], %(lows)s::float8[],
        %(highs)s::float8[], %(answers)s::int[], %(sums)s::int[])
        AS r (kind, book_kind, low, high, answers, sums_to)
)"""
#: One row per market and book whose last look told all answers.  A line that the book has moved
#: away from is not told any more, and belongs to no last look.
_WHOLE = f"""{_QUOTED}, {_RANGES},
current AS MATERIALIZED (
    SELECT * FROM quoted WHERE confirmed_at >= looked_at - %(together)s / time_scale
),
whole AS MATERIALIZED (
    SELECT q.market_id, q.book_id, min(q.season_id) AS season_id, min(q.event_id) AS event_id,
           min(q.book) AS book, min(r.low) AS low, min(r.high) AS high,
           sum(1 / q.price) / coalesce(nullif(min(r.sums_to), 0), min(q.places)) - 1 AS overround
    FROM current q JOIN ranges r ON r.kind = q.kind AND r.book_kind = q.book_kind
    GROUP BY q.market_id, q.book_id
    HAVING count(*) = coalesce(nullif(min(r.answers), 0), (
        SELECT count(*) FROM markets_selection t
        WHERE t.market_id = q.market_id AND (t.removed_at IS NULL OR t.removed_at > %(as_of)s)))
)"""
OVERROUND = f"""
WITH {_WHOLE}
SELECT season_id, event_id, market_id, book_id, overround AS value,
       format('margin %%s %%%%, believed are %%s to %%s %%%%', round((100 * overround)::numeric, 2),
              100 * low, 100 * high) AS text,
       count(*) OVER () AS total
FROM whole WHERE overround < low OR overround > high
ORDER BY abs(overround) DESC, market_id, book_id LIMIT %(at_most)s
"""
CLOSING_OVERROUND = f"""
WITH {SPAN}, {_RANGES}
SELECT min(e.season_id) AS season_id, min(e.id) AS event_id, m.id AS market_id, c.book_id,
       min(c.overround) AS value,
       format('closing margin %%s %%%%, believed are %%s to %%s %%%%',
              round((100 * min(c.overround))::numeric, 2), 100 * min(r.low), 100 * min(r.high))
           AS text,
       count(*) OVER () AS total
FROM span e
JOIN markets_market m ON m.event_id = e.id
JOIN markets_selection s ON s.market_id = m.id
JOIN markets_closingprice c ON c.selection_id = s.id
JOIN markets_book b ON b.id = c.book_id
JOIN ranges r ON r.kind = m.kind AND r.book_kind = b.kind
WHERE c.overround < r.low OR c.overround > r.high
GROUP BY m.id, c.book_id
ORDER BY abs(min(c.overround)) DESC, m.id, c.book_id LIMIT %(at_most)s
"""
MISSING_SELECTION = f"""
WITH {_QUOTED}, {_RANGES}
SELECT min(q.season_id) AS season_id, min(q.event_id) AS event_id, q.market_id, q.book_id,
       (min(r.answers) - count(*))::float8 AS value,
       format('%%s of %%s answers told, only %%s', count(*), min(r.answers),
              string_agg(q.role, ', ' ORDER BY q.role)) AS text,
       count(*) OVER () AS total
FROM quoted q JOIN ranges r ON r.kind = q.kind AND r.book_kind = q.book_kind
WHERE q.kind = ANY(%(whole_kinds)s) AND q.book_kind = 'BOOKMAKER'
    AND q.confirmed_at >= q.looked_at - %(together)s / q.time_scale
GROUP BY q.market_id, q.book_id
HAVING count(*) < min(r.answers)
ORDER BY q.market_id, q.book_id LIMIT %(at_most)s
"""
#: How long a price of an event stays fresh: by the slowest source that knows the event, or, where
#: none gives it an id, that knows its competition's name.
_PATIENT = f"""{_QUOTED},
cadence AS (
    SELECT n.code, s.cadence_seconds
    FROM markets_source s CROSS JOIN LATERAL (
        SELECT CASE WHEN s.namespace = '' THEN s.code ELSE s.namespace END AS code) n
    WHERE s.is_enabled
),
patient AS MATERIALIZED (
    SELECT o.*, greatest(
        %(cadences)s * make_interval(secs => coalesce(
            (SELECT max(d.cadence_seconds) FROM markets_eventalias a
             JOIN cadence d ON d.code = a.namespace WHERE a.event_id = o.id),
            (SELECT max(s.cadence_seconds) FROM markets_competitionalias a
             JOIN markets_source s ON s.id = a.source_id AND s.is_enabled
             WHERE a.competition_id = o.competition_id),
            (SELECT max(s.cadence_seconds) FROM markets_source s
             WHERE s.is_enabled AND s.is_simulated = o.is_simulated AND s.location <> ''),
            86400)::float8),
        CASE WHEN o.is_simulated THEN %(league_time)s / o.time_scale END) AS patience
    FROM open o
)"""
STALE_PRICE = f"""
WITH {_PATIENT},
by_book AS (
    SELECT q.event_id, q.book_id, max(q.confirmed_at) AS told_at FROM quoted q GROUP BY 1, 2
),
by_event AS (
    SELECT b.event_id, p.season_id, p.competition_id, p.patience, max(b.told_at) AS told_at
    FROM by_book b JOIN patient p ON p.id = b.event_id GROUP BY 1, 2, 3, 4
),
silent AS (
    SELECT e.season_id, e.event_id, b.book_id, e.told_at - b.told_at AS behind, b.told_at,
           'other books of the event' AS others
    FROM by_book b JOIN by_event e USING (event_id) WHERE b.told_at < e.told_at - e.patience
    UNION ALL
    SELECT e.season_id, e.event_id, NULL, max(o.told_at) - e.told_at, e.told_at,
           'other events of its competition'
    FROM by_event e JOIN by_event o USING (competition_id)
    GROUP BY e.season_id, e.event_id, e.told_at, e.patience
    HAVING e.told_at < max(o.told_at) - e.patience
)
SELECT season_id, event_id, book_id, extract(epoch FROM behind)::float8 / 3600 AS value,
       format('last told %%s UTC, %%s hours before %%s',
              to_char(told_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
              round((extract(epoch FROM behind) / 3600)::numeric, 1), others) AS text,
       count(*) OVER () AS total
FROM silent ORDER BY behind DESC, event_id, book_id LIMIT %(at_most)s
"""
#: The history is read for prices alone that stand off the others' middle, unchanged for hours.
FROZEN_PRICE = f"""
WITH {_PATIENT},
main AS MATERIALIZED (
    SELECT q.*, p.patience FROM quoted q JOIN patient p ON p.id = q.event_id
    WHERE q.kind IN ('MATCH_ODDS', 'MONEYLINE') AND q.period = 'FULL' AND q.role <> 'DRAW'
        AND q.book_kind = ANY(%(takes_bets)s)
        AND q.confirmed_at >= q.looked_at - %(together)s / q.time_scale
),
middle AS (
    SELECT selection_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY 1 / price) AS chance,
           max(confirmed_at) AS newest
    FROM main GROUP BY selection_id HAVING count(*) > %(frozen_books)s
),
suspect AS MATERIALIZED (
    SELECT f.* FROM main f JOIN middle USING (selection_id)
    WHERE f.confirmed_at - f.seen_at >= %(frozen_after)s / f.time_scale
        AND abs(1 / f.price - middle.chance) >= %(frozen_move)s
        AND f.confirmed_at >= middle.newest - f.patience
),
moved AS (
    SELECT f.selection_id, f.book_id, 1 / o.price - 1 / earlier.price::float8 AS by
    FROM suspect f
    JOIN main o ON o.selection_id = f.selection_id AND o.book_id <> f.book_id
        AND o.seen_at > f.seen_at
    CROSS JOIN LATERAL (
        SELECT p.price FROM markets_pricesnapshot p
        WHERE p.selection_id = o.selection_id AND p.book_id = o.book_id
            AND p.seen_at <= f.seen_at AND p.seen_at > f.seen_at - interval '30 days'
        ORDER BY p.seen_at DESC LIMIT 1
    ) earlier
),
judged AS (
    SELECT selection_id, book_id,
           greatest(count(*) FILTER (WHERE by >= %(frozen_move)s),
                    count(*) FILTER (WHERE by <= - %(frozen_move)s)) AS books,
           max(abs(by)) AS by
    FROM moved GROUP BY 1, 2
),
frozen AS (
    SELECT DISTINCT ON (f.market_id, f.book_id) f.season_id, f.event_id, f.market_id, f.book_id,
           j.by AS value, j.books, f.seen_at
    FROM judged j JOIN suspect f USING (selection_id, book_id)
    WHERE j.books >= %(frozen_books)s
    ORDER BY f.market_id, f.book_id, j.by DESC
)
SELECT season_id, event_id, market_id, book_id, value,
       format('unchanged since %%s UTC, while %%s other books moved by up to %%s points',
              to_char(seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), books,
              round((100 * value)::numeric, 1)) AS text,
       count(*) OVER () AS total
FROM frozen ORDER BY value DESC, market_id, book_id LIMIT %(at_most)s
"""
CROSSED_LADDER = f"""
WITH {_QUOTED}
SELECT q.season_id, q.event_id, q.market_id, q.book_id, 'markets.Selection:' || q.selection_id
           || '/markets.Book:' || q.book_id AS subject,
       (l.back - l.lay)::float8 AS value,
       format('%%s: back at %%s, lay at %%s, told %%s UTC', s.name, l.back, l.lay,
              to_char(l.seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')) AS text,
       count(*) OVER () AS total
FROM quoted q
JOIN markets_selection s ON s.id = q.selection_id
CROSS JOIN LATERAL (
    SELECT d.back_prices[1] AS back, d.lay_prices[1] AS lay, d.seen_at
    FROM markets_laddersnapshot d
    WHERE d.selection_id = q.selection_id AND d.book_id = q.book_id
        AND d.seen_at <= %(as_of)s AND d.seen_at > %(as_of)s - interval '2 days'
    ORDER BY d.seen_at DESC LIMIT 1
) l
WHERE q.book_kind = 'EXCHANGE' AND l.back >= l.lay
ORDER BY value DESC, q.selection_id LIMIT %(at_most)s
"""
ARBITRAGE = f"""
WITH {_PATIENT}, {_RANGES},
fresh AS (
    SELECT q.* FROM quoted q JOIN patient p ON p.id = q.event_id
    WHERE q.book_kind = ANY(%(takes_bets)s)
        AND q.confirmed_at >= q.looked_at - %(together)s / q.time_scale
        AND q.confirmed_at >= %(as_of)s - p.patience
),
best AS (
    SELECT DISTINCT ON (selection_id) * FROM fresh ORDER BY selection_id, price DESC, book
),
sure AS (
    SELECT min(q.season_id) AS season_id, min(q.event_id) AS event_id, q.market_id,
           coalesce(nullif(min(r.sums_to), 0), min(q.places)) / sum(1 / q.price) - 1 AS value,
           string_agg(format('%%s %%s at %%s', q.role, round(q.price::numeric, 3), q.book), ', '
                      ORDER BY q.role) AS text
    FROM best q JOIN ranges r ON r.kind = q.kind AND r.book_kind = 'BOOKMAKER'
    WHERE q.kind = ANY(%(whole_kinds)s)
    GROUP BY q.market_id HAVING count(*) = min(r.answers) AND count(DISTINCT q.book_id) > 1
)
SELECT season_id, event_id, market_id, value,
       format('%%s %%%% sure profit: %%s', round((100 * value)::numeric, 1), text) AS text,
       count(*) OVER () AS total
FROM sure WHERE value > %(arbitrage)s ORDER BY value DESC, market_id LIMIT %(at_most)s
"""
LINE_NOT_MONOTONE = f"""
WITH {_QUOTED}, {_RANGES},
lines AS (
    SELECT q.market_id, q.book_id, min(q.season_id) AS season_id, min(q.event_id) AS event_id,
           min(q.kind) AS kind, min(q.period) AS period, min(q.participant_id) AS participant_id,
           min(q.statistic) AS statistic, min(q.line) AS line,
           sum(1 / q.price) FILTER (WHERE q.role IN ('OVER', 'HOME')) / sum(1 / q.price) AS chance
    FROM quoted q
    WHERE q.line IS NOT NULL AND q.book_kind IN ('BOOKMAKER', 'EXCHANGE')
        AND q.confirmed_at >= q.looked_at - %(together)s / q.time_scale
    GROUP BY q.market_id, q.book_id HAVING count(*) = 2
),
stepped AS (
    SELECT *, lag(line) OVER ladder AS line_before, lag(chance) OVER ladder AS chance_before
    FROM lines
    WINDOW ladder AS (
        PARTITION BY event_id, book_id, kind, period, participant_id, statistic ORDER BY line)
),
broken AS (
    SELECT *, CASE WHEN kind IN ('SPREAD', 'ASIAN_HANDICAP') THEN chance_before - chance
        ELSE chance - chance_before END AS value
    FROM stepped
)
SELECT season_id, event_id, market_id, book_id, value,
       format('%%s %%%% at %%s, %%s %%%% at %%s', round((100 * chance_before)::numeric, 1),
              line_before, round((100 * chance)::numeric, 1), line) AS text,
       count(*) OVER () AS total
FROM broken WHERE value > %(slack)s ORDER BY value DESC, market_id, book_id LIMIT %(at_most)s
"""
