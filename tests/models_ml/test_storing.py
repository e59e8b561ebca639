"""Artefacts on a disk that fills up, and files that are not what their row says.  No database."""

import errno
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from models_ml.domain import artefacts
from models_ml.domain.soccer_v1 import SOCCER_V1
from models_ml.models import ModelVersion, Pipeline
from models_ml.services import learning, loading, storing
from models_ml.services.loading import FeaturesChanged
from models_ml.services.storing import ArtefactNotWritten, DamagedArtefact
from tests.models_ml import fact_worlds, labelled_worlds
from tests.models_ml.worlds import World, a_world

QUICK = {"rounds": 80, "patience": 20, "eta": 0.1, "min_child_weight": 5.0, "lambda": 5.0}


def examples_of(world: World):
    return labelled_worlds.examples("soccer_v1", fact_worlds.of_world(world))


@pytest.fixture(scope="module")
def learned():
    return {
        target: learning.learn(
            target=target, examples=examples_of(a_world(seasons=3)), feature_set=SOCCER_V1,
            parameters=QUICK, seed=0,
        )
        for target in ("OUTCOME", "GOALS")
    }  # fmt: skip


def a_version(learned, content: bytes | None = None, **fields) -> ModelVersion:
    """Return a version that is not in the database, with its file."""
    content = learned.fitted.content if content is None else content
    name, sha256 = storing.write(pipeline_code="soccer-1x2", number=1, content=content)
    golden = loading.golden(estimator=learned.estimator, values=learning.golden_values(learned))
    told = {
        "pipeline": Pipeline(code="soccer-1x2", feature_set="soccer_v1"), "number": 1,
        "kind": learned.fitted.kind, "artefact": name, "artefact_sha256": sha256,
        "features_sha256": SOCCER_V1.sha256, "calibration": learned.fitted.calibration,
        "metrics": {"golden": golden},
    }  # fmt: skip
    return ModelVersion(**{**told, **fields})


class TestWrite:
    def test_names_the_file_by_what_is_in_it(self, settings):
        name, sha256 = storing.write(pipeline_code="nfl-spread", number=7, content=b"{}")
        assert sha256 == hashlib.sha256(b"{}").hexdigest()
        assert name == f"nfl-spread/7-{sha256[:12]}.json"
        assert (Path(settings.ARTEFACT_DIR) / name).read_bytes() == b"{}"

    def test_leaves_nothing_behind_on_a_full_disk(self, settings, monkeypatch):
        def full(handle: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ArtefactNotWritten, match="No space left"):
            storing.write(pipeline_code="nfl-spread", number=7, content=b"{}")
        assert not [p for p in Path(settings.ARTEFACT_DIR).rglob("*") if p.is_file()]


class TestLoadFresh:
    @pytest.mark.parametrize("target", ["OUTCOME", "GOALS"])
    def test_gives_what_was_trained(self, learned, target):
        found = loading.load_fresh(version=a_version(learned[target]))
        values = learned[target].test.values[:5]
        assert np.array_equal(found.sample(values), learned[target].estimator.sample(values))

    def test_refuses_a_flipped_byte(self, settings, learned):
        version = a_version(learned["GOALS"])
        path = Path(settings.ARTEFACT_DIR) / version.artefact
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(DamagedArtefact, match="SHA-256"):
            loading.load_fresh(version=version)

    def test_refuses_the_file_of_another_kind_though_its_hash_is_right(self, learned):
        version = a_version(learned["GOALS"], kind="boosted3")
        with pytest.raises(DamagedArtefact, match="of a goals, not boosted3"):
            loading.load_fresh(version=version)

    def test_refuses_the_file_of_another_version_by_its_golden_rows(self, learned):
        other = learning.learn(
            target="GOALS", examples=examples_of(a_world(seasons=3, seed=9)),
            feature_set=SOCCER_V1, parameters=QUICK, seed=0,
        )  # fmt: skip
        version = a_version(learned["GOALS"], content=other.fitted.content)
        with pytest.raises(DamagedArtefact, match="golden"):
            loading.load_fresh(version=version)

    def test_refuses_a_file_of_other_columns(self, learned):
        content = learned["GOALS"].fitted.content
        swapped = content.replace(SOCCER_V1.sha256.encode(), b"0" * 64)
        with pytest.raises(FeaturesChanged):
            loading.load_fresh(version=a_version(learned["GOALS"], content=swapped))

    @pytest.mark.parametrize("content", [b"", b"{}", b"[" * 5000, b"{L\x00\x00nonsense"])
    def test_refuses_what_is_no_artefact_though_its_hash_is_right(self, learned, content):
        with pytest.raises(DamagedArtefact, match="cannot be loaded"):
            loading.load_fresh(version=a_version(learned["GOALS"], content=content))

    def test_reads_no_file_that_is_too_large(self, learned, monkeypatch):
        version = a_version(learned["GOALS"])
        monkeypatch.setattr(artefacts, "LARGEST", 100)
        with pytest.raises(DamagedArtefact, match="too many"):
            loading.load_fresh(version=version)

    def test_refuses_a_calibration_nobody_knows(self, learned):
        version = a_version(learned["OUTCOME"], calibration={"method": "tarot"})
        with pytest.raises(DamagedArtefact, match="tarot"):
            loading.load_fresh(version=version)

    def test_refuses_golden_rows_of_another_width(self, learned):
        version = a_version(learned["OUTCOME"])
        version.metrics["golden"]["values"] = [[1.0, 2.0]]
        with pytest.raises(DamagedArtefact, match="cannot answer"):
            loading.load_fresh(version=version)
