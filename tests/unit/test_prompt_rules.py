"""The rules of a prompt are text in the address of a score, and come back from it."""

from hypothesis import given
from hypothesis import strategies as st

from ckpt_analyzer.prompt_rules import ChatRules, PromptRules, ShotRules, rules_at

SHOTS = st.builds(
    ShotRules, separator=st.text(), answer_separator=st.text(),
    file_sha256=st.none() | st.text("0123456789abcdef", min_size=64, max_size=64),
)  # fmt: skip
CHATS = st.builds(ChatRules, answer_prefix=st.sampled_from(["last-line", "none"]))
RULES = st.builds(PromptRules, shots=st.none() | SHOTS, chat=st.none() | CHATS)


@given(RULES)
def test_rules_come_back_from_their_address(rules):
    assert rules_at(rules.address()) == rules


@given(RULES, RULES)
def test_other_rules_have_another_address(one, other):
    assert (one == other) == (one.address() == other.address())


def test_raw_prompts_without_examples_have_none():
    assert PromptRules().address() == ""
