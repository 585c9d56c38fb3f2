"""The command line of lm-evaluation-harness, which knows ``--model ckpt_analyzer`` as well.

Version 0.4 looks for models in itself only, not in the packages that are installed: so this module
registers ours and then hands over. ``python -m ckpt_analyzer.harness --model ckpt_analyzer …``.
"""

from __future__ import annotations

import sys

from ckpt_analyzer.errors import UserError
from ckpt_analyzer.harness.names import INSTALL


def main() -> None:
    """Run the harness with our model in it."""
    try:
        from lm_eval.__main__ import cli_evaluate

        import ckpt_analyzer.harness.model  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith("ckpt_analyzer"):
            raise
        sys.exit(f"lm-evaluation-harness needs {error.name}, which is not installed: {INSTALL}")
    try:
        cli_evaluate()
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
