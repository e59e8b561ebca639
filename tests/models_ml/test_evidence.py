import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models_ml.domain import evidence

TEXTS = st.text('aé\U0001f40e\x07"\\ ', max_size=4)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(TEXTS, PLAIN, max_size=2)
BUNDLES = st.dictionaries(TEXTS, VALUES, max_size=3)


class TestCanonical:
    @settings(max_examples=40, deadline=None)
    @given(BUNDLES)
    def test_is_read_back_as_what_was_written(self, bundle):
        assert json.loads(evidence.canonical(bundle)) == bundle

    @settings(max_examples=40, deadline=None)
    @given(BUNDLES)
    def test_is_the_same_text_when_written_again(self, bundle):
        text = evidence.canonical(bundle)
        assert evidence.canonical(json.loads(text)) == text

    @settings(max_examples=40, deadline=None)
    @given(BUNDLES)
    def test_does_not_depend_on_the_order_of_names(self, bundle):
        turned = dict(reversed(bundle.items()))
        assert evidence.canonical(turned) == evidence.canonical(bundle)

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (1.0, "1"),
            (-0.0, "0"),
            (1e22, "10000000000000000000000"),
            (1e-7, "1e-07"),
            (True, "true"),
            (None, "null"),
            ("café", '"café"'),
            ((1, 2), "[1,2]"),
        ],
    )
    def test_writes_each_value_in_one_way(self, value, text):
        assert evidence.canonical({"v": value}) == f'{{"v":{text}}}'

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
    def test_refuses_a_number_that_is_none(self, value):
        with pytest.raises(ValueError, match="no figure"):
            evidence.canonical({"gates": [{"low": value}]})

    @pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
    def test_refuses_text_that_no_table_holds(self, text):
        with pytest.raises(ValueError, match="cannot be stored"):
            evidence.canonical({"reason": text})
        with pytest.raises(ValueError, match="cannot be stored"):
            evidence.canonical({text: "reason"})

    def test_refuses_a_name_that_is_no_text(self):
        with pytest.raises(ValueError, match="no text"):
            evidence.canonical({"rows": {1: "x"}})

    def test_refuses_what_is_no_json(self):
        with pytest.raises(TypeError, match="set is no JSON"):
            evidence.canonical({"roles": {"ops lead"}})

    def test_refuses_more_than_anybody_reads(self):
        with pytest.raises(ValueError, match="allowed"):
            evidence.canonical({"text": "x" * evidence.LARGEST})


class TestDigest:
    def test_is_the_hash_anybody_can_make_of_the_canonical_text(self):
        # printf '{"a":1,"b":[0.5,"x"]}' | sha256sum
        expected = "d9dda6d0c61c7433e4751740c766c964aa4c33cbf44060db3843e8fbbce9f537"
        assert evidence.digest({"b": [0.5, "x"], "a": 1.0}) == expected

    @settings(max_examples=40, deadline=None)
    @given(BUNDLES, NUMBERS)
    def test_differs_for_other_evidence(self, bundle, number):
        other = {**bundle, "slope": number}
        same = evidence.canonical(bundle) == evidence.canonical(other)
        assert (evidence.digest(bundle) == evidence.digest(other)) == same
