"""Posteriors of age and mass from effective temperature and luminosity."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from stelnet.arrays import Floats
from stelnet.errors import ConfigError
from stelnet.inference import domain
from stelnet.inference.answer import COLUMNS, FLAGS, SAMPLES, MethodName
from stelnet.inference.bundle import Bundle, read_bundle
from stelnet.inference.draws import draws
from stelnet.inference.forward import Ensemble, Run, Table
from stelnet.inference.hierarchy import Weights
from stelnet.inference.inputs import NODES, Stars
from stelnet.inference.packaged import DEFAULT, weights
from stelnet.inference.posterior import Source, posteriors
from stelnet.inference.sky import Sky
from stelnet.terms import STAGES, StageName

if TYPE_CHECKING:
    import pandas as pd

#: Stars whose posteriors are made at a time, so that arrays stay in the cache. Fixed, whatever the number of
#: threads: the last bits of a result depend on the batches.
CHUNK = 16384
EXACT_CHUNK = 2048
#: Draws from posteriors that are made at a time.
DRAWS = 1 << 16
#: Building the tables costs as much as asking the ensembles at so many points.
TABLE_COST = 400_000


class Predictions(dict[str, np.ndarray]):
    """Column -> array, one value a star in the order given; ``pandas.DataFrame`` and others take it as it is.

    The columns are those of :data:`stelnet.inference.answer.COLUMNS`, numbers in float32, and after
    ``samples=N`` also those of :data:`~stelnet.inference.answer.SAMPLES`, float32 (n, N).

    Attributes
    ----------
    bits
        The flags as numbers, uint16 (n,), see :class:`stelnet.inference.answer.Flag`.
    """

    def __init__(self, numbers: dict[str, Floats], bits: NDArray[np.uint16]) -> None:
        super().__init__(numbers)
        self.bits = bits
        present, inverse = np.unique(bits, return_inverse=True)
        names = [",".join(name for i, name in enumerate(FLAGS) if value >> i & 1) for value in present]
        flags = np.array(names, object)[inverse]
        self.update({name: self.get(name, flags) for name in COLUMNS})

    def counts(self) -> dict[str, int]:
        """Return flag -> number of stars that bear it, for those that any star bears."""
        counts = {name: int(np.count_nonzero(self.bits >> i & 1)) for i, name in enumerate(FLAGS)}
        return {name: count for name, count in counts.items() if count}

    def to_pandas(self) -> "pd.DataFrame":
        """Return a DataFrame; draws become one array a cell."""
        import pandas as pd

        return pd.DataFrame({name: list(value) if value.ndim > 1 else value for name, value in self.items()})


class Model:
    """Both stages' ensembles with what is needed to weigh them: ask it for ages and masses.

    Parameters
    ----------
    bundle
        Content of the model's file, see :func:`stelnet.inference.bundle.read_bundle`.
    threads
        Threads that compute, by default one for each core that this process may use.
    """

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._bundle, self._count = bundle, threads or cores
        limits = bundle.metadata["raster"]
        self._sky = Sky(
            domain.Raster(tuple(limits["log_teff"]), tuple(limits["log_lum"])),
            {stage: content.distance for stage, content in bundle.stages.items()},
            {stage: content.coverage for stage, content in bundle.stages.items()},
            Weights(bundle.curves),
        )
        self._ensembles = {stage: Ensemble(bundle.stages[stage]) for stage in STAGES}
        self._tables: dict[str, Table] = {}

    @property
    def name(self) -> str:
        """Name of the model: ``transfer`` or ``baseline``."""
        name: str = self._bundle.metadata["name"]
        return name

    @property
    def sha256(self) -> str:
        """Digest of the model's file."""
        return self._bundle.sha256

    @property
    def simulated(self) -> bool:
        """Whether the networks were trained on a simulated sky."""
        return bool(self._bundle.metadata["simulated"] == "true")

    @property
    def metadata(self) -> dict[str, Any]:
        """What the file says of itself: training, data, licence, code, versions; see :class:`.Bundle`."""
        return self._bundle.metadata

    @property
    def zams(self) -> dict[str, Floats]:
        """The ZAMS on the H-R diagram: log_teff [dex K] and log_lum [dex Lsun], both (m,)."""
        return self._bundle.zams

    @property
    def curves(self) -> dict[str, Floats]:
        """Ages against mass: log_mass [dex Msun], log_age_zams and log_age_end [dex yr], all (m,)."""
        return self._bundle.curves

    def domain(self, stage: StageName) -> tuple[Floats, Floats, Floats]:
        """Return log Teff (n_teff,), log L (n_lum,) and the distance (n_lum, n_teff) to the tracks of nodes.

        The unit of distance is 0.01 dex in Teff and 0.05 dex in luminosity; it is 0 on the tracks, and not
        told beyond 25.
        """
        field = self._sky.distance[stage]
        return *self._sky.raster.nodes(field.shape), field / np.float32(domain.SCALE)

    def moments(
        self, log_teff: ArrayLike, log_lum: ArrayLike, *, method: MethodName = "exact"
    ) -> dict[str, Floats]:
        """Return what each stage's ensemble says at n points of the H-R diagram, without errors or weights.

        Parameters
        ----------
        log_teff, log_lum
            Shape (n,) [dex K], [dex Lsun].
        method
            As in :meth:`predict`. The exact one answers anywhere, a table only where the tracks are not far.

        Returns
        -------
        dict
            Stage -> float32 (n, 4): mean log age [dex yr], mean log mass [dex Msun], and the standard
            deviations of both over the networks.
        """
        teff, lum = np.atleast_1d(log_teff), np.atleast_1d(log_lum)
        n = len(teff)
        result = {stage: np.empty((n, 4), np.float32) for stage in STAGES}
        with self._threads() as run:
            sources = self._sources(STAGES, method, self.method_for(n, errors=False), run)

            def fill(part: slice) -> None:
                everywhere = np.ones(part.stop - part.start, bool)
                for stage, source in sources.items():
                    values = source.evaluate(teff[part], lum[part], everywhere).values
                    result[stage][part] = values.T

            run(fill, _parts(n, _chunk(sources)))
        return result

    def method_for(self, stars: int, errors: bool = True) -> Literal["exact", "table"]:
        """Return the faster way for so many stars: a table costs as much as a number of exact evaluations.

        A table is also less exact, see :class:`stelnet.inference.forward.Table`. Who predicts a long list in
        pieces asks once for the whole list and passes the answer on.

        Parameters
        ----------
        errors
            Whether errors of the inputs are to be propagated.
        """
        return "table" if stars * (NODES if errors else 1) > TABLE_COST else "exact"

    def predict(
        self,
        log_teff: ArrayLike,
        log_lum: ArrayLike,
        e_log_teff: ArrayLike | None = None,
        e_log_lum: ArrayLike | None = None,
        *,
        stage: StageName | None = None,
        method: MethodName = "auto",
        samples: int = 0,
        seed: int = 0,
        first_row: int = 0,
    ) -> Predictions:
        """Return the posterior of age and mass of each star.

        It is a mixture of Gaussians: the ensembles of both stages (mean and spread of their networks),
        weighted by the initial mass function times the time spent in the stage (Garraffo et al. 2021, Section
        3.2), at points that sample the errors of the inputs. A prior keeps stars on the MIST tracks as far as
        their errors allow it.

        Parameters
        ----------
        log_teff, log_lum
            Shape (n,) [dex K], [dex Lsun]; NaN is missing, infinite is invalid: both yield NaN and a flag.
        e_log_teff, e_log_lum
            Their Gaussian errors [dex], shape (n,) or one number; None, or NaN for one star, is the default,
            :data:`stelnet.inference.inputs.DEFAULT_ERRORS`; 0 is no error.
        stage
            The stage of all stars, where it is known.
        method
            ``exact`` evaluates the networks; ``table`` interpolates in a table of their answers, which is
            built first; ``auto`` takes the faster, see :meth:`method_for`.
        samples
            Number of draws from each posterior. They are joint draws of age and mass: the values of a network
            chosen at random (exact in any case), at inputs drawn from their errors.
        seed, first_row
            A draw depends on the seed and the number of its row, counted from `first_row`.

        Raises
        ------
        DataError
            Arrays of different lengths.
        ConfigError
            An unknown stage or method, or a negative number of samples or seed.
        """
        if stage not in (None, *STAGES):
            raise ConfigError(f"stage {stage!r}: must be pre or post, or None where it is not known.")
        for name, value in {"samples": samples, "seed": seed}.items():
            if value < 0:
                raise ConfigError(f"{name} {value}: must not be negative.")
        stars = Stars.checked(log_teff, log_lum, e_log_teff, e_log_lum)
        n = len(stars)
        stages = tuple(STAGES) if stage is None else (str(stage),)
        numbers = {name: np.full(n, np.nan, np.float32) for name in COLUMNS if name != "flags"}
        numbers |= {name: np.full((n, samples), np.nan, np.float32) for name in SAMPLES if samples}
        bits = stars.bits

        with self._threads() as run:
            sources = self._sources(stages, method, self.method_for(n, stars.uncertain), run)

            def fill(part: slice) -> None:
                rows = np.flatnonzero(stars[part].usable) + part.start
                columns, raised = posteriors(stars[rows], self._sky, sources)
                for name, values in columns.items():
                    numbers[name][rows] = values
                bits[rows] |= raised

            run(fill, _parts(n, _chunk(sources)))
            if samples:
                ensembles = {stage: self._ensembles[stage] for stage in stages}

                def draw(part: slice) -> None:
                    drawn = draws(stars[part], self._sky, ensembles, samples, seed, first_row + part.start)
                    unknown = np.isnan(numbers["log_age_median"][part])
                    for name, values in zip(SAMPLES, drawn, strict=True):
                        values[unknown] = np.nan
                        numbers[name][part] = values

                run(draw, _parts(n, max(1, DRAWS // samples)))
        return Predictions(numbers, bits)

    def _sources(
        self, stages: Iterable[str], method: MethodName, faster: Literal["exact", "table"], run: Run
    ) -> dict[str, Source]:
        """Return the source of each stage's moments; a table is built when first asked for."""
        if method not in ("auto", "exact", "table"):
            raise ConfigError(f"method {method!r}: must be auto, exact or table.")
        if (faster if method == "auto" else method) == "exact":
            return {stage: self._ensembles[stage] for stage in stages}
        for stage in stages:
            if stage not in self._tables:
                self._tables[stage] = Table.build(
                    self._ensembles[stage], self._sky.raster, partial(self._sky.near, stage), run
                )
        return {stage: self._tables[stage] for stage in stages}

    @contextmanager
    def _threads(self) -> Iterator[Run]:
        """Yield a function that runs another on each of many parts, spread over threads.

        Products of small matrices gain nothing from threads of their own.
        """
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(self._count) as pool:

            def run(task: Callable[[slice], None], parts: list[slice]) -> None:
                # a part that fails ends the run
                for _ in pool.map(task, parts):
                    pass

            yield run


def _chunk(sources: Mapping[str, Source]) -> int:
    return EXACT_CHUNK if any(isinstance(source, Ensemble) for source in sources.values()) else CHUNK


def _parts(n: int, size: int) -> list[slice]:
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def load(name: str = DEFAULT, path: str | Path | None = None) -> Model:
    """Return a model ready to predict.

    Parameters
    ----------
    name
        One that comes with the package: ``transfer``, adapted to real stars, or ``baseline``, MIST alone.
    path
        A model's file, instead of a name.

    Raises
    ------
    DataError
        There is no model of that name, or the file is absent, damaged or no model.
    """
    return Model(read_bundle(weights(name) if path is None else path))
