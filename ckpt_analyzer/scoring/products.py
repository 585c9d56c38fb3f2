"""Products of half-precision numbers on a CPU that has no unit for them, by way of fp32.

In: the products that a model asks for. Out: the same, rounded once from fp32 as half-precision
products are: weights and rows are widened, which changes no number, and fp32 sums are no less
exact. Without the instructions such products take ten times as long as fp32 ones (measured with
oneDNN kept from using them), bf16 ones without AMX twice as long, and widening a tenth more:
LOG.md. Weights stay as they are in memory; a part of one at a time is widened. The module knows
nothing of families.

Legend: N rows, I inputs of a product, O its outputs, P a part of them.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch.overrides import TorchFunctionMode

#: Bound of the weights that are widened at a time: they stay in the cache of a core.
PART_BYTES = 8 * 2**20

_X86 = ("x86_64", "AMD64")


def products_in(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[object]:
    """Return what a model of `dtype` on `device` computes within: its products widened, or nothing.

    Peak memory: that of ``widening_bytes``.
    """
    return _Widened(dtype) if is_widened(dtype, device) else nullcontext()


def is_widened(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether products of `dtype` are faster in fp32; a question of the machine alone.

    Measured on Intel's CPUs and their subsets of instructions; others than x86 are left to torch.
    """
    if device.type != "cpu" or platform.machine() not in _X86:
        return False
    if dtype is torch.bfloat16:
        return not torch.cpu._is_amx_tile_supported()
    return dtype is torch.float16 and not _has_fp16_products()


def _has_fp16_products() -> bool:
    """Whether this CPU multiplies fp16 numbers, and torch has the library that lets it."""
    library: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return library and bool(torch.ops.mkldnn._is_mkldnn_fp16_supported())


def widening_bytes(n_rows: int, most_inputs: int, least_inputs: int) -> int:
    """Return what widening takes: rows, a part of the weights, and what the two of them make."""
    return 4 * n_rows * most_inputs + PART_BYTES + n_rows * PART_BYTES // least_inputs


class WideProducts:
    """Products by way of fp32, in memory that all of them use in turn.

    Peak memory: that of ``widening_bytes``, until the object is gone.
    """

    def __init__(self) -> None:
        self._held: dict[str, torch.Tensor] = {}

    def linear(
        self, rows: torch.Tensor, weight_OI: torch.Tensor, bias_O: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return ``rows @ weight_OI.T + bias_O`` in the dtype of `rows`, ``(…, I)``."""
        n_outputs, n_inputs = weight_OI.shape
        wide_NI = self._wide("rows", rows.reshape(-1, n_inputs))
        made_NO = rows.new_empty((len(wide_NI), n_outputs))
        n_parts = -(-4 * weight_OI.numel() // PART_BYTES)
        n_part = -(-n_outputs // n_parts)
        for first in range(0, n_outputs, n_part):
            part = slice(first, first + n_part)
            weight_PI = self._wide("weight", weight_OI[part])
            product_NP = self._room("product", (len(wide_NI), len(weight_PI)))
            if bias_O is None:
                torch.mm(wide_NI, weight_PI.T, out=product_NP)
            else:
                torch.addmm(bias_O[part].float(), wide_NI, weight_PI.T, out=product_NP)
            made_NO[:, part] = product_NP
        return made_NO.view(*rows.shape[:-1], n_outputs)

    def _wide(self, name: str, numbers: torch.Tensor) -> torch.Tensor:
        return self._room(name, tuple(numbers.shape)).copy_(numbers)

    def _room(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """Return memory that was taken under `name` before, or more of it."""
        n_numbers = math.prod(shape)
        held = self._held.pop(name, None)
        if held is None or len(held) < n_numbers:
            del held  # before more is taken
            held = torch.empty(n_numbers, dtype=torch.float32)
        self._held[name] = held
        return held[:n_numbers].view(shape)


class _Widened(TorchFunctionMode):
    """While open, the products of this thread in `dtype` go by way of fp32."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self._dtype = dtype
        self._products = WideProducts()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if not kwargs and func is F.linear and args[0].dtype is self._dtype:
            return self._products.linear(*args)
        # GPT-2 keeps its weights the other way round.
        if not kwargs and func is torch.addmm and args[1].dtype is self._dtype:
            bias_O, rows_NI, weight_IO = args
            return self._products.linear(rows_NI, weight_IO.T, bias_O)
        return func(*args, **(kwargs or {}))
