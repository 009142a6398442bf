"""The posterior network in numpy: from measurements to mixtures of Gaussians, and from these to answers.

A safetensors file holds the tensors ``first`` (features, width), ``hidden`` (depth, width, width), ``last``
(width, outputs) and their biases; float16 or float32. Arrays inside are (units, stars).
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np

from stelnet.arrays import Bools, Floats
from stelnet.errors import ConfigError, DataError
from stelnet.inference import contents
from stelnet.inference.correction import Correction
from stelnet.inference.features import COUNT, features
from stelnet.inference.gaussians import Coordinates, Mixtures
from stelnet.inference.observed import FIELD, LEVELS, AgePrior, Answer, Observed
from stelnet.safetensors_file import read_tensors
from stelnet.terms import LOG_AGE_UNIVERSE

MODEL = "posterior"
#: What a star is measured by.
MEASURED = ("log_teff", "log_lum", "feh")
#: Numbers of a Gaussian: logarithm of its weight, three means, three logarithms of conditional standard
#: deviations, slopes of mass on age, of [Fe/H] on age and on mass.
NUMBERS = 10
#: Whose limits of age the network tells: with the stage open, before and after the ZAMS.
CASES = (None, "pre", "post")
#: Bounds of the logarithms of standard deviations.
LOG_SD = (-5.5, 3.0)
#: The network's limits of age err by about this [dex], either way; they are told so much wider.
LIMITS_ERROR = 0.03
#: Stars at a time in the layers, whose units then fit the cache, and in the answers.
CHUNK, ANSWERED = 1024, 8192
#: Draws at a time.
DRAWN = 1 << 16
#: Priors between two ages that end below this [dex yr] are made from the answer under the one that is flat in
#: log age, as it knows young stars best; others from the one that is flat in age.
YOUNG = 9.0


def check_metadata(metadata: Mapping[str, Any]) -> int:
    """Return the number of outputs of a network; raise ValueError or KeyError for wrong metadata."""
    components = str(metadata["components"])
    if not re.fullmatch("[1-9][0-9]{0,2}", components):
        raise ValueError(f"components {components[:60]!r}")
    for name in MEASURED:
        low, _ = contents.limits(metadata["errors"][name], f"errors.{name}")
        if low <= 0:
            raise ValueError(f"errors.{name} of {low}")
    return 2 * int(components) * NUMBERS + 1 + 4 * len(CASES)


class MixtureNetwork:
    """The posterior network: ask it for mixtures, answers and draws.

    Parameters
    ----------
    tensors, metadata
        Content of the file: ``components`` and ``errors`` (the range of errors it was trained on) among the
        metadata.

    Attributes
    ----------
    correction
        What real stars teach beyond the isochrones, or None; may be set.
    """

    def __init__(self, tensors: Mapping[str, Floats], metadata: Mapping[str, Any], sha256: str = "") -> None:
        self.metadata, self.sha256 = dict(metadata), sha256
        self.correction: Correction | None = None
        self.components = int(metadata["components"])
        self._errors = np.array([metadata["errors"][name] for name in MEASURED]).T
        layers = [tensors["first"], *tensors["hidden"], tensors["last"]]
        biases = [tensors["first_bias"], *tensors["hidden_bias"], tensors["last_bias"]]
        self._weights = [np.ascontiguousarray(layer.T, np.float32) for layer in layers]
        self._biases = [bias.astype(np.float32)[:, None] for bias in biases]

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a network's file.

        Raises
        ------
        DataError
            The file is absent, damaged, or not a posterior network.
        """
        tensors, text, sha256 = read_tensors(path)
        try:
            metadata = {key: json.loads(value) if value[:1] in "{[" else value for key, value in text.items()}
            if metadata["model"] != MODEL:
                raise ValueError(f"model {metadata['model']}")
            contents.check_tensors(tensors, contents.mixture(COUNT, check_metadata(metadata)))
            return cls(tensors, metadata, sha256)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise DataError(
                f"{path}: not a posterior network ({error!r} is missing or wrong in it)."
            ) from error

    def outside(self, stars: Observed) -> Bools:
        """Return whether any error of each star is beyond those that the network was trained on, (n,)."""
        low, high = self._errors
        errors = np.column_stack([stars.e_log_teff, stars.e_log_lum, stars.e_feh])
        outside: Bools = ((errors < low * 0.999) | (errors > high * 1.001)).any(axis=1)
        return outside

    def _outputs(self, stars: Observed, gamma: float) -> Floats:
        """Return the last layer's outputs, float32 (outputs, n)."""
        low, high = self._errors[..., None]
        inputs = np.empty((7, len(stars)))
        inputs[:3] = stars.log_teff, stars.log_lum, stars.feh
        inputs[3:6] = np.clip((stars.e_log_teff, stars.e_log_lum, stars.e_feh), low, high)
        inputs[6] = gamma
        out = np.empty((len(self._biases[-1]), len(stars)), np.float32)
        for first in range(0, len(stars), CHUNK):
            part = slice(first, first + CHUNK)
            out[:, part] = self._layers(features(inputs[:, part]))
        return out

    def _layers(self, x: Floats) -> Floats:
        """Return outputs of features (COUNT, n)."""
        x = self._weights[0] @ x
        x += self._biases[0]
        z, sigmoid = np.empty_like(x), np.empty_like(x)
        for weight, bias in zip(self._weights[1:-1], self._biases[1:-1], strict=True):
            np.matmul(weight, x, out=z)
            z *= _inverse_norm(x)
            z += bias
            # x += z / (1 + exp(-z))
            np.negative(z, out=sigmoid)
            with np.errstate(over="ignore"):
                np.exp(sigmoid, out=sigmoid)
            sigmoid += np.float32(1)
            z /= sigmoid
            x += z
        out = self._weights[-1] @ x
        out *= _inverse_norm(x)
        out += self._biases[-1]
        return out

    def mixtures(self, stars: Observed, prior: AgePrior = FIELD, stage: str | None = None) -> Mixtures:
        """Return the mixtures of stars, all of which have a place.

        Raises
        ------
        ConfigError
            An unknown stage.
        """
        if stage not in CASES:
            raise ConfigError(f"stage {stage!r}: must be pre or post, or None where it is not known.")
        gamma = prior.gamma if not prior.bounded else float(prior.high < YOUNG)
        out = self._outputs(stars, gamma)
        k, n = self.components, len(stars)
        numbers = out[: 2 * k * NUMBERS].reshape(2, k, NUMBERS, n)
        logit = out[2 * k * NUMBERS]
        limits = out[2 * k * NUMBERS + 1 :].reshape(len(CASES), 4, n)[CASES.index(stage)]
        if stage is None:
            with np.errstate(over="ignore"):
                p_pre = 1 / (1 + np.exp(-logit))
        else:
            numbers = numbers[CASES.index(stage) - 1][None]
            p_pre = np.full(n, stage == "pre", np.float32)
        weights = np.exp(numbers[:, :, 0] - numbers[:, :, 0].max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        if stage is None:
            weights[0] *= p_pre
            weights[1] *= 1 - p_pre
        flat = np.moveaxis(numbers[:, :, 1:].reshape(-1, NUMBERS - 1, n), 1, 0)
        result = Mixtures(
            weights.reshape(-1, n),
            flat[:3],
            np.exp(np.clip(flat[3:6], np.float32(LOG_SD[0]), np.float32(LOG_SD[1]))),
            flat[6:],
            p_pre,
            self._limits(limits),
        )
        if prior.bounded:
            result = result.bounded(prior, tilted=gamma == 1)
        return self.correction.shift_mixtures(result, stars, stage) if self.correction else result

    @staticmethod
    def _limits(limits: Floats) -> Floats:
        """Return limits of log age [dex yr], a little wide; the wider pair is around the narrower one."""
        middle, scale = Coordinates.LIMITS
        outward = np.array([[-LIMITS_ERROR], [LIMITS_ERROR]] * 2)
        result = limits * np.float32(scale) + (middle + outward).astype(np.float32)
        result = np.minimum(result, np.float32(LOG_AGE_UNIVERSE))
        narrow, wide = np.sort(result[:2], axis=0), np.sort(result[2:], axis=0)
        return np.stack([*narrow, np.minimum(wide[0], narrow[0]), np.maximum(wide[1], narrow[1])])

    def answer(self, stars: Observed, prior: AgePrior = FIELD, stage: str | None = None) -> Answer:
        """Return the posteriors of stars; see :class:`stelnet.inference.observed.Answer`."""
        n = len(stars)
        answer = Answer(
            *(np.full(shape, np.nan, np.float32) for shape in ((3, len(LEVELS), n), n, (4, n), n))
        )
        usable = np.flatnonzero(_usable(stars))
        for first in range(0, len(usable), ANSWERED):
            rows = usable[first : first + ANSWERED]
            found = self.mixtures(stars[rows], prior, stage)
            answer.p_pre[rows] = found.p_pre
            answer.log_age_data[:, rows] = found.limits
            answer.quantiles[:, :, rows], answer.age_information[rows] = found.quantiles_and_information(
                prior
            )
        return answer

    def draws(
        self,
        stars: Observed,
        prior: AgePrior,
        count: int,
        seed: int,
        first_row: int = 0,
        stage: str | None = None,
    ) -> tuple[Floats, Bools]:
        """Return joint draws, float32 (3, n, count), and whether each is before the ZAMS, bool (n, count).

        Parameters
        ----------
        seed, first_row
            A draw depends on the seed and the number of its row, counted from `first_row`.
        """
        drawn, pre = np.full((3, len(stars), count), np.nan, np.float32), np.zeros((len(stars), count), bool)
        step = max(1, DRAWN // max(count, 1))
        for first in range(0, len(stars), step):
            rows = np.arange(first, min(first + step, len(stars)))
            # one block of a counter-based generator a draw
            generator = np.random.Philox(key=seed)
            generator.advance((first_row + first) * count)
            uniform = (generator.random_raw(4 * len(rows) * count) >> np.uint64(11)) * 2.0**-53
            usable = np.flatnonzero(_usable(stars[rows]))
            if not len(usable):
                continue
            found = self.mixtures(stars[rows[usable]], prior, stage)
            at = rows[usable]
            drawn[:, at], pre[at] = found.draws(uniform.reshape(len(rows), count, 4)[usable])
        return drawn, pre


def _usable(stars: Observed) -> Bools:
    """Return whether each star has all its measurements."""
    return np.isfinite(
        stars.log_teff + stars.log_lum + stars.e_log_teff + stars.e_log_lum + stars.feh + stars.e_feh
    )


def _inverse_norm(x: Floats) -> Floats:
    """Return one over the root mean square (n,) of units (u, n)."""
    square = np.einsum("un,un->n", x, x)
    square *= np.float32(1 / len(x))
    square += np.float32(1e-6)
    inverse: Floats = 1 / np.sqrt(square)
    return inverse
