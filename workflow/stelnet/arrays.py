"""Types of arrays, for signatures; shapes and units are told in words."""

import numpy as np
from numpy.typing import NDArray

#: Numbers, float32 or float64.
Floats = NDArray[np.floating]
#: What holds, or which are meant.
Bools = NDArray[np.bool_]
#: Whole numbers of any size: flags, rows, bytes of rasters.
Ints = NDArray[np.integer]
