"""When following looks, what it runs, and when it stops."""

import pytest

from ckpt_analyzer.checkpoints.growth import Growth, NothingYetError, Seen
from ckpt_analyzer.errors import SourceError, SweepError
from ckpt_analyzer.events import UnitStatus
from ckpt_analyzer.store.store import open_store
from ckpt_analyzer.suite import Checkpoint, Model
from ckpt_analyzer.sweep.config import parse_sweep
from ckpt_analyzer.sweep.execute import RunSummary
from ckpt_analyzer.sweep.follow import Follower, Terms, check_followable
from ckpt_analyzer.sweep.plan import Plan, Unit
from store_factory import cell_key, simple_unit

MODEL = Model("m", "1k", "m", 1000, None, (1,), 1)


class World:
    """A run whose whole checkpoints, look by look, are given; time passes when one waits."""

    def __init__(self, tmp_path, looks, fails=(), waiting=()):
        self.sweep = parse_sweep(
            f"name: x\nsuites: [hub:a/m]\ntasks: [neqa]\nstore: {tmp_path / 'store'}\n", "x"
        )
        self.looks, self.fails, self.waiting = list(looks), set(fails), list(waiting)
        self.growth = Growth(1)
        self.now, self.ran, self.said = 0.0, [], []
        open_store(self.sweep.store, create=True)

    def plan(self):
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        self.growth.look()
        for step in look:
            self.growth.note(Seen("m", step), None)
        for step in self.waiting.pop(0) if self.waiting else ():
            self.growth.note(Seen("m", step), "it is half-written")
        done = {unit.step for unit in open_store(self.sweep.store).manifests()}
        units = [self.unit(step) for step in look if step not in done]
        return Plan(self.sweep, (), tuple(units), len(done), ())

    def unit(self, step):
        checkpoint = Checkpoint("s", MODEL, step, f"step{step}", step)
        return Unit(checkpoint, None, (cell_key(step=step),))

    def run(self, plan):
        failed = []
        for unit in plan.units:
            step = unit.checkpoint.step
            self.ran.append(step)
            if step in self.fails:
                failed.append(UnitStatus(unit.label, "failed", problem="broken"))
            else:
                open_store(self.sweep.store).commit(*simple_unit(step, model="m"))
        return RunSummary(len(plan.units) - len(failed), tuple(failed))

    def sleep(self, seconds):
        self.now += seconds

    def follow(self, **terms):
        return Follower(
            self.plan, self.run, self.growth, Terms(10.0, **terms), tell=self.said.append,
            sleep=self.sleep, clock=lambda: self.now,
        ).follow()  # fmt: skip


def test_each_checkpoint_is_scored_once_until_a_step_is_reached(tmp_path):
    world = World(tmp_path, [[1], [1, 2], [1, 2], [1, 2, 3]])
    followed = world.follow(until_step=3)
    assert world.ran == [1, 2, 3]
    assert (followed.n_done, followed.failed, followed.gone) == (3, (), ())
    assert world.now == 30


def test_a_later_step_ends_it_only_when_earlier_ones_are_no_longer_waited_for(tmp_path):
    world = World(tmp_path, [[1, 4], [1, 3, 4]], waiting=[[3], []])
    world.follow(until_step=4)
    assert world.ran == [1, 4, 3]
    assert world.said == ["waiting for m step 3: it is half-written"]


def test_idleness_counts_from_the_last_score(tmp_path):
    world = World(tmp_path, [[1], [1], [1, 2], [1, 2]])
    followed = world.follow(idle_seconds=25)
    assert (followed.n_done, world.now) == (2, 20 + 30)


def test_the_marker_ends_it_once_nothing_is_waited_for(tmp_path):
    world = World(tmp_path, [[1], [1], [1, 2]], waiting=[[2], [2], []])
    marker = tmp_path / "finished"
    marker.touch()
    world.follow(until_file=marker)
    assert world.ran == [1, 2]


def test_a_checkpoint_that_fails_is_not_tried_again_as_it_is(tmp_path):
    world = World(tmp_path, [[1, 2]], fails=[1])
    followed = world.follow(idle_seconds=45)
    assert world.ran == [1, 2]
    assert [status.problem for status in followed.failed] == ["broken"]


def test_a_checkpoint_that_is_removed_is_counted_whether_it_failed_or_was_waited_for(tmp_path):
    world = World(tmp_path, [[1, 2], [2], [2, 5]], fails=[1], waiting=[[3], [], []])
    followed = world.follow(until_step=5)
    assert followed.gone == (Seen("m", 1), Seen("m", 3))
    assert followed.failed == ()
    assert sorted(world.said)[:2] == [
        "m step 1 was removed before it could be scored",
        "m step 3 was removed before it could be scored",
    ]


def test_a_scored_checkpoint_may_be_removed(tmp_path):
    world = World(tmp_path, [[1], [2]])
    assert world.follow(until_step=2).gone == ()


def test_nothing_yet_and_files_that_vanish_are_waited_out(tmp_path):
    world = World(tmp_path, [NothingYetError("none"), FileNotFoundError("x"), [1]])
    assert world.follow(until_step=1).n_done == 1


def test_a_hub_that_is_away_for_a_moment_is_asked_again_but_not_at_the_first_look(tmp_path):
    world = World(tmp_path, [[1], SourceError("no network"), [1, 2]])
    assert world.follow(until_step=2).n_done == 2
    assert "no network; looked for again in 10 s" in world.said
    with pytest.raises(SourceError):
        World(tmp_path / "b", [SourceError("no such repository")]).follow()


@pytest.mark.parametrize("steps", ["log:20", "adaptive"])
def test_steps_chosen_among_all_cannot_be_followed(tmp_path, steps):
    sweep = World(tmp_path, [[1]]).sweep
    with pytest.raises(SweepError, match="not known yet"):
        check_followable(sweep.model_copy(update={"steps": steps}))
    check_followable(replace_steps(sweep, "0:100:10"))


def replace_steps(sweep, steps):
    return sweep.model_copy(update={"steps": steps})
