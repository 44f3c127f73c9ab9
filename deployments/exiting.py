"""The end of a process that was forked, as the interpreter ends one, but for the objects.

The interpreter would free all of them one by one, and so copy the memory that is shared with the fork server.
"""

import atexit
import threading
import traceback

__all__ = ["run_exit_functions"]


def run_exit_functions() -> None:
    """Wait for threads and call what is to be called at the exit, as the interpreter does; logs leave then."""
    try:
        threading._shutdown()  # type: ignore[attr-defined] # noqa: SLF001 - as the interpreter and multiprocessing do
        atexit._run_exitfuncs()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the same
    except BaseException:  # noqa: BLE001 - the interpreter goes on as well
        traceback.print_exc()
