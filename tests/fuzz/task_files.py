"""Fuzz the reader of task files: python tests/fuzz/task_files.py --inputs 10000 --seed 0"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ckpt_analyzer.store.texts import read_texts, save_texts
from ckpt_analyzer.task_data import load_items, own_task
from mutation import Target, main, scratch

_FOLDER = scratch()

TARGET = Target(
    name="task files",
    seeds=(
        b'{"prompt": "Q\\r\\n", "classes": "[\\" a\\", \' b\']", "answer_index": 1, "part": 2}\n'
        b'{"prompt": "R", "classes": [" a", " b", " "], "answer_index": 0, "id": "r"}\n',
        b'{"prompt": "Say", "completion": " Ignore"}\n{"prompt": "\xc3\xa9", "completion": " x"}\n',
        b'{"prompt": "p", "other_prompt": "o", "classes": [" a", " b"], "answer_index": 0}\n',
        b"prompt,classes,answer_index\nQ,\"[' a', ' b']\",0\n\"two\r\nlines\",\"[' a', ' b']\",1\n",
        b"id,prompt,completion,part\n1,Q, x,0\n2,\"a, b\", y,1\n",
        b"prompt,other_prompt,classes,answer_index\nQ,R,\"[' a', ' b']\",1\n",
    ),
    broken=(
        b'{"prompt": "Q", "classes": "' + b"[" * 5000 + b'", "answer_index": 0}\n',
        b'{"prompt": "Q", "classes": "' + b"-" * 5000 + b'1", "answer_index": 0}\n',
        b'{"prompt": "Q", "classes": "[\' a\', \'\\\\d\']", "answer_index": 0}\n',
        b'{"prompt": "Q", "classes": [" a", " b"], "answer_index": "--1"}\n',
        b'{"prompt": "Q", "classes": [" a", " b"], "answer_index": ' + b"1" * 5000 + b"}\n",
        b'{"prompt": "Q", "completion": " a", "part": 99999999999999999999}\n',
        b'{"prompt": "Q", "completion": " a", "id": "\\ud800"}\n',
        b'{"prompt": "Q", "complet\\ud800": " a"}\n',
    ),
    words=(
        '"prompt"', '"classes"', '"answer_index"', '"completion"', '"other_prompt"', '"part"',
        '"id"', "prompt,", "classes,", '"[\' a\', \' b\']"', "{}", "[]", '{"a": 1}', "[' a']",
        "(' a', ' b')", "{' a', ' b'}", "b' a'", "' a' ' b'", "[' a', 1]", "f'{1}'", "1+1j",
        "__import__('os')", "\\x", "\\N{DIGIT ONE}", "''",
    ),
    read=lambda content: _read(content),
    as_json=True,
)  # fmt: skip


def _read(content: bytes) -> None:
    is_json = content[:1] in (b"{", b"[", b"")
    path = _FOLDER / ("own.jsonl" if is_json else "own.csv")
    path.write_bytes(content)
    found = load_items(own_task(path))
    for item in found.items:
        assert 0 <= item.gold < len(item.choices)
        assert all(item.choices)
    assert found.scored_bytes > 0
    # What was accepted can be kept and comes back byte-exact.
    save_texts(_FOLDER / "items", "own", found.sha256, found.items)
    kept = read_texts(_FOLDER / "items", "own", found.sha256)
    assert kept["context"].tolist() == [item.context for item in found.items]
    assert kept["item_id"].tolist() == [item.item_id for item in found.items]
    for each in (_FOLDER / "items").iterdir():
        each.unlink()


if __name__ == "__main__":
    main(TARGET)
