"""Small files are kept by their digest, within a bound."""

from ckpt_analyzer.checkpoints.companions import KnownCompanions


def test_contents_come_back_by_their_digest_alone():
    known = KnownCompanions()
    known.keep("a", b"content")
    assert (known.get("a"), known.get("b"), known.get(None)) == (b"content", None, None)


def test_what_was_not_used_for_longest_gives_way():
    known = KnownCompanions(max_bytes=30)
    for digest in "abc":
        known.keep(digest, digest.encode() * 10)
    known.get("a")
    known.keep("d", b"d" * 10)
    assert [known.get(each) is None for each in "abcd"] == [False, True, False, False]


def test_what_exceeds_the_bound_is_not_kept():
    known = KnownCompanions(max_bytes=30)
    known.keep("a", b"a" * 10)
    known.keep("b", b"b" * 31)
    assert (known.get("a"), known.get("b")) == (b"a" * 10, None)
