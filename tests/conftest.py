"""Of all tests: what hypothesis draws is the same in each run, so a change is judged by itself.

OOCMAP_RANDOM=1 draws anew each time; a failure then prints how to draw the same again.
"""

import os

from hypothesis import settings

settings.register_profile("oocmap", derandomize="OOCMAP_RANDOM" not in os.environ, print_blob=True)
settings.load_profile("oocmap")
