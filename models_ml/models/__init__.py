from models_ml.models.drift import (
    DriftFeature,
    DriftReference,
    DriftReport,
    Evaluation,
    RetrainDecision,
    RuleFlag,
)
from models_ml.models.ladders import Ladder, Rehearsal, StageLook
from models_ml.models.pipelines import Pipeline, Replay
from models_ml.models.registry import Approval, PromotionPolicy, Proposal, ServingPeriod
from models_ml.models.reruns import HygienePolicy, Rerun
from models_ml.models.rows import FeatureRow, Prediction, ServiceFigure
from models_ml.models.search import Experiment, Search, SearchTrial
from models_ml.models.store import EtlRun, StoreFile
from models_ml.models.versions import ModelVersion, VersionClv
from models_ml.models.walks import WalkFold, WalkForward

__all__ = [
    "Approval",
    "DriftFeature",
    "DriftReference",
    "DriftReport",
    "EtlRun",
    "Evaluation",
    "Experiment",
    "FeatureRow",
    "HygienePolicy",
    "Ladder",
    "ModelVersion",
    "Pipeline",
    "Prediction",
    "PromotionPolicy",
    "Proposal",
    "Rehearsal",
    "Replay",
    "Rerun",
    "RetrainDecision",
    "RuleFlag",
    "Search",
    "SearchTrial",
    "ServiceFigure",
    "ServingPeriod",
    "StageLook",
    "StoreFile",
    "VersionClv",
    "WalkFold",
    "WalkForward",
]
