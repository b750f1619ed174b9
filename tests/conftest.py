"""Of all tests: what hypothesis draws is the same in each run, so a change is judged by itself.

OOCMAP_RANDOM=1 draws anew each time; a failure then prints how to draw the same again.
Tests of Ctrl-C need it to be heard: what a shell starts in the background ignores SIGINT.
"""

import os
import signal

from hypothesis import settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("oocmap", derandomize="OOCMAP_RANDOM" not in os.environ, print_blob=True)
settings.load_profile("oocmap")
