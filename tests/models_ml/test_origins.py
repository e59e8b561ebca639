import importlib

import pytest

from models_ml.domain import elo
from models_ml.domain.estimators import three_way
from models_ml.domain.feature_sets import FEATURE_SETS
from models_ml.services import codes, origins


class TestCodeVersions:
    @pytest.mark.parametrize("kind", sorted(origins.KINDS))
    def test_know_every_kind_of_estimator(self, kind):
        found = origins.code_versions(kind=kind, feature_set="soccer_v1")
        assert f"estimators.{origins.KINDS[kind]}" in found

    @pytest.mark.parametrize("name", sorted(FEATURE_SETS))
    def test_know_the_modules_of_every_set(self, name):
        found = origins.code_versions(kind="figure", feature_set=name)
        assert {name, "facts", "features", "splitting", "markets.domain.odds"} <= set(found)

    def test_leave_out_what_other_kinds_and_sets_are_made_of(self):
        found = set(origins.code_versions(kind="runners", feature_set="racing_v1"))
        others = {"estimators.three_way", "goals", "soccer_v1", "nfl_v1", "gates"}
        assert not found & others

    def test_change_with_what_a_module_imports(self, monkeypatch, tmp_path):
        before = dict(origins.code_versions(kind="boosted3", feature_set="soccer_v1"))
        other = tmp_path / "elo.py"
        other.write_text("K = 21\n")
        source = codes._source
        monkeypatch.setattr(
            codes, "_source", lambda name: other if name == elo.__name__ else source(name)
        )
        after = origins.code_versions.__wrapped__(kind="boosted3", feature_set="soccer_v1")
        assert {name for name in before if before[name] != after[name]} == {"elo"}
        assert origins.code_version(before) != origins.code_version(after)

    def test_name_modules_that_are_there(self):
        for name in origins.code_versions(kind="boosted3", feature_set="soccer_v1"):
            if name in ("xgboost", "services.examples"):
                continue
            whole = name if name.startswith("markets.") else f"models_ml.domain.{name}"
            assert importlib.import_module(whole)
        assert three_way.KIND in origins.KINDS
