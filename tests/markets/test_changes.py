import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from markets.domain import changes
from markets.domain.changes import LOOKED, OFFERED, STORED


def column(values):
    return np.array(values, dtype=np.int64)


def find(rows):
    """Rows are (pair, seen, price, origin)."""
    table = column(rows).reshape(-1, 4).T
    return changes.find_changes(pair=table[0], seen=table[1], price=table[2], origin=table[3])


def by_definition(rows):
    """Say the same with a loop: what is stored, what contradicts, what is in effect."""
    store, contradicting, latest = [], [], {}
    order = sorted(range(len(rows)), key=lambda i: (rows[i][0], rows[i][1], rows[i][3], i))
    moments = {}
    before = {}
    for i in order:
        pair, seen, price, origin = rows[i]
        if (pair, seen) in moments:
            if moments[pair, seen] != price:
                contradicting.append(i)
            continue
        moments[pair, seen] = price
        is_change = before.get(pair) != price
        if is_change and origin != STORED:
            store.append(i)
        if is_change or origin == STORED:
            latest[pair] = (i, seen, before.get(pair, 0))
        else:
            latest[pair] = (latest[pair][0], seen, latest[pair][2])
        before[pair] = price
    return store, contradicting, [latest[pair] for pair in sorted(latest)]


ROWS = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.integers(1, 6),
        st.sampled_from([1900, 1950, 2000]),
        st.sampled_from([STORED, LOOKED, OFFERED]),
    ),
    max_size=25,
)


class TestFindChanges:
    @given(rows=ROWS)
    def test_equals_its_definition(self, rows):
        found = find(rows)
        store, contradicting, latest = by_definition(rows)
        assert found.to_store.tolist() == store
        assert sorted(found.contradicting.tolist()) == sorted(contradicting)
        assert found.newest.tolist() == [row for row, _, _ in latest]
        assert [rows[row][1] for row in found.last] == [seen for _, seen, _ in latest]
        assert found.previous.tolist() == [previous for _, _, previous in latest]

    @given(rows=ROWS)
    def test_finds_nothing_more_once_its_changes_are_stored(self, rows):
        offered = [(pair, seen, price, OFFERED) for pair, seen, price, _ in rows]
        first = find(offered)
        stored = [(*offered[row][:3], STORED) for row in first.to_store]
        assert find(stored + offered).to_store.size == 0

    def test_a_look_that_confirmed_a_price_keeps_it_after_a_late_change(self):
        rows = [(1, 10, 2000, STORED), (1, 50, 2000, LOOKED), (1, 30, 2100, OFFERED)]
        found = find(rows)
        assert [rows[row][1:3] for row in found.to_store] == [(30, 2100), (50, 2000)]
