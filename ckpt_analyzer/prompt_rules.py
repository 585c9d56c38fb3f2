"""How prompts are made of items: the rules that scores depend on, as text for their address.

Pure records. A cell with examples, or in a chat format, names its rules; what they mean is in
``task_data/few_shot.py`` and ``scoring/chat.py``.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

#: McKenzie et al. (2023): examples are joined by three newlines.
SEPARATOR = "\n\n\n"
AnswerPrefix = Literal["last-line", "none"]


@dataclass(frozen=True)
class ShotRules:
    """How examples are put before a prompt.

    Parameters
    ----------
    separator
        Between examples, and between the last one and the prompt.
    answer_separator
        Between the prompt of an example and its answer.
    file_sha256
        Of the file with fixed examples; None where they are drawn from the other items.
    too_long
        What happens to a prompt that exceeds the context: examples are left out, the last first.
    """

    separator: str = SEPARATOR
    answer_separator: str = ""
    file_sha256: str | None = None
    too_long: Literal["fewer shots"] = "fewer shots"


@dataclass(frozen=True)
class ChatRules:
    """How a prompt becomes a conversation.

    Parameters
    ----------
    answer_prefix
        ``last-line``: the last line of a prompt of several lines begins the model's answer;
        ``none``: all of the prompt is the user's.
    """

    answer_prefix: AnswerPrefix = "last-line"


@dataclass(frozen=True)
class PromptRules:
    """The rules of a cell; None where it has no examples, or is raw."""

    shots: ShotRules | None = None
    chat: ChatRules | None = None

    def address(self) -> str:
        """Return the rules as text, equal for equal rules; empty for a raw prompt alone."""
        named = {name: rules for name, rules in asdict(self).items() if rules is not None}
        return json.dumps(named, sort_keys=True, ensure_ascii=False) if named else ""


def rules_at(address: str) -> PromptRules:
    """Return the rules of which `address` is the text."""
    named = json.loads(address) if address else {}
    return PromptRules(
        shots=ShotRules(**named["shots"]) if "shots" in named else None,
        chat=ChatRules(**named["chat"]) if "chat" in named else None,
    )
