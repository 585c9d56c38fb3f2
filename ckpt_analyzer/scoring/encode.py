"""Items become token ids, by the rules of lm-evaluation-harness.

In: a tokenizer and items. Out: ``EncodedItems``, good for every checkpoint that shares the
tokenizer. The module knows nothing of models, batches or scores.

The rules (``TemplateLM._encode_pair`` and ``loglikelihood``, lm-evaluation-harness 0.4.10):

- White space at the end of the context moves to the front of the continuation.
- Continuation ids are ``encode(context + continuation)[len(encode(context)):]``. Where a token
  spans the border, the context keeps its own encoding and part of the text goes unscored, as in
  the harness. A choice that begins with a space has no such token under byte-level BPE.
- Special tokens are the tokenizer's default, so a BOS appears where the tokenizer adds one, but
  never twice. (Harness releases before 0.4.10 passed ``add_special_tokens=False`` to causal models:
  they agree for tokenizers without a BOS, such as those of Pythia, OLMo and GPT-2.)
- An empty context becomes the BOS token, or EOS where there is none; a continuation that begins
  with that token gives it up instead. A context of white space only counts as empty here; the
  harness stops on it unless the tokenizer adds a BOS.
- Input that is too long loses its left end, BOS included, and is flagged.

A context that is rendered (a chat template) is taken as it comes out: it holds its special tokens
and its white space already, so none are added and none is moved. Only white space at the end of the
prompt itself moves to the continuation, as above.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from ckpt_analyzer.errors import ScoringError
from ckpt_analyzer.scoring.borders import is_border, parts_before_spaces
from ckpt_analyzer.task import Item

IdArray = NDArray[np.int32]
#: Takes a prompt, without white space at its end; returns the text before a choice.
Render = Callable[[str], str]

#: Texts that are tokenized at once: a tokenizer's own record of a text is 50 times as large as ids.
_CHUNK_TEXTS = 1024


@dataclass(frozen=True, eq=False)
class Request:
    """One choice after one context, in token ids.

    Parameters
    ----------
    context_ids
        At least one token; its left end is gone if `truncated`.
    continuation_ids
        The tokens that are scored, at least one.
    truncated
        Whether the context was cut on the left to fit the model.
    """

    context_ids: IdArray
    continuation_ids: IdArray
    truncated: bool


@dataclass(frozen=True, eq=False)
class EncodedItem:
    """One item in token ids.

    Parameters
    ----------
    item_id, part, gold
        As in the item.
    requests
        One per choice, after the item's context.
    other_requests
        The same choices after the other context of a log-odds item; None for other kinds.
    n_bytes, n_chars
        UTF-8 bytes and characters of each choice as given, without moved white space; of the bare
        choices where the item has them.
    """

    item_id: str
    part: int
    gold: int
    requests: tuple[Request, ...]
    other_requests: tuple[Request, ...] | None
    n_bytes: tuple[int, ...]
    n_chars: tuple[int, ...]

    @property
    def n_tokens(self) -> tuple[int, ...]:
        """Scored tokens of each choice after the item's own context."""
        return tuple(len(request.continuation_ids) for request in self.requests)

    @property
    def all_requests(self) -> tuple[Request, ...]:
        """The requests of both contexts, the item's own first."""
        return self.requests + (self.other_requests or ())

    @property
    def truncated(self) -> bool:
        """Whether any context of the item was cut."""
        return any(request.truncated for request in self.all_requests)


@dataclass(frozen=True, eq=False)
class EncodedItems:
    """All items of a task in token ids.

    Parameters
    ----------
    items
        In the order given.
    max_length_tokens
        The longest input that they were cut to.
    """

    items: tuple[EncodedItem, ...]
    max_length_tokens: int

    @property
    def n_truncated(self) -> int:
        """How many items were cut."""
        return sum(item.truncated for item in self.items)


@dataclass(frozen=True)
class _Pair:
    """One choice after one context, as text: white space moved already."""

    item_id: str
    choice: int
    context: str
    continuation: str


