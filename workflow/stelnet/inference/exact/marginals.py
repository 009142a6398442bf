"""Compiled sums over cells: marginal densities, least chi squared by age, and draws, one star at a time.

Arguments that all functions share: `values`, `start`, `shape`, `origin`, `size` and `feh` are the fields of
:class:`stelnet.inference.exact.cells.Cells`; `star` is log Teff, log L, [Fe/H] and their errors; `prior` is
gamma and the bounds of log age; `grids` are the first edge and the step of the bins in log age, the same of
log mass; every `stride`-th plane of [Fe/H] is taken.
"""

# numba compiles numpy's legacy random functions, and keeps a state of them for each thread
# ruff: noqa: NPY002

import numpy as np
from numba import njit, prange

#: Cells within so many standard deviations count; where there is none, within so many, and so on.
REACH = (5.0, 10.0, 20.0, 40.0, 80.0)
#: The best cell must be so much nearer than the reach, or the next one is taken.
MARGIN = 2.0
#: Cells whose chi squared exceeds the least by more are left out.
DEPTH = 20.0


@njit(cache=True)
def _spread(density, low, high, weight):
    """Add a weight to bins (n,), evenly from `low` to `high` in units of bins."""
    n = len(density)
    low, high = min(max(low, 0.0), n - 1e-6), min(max(high, 0.0), n - 1e-6)
    first, last = int(low), int(high)
    if first == last:
        density[first] += weight
        return
    each = weight / (high - low)
    density[first] += each * (first + 1 - low)
    for i in range(first + 1, last):
        density[i] += each
    density[last] += each * (high - last)


@njit(cache=True)
def _range(middle, reach, origin, size, count):
    """Return the first and last bin within reach; the last is below the first where there is none."""
    first = int(np.floor((middle - reach - origin) / size))
    last = int(np.floor((middle + reach - origin) / size))
    return max(0, first), min(count - 1, last)


@njit(cache=True)
def _age_factors(log_age, step, prior, out):
    """Write the prior's factor by bin of log age, of which the first begins at `log_age`."""
    gamma, low, high = prior
    for i in range(len(out)):
        middle = log_age + (i + 0.5) * step
        share = (min(high, middle + step / 2) - max(low, middle - step / 2)) / step
        out[i] = 10.0 ** ((middle - 9.0) * (1.0 - gamma)) * min(1.0, max(0.0, share))


