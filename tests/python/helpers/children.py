"""Forked children that run a function and say whether it failed."""

import os
import signal
import traceback
from collections.abc import Callable


def start_child(function: Callable[[], None]) -> int:
    """Fork, and run it in the child; return its pid. It ends with 0, with 1, or after 20 s."""
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        status = 1
        try:
            function()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return child


def exit_code(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_in_child(function: Callable[[], None]) -> None:
    """Fork, run it in the child, and fail where that fails or takes 20 s."""
    assert exit_code(start_child(function)) == 0
