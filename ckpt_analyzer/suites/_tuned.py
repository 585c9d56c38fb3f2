"""A tuned model that is published in one state, described by its base model.

Not a plug-in. Comes in: a base model and where the tuned one lies. Goes out: a model.
"""

from __future__ import annotations

from ckpt_analyzer.suite import Arm, Model


def tuned(
    base: Model,
    repo: str,
    arm: Arm,
    *,
    same_shape: bool = True,
    tokens_before: int | None = None,
) -> Model:
    """Return the model of `repo`, named after it.

    Parameters
    ----------
    same_shape
        Whether it has as many parameters as its base; if not, its own files tell how many.
    tokens_before
        Tokens that its base saw. None: all that the suite knows of it, and where that is not known
        in full, what its repository lists.
    """
    if tokens_before is None:
        is_known = bool(base.steps) and not base.is_open
        tokens_before = base.tokens_before + base.tokens_at(base.steps[-1]) if is_known else 0
    return Model(
        name=repo.rpartition("/")[2].lower(),
        size=base.size,
        repo=repo,
        parameters=base.parameters if same_shape else 0,
        non_embedding_parameters=base.non_embedding_parameters if same_shape else None,
        steps=(1,),
        tokens_per_step=0,
        arm=arm,
        base_model=base.name,
        tokens_before=tokens_before,
        revision="main",
    )
