"""pytest plugin of the leak sanitizer's stage: what numpy leaks when it is imported is not ours."""

import ctypes

_lsan = ctypes.CDLL(None)
_lsan.__lsan_disable()
import numpy  # noqa: E402, F401  (between the two calls, which is the point)

_lsan.__lsan_enable()
