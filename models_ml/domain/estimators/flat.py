"""Trees as arrays, for a few rows: a call into xgboost takes longer than its trees do.

The same comparisons and the same additions, in the same order and in single precision, so that a
row is told the same to the bit, alone or in a batch.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST = 8_192  # steps down the trees, above which xgboost is faster
LEAF = -1  # what xgboost calls the child of a leaf


@dataclass(frozen=True, slots=True, eq=False)
class Flat:
    """The nodes of all trees behind one another; a leaf's children are itself.

    ``column`` counts the columns twice: once with what is not known below every threshold, once
    above.  ``roots`` stand in the order of the rounds, ``classes`` in each round.
    """

    column: NDArray[np.intp]
    threshold: NDArray[np.float32]  # of a leaf: what it adds
    children: NDArray[np.intp]  # left and right of each node, (2 * nodes,)
    roots: NDArray[np.intp]
    depth: int
    classes: int
    columns: int

    def takes(self, n: int) -> bool:
        """Tell whether so many rows are few."""
        return n * len(self.roots) * self.depth <= MOST

    def margins(self, values: NDArray) -> NDArray[np.float32]:
        """Return what the trees add up to, (n, classes).

        Raises:
            ValueError: these rows have other columns.
        """
        if values.shape[1] != self.columns:
            raise ValueError(f"{values.shape[1]} columns, and the trees ask for {self.columns}")
        known = values.astype(np.float32)
        missing = np.isnan(known)
        twice = np.concatenate(
            [np.where(missing, -np.inf, known), np.where(missing, np.inf, known)], axis=1
        )
        found = np.empty((len(values), self.classes), dtype=np.float32)
        for row, told in enumerate(twice):
            node = self.roots
            for _ in range(self.depth):
                is_right = told[self.column[node]] >= self.threshold[node]
                node = self.children[2 * node + is_right]
            rounds = self.threshold[node].reshape(-1, self.classes)
            found[row] = np.add.accumulate(rounds, axis=0)[-1]  # one after the other, as xgboost
        return found


def flat(booster: Any) -> Flat | None:
    """Return a booster's trees as arrays, None where they are of a kind that is not known here."""
    told = json.loads(bytes(booster.save_raw("json")))["learner"]
    forest = told["gradient_booster"].get("model", {})
    classes = max(1, int(told["learner_model_param"]["num_class"]))
    columns = int(told["learner_model_param"]["num_feature"])
    trees = forest.get("trees", [])
    is_known = (
        bool(trees)
        and forest["tree_info"] == [n % classes for n in range(len(trees))]
        and not any(any(tree["split_type"]) for tree in trees)
    )
    return _flat(trees, columns, classes) if is_known else None


def _flat(trees: list[dict[str, Any]], columns: int, classes: int) -> Flat:
    sizes = [len(tree["left_children"]) for tree in trees]
    roots = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
    own = np.repeat(roots, sizes)
    left, right, column, goes_left = (
        np.concatenate([np.asarray(tree[name], dtype=np.intp) for tree in trees])
        for name in ("left_children", "right_children", "split_indices", "default_left")
    )
    here, is_leaf = np.arange(len(own)), left == LEAF
    children = np.stack([np.where(is_leaf, here, own + to) for to in (left, right)], axis=1)
    return Flat(
        column=np.where(goes_left, column, column + columns),
        threshold=np.concatenate(
            [np.asarray(tree["split_conditions"], dtype=np.float32) for tree in trees]
        ),
        children=children.ravel(),
        roots=roots,
        depth=_depth(roots, children, is_leaf),
        classes=classes,
        columns=columns,
    )


def _depth(roots: NDArray, children: NDArray, is_leaf: NDArray) -> int:
    """Return how many steps lead from a root to the deepest leaf."""
    depth, level = 0, roots[~is_leaf[roots]]
    while len(level):
        below = children[level].ravel()
        depth, level = depth + 1, below[~is_leaf[below]]
    return depth
