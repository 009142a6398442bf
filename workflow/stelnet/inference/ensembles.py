"""Ensembles of networks that give age and mass for a place of the H-R diagram, and their posteriors."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from stelnet.arrays import Floats
from stelnet.inference import domain
from stelnet.inference.answer import COLUMNS, SAMPLES, MethodName
from stelnet.inference.bundle import Bundle
from stelnet.inference.draws import draws
from stelnet.inference.forward import Ensemble, Run, Table
from stelnet.inference.hierarchy import Weights
from stelnet.inference.inputs import NODES
from stelnet.inference.model import CHUNK, Answering, Model, Question, parts
from stelnet.inference.posterior import Source, posteriors
from stelnet.inference.sky import Sky
from stelnet.terms import STAGES, StageName

#: Stars that the networks, not a table of them, are asked for at a time.
EXACT_CHUNK = 2048
#: Building the tables costs as much as asking the ensembles at so many points.
TABLE_COST = 400_000


class Ensembles(Model):
    """Both stages' ensembles with what is needed to weigh them: the models ``transfer`` and ``baseline``.

    The posterior is a mixture of Gaussians: the ensembles of both stages (mean and spread of their networks),
    weighted by the initial mass function times the time spent in the stage (Garraffo et al. 2021, Section
    3.2), at points that sample the errors of the inputs. A prior keeps stars on the MIST tracks as far as
    their errors allow it. Draws are joint ones of age and mass: the values of a network chosen at random, at
    inputs drawn from their errors.

    The method ``exact`` evaluates the networks; ``table`` interpolates in a table of their answers, which is
    built first.

    Parameters
    ----------
    bundle
        Content of the model's file, see :func:`stelnet.inference.bundle.read_bundle`.
    threads
        As of :class:`Model`.
    """

    columns, samples = COLUMNS, SAMPLES
    metallicities = False
    # draws come from about 20 networks
    bandwidth = 0.45
    methods = ("exact", "table")

    def __init__(self, bundle: Bundle, threads: int | None = None) -> None:
        super().__init__(bundle.metadata, bundle.sha256, threads)
        self._bundle = bundle
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
    def zams(self) -> dict[str, Floats]:
        return self._bundle.zams

    @property
    def curves(self) -> dict[str, Floats]:
        return self._bundle.curves

    def domain(self, stage: StageName) -> tuple[Floats, Floats, Floats]:
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
            As of :meth:`predict`. The exact one answers anywhere, a table only where the tracks are not far.

        Returns
        -------
        dict
            Stage -> float32 (n, 4): mean log age [dex yr], mean log mass [dex Msun], and the standard
            deviations of both over the networks.
        """
        teff, lum = np.atleast_1d(log_teff), np.atleast_1d(log_lum)
        n = len(teff)
        if method == "auto":
            method = self.method_for(n, errors=False)
        result = {stage: np.empty((n, 4), np.float32) for stage in STAGES}
        with self._threads() as run:
            sources = self._sources(STAGES, method, run)

            def fill(part: slice) -> None:
                everywhere = np.ones(part.stop - part.start, bool)
                for stage, source in sources.items():
                    values = source.evaluate(teff[part], lum[part], everywhere).values
                    result[stage][part] = values.T

            run(fill, parts(n, _chunk(sources)))
        return result

    def method_for(self, stars: int, errors: bool = True) -> Literal["exact", "table"]:
        """Return the faster method: a table costs as much as a number of exact evaluations.

        A table is also less exact, see :class:`stelnet.inference.forward.Table`.
        """
        return "table" if stars * (NODES if errors else 1) > TABLE_COST else "exact"

    def _answering(self, question: Question, run: Run) -> Answering:
        stages = tuple(STAGES) if question.stage is None else (str(question.stage),)
        sources = self._sources(stages, question.method, run)
        ensembles = {stage: self._ensembles[stage] for stage in stages}
        return Answering(
            lambda stars: posteriors(stars, self._sky, sources),
            lambda stars, *how: draws(stars, self._sky, ensembles, *how),
            _chunk(sources),
        )

    def _sources(self, stages: Iterable[str], method: MethodName, run: Run) -> dict[str, Source]:
        """Return the source of each stage's moments; a table is built when first asked for."""
        if method == "exact":
            return {stage: self._ensembles[stage] for stage in stages}
        for stage in stages:
            if stage not in self._tables:
                self._tables[stage] = Table.build(
                    self._ensembles[stage], self._sky.raster, partial(self._sky.near, stage), run
                )
        return {stage: self._tables[stage] for stage in stages}


def _chunk(sources: Mapping[str, Source]) -> int:
    return EXACT_CHUNK if any(isinstance(source, Ensemble) for source in sources.values()) else CHUNK
