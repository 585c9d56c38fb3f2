"""A prompt as a conversation, rendered by the tokenizer's own chat template.

In: a tokenizer and the text of a prompt. Out: the text that the model reads before a choice. The
user's turn is the prompt; where it has several lines, the last one (``Answer:``) begins the
model's turn, which a choice then continues. Templates run in transformers' sandbox of jinja, which
executes nothing else. The module knows nothing of choices, tokens or scores.

A template may ask for the date, and write it into the prompt: it is told a fixed one, so that the
same checkpoint has the same scores tomorrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import jinja2
from transformers import PreTrainedTokenizerBase

from ckpt_analyzer.errors import ScoringError
from ckpt_analyzer.prompt_rules import ChatRules

#: What templates are told when they ask for the date: 1 January 2025, a Wednesday.
_FIXED_DATE = {
    "%d": "01", "%m": "01", "%Y": "2025", "%y": "25", "%b": "Jan", "%B": "January",
    "%A": "Wednesday", "%a": "Wed", "%H": "00", "%M": "00", "%S": "00",
}  # fmt: skip
#: Takes the place of the clock within a template: no value from outside could, they are made plain.
_CLOCK = (
    "{%- macro strftime_now(format) -%}{{ format"
    + "".join(f"|replace('{code}', '{text}')" for code, text in _FIXED_DATE.items())
    + " }}{%- endmacro -%}"
)


@dataclass(frozen=True)
class Chat:
    """Renders prompts with the chat template of a tokenizer."""

    tokenizer: PreTrainedTokenizerBase
    rules: ChatRules

    def render(self, context: str) -> str:
        """Return the text before a choice: the conversation up to where the model goes on.

        Raises
        ------
        ScoringError
            If there is no template, or it refuses the conversation.
        """
        turns = split_prompt(context, self.rules)
        messages = [{"role": "user", "content": turns.user}]
        if turns.answer:
            messages.append({"role": "assistant", "content": turns.answer})
        try:
            text = self.tokenizer.apply_chat_template(
                messages,
                chat_template=self._template(),
                tokenize=False,
                add_generation_prompt=not turns.answer,
                continue_final_message=bool(turns.answer),
            )
        except (jinja2.TemplateError, ValueError, TypeError) as error:
            raise ScoringError(
                f"the chat template cannot render a prompt: {_first_line(error)}",
                where=self.tokenizer.name_or_path,
                hint="score this arm with prompt_format: raw, or mend its chat_template.jinja",
            ) from error
        assert isinstance(text, str)
        return text

    def _template(self) -> str:
        template = self.tokenizer.get_chat_template()
        return _CLOCK + template if "strftime_now" in template else template


@dataclass(frozen=True)
class Turns:
    """What the user says, and how the answer begins; empty for an answer that has not begun."""

    user: str
    answer: str


def split_prompt(context: str, rules: ChatRules) -> Turns:
    """Return who says what of a prompt without white space at its end."""
    user, newline, last = context.rpartition("\n")
    if rules.answer_prefix == "none" or not newline or not user.strip():
        return Turns(context, "")
    return Turns(user, last)


def check_template(tokenizer: PreTrainedTokenizerBase, arm: str) -> None:
    """Refuse a tokenizer without a chat template.

    Raises
    ------
    ScoringError
        Naming the arm.
    """
    if not tokenizer.chat_template:
        raise ScoringError(
            f"the tokenizer of the {arm} arm has no chat template",
            where=tokenizer.name_or_path,
            hint="score this arm with prompt_format: raw (in its entry of `suites`), or put the "
            "template that it was tuned with beside its tokenizer, as chat_template.jinja",
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