def encode_items(
    tokenizer: PreTrainedTokenizerBase,
    items: Sequence[Item],
    *,
    max_length_tokens: int,
    render: Render | None = None,
) -> EncodedItems:
    """Encode `items` for every checkpoint of models that share `tokenizer`.

    Parameters
    ----------
    tokenizer
        Never changed.
    items
        Their texts are taken byte-exact; nothing is stripped.
    max_length_tokens
        The longest input of the model, see ``window.max_length_tokens``.
    render
        Makes the text before a choice of a prompt; None to take the prompt as it is.

    Raises
    ------
    ScoringError
        Naming the item, if a choice has no tokens of its own, or more than `max_length_tokens`, if
        a context that is not empty has none, or if a text holds half of a surrogate pair;
        if the tokenizer appends a token to every text, or has neither BOS nor EOS where a context
        is empty.
    """
    _check_appends_nothing(tokenizer)
    for item in items:
        _check_is_text(item)
    pairs = [pair for item in items for pair in _pairs(item, render)]
    ids = _encode_pairs(tokenizer, pairs, is_rendered=render is not None)
    requests = iter([_request(tokenizer, pair, ids, max_length_tokens) for pair in pairs])
    return EncodedItems(
        items=tuple(_encoded_item(item, requests) for item in items),
        max_length_tokens=max_length_tokens,
    )


def text_ids(tokenizer: PreTrainedTokenizerBase, text: str) -> IdArray:
    """Return the tokens of a whole text, special ones by the same rules as those of a context."""
    return _encode_texts(tokenizer, [text])[text]


def prefix_token_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the token that stands for an empty context: BOS, or EOS where there is none.

    Raises
    ------
    ScoringError
        If the tokenizer has neither.
    """
    prefix_id = _prefix_id(tokenizer)
    if prefix_id is None:
        raise ScoringError(
            "a text without a context needs a BOS or EOS token, and the tokenizer has neither",
            hint="set bos_token in tokenizer_config.json",
        )
    return prefix_id


def _pairs(item: Item, render: Render | None) -> Iterable[_Pair]:
    own = item.choice_contexts or (item.context,) * len(item.choices)
    other = () if item.other_context is None else (item.other_context,) * len(item.choices)
    for contexts in filter(None, (own, other)):
        for index, (context, choice) in enumerate(zip(contexts, item.choices, strict=True)):
            kept = context.rstrip()
            before = kept if render is None else render(kept)
            yield _Pair(item.item_id, index, before, context[len(kept) :] + choice)


@dataclass(frozen=True, eq=False)
class _Ids:
    """Token ids of contexts, of texts as a whole, and of continuations that part from theirs."""

    of_text: dict[str, IdArray]
    of_continuation: dict[str, IdArray]
    parts: bool

    def halves(self, pair: _Pair) -> list[IdArray]:
        """Return the ids of a context, and what the whole text has beyond them."""
        context = self.of_text[pair.context]
        if self.parts and is_border(pair.context, pair.continuation):
            return [context, self.of_continuation[pair.continuation]]
        # A copy: a view would keep the whole text alive.
        return [context, self.of_text[pair.context + pair.continuation][len(context) :].copy()]


def _encode_pairs(
    tokenizer: PreTrainedTokenizerBase, pairs: Sequence[_Pair], *, is_rendered: bool
) -> _Ids:
    """Encode contexts and wholes; of a whole that parts safely only what follows the context.

    A rendered template holds its special tokens itself: none are added to it.
    """
    parts = not is_rendered and parts_before_spaces(tokenizer)
    texts: dict[str, None] = {}
    continuations: dict[str, None] = {}
    for pair in pairs:
        if not pair.context:
            continue
        texts[pair.context] = None
        if parts and is_border(pair.context, pair.continuation):
            continuations[pair.continuation] = None
        else:
            texts[pair.context + pair.continuation] = None
    return _Ids(
        of_text=(
            _ids(tokenizer, list(texts), special=False)
            if is_rendered
            else _encode_texts(tokenizer, list(texts))
        ),
        of_continuation=_ids(tokenizer, list(continuations), special=False),
        parts=parts,
    )


def _encode_texts(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> dict[str, IdArray]:
    """Encode texts with the tokenizer's default special tokens, but no second BOS."""
    prefix_id = _prefix_id(tokenizer)
    prefix = None if prefix_id is None else str(tokenizer.decode([prefix_id]))
    has_prefix = [text for text in texts if prefix and text.startswith(prefix)]
    without = set(has_prefix)
    plain = [text for text in texts if text not in without]
    return _ids(tokenizer, plain, special=True) | _ids(tokenizer, has_prefix, special=False)


def _ids(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, special: bool
) -> dict[str, IdArray]:
    chunks = (texts[i : i + _CHUNK_TEXTS] for i in range(0, len(texts), _CHUNK_TEXTS))
    ids = (ids for chunk in chunks for ids in _tokenize(tokenizer, chunk, special=special))
    return dict(zip(texts, (np.array(one, dtype=np.int32) for one in ids), strict=True))


