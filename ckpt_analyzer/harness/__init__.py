"""The bridge to lm-evaluation-harness: its tasks on our scoring core, our core as its model.

``names`` says what belongs to it; ``tasks`` turns its tasks into items; ``rules`` lets its tasks
judge our scores; ``model`` is our core as a model of it, which ``python -m ckpt_analyzer.harness``
registers. Only these files import lm_eval, which is the optional extra ``lm_eval``.
"""

from __future__ import annotations
