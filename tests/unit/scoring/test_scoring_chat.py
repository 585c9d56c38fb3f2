"""A prompt in the chat format is what the tokenizer's own template makes of it, to the id."""

import datetime

import pytest

from ckpt_analyzer.errors import ScoringError
from ckpt_analyzer.prompt_rules import ChatRules
from ckpt_analyzer.scoring.chat import Chat, check_template, split_prompt
from ckpt_analyzer.scoring.encode import encode_items
from ckpt_analyzer.task import Item

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<{{ m['role'] }}>\n{{ m['content'] | trim }}"
    "{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}<assistant>\n{% endif %}"
)
ITEM = Item("0", "Question: is the answer Yes or No?\nAnswer:", (" Yes", " No"), gold=0)
ONE_LINE = Item("1", "The cat sat on the", (" mat", " log"), gold=0)


@pytest.fixture
def tuned(make_tokenizer):
    """A tokenizer of a tuned model, as it were."""
    tokenizer = make_tokenizer(eos_token="<|end|>", bos_token="<|begin|>")
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def encoded(tokenizer, item, rules=None, length=128):
    chat = Chat(tokenizer, rules or ChatRules())
    (one,) = encode_items(tokenizer, [item], max_length_tokens=length, render=chat.render).items
    return one


def template_ids(tokenizer, messages, **options):
    return tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False, **options)


def whole_ids(request):
    return [*request.context_ids.tolist(), *request.continuation_ids.tolist()]


def test_the_last_line_begins_the_answer_and_ids_are_those_of_the_template(tuned):
    for request, choice in zip(encoded(tuned, ITEM).requests, ITEM.choices, strict=True):
        messages = [
            {"role": "user", "content": "Question: is the answer Yes or No?"},
            {"role": "assistant", "content": "Answer:" + choice},
        ]
        assert whole_ids(request) == template_ids(tuned, messages, continue_final_message=True)
        assert tuned.decode(request.continuation_ids) == choice


def test_a_prompt_of_one_line_is_all_the_users_and_the_choice_is_the_whole_answer(tuned):
    for request, choice in zip(encoded(tuned, ONE_LINE).requests, ONE_LINE.choices, strict=True):
        messages = [{"role": "user", "content": ONE_LINE.context}]
        begun = template_ids(tuned, messages, add_generation_prompt=True)
        assert request.context_ids.tolist() == begun
        assert tuned.decode(request.continuation_ids) == choice


def test_without_an_answer_prefix_all_lines_are_the_users(tuned):
    one = encoded(tuned, ITEM, ChatRules(answer_prefix="none"))
    messages = [{"role": "user", "content": ITEM.context}]
    begun = template_ids(tuned, messages, add_generation_prompt=True)
    assert one.requests[0].context_ids.tolist() == begun
    assert tuned.decode(one.requests[0].continuation_ids) == " Yes"


def test_the_beginning_of_the_text_stands_once(tuned):
    ids = encoded(tuned, ITEM).requests[0].context_ids.tolist()
    assert ids.count(tuned.bos_token_id) == 1


def test_white_space_at_the_end_of_a_prompt_stays_before_the_choice(tuned):
    item = Item("0", "Is it?\nA: ", ("Yes", "No"), gold=0)
    request = encoded(tuned, item).requests[0]
    assert tuned.decode(request.continuation_ids) == " Yes"
    assert tuned.decode(request.context_ids).endswith("A:")


def test_both_prompts_of_a_log_odds_item_become_conversations(tuned):
    item = Item("0", "It is.\nA:", (" Yes", " No"), gold=0, other_context="It is not.\nA:")
    one = encoded(tuned, item)
    texts = [tuned.decode(request.context_ids) for request in one.all_requests]
    assert all("<assistant>" in text for text in texts)
    assert "It is not." in texts[2]


def test_examples_of_a_few_shot_prompt_are_the_users():
    turns = split_prompt("Q: a\nA: 1\n\n\nQ: b\nA:", ChatRules())
    assert (turns.user, turns.answer) == ("Q: a\nA: 1\n\n\nQ: b", "A:")


def test_a_tokenizer_without_a_template_is_refused_with_the_arm_and_the_remedy(tokenizer):
    with pytest.raises(ScoringError, match="the instruct arm has no chat template") as caught:
        check_template(tokenizer, "instruct")
    assert "prompt_format: raw" in caught.value.hint
    assert "chat_template.jinja" in caught.value.hint


def test_a_template_that_refuses_the_conversation_is_explained(tuned):
    tuned.chat_template = "{{ raise_exception('roles must alternate') }}"
    with pytest.raises(ScoringError, match="roles must alternate"):
        Chat(tuned, ChatRules()).render("Hello")


@pytest.mark.parametrize(
    "escape",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.__class__.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{% set _ = messages.append(1) %}",
    ],
)
def test_a_template_cannot_leave_its_sandbox(tuned, escape):
    tuned.chat_template = escape
    with pytest.raises(ScoringError, match="cannot render"):
        Chat(tuned, ChatRules()).render("Hello")


def test_a_template_that_prints_the_date_prints_the_same_one_tomorrow(tuned):
    tuned.chat_template = "{{ strftime_now('%d %B %Y') }} " + TEMPLATE
    text = Chat(tuned, ChatRules()).render("Hello")
    assert text.startswith("01 January 2025 ")
    assert f"{datetime.datetime.now(datetime.UTC):%Y}" not in text


def test_a_conversation_that_is_too_long_loses_its_left_end_and_is_flagged(tuned):
    whole = encoded(tuned, ITEM).requests[0]
    cut = encoded(tuned, ITEM, length=len(whole_ids(whole)) - 3).requests[0]
    assert cut.truncated
    assert not whole.truncated
