"""What a task of lm-evaluation-harness says of our scores, item by item.

In: a task and scores (``tables.CHOICE_SCORES``). Out: one number per item and metric, from the
task's own ``process_results``. A metric is kept if its value over a task is the mean over its
items; others (f1, perplexity) have no value of an item. Metrics that ours equal are left to ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from lm_eval.api.metrics import mean
from lm_eval.api.task import ConfigurableTask
from lm_eval.api.task import Task as HarnessTask

from ckpt_analyzer.harness.names import OURS, metric_name
from ckpt_analyzer.task import Kind

_MEANS = ("mean", "nanmean")


@dataclass(frozen=True, eq=False)
class HarnessRules:
    """The rules of one task."""

    task: HarnessTask
    kind: Kind
    name: str

    @property
    def max_shots(self) -> int | None:
        """The most examples that the task can be given; None if it does not say."""
        pool = getattr(getattr(self.task, "sampler", None), "df", None)
        if pool is None:
            return None
        is_own_split = bool(self.task.fewshot_cfg.split == self.task.config.test_split)
        return len(pool) - int(is_own_split)

    def values(self, scores: pa.Table) -> list[Mapping[str, float] | None]:
        """Return what each row of `scores` gets, by our names; None where it is not scored."""
        if not self._may_say_more():
            return [None] * len(scores)
        docs = self.task.eval_docs
        columns = ("item_id", "loglikelihood_nats", "is_greedy")
        rows = zip(*(scores[name].to_pylist() for name in columns), strict=True)
        return [self._of_item(docs[int(item)], ll, greedy) for item, ll, greedy in rows]

    def _of_item(
        self,
        doc: Any,  # noqa: ANN401
        loglikelihood_nats: list[float],
        is_greedy: list[bool],
    ) -> Mapping[str, float] | None:
        if not all(map(math.isfinite, loglikelihood_nats)):
            return None
        results = list(zip(loglikelihood_nats, is_greedy, strict=True))
        found = self.task.process_results(doc, results)
        numbers = {
            metric_name(name): float(value)
            for name, value in found.items()
            if self._is_mean(name) and _is_number(value)
        }
        return {name: value for name, value in numbers.items() if not self._is_ours(name)} or None

    def _may_say_more(self) -> bool:
        """Return whether the task has metrics that ours lack: else nothing need be computed."""
        if self.kind == "harness" or not isinstance(self.task, ConfigurableTask):
            return True
        names = [name for name in self.task.aggregation() if self._is_mean(name)]
        return any(not self._is_ours(metric_name(name)) for name in names)

    def _is_ours(self, name: str) -> bool:
        return self.kind == "classification" and name in OURS.values()

    def _is_mean(self, name: str) -> bool:
        aggregation = self.task.aggregation().get(name, mean)
        return getattr(aggregation, "__name__", "") in _MEANS


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) or hasattr(value, "item")
