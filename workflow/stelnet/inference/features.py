"""What the posterior network sees of a star: its measurements scaled, and waves over the H-R diagram.

A wave is the mean of a sine or cosine over the star's errors, so that it fades where they are wider than the
wave (Barron et al. 2021, Mip-NeRF): the network sees no more detail than the measurements have.
"""

import numpy as np

#: Middle and scale of log Teff, log L, [Fe/H], the natural logarithms of their errors, and gamma.
MIDDLES = np.array([3.8, 0.7, -0.2, np.log(0.02), np.log(0.06), np.log(0.15), 0.5])
SCALES = np.array([0.3, 2.0, 0.5, 1.0, 1.2, 0.8, 0.5])
#: Directions on the H-R diagram as (log Teff, log L, [Fe/H]), then the longest wave [dex] and the number of
#: waves, each half as long as the one before: temperature, luminosity, across the main sequence, along it.
WAVES = (
    ((1.0, 0.0, 0.0), 1.6, 6),
    ((0.0, 1.0, 0.0), 8.0, 6),
    ((-6.5, 1.0, -0.35), 8.0, 6),
    ((6.5, 1.0, 0.0), 8.0, 4),
)
DIRECTIONS = np.array(
    [np.array(direction) / wave * 2 * np.pi * 2**i for direction, wave, n in WAVES for i in range(n)]
)
COUNT = len(MIDDLES) + 2 * len(DIRECTIONS)


def features(stars: np.ndarray) -> np.ndarray:
    """Return the features, float32 (COUNT, n), of stars float64 (7, n).

    The rows of `stars` are log Teff, log L, [Fe/H], their errors, and the exponent gamma of the prior of age.
    """
    places, errors = stars[:3], stars[3:6]
    result = np.empty((COUNT, stars.shape[1]), np.float32)
    plain = len(MIDDLES)
    result[:3] = (places - MIDDLES[:3, None]) / SCALES[:3, None]
    result[3:6] = (np.log(errors) - MIDDLES[3:6, None]) / SCALES[3:6, None]
    result[6] = (stars[6] - MIDDLES[6]) / SCALES[6]
    # float64 before the phase is taken: it turns many times
    phase = DIRECTIONS @ places
    phase -= 2 * np.pi * np.round(phase / (2 * np.pi))
    phase = phase.astype(np.float32)
    fading = (DIRECTIONS**2).astype(np.float32) @ (errors * errors).astype(np.float32)
    fading *= np.float32(-0.5)
    np.exp(fading, out=fading)
    waves = len(DIRECTIONS)
    np.sin(phase, out=result[plain : plain + waves])
    np.cos(phase, out=result[plain + waves :])
    result[plain : plain + waves] *= fading
    result[plain + waves :] *= fading
    return result
