"""The tables through which the stages meet, as Arrow schemas.

Scoring writes ITEM_SCORES, the store turns them into TRENDS, statistics turn trends into FLIPS,
charts read the last two. A table is checked where it is made (``conform``) and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from ckpt_analyzer.errors import TableError

if TYPE_CHECKING:
    import pandas as pd

_STRING, _INT32, _INT64, _FLOAT, _BOOL = (
    pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_(),
)  # fmt: skip


def _required(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


#: One row per item and unit. Lists hold one entry per choice.
ITEM_SCORES = pa.schema(
    [
        _required("suite", _STRING),
        _required("model", _STRING),
        _required("arm", _STRING),
        _required("revision", _STRING),
        _required("commit", _STRING),
        _required("step", _INT64),
        _required("tokens", _INT64),
        _required("weights_sha256", _STRING),
        _required("dtype", _STRING),
        _required("task", _STRING),
        _required("shots", _INT32),
        _required("prompt_format", _STRING),
        _required("item_id", _STRING),
        _required("part", _INT32),
        _required("gold", _INT32),
        _required("loglikelihood_nats", pa.list_(_FLOAT)),
        pa.field("other_loglikelihood_nats", pa.list_(_FLOAT)),  # log-odds tasks only
        _required("n_tokens", pa.list_(_INT32)),
        _required("n_bytes", pa.list_(_INT32)),
        _required("n_chars", pa.list_(_INT32)),
        _required("is_greedy", pa.list_(_BOOL)),
        _required("truncated", _BOOL),
        # What the task's own rules give the item, by metric; null where ours say all.
        pa.field("task_values", pa.map_(_STRING, _FLOAT)),
    ]
)

#: What scoring returns: ITEM_SCORES without the columns that name the unit.
CHOICE_SCORES = pa.schema(
    [
        ITEM_SCORES.field(name)
        for name in (
            "item_id", "part", "gold", "loglikelihood_nats", "other_loglikelihood_nats",
            "n_tokens", "n_bytes", "n_chars", "is_greedy", "truncated",
        )
    ]
)  # fmt: skip

#: The columns that tell one series from another.
SERIES = ("suite", "model", "arm", "task", "shots", "prompt_format", "dtype", "metric")

#: One row per series and checkpoint: the mean of a metric over the items of a task.
TRENDS = pa.schema(
    [
        _required("suite", _STRING),
        _required("model", _STRING),
        _required("size", _STRING),
        _required("arm", _STRING),
        pa.field("base_model", _STRING),
        pa.field("seed", _INT64),  # null where a size was trained once
        _required("parameters", _INT64),
        pa.field("non_embedding_parameters", _INT64),
        _required("task", _STRING),
        _required("shots", _INT32),
        _required("prompt_format", _STRING),
        _required("dtype", _STRING),
        _required("metric", _STRING),
        _required("step", _INT64),
        _required("tokens", _INT64),
        _required("arm_tokens", _INT64),  # since this arm's step 0; equals tokens for base
        _required("flops", _FLOAT),  # 6 * parameters * tokens
        _required("value", _FLOAT),
        pa.field("stderr", _FLOAT),  # over items; null where the publisher gave none
        pa.field("n_items", _INT64),  # null where the publisher gave none
        _required("n_unscored", _INT64),
        pa.field("chance", _FLOAT),
        pa.field("constant_label", _FLOAT),  # value of answering the commonest label throughout
        _required("has_items", _BOOL),  # False: imported means, no item scores behind them
        pa.field("suspect", _STRING),  # why the checkpoint is not trusted
    ]
)

#: Columns that came later: a frame without them has nulls.
LATER = ("seed",)

#: What one fit that decides nothing says of a series.
OPINION = pa.struct(
    [
        _required("fit", _STRING),
        _required("verdict", _STRING),  # U, inverted_U or none
        pa.field("flip_at", _FLOAT),
        pa.field("ci_lo", _FLOAT),
        pa.field("ci_hi", _FLOAT),
        pa.field("p", _FLOAT),
    ]
)

#: One row per series and axis: the verdict on its shape.
FLIPS = pa.schema(
    [
        *(TRENDS.field(name) for name in (
            "suite", "model", "size", "arm", "parameters", "task", "shots", "prompt_format",
            "dtype", "metric",
        )),
        _required("axis", _STRING),
        _required("verdict", _STRING),
        pa.field("flip_at", _FLOAT),  # on the axis, not its logarithm
        pa.field("ci_lo", _FLOAT),  # calibrated by simulation
        pa.field("ci_hi", _FLOAT),
        pa.field("honest_lo", _FLOAT),  # whatever the shape of the arms
        pa.field("honest_hi", _FLOAT),
        pa.field("p", _FLOAT),
        pa.field("p_adjusted", _FLOAT),  # Benjamini and Hochberg
        pa.field("p_adjusted_by", _FLOAT),  # Benjamini and Yekutieli
        pa.field("effect_before", _FLOAT),  # change over the first arm, in units of the metric
        pa.field("effect_after", _FLOAT),
        pa.field("effect_before_se", _FLOAT),  # the same in standard errors
        pa.field("effect_after_se", _FLOAT),
        pa.field("effect_before_lo", _FLOAT),
        pa.field("effect_before_hi", _FLOAT),
        pa.field("effect_after_lo", _FLOAT),
        pa.field("effect_after_hi", _FLOAT),
        pa.field("mde_80", _FLOAT),  # smallest change found with 80 % power
        pa.field("item_se", _FLOAT),  # median over checkpoints
        pa.field("shock_sd", _FLOAT),  # noise that all items of a checkpoint share
        pa.field("n_items", _INT64),
        _required("n_checkpoints", _INT64),
        _required("turning_points", pa.list_(_FLOAT)),  # of U, inverted_U and other
        _required("method", _STRING),
        _required("flags", pa.list_(_STRING)),
        # What other fits say of a series that turns; null where none was asked.
        pa.field("second_opinions", pa.list_(OPINION)),
    ]
)  # fmt: skip

#: One row per checkpoint and finding of an audit; a checkpoint without finding has one, ``sound``.
AUDIT = pa.schema(
    [
        _required("suite", _STRING),
        _required("model", _STRING),
        _required("arm", _STRING),
        _required("revision", _STRING),
        pa.field("step", _INT64),  # null: a ref that is no step of the suite
        pa.field("commit", _STRING),  # null: it does not exist, or could not be read
        pa.field("weights_sha256", _STRING),  # as in ITEM_SCORES; null: no loadable weights
        _required("standing", _STRING),  # sound, suspect, expected, note
        pa.field("finding", _STRING),  # its kind
        pa.field("reason", _STRING),
        pa.field("link", _STRING),
        _required("audited", _STRING),  # UTC, ISO 8601
    ]
)


def conform(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Return `frame` as a table of exactly `schema`.

    Raises
    ------
    TableError
        If a column is missing, of another type, or null where it must not be. One of `LATER` may
        be missing.
    """
    absent = [name for name in schema.names if name not in frame.columns]
    missing = [name for name in absent if name not in LATER]
    if missing:
        raise TableError(f"columns missing: {', '.join(missing)}")
    if absent:
        frame = frame.assign(**dict.fromkeys(absent))
    try:
        table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise TableError(str(error)) from error
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise TableError(f"column {field.name} has nulls")
    return table.replace_schema_metadata(None)
