"""The processes of an instance, as the kernel tells them."""

from pathlib import Path

__all__ = ["fork_server_of", "parent_of"]


def parent_of(pid: int) -> int:
    """The process id of its parent."""
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    return int(stat.rpartition(")")[2].split()[1])


def fork_server_of(runner: int) -> int:
    """The runner's child that forks; runs are its children too, and have leases."""
    tasks = Path(f"/proc/{runner}/task").iterdir()
    children = [int(pid) for task in tasks for pid in (task / "children").read_text(encoding="ascii").split()]
    return min(child for child in children if b"deployments.fork_server" in Path(f"/proc/{child}/cmdline").read_bytes())
