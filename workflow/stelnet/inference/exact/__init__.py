"""The exact posterior of stars under a cube of isochrones: sums over fine cells of age, mass and [Fe/H].

It is the teacher of the posterior network and the measure of it. Needs numba and the isochrones.
"""

from stelnet.inference.exact.cube import Cube
from stelnet.inference.exact.exact import Exact, ExactAnswer

__all__ = ["Cube", "Exact", "ExactAnswer"]
