"""Count the paths of the images of each class, part by part, and add the parts up class by class.

The images of a class are taken in a fixed order, and of those that the network answers rightly the first ones count, up
to a number that is wanted. Parts are done in any order, perhaps too many of them; what counts is decided by the fixed
order, so the result is the same whatever happens. Only one class is in memory at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pathprint.profiling.arrays import Indices
from pathprint.profiling.errors import JobError
from pathprint.profiling.jobs.counting import Counting
from pathprint.profiling.jobs.engines.engine import Engine
from pathprint.profiling.jobs.run import Run
from pathprint.profiling.jobs.shards import Shards
from pathprint.profiling.jobs.stage import Stage, sound
from pathprint.profiling.jobs.tasks import Task
from pathprint.profiling.progress import Meter, meter
from pathprint.profiling.signatures.storage import Stored

_WORK = 1 << 36
"""Multiply-adds of the inferences of one task: some seconds."""
_FEWEST, _MOST = 8, 256
"""Images of one task."""


@dataclass(frozen=True)
class Quota:
    """Which images are to be counted.

    Attributes:
        images: positions of the images of each class, in the order in which they are taken.
        per_class: most images of each class that count.
    """

    images: Mapping[int, Indices]
    per_class: int


@dataclass(frozen=True)
class ClassCounts:
    """The counts of each class, as they are kept in a run.

    Attributes:
        rows: a shard for each class of which an image counts, by the class's number.
        classes: their numbers, ascending.
    """

    rows: Shards
    classes: tuple[int, ...]

    def __iter__(self) -> Iterator[tuple[int, Stored]]:
        """Yield the number of each class, ascending, with its shard.

        Raises:
            JobError: a shard was damaged meanwhile.
        """
        for number in self.classes:
            row = self.rows.read(number)
            if row is None:
                raise JobError(
                    f"the counts of class {number} were damaged after they were written; run the same command again."
                )
            yield number, row


def count_classes(run: Run, engine: Engine, counting: Counting, quota: Quota, cost: int) -> ClassCounts:
    """Count the paths of the images of each class.

    Args:
        cost: multiply-adds of one inference.

    Raises:
        ProfilingError: an image cannot be read, or a shard cannot be written.
        JobError: workers are lost again and again.
    """
    size = min(_MOST, max(_FEWEST, min(_WORK // max(cost, 1), quota.per_class * 5 // 4)))
    stage, rows = Stage(engine, counting, run.shards("counted", size=size)), run.shards("classes", size=size)
    tally = _Tally.of(stage, counting, rows, quota, size)
    with meter("profiling", tally.needed) as shown:
        tally.show(shown)
        for task in stage.do(tally):
            tally.note(task)
            tally.show(shown)
    labels = sorted(number for number, row in tally.taken.items() if row)
    return ClassCounts(rows, tuple(labels))


@dataclass(eq=False)
class _Class:
    """A class whose parts are being done.

    Attributes:
        tasks: all parts, in order.
        taken: images that count, by the number of each part that is done.
        looked: images that were looked at.
        trimming: part that is being done again, as only some of its images are still wanted.
    """

    label: int
    tasks: list[Task]
    wanted: int
    taken: dict[int, int] = field(default_factory=dict)
    looked: int = 0
    trimming: int | None = None

    @property
    def remaining(self) -> int:
        """Images that are still needed, at most."""
        left = sum(len(task.positions) for task in self.tasks if task.number not in self.taken)
        return max(0, min(self.wanted - sum(self.taken.values()), left))

    def next(self, given: set[int]) -> Task | None:
        """Return the first part that nobody has been given; None if no further one is needed."""
        for task in self.tasks:
            if task.number not in given and task.number not in self.taken:
                limit = self.wanted - sum(self.taken.values())
                return task_with(task, self.label, limit) if limit > 0 else None
        return None

    def prefix(self) -> tuple[list[Task], Task | None] | None:
        """Return the parts that count, and the one of which only some images count; None if that is not known yet."""
        found, left = list[Task](), self.wanted
        for task in self.tasks:
            if left == 0:
                break
            if task.number not in self.taken:
                return None
            if self.taken[task.number] > left:
                return found, task_with(task, self.label, left)
            found.append(task)
            left -= self.taken[task.number]
        return found, None


def task_with(task: Task, label: int, limit: int) -> Task:
    """Return a part of a class's images of which at most ``limit`` count."""
    return Task(task.number, task.positions, {"label": label, "limit": limit})