def _tokenize(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, special: bool
) -> Iterator[list[int]]:
    if not tokenizer.is_fast:
        # verbose=False: over-long input is expected here, and cut later.
        yield from tokenizer(list(texts), add_special_tokens=special, verbose=False)["input_ids"]
        return
    # The same ids without the offsets and masks that a call of the tokenizer makes as well.
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    backend.encode_special_tokens = tokenizer.split_special_tokens
    yield from (one.ids for one in backend.encode_batch_fast(texts, add_special_tokens=special))


def _request(
    tokenizer: PreTrainedTokenizerBase, pair: _Pair, ids: _Ids, max_length_tokens: int
) -> Request:
    halves = ids.halves(pair) if pair.context else _split_empty_context(tokenizer, pair)
    context, continuation = halves
    n_tokens = len(continuation)
    if not n_tokens or n_tokens > max_length_tokens:
        raise _unscorable(pair, n_tokens, max_length_tokens)
    if not len(context):
        raise _no_context(pair)
    kept = context[-(max_length_tokens + 1 - n_tokens) :]
    return Request(kept, continuation, truncated=len(kept) < len(context))


def _split_empty_context(tokenizer: PreTrainedTokenizerBase, pair: _Pair) -> list[IdArray]:
    prefix_id = _prefix_id(tokenizer)
    if prefix_id is None:
        raise ScoringError(
            "an empty context needs a BOS or EOS token, and the tokenizer has neither",
            where=f"item {pair.item_id}",
            hint="give the item a context, or set bos_token in tokenizer_config.json",
        )
    ids = _ids(tokenizer, [pair.continuation], special=False)[pair.continuation]
    prefix_ids = np.array([prefix_id], dtype=np.int32)
    has_prefix = ids[:1].tolist() == [prefix_id]
    return [prefix_ids, ids[1:] if has_prefix else ids]


def _prefix_id(tokenizer: PreTrainedTokenizerBase) -> int | None:
    bos: int | None = tokenizer.bos_token_id
    eos: int | None = tokenizer.eos_token_id
    return eos if bos is None else bos


def _check_appends_nothing(tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a tokenizer that appends, say, EOS: its contexts would end in it."""
    special, plain = (_ids(tokenizer, ["a"], special=flag)["a"] for flag in (True, False))
    if not np.array_equal(special[len(special) - len(plain) :], plain):
        raise ScoringError(
            "the tokenizer appends a token to every text, so no text can be continued",
            where=f"{type(tokenizer).__name__} {tokenizer.name_or_path}",
            hint="set add_eos_token to false in tokenizer_config.json",
        )


def _check_is_text(item: Item) -> None:
    """Refuse half of a surrogate pair: it is no character, and tokenizers have no bytes for it."""
    rare = (*(item.choice_contexts or ()), *(item.bare_choices or ()))
    for text in (item.context, item.other_context or "", *item.choices, *rare):
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise ScoringError(
                f"a text holds half of a surrogate pair, {text[error.start]!r}",
                where=f"item {item.item_id}, character {error.start} of {text[:60]!r}",
                hint="write the whole character, or leave the item out",
            ) from None


def _unscorable(pair: _Pair, n_tokens: int, max_length_tokens: int) -> ScoringError:
    where = f"item {pair.item_id}, choice {pair.choice}: {pair.continuation[:60]!r}"
    if not n_tokens:
        return ScoringError(
            "the choice has no tokens of its own after the context",
            where=where,
            hint="an empty choice, or one that merges into the context, cannot be scored",
        )
    return ScoringError(
        f"the choice has {n_tokens} tokens, the model reads {max_length_tokens}",
        where=where,
        hint="leave the item out, or use a model with a longer input",
    )


def _no_context(pair: _Pair) -> ScoringError:
    return ScoringError(
        f"the tokenizer makes no token of the context {pair.context[:60]!r}, so nothing predicts "
        "the choice",
        where=f"item {pair.item_id}, choice {pair.choice}",
        hint="it drops characters that its vocabulary lacks: leave the item out, or mend the "
        "tokenizer",
    )


def _encoded_item(item: Item, requests: Iterable[Request]) -> EncodedItem:
    rest = iter(requests)
    own = tuple(next(rest) for _ in item.choices)
    other = None if item.other_context is None else tuple(next(rest) for _ in item.choices)
    counted = item.bare_choices or item.choices
    return EncodedItem(
        item_id=item.item_id,
        part=item.part,
        gold=item.gold,
        requests=own,
        other_requests=other,
        n_bytes=tuple(len(choice.encode()) for choice in counted),
        n_chars=tuple(len(choice) for choice in counted),
    )
