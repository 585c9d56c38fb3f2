"""Which worker gets which units: each ends once, whoever dies."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from ckpt_analyzer.engines import UnitCost
from ckpt_analyzer.engines._chunks import CHUNKS_PER_WORKER, chunks_of
from ckpt_analyzer.engines._dispatch import Dispatch


def unit(model, step, suite="s"):
    checkpoint = SimpleNamespace(model=SimpleNamespace(name=model), step=step, suite=suite)
    return SimpleNamespace(checkpoint=checkpoint, label=f"{model}@{step}")


def units_of(sizes):
    return [unit(f"m{index}", step) for index, n in enumerate(sizes) for step in range(n)]


def costs_of(units, flops=None):
    return [UnitCost((flops or {}).get(each.checkpoint.model.name, 1e12), 0) for each in units]


sizes = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@given(sizes, st.integers(1, 7))
def test_chunks_hold_every_unit_once_and_one_model_each(sizes, workers):
    units = units_of(sizes)
    chunks = chunks_of(units, costs_of(units), workers=workers, has_gpu=False)
    assert sorted(each.label for chunk in chunks for each in chunk.units) == sorted(
        each.label for each in units
    )
    for chunk in chunks:
        assert {each.checkpoint.model.name for each in chunk.units} == {chunk.model}
        steps = [each.checkpoint.step for each in chunk.units]
        assert steps == sorted(steps)


@given(sizes, st.integers(1, 7))
def test_no_chunk_is_longer_than_a_fair_share_unless_one_unit_is(sizes, workers):
    units = units_of(sizes)
    chunks = chunks_of(units, costs_of(units), workers=workers, has_gpu=False)
    share = sum(chunk.seconds for chunk in chunks) / (workers * CHUNKS_PER_WORKER)
    assert all(chunk.seconds <= share * 1.001 or len(chunk.units) == 1 for chunk in chunks)


def test_models_of_one_name_in_two_suites_are_in_chunks_of_their_own():
    units = [unit("small", step, suite) for suite, n in (("a", 5), ("b", 7)) for step in range(n)]
    for chunk in chunks_of(units, costs_of(units), workers=1, has_gpu=False):
        assert len({each.checkpoint.suite for each in chunk.units}) == 1


def test_the_costliest_model_begins_first():
    units = units_of([3, 3, 3])
    costs = costs_of(units, {"m0": 1e12, "m1": 9e12, "m2": 5e12})
    chunks = chunks_of(units, costs, workers=2, has_gpu=False)
    models = list(dict.fromkeys(chunk.model for chunk in chunks))
    assert models == ["m1", "m2", "m0"]


def test_a_worker_keeps_the_model_that_it_has():
    units = units_of([8, 8])
    dispatch = Dispatch(chunks_of(units, costs_of(units), workers=2, has_gpu=False))
    mine = dispatch.next(0)[0].checkpoint.model.name
    other = dispatch.next(1)
    for _ in other:
        dispatch.ended(1)
    again = dispatch.next(1)[0].checkpoint.model.name
    assert again == other[0].checkpoint.model.name
    assert {mine, again} <= {"m0", "m1"}


@given(st.data(), sizes, st.integers(1, 4))
def test_every_unit_ends_once_or_is_given_up_after_three_deaths(data, sizes, workers):
    units = units_of(sizes)
    dispatch = Dispatch(chunks_of(units, costs_of(units), workers=workers, has_gpu=False))
    in_hand, ended, deaths = {}, [], {}
    for _ in range(2000):
        idle = [worker for worker in range(workers) if not in_hand.get(worker)]
        for worker in idle:
            given_units = dispatch.next(worker)
            if given_units:
                in_hand[worker] = list(given_units)
        busy = [worker for worker in range(workers) if in_hand.get(worker)]
        if not busy:
            break
        worker = data.draw(st.sampled_from(busy))
        first = in_hand[worker][0]
        if data.draw(st.integers(0, 3)) == 0:
            deaths[first.label] = deaths.get(first.label, 0) + 1
            given_up = dispatch.lost(worker)
            assert (given_up is not None) == (deaths[first.label] == 3)
            if given_up:
                assert given_up.unit is first
                ended.append(first.label)
            in_hand[worker] = []
        else:
            dispatch.ended(worker)
            ended.append(in_hand[worker].pop(0).label)
    assert sorted(ended) == sorted(each.label for each in units)
