"""Which code made a value: the modules of a set and what they rest on, and no other."""

import pytest

from models_ml.domain import feature_sets
from models_ml.services import codes


class TestCodeOf:
    @pytest.mark.parametrize("name", sorted(feature_sets.FEATURE_SETS))
    def test_covers_the_module_of_a_set_and_the_engine(self, name) -> None:
        found = codes.hashes([f"{codes.DOMAIN}.{name}"])
        assert {f"models_ml.domain.{m}" for m in (name, "asof", "facts")} <= set(found)
        assert "markets.domain.odds" in found

    def test_leaves_out_what_no_value_rests_on(self) -> None:
        found = codes.hashes([f"{codes.DOMAIN}.soccer_v1"])
        others = {f"{codes.DOMAIN}.{name}" for name in ("nba_v1", "drift", "gates", "calibrating")}
        assert not others & set(found)

    def test_is_another_one_where_a_module_that_it_rests_on_changes(
        self, monkeypatch, tmp_path
    ) -> None:
        before = codes.code_of("soccer_v1")
        other = tmp_path / "odds.py"
        other.write_text("MARGIN = 2\n")
        source = codes._source
        monkeypatch.setattr(
            codes, "_source", lambda name: other if name == "markets.domain.odds" else source(name)
        )
        assert codes.code_of.__wrapped__("soccer_v1") != before
        assert codes.code_of("soccer_v1") == before
