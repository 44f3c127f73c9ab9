"""The garbage collector of a process of ours, which is the interpreter's own: each look is in one of its own."""

import subprocess
import sys

PROGRAM = """
import gc
from syncline.collector import collect_rarely, pass_over_imports
before = gc.get_threshold()
collect_rarely()
importing, frozen = gc.get_threshold(), gc.get_freeze_count()
pass_over_imports()
afterwards, once = gc.get_threshold(), gc.get_freeze_count()
kept = [[number] for number in range(1000)]
pass_over_imports()
collect_rarely()
print(all(now > then for now, then in zip(importing, before)), frozen)
print(afterwards < importing, once > 0, gc.get_freeze_count() == once, gc.get_threshold() == afterwards, gc.isenabled())
"""


def test_imports_are_collected_seldom_and_what_came_afterwards_as_before() -> None:
    """What is frozen is never freed: a run's rows must not be, however often it is asked for."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True 0", "True True True True True"]
