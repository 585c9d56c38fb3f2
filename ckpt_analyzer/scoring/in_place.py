"""A model that is built once and filled with one checkpoint after the other.

In: folders with a ``config.json``, and the weights in pieces. Out: the model, in evaluation mode.
Building a model anew costs memory traffic, page faults and seconds; the checkpoints of one size
differ in nothing but their numbers. The module knows neither files nor the network.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel
from transformers.initialization import no_init_weights

from ckpt_analyzer.scoring import Dtype
from ckpt_analyzer.scoring.filling import Collected, Filling, fill
from ckpt_analyzer.scoring.fresh_pages import made_ready
from ckpt_analyzer.scoring.hardware import resolve_device, torch_dtype
from ckpt_analyzer.scoring.load import UNREADABLE, check_report, quiet, unreadable
from ckpt_analyzer.scoring.parameter_names import ParameterNames
from ckpt_analyzer.scoring.repository_code import load_with_code_if_needed
from ckpt_analyzer.scoring.skeleton import config_in, config_text
from ckpt_analyzer.scoring.threads import one_thread
from ckpt_analyzer.weights import Pieces

#: Keys of a configuration that say where it came from, not what the model is.
_ORIGIN = ("_name_or_path", "transformers_version", "dtype", "torch_dtype")


class InPlaceModel:
    """The memory of one model; it holds one checkpoint at a time.

    Parameters
    ----------
    dtype
        The precision that models compute in.
    device
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    trust_remote_code
        Whether code beside a ``config.json`` may run where transformers has none of its own.

    Raises
    ------
    ScoringError
        If this machine has no such device.
    """

    def __init__(self, dtype: Dtype, device: str, *, trust_remote_code: bool = False) -> None:
        self._dtype = torch_dtype(dtype)
        self._device = resolve_device(device)
        self._trust_remote_code = trust_remote_code
        self._config: dict[str, Any] | None = None
        self._text: bytes | None = None
        self._names: ParameterNames | None = None
        self._n_built = 0
        self._model: PreTrainedModel | None = None

    @property
    def n_bytes(self) -> int:
        """What the weights of the model take now; 0 where there is none."""
        parameters = self._model.parameters() if self._model is not None else ()
        return sum(each.numel() * each.dtype.itemsize for each in parameters)

    def release(self) -> None:
        """Give the memory of the model back; it is invalid from now on."""
        self._model = None

    def load(self, folder: Path, pieces: Pieces) -> PreTrainedModel:
        """Return the model of the configuration in `folder`, filled with `pieces`.

        The model of the call before is invalid from now on: if the configuration is the same, it
        is this very model.

        Peak memory: the weights in the precision of the model, and one piece. Of a pickled file:
        the file and its tensors as well. Where transformers splits or joins tensors (mixtures of
        experts): the weights twice.

        Raises
        ------
        CheckpointError
            If the configuration cannot be read, tensors are missing, unexpected or of another
            shape, or the pieces cannot be had.
        """
        n_built = self._n_built
        model = self._fitting(folder)
        fresh = model.parameters() if self._n_built > n_built else ()
        names = self._names
        assert names is not None
        if not names.are_one_to_one:
            return self._converted(model, pieces, folder)
        with one_thread(), made_ready(fresh):
            fill(Filling(model, names), pieces, str(folder))
        return model

    def _fitting(self, folder: Path) -> PreTrainedModel:
        """Return a model of the configuration in `folder`: the present one, or a new one."""
        text = config_text(folder)
        if self._model is not None and text is not None and text == self._text:
            return self._model
        config = self._read_config(folder)
        described = {key: v for key, v in config.to_dict().items() if key not in _ORIGIN}
        if self._model is None or described != self._config:
            self._model = None  # before the next one takes its memory
            model = self._built(config, folder)
            self._names = ParameterNames(model)
            self._n_built += 1
            # The model comes last: what breaks off before leaves none that another's text names.
            self._config, self._model = described, model
        self._text = text
        return self._model

    def _read_config(self, folder: Path) -> PretrainedConfig:
        with quiet():
            return config_in(folder, trust_remote_code=self._trust_remote_code)

    def _built(self, config: PretrainedConfig, folder: Path) -> PreTrainedModel:
        """Return a model whose parameters are not set yet, and whose buffers are."""
        maker: Any = AutoModelForCausalLM

        def load(with_code: bool) -> PreTrainedModel:
            made: PreTrainedModel = maker.from_config(
                config, dtype=self._dtype, trust_remote_code=with_code
            )
            return made

        allowed = self._trust_remote_code
        try:
            with quiet(), no_init_weights(), self._device:
                model = load_with_code_if_needed(load, folder, is_allowed=allowed)
        except UNREADABLE as error:
            raise unreadable("config.json describes no model", folder, error) from error
        model.tie_weights(recompute_mapping=False)
        _keep_in_single_precision(model, self._dtype)
        on_device: Any = model.to(self._device)  # type: ignore[arg-type]
        built: PreTrainedModel = on_device.eval().requires_grad_(False)
        return built

    def _converted(self, model: PreTrainedModel, pieces: Pieces, folder: Path) -> PreTrainedModel:
        """Return a new model from all tensors at once, converted by transformers."""
        kind: Any = type(model)
        tensors = Collected()
        fill(tensors, pieces, str(folder))
        self._model = None
        try:
            with quiet():
                converted, report = kind.from_pretrained(
                    None,
                    config=model.config,
                    state_dict=tensors.tensors,
                    dtype=self._dtype,
                    output_loading_info=True,
                )
        except UNREADABLE as error:
            raise unreadable("the checkpoint cannot be loaded", folder, error) from error
        check_report(report, folder)
        loaded: PreTrainedModel = converted.to(self._device).eval().requires_grad_(False)
        return loaded


def _keep_in_single_precision(model: PreTrainedModel, dtype: torch.dtype) -> None:
    """Do as ``from_pretrained`` does with the few modules that suffer from half precision."""
    kept = model._get_dtype_plan(dtype)
    for name, parameter in model.named_parameters():
        if any(re.search(rf"(^|\.){key}($|\.)", name) for key in kept):
            parameter.data = parameter.data.float()
