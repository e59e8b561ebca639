"""The statements behind ``queries.quality`` that look at events, their starts and results.

Columns are those of ``flaws_of_prices``; times are divided by ``time_scale`` where it is not 1.
"""

_OF_SCOPE = """
    (%(competition)s::bigint IS NULL OR e.competition_id = %(competition)s)
    AND (%(season)s::bigint IS NULL OR e.season_id = %(season)s)
"""
#: Events that have not begun.
OPEN = f"""
open AS MATERIALIZED (
    SELECT e.id, e.season_id, e.competition_id, e.starts_at, e.start_certainty, c.time_scale,
           c.is_simulated, c.time_zone, e.home_id
    FROM markets_event e JOIN markets_competition c ON c.id = e.competition_id
    WHERE e.status = 'SCHEDULED' AND e.starts_at > %(as_of)s AND e.starts_at <= %(until)s
        AND {_OF_SCOPE}
)"""
#: Events of the span that is looked at, begun or not.
SPAN = f"""
span AS MATERIALIZED (
    SELECT e.id, e.season_id, e.competition_id, e.home_id, e.away_id, e.race_number, e.name,
           e.status, e.starts_at, e.started_at, e.start_certainty, c.time_scale, p.code AS sport
    FROM markets_event e
    JOIN markets_competition c ON c.id = e.competition_id
    JOIN markets_sport p ON p.id = c.sport_id
    WHERE (%(since)s::timestamptz IS NULL OR e.starts_at >= %(since)s) AND {_OF_SCOPE}
)"""
#: Those whose result is due.  What has neither sides nor a race number may last for months.
_DUE = f"""{SPAN},
due AS MATERIALIZED (
    SELECT e.* FROM span e
    LEFT JOIN unnest(%(sports)s::text[], %(afters)s::interval[]) AS own (sport, after)
        ON own.sport = e.sport
    WHERE e.status IN ('SCHEDULED', 'LIVE', 'FINISHED')
        AND (e.home_id IS NOT NULL OR e.race_number IS NOT NULL)
        AND e.starts_at < %(as_of)s - greatest(%(at_least)s, (
            coalesce(own.after, %(after)s)
            + CASE WHEN e.start_certainty = 'DATE' THEN interval '1 day' ELSE interval '0' END
        ) / e.time_scale)
),
told AS MATERIALIZED (
    SELECT d.*, EXISTS (
        SELECT FROM markets_result r WHERE r.event_id = d.id AND r.known_at <= %(as_of)s) AS has_one
    FROM due d
),
telling AS (  -- seasons of which somebody tells results
    SELECT season_id, bool_or(has_one) AS is_told, count(*) AS n FROM told GROUP BY season_id
)"""
NO_RESULT = f"""
WITH {_DUE}
SELECT season_id, id AS event_id,
       extract(epoch FROM %(as_of)s - starts_at)::float8 / 3600 AS value,
       format('began %%s UTC and has no result',
              to_char(starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) AS text,
       count(*) OVER () AS total
FROM told JOIN telling USING (season_id)
WHERE is_told AND NOT has_one AND status <> 'FINISHED'
ORDER BY starts_at, id LIMIT %(at_most)s
"""
SEASON_WITHOUT_RESULTS = f"""
WITH {_DUE}
SELECT t.season_id, t.n::float8 AS value,
       format('%%s %%s: %%s events are over, none has a result', c.code, s.label, t.n) AS text,
       count(*) OVER () AS total
FROM telling t
JOIN markets_season s ON s.id = t.season_id
JOIN markets_competition c ON c.id = s.competition_id
WHERE NOT t.is_told AND NOT EXISTS (  -- nor outside the span
    SELECT FROM markets_result r JOIN markets_event e ON e.id = r.event_id
    WHERE e.season_id = t.season_id)
ORDER BY t.n DESC, t.season_id LIMIT %(at_most)s
"""
STATUS_ODD = f"""
WITH {SPAN},
latest AS (
    SELECT DISTINCT ON (r.event_id) r.event_id, r.status
    FROM span e JOIN markets_result r ON r.event_id = e.id
    ORDER BY r.event_id, r.version DESC
),
odd AS (
    SELECT e.season_id, e.id, e.starts_at, CASE
        WHEN e.status = 'LIVE' AND e.starts_at > %(as_of)s + %(apart)s / e.time_scale
            THEN 'live before its start'
        WHEN e.status IN ('SCHEDULED', 'LIVE') AND l.status = 'FINAL'
            THEN 'still ' || lower(e.status) || ' though its result is final'
        WHEN e.status = 'FINISHED' AND coalesce(l.status, 'WITHDRAWN') = 'WITHDRAWN'
            THEN 'finished without a result'
        END AS said
    FROM span e LEFT JOIN latest l ON l.event_id = e.id
)
SELECT season_id, id AS event_id, NULL::float8 AS value, said AS text, count(*) OVER () AS total
FROM odd WHERE said IS NOT NULL ORDER BY starts_at DESC, id LIMIT %(at_most)s
"""
#: What was put off or called off may stand beside its new date.
_STANDING = "e.status NOT IN ('CANCELLED', 'POSTPONED', 'ABANDONED')"
DUPLICATED_EVENT = f"""
WITH {SPAN},
matches AS MATERIALIZED (
    SELECT e.*, least(e.home_id, e.away_id) AS one, greatest(e.home_id, e.away_id) AS other,
           coalesce(own.within, %(within)s) / e.time_scale AS within
    FROM span e
    LEFT JOIN unnest(%(sports)s::text[], %(withins)s::interval[]) AS own (sport, within)
        ON own.sport = e.sport
    WHERE e.home_id IS NOT NULL AND {_STANDING}
),
paired AS (
    SELECT *, lag(id) OVER meetings AS before_id, lag(name) OVER meetings AS before,
           lag(home_id) OVER meetings AS before_home, lag(starts_at) OVER meetings AS before_at
    FROM matches WINDOW meetings AS (PARTITION BY one, other ORDER BY starts_at, id)
)
SELECT season_id, id AS event_id,
       extract(epoch FROM starts_at - before_at)::float8 / 3600 AS value,
       format('event %%s, %%s, has the same sides%%s and begins %%s hours apart', before_id, before,
              CASE WHEN before_home <> home_id THEN ', home and away exchanged,' ELSE '' END,
              round((extract(epoch FROM starts_at - before_at) / 3600)::numeric, 1)) AS text,
       count(*) OVER () AS total
FROM paired WHERE starts_at - before_at <= within
ORDER BY starts_at DESC, id LIMIT %(at_most)s
"""
SIDE_TWICE = f"""
WITH {SPAN},
sides AS (
    SELECT e.id, e.name, e.season_id, e.starts_at, e.time_scale, e.home_id, e.away_id,
           unnest(ARRAY[e.home_id, e.away_id]) AS side
    FROM span e
    WHERE e.home_id IS NOT NULL AND e.start_certainty <> 'DATE' AND {_STANDING}
),
ordered AS (
    SELECT *, lag(id) OVER w AS before_id, lag(name) OVER w AS before,
           lag(starts_at) OVER w AS before_at,
           lag(home_id) OVER w AS before_home, lag(away_id) OVER w AS before_away
    FROM sides WINDOW w AS (PARTITION BY side ORDER BY starts_at, id)
)
SELECT o.season_id, o.id AS event_id,
       'markets.Event:' || o.id || '/markets.Participant:' || o.side AS subject,
       extract(epoch FROM o.starts_at - o.before_at)::float8 / 3600 AS value,
       format('%%s plays in event %%s, %%s, too, which begins %%s hours apart', p.name,
              o.before_id, o.before,
              round((extract(epoch FROM o.starts_at - o.before_at) / 3600)::numeric, 1)) AS text,
       count(*) OVER () AS total
FROM ordered o JOIN markets_participant p ON p.id = o.side
WHERE o.starts_at - o.before_at < %(twice)s / o.time_scale
    AND (least(o.home_id, o.away_id), greatest(o.home_id, o.away_id))
        <> (least(o.before_home, o.before_away), greatest(o.before_home, o.before_away))
ORDER BY o.starts_at DESC, o.id LIMIT %(at_most)s
"""
#: What each source said last, where more than one has moved the start.
START_DISAGREES = f"""
WITH {OPEN},
said AS (
    SELECT DISTINCT ON (h.event_id, h.source_id) h.event_id, o.season_id, o.time_scale,
           h.source_id, h.after::timestamptz AS starts_at
    FROM open o JOIN markets_eventchange h ON h.event_id = o.id
    WHERE h.field = 'starts_at' AND h.after <> '' AND h.known_at <= %(as_of)s
        AND h.known_at > %(as_of)s - interval '7 days'
    ORDER BY h.event_id, h.source_id, h.known_at DESC, h.id DESC
)
SELECT a.season_id, a.event_id,
       extract(epoch FROM max(a.starts_at) - min(a.starts_at))::float8 / 60 AS value,
       string_agg(format('%%s says %%s UTC', coalesce(s.name, 'a person'),
           to_char(a.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')), ', '
           ORDER BY s.name) AS text,
       count(*) OVER () AS total
FROM said a LEFT JOIN markets_source s ON s.id = a.source_id
GROUP BY a.season_id, a.event_id, a.time_scale
HAVING count(*) > 1 AND max(a.starts_at) - min(a.starts_at) >= %(apart)s / a.time_scale
ORDER BY value DESC, a.event_id LIMIT %(at_most)s
"""
#: Where no zone of the competition is known, midnight says nothing.
START_PLACEHOLDER = f"""
WITH {OPEN}
SELECT season_id, id AS event_id, NULL::float8 AS value,
       format('begins at 00:00 by the clocks of %%s', time_zone) AS text, count(*) OVER () AS total
FROM open
WHERE start_certainty <> 'DATE' AND home_id IS NOT NULL AND time_zone <> 'UTC' AND time_scale = 1
    AND (starts_at AT TIME ZONE time_zone)::time = '00:00'
ORDER BY starts_at, id LIMIT %(at_most)s
"""
#: What each season holds.  A season that lies in the span with any event is counted whole.
TALLIES = f"""
WITH seasons AS (
    SELECT DISTINCT e.season_id FROM markets_event e
    WHERE (%(since)s::timestamptz IS NULL OR e.starts_at >= %(since)s) AND {_OF_SCOPE}
),
counted AS (
    SELECT e.season_id, count(*) AS matches, count(DISTINCT (e.home_id, e.away_id)) AS pairings,
           count(DISTINCT e.home_id) AS teams, max(e.starts_at) AS last_at
    FROM seasons JOIN markets_event e USING (season_id)
    WHERE e.home_id IS NOT NULL AND e.status <> 'CANCELLED'
    GROUP BY e.season_id
)
SELECT t.season_id, c.code, s.label, t.teams, t.matches, t.pairings,
       t.last_at < %(as_of)s - %(over_after)s / c.time_scale AS is_over
FROM counted t
JOIN markets_season s ON s.id = t.season_id
JOIN markets_competition c ON c.id = s.competition_id
ORDER BY c.code, s.label
"""
