"""The posterior network: joint posteriors of age, mass and [Fe/H] under a prior that the user chooses."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stelnet.arrays import Floats
from stelnet.errors import ConfigError
from stelnet.files import sha256_file
from stelnet.inference import domain
from stelnet.inference.answer import (
    POSTERIOR_COLUMNS,
    POSTERIOR_SAMPLES,
    QUANTILES,
    Flag,
    Method,
    MethodName,
)
from stelnet.inference.correction import Correction
from stelnet.inference.flags import flags_of_place, undecided
from stelnet.inference.forward import Run
from stelnet.inference.inputs import Stars, raise_flag
from stelnet.inference.mixture_network import MixtureNetwork
from stelnet.inference.model import CHUNK, Answering, Model, Question
from stelnet.inference.observed import FLOOR, JOINT, LEVELS, AgePrior, Answer, Floor, Observed
from stelnet.terms import STAGES, StageName

if TYPE_CHECKING:
    from stelnet.inference.exact import Exact

#: Below so many nats of information the posterior of age is called that of the prior.
TELLING = 0.3
#: Level -> suffix of its column.
SUFFIXES = {level: suffix for suffix, (level, _) in QUANTILES.items()}
#: Ends of the limits from the data alone, in their order in :class:`Answer`.
LIMITS = ("lo68", "hi68", "lo95", "hi95")


class PosteriorModel(Model):
    """One network for both stages and all metallicities: the model ``posterior``.

    The network has learnt the exact posterior: sums over a dense grid of isochrones in age, mass and [Fe/H],
    weighted by the initial mass function and the age prior. Its answer is a mixture of Gaussians in age, mass
    and [Fe/H].

    The method ``network`` evaluates the network; ``exact-grid`` sums over the grid itself, where there is its
    file.

    Parameters
    ----------
    tensors, metadata, sha256
        Content of the model's file, see :mod:`stelnet.inference.posterior_file`, and its digest.
    grid
        File of the grid, see :class:`stelnet.inference.exact.Cube`, for the exact posterior.
    threads
        As of :class:`Model`.
    """

    columns, samples = POSTERIOR_COLUMNS, POSTERIOR_SAMPLES
    metallicities = True
    bandwidth = 0.2
    floor = (FLOOR.log_teff, FLOOR.log_lum)
    methods = (Method.NETWORK, Method.EXACT_GRID)

    def __init__(
        self,
        tensors: Mapping[str, np.ndarray],
        metadata: Mapping[str, Any],
        sha256: str,
        grid: str | Path | None = None,
        threads: int | None = None,
    ) -> None:
        super().__init__(metadata, sha256, threads)
        self._network = MixtureNetwork(tensors, metadata)
        if "correction" in metadata:
            self._network.correction = Correction.of_tensors(tensors, metadata["correction"]["limits"])
        limits = metadata["raster"]
        self._raster = domain.Raster(tuple(limits["log_teff"]), tuple(limits["log_lum"]))
        self._fields = {stage: np.asarray(tensors[f"domain/{stage}"], np.uint8) for stage in STAGES}
        self._feh = tensors["domain/feh"]
        self._zams = {key: tensors[f"zams/{key}"] for key in ("log_teff", "log_lum")}
        self._curves = {key: tensors[f"curves/{key}"] for key in ("log_mass", "log_age_zams")}
        self._grid = grid
        self.grid_sha256 = sha256_file(grid) if grid else None
        self._exact: Exact | None = None

    @property
    def zams(self) -> Mapping[str, Floats]:
        return self._zams

    @property
    def curves(self) -> Mapping[str, Floats]:
        return self._curves

    def domain(self, stage: StageName) -> tuple[Floats, Floats, Floats]:
        field = self._fields[stage].min(axis=0)
        return *self._raster.nodes(field.shape), field / np.float32(domain.SCALE)

    def method_for(self, stars: int, errors: bool = True) -> Method:
        return Method.EXACT_GRID if self._grid else Method.NETWORK

    def check(
        self,
        method: MethodName = "auto",
        age_prior: str = "field",
        floor: Sequence[float] | None = None,
        feh: ArrayLike | None = None,
    ) -> None:
        super().check(method, age_prior, floor, feh)
        if method == Method.EXACT_GRID and self._grid is None:
            raise ConfigError(f"method {method}: needs the file of the grid: --grid FILE, or load(grid=...).")

    def _answering(self, question: Question, run: Run) -> Answering:
        prior, stage = AgePrior.parse(question.age_prior), question.stage
        if question.method == Method.NETWORK:
            network = self._network

            def posteriors(stars: Stars) -> tuple[dict[str, Floats], NDArray[np.uint32]]:
                observed = self._observed(stars)
                columns, bits = self._posteriors(
                    stars, observed, stage, lambda rows: network.answer(observed[rows], prior, stage)
                )
                limited = network.outside(observed) & np.isfinite(columns["log_age_median"])
                raise_flag(bits, limited, Flag.ERROR_LIMITED)
                return columns, bits

            def draws(stars: Stars, count: int, seed: int, first_row: int) -> Floats:
                drawn: Floats = network.draws(self._observed(stars), prior, count, seed, first_row, stage)[0]
                return drawn

            return Answering(posteriors, draws, CHUNK)
        exact = self._exact_grid()

        def exact_posteriors(stars: Stars) -> tuple[dict[str, Floats], NDArray[np.uint32]]:
            observed = self._observed(stars)
            return self._posteriors(
                stars, observed, stage, lambda rows: exact.answer(observed[rows], prior, stage)
            )

        def exact_draws(stars: Stars, count: int, seed: int, first_row: int) -> Floats:
            drawn: Floats = exact.draws(self._observed(stars), prior, count, seed, first_row, stage)[0]
            return drawn

        return Answering(exact_posteriors, exact_draws, CHUNK, threads=False)

    def _exact_grid(self) -> "Exact":
        """Return the exact posterior, whose code is compiled and whose threads are its own."""
        if self._exact is None:
            assert self._grid is not None, "check has seen to it"
            try:
                import numba
            except ModuleNotFoundError as error:
                message = f"method {Method.EXACT_GRID} needs {error.name}"
                raise ConfigError(f"{message}; install it with: pip install 'stelnet[exact]'")
            from stelnet.inference.exact import Cube, Exact

            numba.set_num_threads(min(self._count, numba.get_num_threads()))
            self._exact = Exact(Cube.read(self._grid))
        return self._exact

    def _observed(self, stars: Stars) -> Observed:
        """Return stars as the posteriors take them, [Fe/H] within the range of the model."""
        return Observed.of(
            stars.log_teff,
            stars.log_lum,
            stars.e_log_teff,
            stars.e_log_lum,
            np.clip(stars.feh, self._feh[0], self._feh[-1]),
            stars.e_feh,
            # those of Teff and L are in the errors
            Floor(0.0, 0.0),
        )

    def _posteriors(
        self,
        stars: Stars,
        observed: Observed,
        stage: StageName | None,
        answer: Callable[[NDArray[np.int_]], Answer],
    ) -> tuple[dict[str, Floats], NDArray[np.uint32]]:
        """Return columns and flags of usable stars; those far from the tracks are not asked for."""
        stages = tuple(STAGES) if stage is None else (str(stage),)
        log_weights, distances = self._distances(stars, observed)
        near = np.minimum.reduce([distances[one] for one in stages]).min(axis=0) < domain.FAR
        rows = np.flatnonzero(near)
        columns = {
            name: np.full(len(stars), np.nan, np.float32) for name in POSTERIOR_COLUMNS if name != "flags"
        }
        for name, values in _columns(answer(rows)).items():
            columns[name][rows] = values
        answered = np.isfinite(columns["log_age_median"])
        bits = flags_of_place(log_weights, distances, stages, answered)
        if stage is None:
            raise_flag(bits, undecided(columns["p_pre"]), Flag.TWO_MODES)
        raise_flag(bits, columns["age_information"] < TELLING, Flag.AGE_FROM_PRIOR)
        raise_flag(bits, np.isnan(stars.feh), Flag.FEH_ASSUMED)
        raise_flag(bits, (stars.feh < self._feh[0]) | (stars.feh > self._feh[-1]), Flag.OUTSIDE_FEH)
        return columns, bits

    def _distances(self, stars: Stars, observed: Observed) -> tuple[Floats, dict[str, Floats]]:
        """Return logarithms of the nodes' weights, see :meth:`Stars.nodes`, and their distances.

        These are stage -> (nodes, n) [units] to the nearest tracks within the error of [Fe/H].
        """
        log_teff, log_lum, log_weights = stars.nodes(self._raster)
        fehs = [observed.feh + sign * observed.e_feh for sign in (-1, 0, 1)]
        distances = {
            stage: np.minimum.reduce(
                [
                    domain.distance_between(fields, self._feh, self._raster, log_teff, log_lum, feh)
                    for feh in fehs
                ]
            )
            for stage, fields in self._fields.items()
        }
        return log_weights, distances


def _columns(answer: Answer) -> dict[str, Floats]:
    columns = {
        f"{name}_{SUFFIXES[level]}": values
        for name, of_name in zip(JOINT, answer.quantiles, strict=True)
        for level, values in zip(LEVELS, of_name, strict=True)
    }
    columns |= {
        f"log_age_data_{end}": values for end, values in zip(LIMITS, answer.log_age_data, strict=True)
    }
    return columns | {"p_pre": answer.p_pre, "age_information": answer.age_information}
