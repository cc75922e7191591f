"""Ray's actors give the same shards as this process, and lost actors and nodes are replaced."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pathprint.profiling.errors import OptionsError
from pathprint.profiling.jobs.engines.here import Here
from pathprint.profiling.jobs.engines.options import Workers
from pathprint.profiling.jobs.engines.ray import Ray
from pathprint.profiling.jobs.perform import perform
from pathprint.profiling.jobs.shards import ShardFiles
from tests.profiling.jobs.small_work import Squares, tasks

ray = pytest.importorskip("ray", reason="Ray is not installed")
from ray.cluster_utils import Cluster  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of one node with one processor; tests add further nodes."""
    root = str(Path(__file__).parents[3])
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 << 20},
    )
    yield made
    made.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture
def engine(cluster: Any) -> Iterator[Ray]:
    with closing(Ray(2, cluster.address)) as made:
        yield made


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("*.safetensors"))]


def expected(folder: Path, recipe: Squares, number: int) -> list[bytes]:
    list(perform(Here(), recipe, ShardFiles(folder, "plan"), iter(tasks(number))))
    return contents(folder)


def test_actors_leave_the_shards_that_this_process_leaves(engine: Ray, tmp_path: Path) -> None:
    done = list(perform(engine, Squares(), ShardFiles(tmp_path / "ray", "plan"), iter(tasks(6))))
    assert sorted(task.number for task in done) == list(range(6))
    assert contents(tmp_path / "ray") == expected(tmp_path / "here", Squares(), 6)


def test_an_actor_that_is_killed_is_replaced(engine: Ray, tmp_path: Path) -> None:
    list(perform(engine, Squares(once=tmp_path, mortal=9), ShardFiles(tmp_path / "ray", "plan"), iter(tasks(6))))
    assert (tmp_path / "killed").exists()
    assert contents(tmp_path / "ray") == expected(tmp_path / "here", Squares(), 6)


def test_an_image_that_kills_actors_is_blamed(engine: Ray, tmp_path: Path) -> None:
    list(perform(engine, Squares(deadly=(5,)), ShardFiles(tmp_path, "plan"), iter(tasks(2))))
    stored = ShardFiles(tmp_path, "plan").read(1)
    assert stored is not None
    assert list(stored.facts["bad"]) == ["5"]
    assert stored.arrays["squares"].tolist() == [16, 36, 49]


def test_a_node_that_is_lost_costs_nothing_but_its_tasks(cluster: Any, engine: Ray, tmp_path: Path) -> None:
    node = cluster.add_node(num_cpus=2, object_store_memory=80 << 20)
    slow = Squares(pause=0.3)
    shards = ShardFiles(tmp_path / "ray", "plan")
    done = 0
    for _ in perform(engine, slow, shards, iter(tasks(12))):
        done += 1
        if done == 3:
            cluster.remove_node(node, allow_graceful=False)
    assert done == 12
    assert contents(tmp_path / "ray") == expected(tmp_path / "here", Squares(), 12)


WITHOUT_A_TOKEN = """
from pathprint.profiling.errors import JobError
from pathprint.profiling.jobs.engines import ray
try:
    ray._connect(ray._ray(), "127.0.0.1:1")
except JobError as error:
    print(error)
"""


def test_a_token_that_is_nowhere_is_asked_for(tmp_path: Path) -> None:
    """Ray reads these variables once in the life of a process."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    environment = known | {"RAY_AUTH_MODE": "token", "HOME": str(tmp_path / "nowhere")}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_A_TOKEN], env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("the Ray cluster at 127.0.0.1:1 cannot be used: ")
    assert "RAY_AUTH_TOKEN" in done.stdout


def test_ray_needs_a_worker() -> None:
    with pytest.raises(OptionsError, match="needs at least one worker"):
        Workers("ray", 0)
