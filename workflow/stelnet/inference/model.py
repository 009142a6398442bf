"""What every kind of model has in common: ask it for ages and masses of stars."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from stelnet.arrays import Floats
from stelnet.errors import ConfigError
from stelnet.inference.answer import FLAGS, MethodName
from stelnet.inference.arguments import common_index, whole
from stelnet.inference.forward import Run
from stelnet.inference.inputs import Stars
from stelnet.inference.observed import AgePrior
from stelnet.terms import STAGES, StageName

if TYPE_CHECKING:
    import pandas as pd

#: Stars that are taken at a time, so that arrays stay in the cache. Fixed, whatever the number of threads:
#: the last bits of a result depend on the batches. Other chunks are parts of it.
CHUNK = 16384
#: Draws from posteriors that are made at a time.
DRAWS = 1 << 16


class Predictions(dict[str, np.ndarray]):
    """Column -> array, one value a star in the order given; ``pandas.DataFrame`` and others take it as it is.

    The columns are the model's :attr:`Model.columns`, numbers in float32, and after ``samples=N`` also its
    :attr:`Model.samples`, float32 (n, N).

    Attributes
    ----------
    bits
        The flags as numbers, uint32 (n,), see :class:`stelnet.inference.answer.Flag`.
    index
        The index of the pandas series that were given, None where none was.
    """

    def __init__(
        self, numbers: dict[str, Floats], bits: NDArray[np.uint32], index: "pd.Index[Any] | None" = None
    ) -> None:
        super().__init__(numbers)
        self.bits, self.index = bits, index
        present, inverse = np.unique(bits, return_inverse=True)
        names = [",".join(name for i, name in enumerate(FLAGS) if value >> i & 1) for value in present]
        self["flags"] = np.array(names, object)[inverse]

    def counts(self) -> dict[str, int]:
        """Return flag -> number of stars that bear it, for those that any star bears."""
        counts = {name: int(np.count_nonzero(self.bits >> i & 1)) for i, name in enumerate(FLAGS)}
        return {name: count for name, count in counts.items() if count}

    def to_pandas(self) -> "pd.DataFrame":
        """Return a DataFrame with the index of the stars that were given; draws become one array a cell."""
        import pandas as pd

        columns = {name: list(value) if value.ndim > 1 else value for name, value in self.items()}
        return pd.DataFrame(columns, self.index)


class Question(NamedTuple):
    """What is asked of a model about all stars: the arguments of :meth:`Model.predict` of these names."""

    stage: StageName | None
    method: MethodName
    age_prior: str


class Answering(NamedTuple):
    """How a model answers a question.

    Attributes
    ----------
    posteriors
        Takes stars, all usable and of one group of :meth:`stelnet.inference.inputs.Stars.alike`, and returns
        their columns, float32 (n,), and flags, uint32 (n,).
    draws
        Takes stars, the number of draws, the seed and the number of the first star, and returns draws,
        float32 (quantities, n, draws).
    chunk
        Stars that are taken at a time.
    threads
        Whether parts may be answered at the same time.
    """

    posteriors: Callable[[Stars], tuple[dict[str, Floats], NDArray[np.uint32]]]
    draws: Callable[[Stars, int, int, int], Floats]
    chunk: int
    threads: bool = True


class Model(ABC):
    """A model ready to predict.

    Parameters
    ----------
    metadata
        What the model's file tells of itself: data, training, versions.
    sha256
        Digest of the model's file.
    threads
        Threads that compute, by default one for each core that this process may use.

    Attributes
    ----------
    columns
        Columns of a prediction: name -> (unit, description).
    samples
        Columns of draws, the same.
    metallicities
        Whether [Fe/H] and the age prior can be given.
    floor
        Systematic errors [dex] of log Teff and log L that it adds where none are given.
    bandwidth
        How much its draws must be smoothed to look like a density, in standard deviations of a stage's
        posterior.
    methods
        Its methods, beside ``auto``.
    """

    columns: ClassVar[Mapping[str, tuple[str, str]]]
    samples: ClassVar[Mapping[str, tuple[str, str]]]
    metallicities: ClassVar[bool]
    floor: ClassVar[tuple[float, float]] = (0.0, 0.0)
    bandwidth: ClassVar[float]
    grid_sha256: str | None = None
    methods: ClassVar[tuple[MethodName, ...]]

    def __init__(self, metadata: Mapping[str, Any], sha256: str, threads: int | None = None) -> None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.metadata, self.sha256, self._count = metadata, sha256, threads or cores

    @property
    def name(self) -> str:
        """Name of the model, ``posterior``, ``transfer`` or ``baseline``."""
        name: str = self.metadata["name"]
        return name

    @property
    def simulated(self) -> bool:
        """Whether it was trained on a simulated sky."""
        return bool(self.metadata["simulated"] == "true")

    @property
    @abstractmethod
    def zams(self) -> Mapping[str, Floats]:
        """The ZAMS on the H-R diagram, log_teff [dex K] and log_lum [dex Lsun], both (m,)."""

    @property
    @abstractmethod
    def curves(self) -> Mapping[str, Floats]:
        """Ages against mass, log_mass [dex Msun] and log_age_zams [dex yr], both (m,), perhaps more."""

    @abstractmethod
    def domain(self, stage: StageName) -> tuple[Floats, Floats, Floats]:
        """Return log Teff (n_teff,), log L (n_lum,) and the distance (n_lum, n_teff) to the tracks of nodes.

        The unit of distance is 0.01 dex in Teff and 0.05 dex in luminosity; it is 0 on the tracks, and not
        told beyond 25.
        """

    @abstractmethod
    def method_for(self, stars: int, errors: bool = True) -> MethodName:
        """Return the method that ``auto`` stands for when there are so many stars.

        Who predicts a long list in pieces asks once for the whole list and passes the answer on.

        Parameters
        ----------
        errors
            Whether errors of the inputs are to be propagated.
        """

    @abstractmethod
    def _answering(self, question: Question, run: Run) -> Answering:
        """Return how the model answers; `run` spreads parts over threads. The method is one of its own."""

    def predict(
        self,
        log_teff: ArrayLike,
        log_lum: ArrayLike,
        e_log_teff: ArrayLike | None = None,
        e_log_lum: ArrayLike | None = None,
        *,
        feh: ArrayLike | None = None,
        e_feh: ArrayLike | None = None,
        age_prior: str = "field",
        floor: Sequence[float] | None = None,
        stage: StageName | None = None,
        method: MethodName = "auto",
        samples: int = 0,
        seed: int = 0,
        first_row: int = 0,
    ) -> Predictions:
        """Return the posterior of age and mass of each star.

        What it is made of, see :class:`stelnet.inference.posterior_model.PosteriorModel` and
        :class:`stelnet.inference.ensembles.Ensembles`.

        Parameters
        ----------
        log_teff, log_lum
            Shape (n,) [dex K], [dex Lsun]; NaN is missing, infinite is invalid: both yield NaN and a flag.
            These and the other arrays may be of numpy, pandas, Arrow or astropy; what is masked or null is
            missing, and a unit, where there is one, must be one of a logarithm.
        e_log_teff, e_log_lum
            Their Gaussian errors [dex], shape (n,) or one number; None, or NaN for one star, is the default,
            :data:`stelnet.inference.inputs.DEFAULT_ERRORS`; 0 is no error.
        feh, e_feh
            [Fe/H] [dex] and its Gaussian error, shape (n,) or one number. Without [Fe/H], or where it is NaN,
            the star is one of the solar neighbourhood, -0.10 +- 0.25; without the error it is that of the
            floor. The ensembles are for solar metallicity and refuse it.
        age_prior
            ``field``: constant star formation up to 13.8 Gyr; ``log``: uniform in log age; ``LOW,HIGH``:
            uniform between two ages [yr]. The ensembles know ``field`` alone.
        floor
            Systematic errors [dex] of log Teff and log L, added in quadrature to those given or taken as
            default; None is the model's own: 0.01 and 0.02 for the posterior network, none for the ensembles.
        stage
            The stage of all stars, where it is known.
        method
            One of :attr:`methods`; ``auto`` is that of :meth:`method_for`.
        samples
            Number of joint draws from each posterior.
        seed, first_row
            A draw depends on the seed and the number of its row, counted from `first_row`.

        Raises
        ------
        DataError
            Arrays of different lengths, of other units, of what is no number, of temperatures or luminosities
            in place of their logarithms, or pandas series of different index.
        ConfigError
            An unknown stage, method or age prior, something that the model cannot use, or a number of
            samples, seed, row or floor that is negative or not whole.
        """
        if stage not in (None, *STAGES):
            raise ConfigError(f"stage {stage!r}: must be pre or post, or None where it is not known.")
        samples, seed, first_row = (
            whole(name, value)
            for name, value in {"samples": samples, "seed": seed, "first_row": first_row}.items()
        )
        given = {"log_teff": log_teff, "log_lum": log_lum, "e_log_teff": e_log_teff, "e_log_lum": e_log_lum}
        index = common_index(given | {"feh": feh, "e_feh": e_feh})
        self.check(method, age_prior, floor, feh)
        floor = self.floor if floor is None else floor
        stars = Stars.checked(log_teff, log_lum, e_log_teff, e_log_lum, feh, e_feh).with_floor(*floor)
        n = len(stars)
        if method == "auto":
            method = self.method_for(n, stars.uncertain)
        numbers: dict[str, Floats] = {
            name: np.full(n, np.nan, np.float32) for name in self.columns if name != "flags"
        }
        bits = stars.bits

        with self._threads() as run:
            answering = self._answering(Question(stage, method, age_prior), run)
            spread = run if answering.threads else _in_turn

            def fill(part: slice) -> None:
                rows = np.flatnonzero(stars[part].usable) + part.start
                for group in stars[rows].alike():
                    some = rows[group]
                    columns, raised = answering.posteriors(stars[some])
                    for name, values in columns.items():
                        numbers[name][some] = values
                    bits[some] |= raised

            spread(fill, parts(n, answering.chunk))
            if samples:
                drawn: dict[str, Floats] = {
                    name: np.full((n, samples), np.nan, np.float32) for name in self.samples
                }

                def draw(part: slice) -> None:
                    rows = stars[part]
                    unknown = np.isnan(numbers["log_age_median"][part])
                    if unknown.all():
                        return
                    found = answering.draws(rows, samples, seed, first_row + part.start)
                    for name, values in zip(self.samples, found, strict=True):
                        values[unknown] = np.nan
                        drawn[name][part] = values

                spread(draw, parts(n, max(1, DRAWS // samples)))
                numbers |= drawn
        return Predictions(numbers, bits, index)

    def check(
        self,
        method: MethodName = "auto",
        age_prior: str = "field",
        floor: Sequence[float] | None = None,
        feh: ArrayLike | None = None,
    ) -> None:
        """Raise ConfigError where :meth:`predict` would, so that a long run need not begin."""
        if method not in ("auto", *self.methods):
            raise ConfigError(
                f"method {str(method)!r}: the model {self.name} has auto, {' and '.join(self.methods)}."
            )
        AgePrior.parse(age_prior)
        given = {"an age prior": age_prior != "field", "[Fe/H]": feh is not None}
        unusable = [name for name, is_given in given.items() if is_given]
        if unusable and not self.metallicities:
            raise ConfigError(
                f"the model {self.name} cannot use {' or '.join(unusable)}: its metallicity is the Sun's, "
                "its prior constant star formation; take the model posterior."
            )
        if floor is not None and (len(floor) != 2 or not all(0 <= error < np.inf for error in floor)):
            raise ConfigError(f"floor {floor}: must be two errors [dex] that are not negative.")

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


def _in_turn(task: Callable[[slice], None], parts: list[slice]) -> None:
    for part in parts:
        task(part)


def parts(n: int, size: int) -> list[slice]:
    """Return slices of `size` that make up n."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
