from pathlib import Path

import pytest

from deployments.capacity import LIMIT_VARIABLE, available_bytes, cores, processes_at_once, runs_at_once
from syncline.errors import ConfigurationError

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("cores", "free", "limit"),
    [
        (2, 24 * GB, 8),  # 4 a core
        (16, 256 * GB, 64),
        (8, 3 * GB, 10),  # half of the memory, at 150 MB a run
        (0.5, 24 * GB, 4),  # a container with half a core
        (2, 100_000_000, 4),
        (2, None, 8),
    ],
)
def test_processes_are_bounded_by_cores_and_memory(cores: float, free: int | None, limit: int) -> None:
    """After a night of downtime every source has runs to catch up with; the machine has no more cores than before."""
    assert processes_at_once(cores=cores, free_bytes=free) == limit


def test_prefects_setting_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator whose runs mostly wait may allow more of them at once."""
    monkeypatch.setenv(LIMIT_VARIABLE, "30")
    assert runs_at_once() == 30
    monkeypatch.delenv(LIMIT_VARIABLE)
    assert runs_at_once() == processes_at_once(cores=cores(), free_bytes=available_bytes())


@pytest.mark.parametrize("said", ["0", "-1", "many", ""])
def test_a_limit_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """A runner that takes nothing would look healthy."""
    monkeypatch.setenv(LIMIT_VARIABLE, said)
    with pytest.raises(ConfigurationError, match=LIMIT_VARIABLE):
        runs_at_once()


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="ascii")
    return root


def test_a_container_counts_as_the_machine(tmp_path: Path) -> None:
    """Version 2 of control groups: the smallest of all levels counts, and what is used is used."""
    group = "sys/fs/cgroup/system.slice"
    root = written(
        tmp_path,
        {
            "proc/self/cgroup": "0::/system.slice/syncline.service\n",
            "proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\n",
            f"{group}/cpu.max": "50000 100000\n",
            f"{group}/syncline.service/cpu.max": "max 100000\n",
            f"{group}/memory.max": "max\n",
            f"{group}/syncline.service/memory.max": "1000000000\n",
            f"{group}/syncline.service/memory.current": "400000000\n",
        },
    )
    assert cores(root) == 0.5
    assert available_bytes(root) == 600_000_000


def test_an_older_container_counts_as_well(tmp_path: Path) -> None:
    """Version 1, where each controller has folders of its own and unlimited is a number."""
    group = "docker/1"
    root = written(
        tmp_path,
        {
            "proc/self/cgroup": f"4:cpu,cpuacct:/{group}\n3:memory:/{group}\n",
            "proc/meminfo": "MemAvailable: 4000000 kB\n",
            f"sys/fs/cgroup/cpu/{group}/cpu.cfs_quota_us": "25000\n",
            f"sys/fs/cgroup/cpu/{group}/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            f"sys/fs/cgroup/memory/{group}/memory.limit_in_bytes": "500000000\n",
            f"sys/fs/cgroup/memory/{group}/memory.usage_in_bytes": "100000000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    )
    assert cores(root) == 0.25
    assert available_bytes(root) == 400_000_000


def test_a_system_that_says_nothing_has_its_cores(tmp_path: Path) -> None:
    """Not Linux: there is neither /proc nor a control group."""
    assert cores(tmp_path) >= 1
    assert available_bytes(tmp_path) is None