@njit(fastmath={"contract", "arcp", "nsz", "reassoc"}, cache=True)
def _near(values, start, shape, origin, size, feh, star, stage, stride, reach, most):
    """Return the cells of a stage within reach: numbers, planes, chi squared, and of how many each is one.

    Where there are more than about `most`, every how-manieth is taken, from a random one on.
    """
    teff, lum, metal, e_teff, e_lum, e_metal = star
    _, n_planes, n_lum, n_teff = shape
    row, last_row = _range(lum, reach * e_lum, origin[1], size[1], n_lum)
    column, last_column = _range(teff, reach * e_teff, origin[0], size[0], n_teff)
    limit = reach * reach
    count = 0
    if column <= last_column:
        for plane in range(stride // 2, n_planes, stride):
            if ((feh[plane] - metal) / e_metal) ** 2 <= limit:
                for r in range(row, last_row + 1):
                    head = ((stage * n_planes + plane) * n_lum + r) * n_teff
                    count += start[head + last_column + 1] - start[head + column]
    every = max(1, count // most)
    behind = np.random.randint(0, every) if every > 1 else 0
    room = count // every + 1
    cell, of, chi2 = np.empty(room, np.int64), np.empty(room, np.int32), np.empty(room, np.float32)
    found = 0
    if count == 0:
        return cell[:0], of[:0], chi2[:0], every
    at_teff, at_lum = np.float32(teff), np.float32(lum)
    to_teff, to_lum, most_left = np.float32(1 / e_teff), np.float32(1 / e_lum), np.float32(limit)
    for plane in range(stride // 2, n_planes, stride):
        base = np.float32(((feh[plane] - metal) / e_metal) ** 2)
        if base > most_left:
            continue
        for r in range(row, last_row + 1):
            head = ((stage * n_planes + plane) * n_lum + r) * n_teff
            p, end = start[head + column] + behind, start[head + last_column + 1]
            while p < end:
                x = (values[0, p] - at_teff) * to_teff
                y = (values[1, p] - at_lum) * to_lum
                c = base + x * x + y * y
                # written in any case, kept if near
                cell[found] = p
                of[found] = plane
                chi2[found] = c
                found += c < most_left
                p += every
            behind = p - end
    return cell[:found], of[:found], chi2[:found], every


@njit(cache=True)
def _nearest(values, start, shape, origin, size, feh, star, stage, stride, reaches, most):
    """Return the result of :func:`_near` for the first reach that suffices."""
    for attempt in range(reaches):
        reach = REACH[attempt]
        found = _near(values, start, shape, origin, size, feh, star, stage, stride, reach, most)
        if len(found[2]) and found[2].min() < (reach - MARGIN) ** 2:
            break
    return found


@njit(cache=True)
def _profile(values, cell, c, first_age, age_step, out):
    """Lower the least chi squared by age to that of a cell."""
    middle, half = (values[2, cell] - first_age) / age_step, values[4, cell] / (2 * age_step)
    first, last = int(middle - half + 1e-3), int(middle + half - 1e-3)
    for i in range(max(0, first), min(len(out) - 1, last) + 1):
        if c < out[i]:
            out[i] = c


@njit(parallel=True, fastmath={"contract", "arcp", "nsz"}, cache=True)
def marginals(
    values,
    start,
    shape,
    origin,
    size,
    feh,
    stars,
    stride,
    prior,
    grids,
    stages,
    log_age,
    log_mass,
    planes,
    chi2,
    least,
):
    """Fill the marginal densities of each star, not normalised.

    Parameters
    ----------
    stages
        First and last stage that is possible, 0 pre, 1 post.
    log_age, log_mass, planes
        float64 (n, 2, bins): densities by stage, in units of exp(-least / 2); overwritten.
    chi2
        float32 (n, 2, bins): least chi squared by stage and age; overwritten.
    least
        float64 (n, 2): least chi squared by stage; overwritten.
    """
    first_age, age_step, first_mass, mass_step = grids
    for s in prange(len(stars)):
        log_age[s] = 0.0
        log_mass[s] = 0.0
        planes[s] = 0.0
        chi2[s] = np.inf
        least[s] = np.inf
        factor = np.empty(log_age.shape[2])
        _age_factors(first_age, age_step, prior[s], factor)
        for stage in range(stages[0], stages[1] + 1):
            cells, of, misfit, _ = _nearest(
                values, start, shape, origin, size, feh, stars[s], stage, stride[s], len(REACH), 1 << 62
            )
            if len(cells) == 0:
                continue
            best = misfit.min()
            least[s, stage] = best
            for k in range(len(cells)):
                c = misfit[k]
                if c > best + DEPTH:
                    continue
                p = cells[k]
                _profile(values, p, c, first_age, age_step, chi2[s, stage])
                middle, half = (values[2, p] - first_age) / age_step, values[4, p] / (2 * age_step)
                weight = values[7, p] * factor[int(middle)] * np.exp((best - c) / 2)
                _spread(log_age[s, stage], middle - half, middle + half, weight)
                planes[s, stage, of[k]] += weight
                middle = (values[3, p] - first_mass) / mass_step
                half = (abs(values[5, p]) + abs(values[6, p])) / (2 * mass_step)
                _spread(log_mass[s, stage], middle - half, middle + half, weight)


@njit(parallel=True, fastmath={"contract", "arcp", "nsz"}, cache=True)
def draws(
    values,
    start,
    shape,
    origin,
    size,
    feh,
    stars,
    stride,
    prior,
    grids,
    seeds,
    most,
    reaches,
    drawn,
    weight,
    least,
    chi2,
):
    """Draw log age, log mass and [Fe/H] jointly for either stage.

    Parameters
    ----------
    seeds
        int (n,), one a star.
    most
        About how many cells of a star and stage are summed, see :func:`_near`.
    reaches
        How many of :data:`REACH` to try.
    drawn
        float32 (n, 2, draws, 3), overwritten; NaN where there is no cell.
    weight, least, chi2
        float64 (n, 2), float64 (n, 2), float32 (n, 2, bins): sum of weights, the others as in
        :func:`marginals`; overwritten.
    """
    first_age, age_step = grids[0], grids[1]
    count = drawn.shape[2]
    width = feh[1] - feh[0]
    for s in prange(len(stars)):
        np.random.seed(seeds[s])
        drawn[s] = np.nan
        weight[s] = 0.0
        least[s] = np.inf
        chi2[s] = np.inf
        factor = np.empty(chi2.shape[2])
        _age_factors(first_age, age_step, prior[s], factor)
        for stage in range(2):
            cells, of, misfit, every = _nearest(
                values, start, shape, origin, size, feh, stars[s], stage, stride[s], reaches, most
            )
            if len(cells) == 0:
                continue
            best = misfit.min()
            least[s, stage] = best
            total = 0.0
            sums = np.empty(len(cells))
            for k in range(len(cells)):
                c = misfit[k]
                if c < best + DEPTH:
                    p = cells[k]
                    _profile(values, p, c, first_age, age_step, chi2[s, stage])
                    total += (
                        values[7, p]
                        * factor[int((values[2, p] - first_age) / age_step)]
                        * np.exp((best - c) / 2)
                    )
                sums[k] = total
            weight[s, stage] = total * every
            if total == 0:
                continue
            for i in range(count):
                k = min(int(np.searchsorted(sums, np.random.random() * total)), len(cells) - 1)
                p = cells[k]
                u, v, w = np.random.random() - 0.5, np.random.random() - 0.5, np.random.random() - 0.5
                drawn[s, stage, i, 0] = values[2, p] + u * values[4, p]
                drawn[s, stage, i, 1] = values[3, p] + u * values[5, p] + v * values[6, p]
                drawn[s, stage, i, 2] = feh[of[k]] + w * width * stride[s]