@dataclass(eq=False)
class _Tally:
    """Gives out the parts of all classes, and adds up those of a class when they are there.

    Attributes:
        classes: those that are not added up yet, by number.
        taken: images that count, by the number of each class that is added up.
        looked, left: images that have been looked at, and that will have to be, as far as is known. They are kept, as
            there may be a hundred thousand parts to add up.
    """

    stage: Stage
    counting: Counting
    rows: Shards
    classes: dict[int, _Class]
    taken: dict[int, int]
    looked: int = 0
    left: int = 0
    told: int = 0
    given: set[int] = field(default_factory=set)
    again: deque[Task] = field(default_factory=deque)

    @staticmethod
    def of(stage: Stage, counting: Counting, rows: Shards, quota: Quota, size: int) -> _Tally:
        """Return the state in which an earlier run was left."""
        there = {number: int((rows.facts(number) or {}).get("taken", 0)) for number in sound(rows)}
        done, classes, number, seen = sound(stage.shards), dict[int, _Class](), 0, 0
        for label, images in sorted(quota.images.items()):
            parts = [images[at : at + size] for at in range(0, len(images), size)]
            tasks = [Task(number + i, part) for i, part in enumerate(parts)]
            number += len(parts)
            if label in there:
                seen += min(quota.per_class, len(images))
                continue
            own = _Class(label, tasks, quota.per_class)
            for task in tasks:
                facts = (stage.shards.facts(task.number) or {}) if task.number in done else {}
                if facts:
                    own.taken[task.number], own.looked = int(facts["taken"]), own.looked + int(facts["looked"])
            classes[label] = own
        tally = _Tally(stage, counting, rows, classes, there)
        tally.looked = seen + sum(own.looked for own in classes.values())
        tally.left = sum(own.remaining for own in classes.values())
        for own in list(classes.values()):
            tally._add_up_if_complete(own)
        return tally

    @property
    def needed(self) -> int:
        """Images that have to be looked at in all, as far as is known."""
        return self.looked + self.left

    def show(self, shown: Meter) -> None:
        """Show how far the work is."""
        shown.expect(self.needed)
        shown.advance(self.looked - self.told)
        self.told = self.looked

    def __iter__(self) -> _Tally:
        return self

    def __next__(self) -> Task:
        """Return the next part to do; there may be further ones later, when one of those under way is done."""
        if self.again:
            return self.again.popleft()
        for own in self.classes.values():
            task = own.next(self.given)
            if task is not None:
                self.given.add(task.number)
                return task
        raise StopIteration

    def note(self, task: Task) -> None:
        """Take notice that a part is done."""
        facts = self.stage.shards.facts(task.number) or {}
        own = self.classes.get(int(task.facts["label"]))
        if own is None:  # its class had enough images before this part was done
            self.stage.shards.remove([task.number])
            return
        before = own.remaining
        if task.number != own.trimming:
            own.looked += int(facts["looked"])
            self.looked += int(facts["looked"])
        own.taken[task.number] = int(facts["taken"])
        self.left += own.remaining - before
        self._add_up_if_complete(own)

    def _add_up_if_complete(self, own: _Class) -> None:
        found = own.prefix()
        if found is None:
            return
        parts, trimmed = found
        if trimmed is None:
            self._add_up(own, parts)
        elif own.trimming != trimmed.number:
            own.trimming = trimmed.number
            self.again.append(trimmed)

    def _add_up(self, own: _Class, parts: list[Task]) -> None:
        """Write what the parts of a class add up to, and drop them."""
        stored = [self.stage.read(task_with(task, own.label, own.wanted)) for task in parts]
        row = self.counting.total(own.label, stored)
        self.rows.write(own.label, row)
        self.stage.shards.remove(task.number for task in own.tasks)
        self.left -= own.remaining
        del self.classes[own.label]
        self.taken[own.label] = int(row.facts["taken"])
