"""The simulated tracks as the archive of ``.track.eep`` files that MIST publishes, to the last blank."""

import io
import lzma
import tarfile
from pathlib import Path

import numpy as np

from stelnet.arrays import Floats, Ints
from stelnet.files import atomic_path
from stelnet.simulation.tracks import IAMS, PRIMARY_EEPS, TAHEB, TAMS, ZAHEB, ZAMS, evolution, last_eep

FOLDER = "MIST_v1.2_feh_p0.00_afe_p0.0_vvcrit0.4_EEPS"
#: Initial masses [Msun], evenly spaced in the logarithm over the range of the relations, in units of 0.01.
MASSES = np.round(np.geomspace(0.1, 100, 40), 2)
#: This track stops early, like some of MIST's, and comes with a complete twin [Msun].
INCOMPLETE = MASSES[-5]

RULE = "# " + "-" * 86
GRID = " 0.2703  1.42857E-02     0.00     0.00     0.40"
_NAMES = """
star_age star_mass star_mdot he_core_mass c_core_mass o_core_mass log_L log_L_div_Ledd log_LH log_LHe
log_LZ log_Teff log_abs_Lgrav log_R log_g log_surf_z surf_avg_omega surf_avg_v_rot
surf_num_c12_div_num_o16 v_wind_Km_per_s surf_avg_omega_crit surf_avg_omega_div_omega_crit surf_avg_v_crit
surf_avg_v_div_v_crit surf_avg_Lrad_div_Ledd v_div_csound_surf surface_h1 surface_he3 surface_he4
surface_li7 surface_be9 surface_b11 surface_c12 surface_c13 surface_n14 surface_o16 surface_f19
surface_ne20 surface_na23 surface_mg24 surface_si28 surface_s32 surface_ca40 surface_ti48 surface_fe56
log_center_T log_center_Rho center_degeneracy center_omega center_gamma mass_conv_core center_h1
center_he4 center_c12 center_n14 center_o16 center_ne20 center_mg24 center_si28 pp cno tri_alfa burn_c
burn_n burn_o c12_c12 delta_nu delta_Pg nu_max acoustic_cutoff max_conv_vel_div_csound max_gradT_div_grada
gradT_excess_alpha min_Pgas_div_P max_L_rad_div_Ledd e_thermal phase
"""
COLUMNS = _NAMES.split()
WIDTH = 32


def _number(value: float) -> str:
    """Format a number as Fortran does; the last seven digits are zeros, so that the archive is small."""
    mantissa, exponent = f"{value:.9E}".split("E")
    return f"{mantissa}0000000E{exponent[0]}{int(exponent[1:]):03d}".rjust(WIDTH)


def _phase(eep: Ints) -> Floats:
    """Return MIST's phase: -1 before the main sequence, 0 on it, 2 red giant, 3 helium burning, 4 later."""
    return np.select([eep < ZAMS, eep < TAMS, eep < ZAHEB, eep < TAHEB], [-1.0, 0.0, 2.0, 3.0], 4.0)


def track_file(mass: float, last: int) -> str:
    """Return the file of one track [Msun] up to an EEP; columns that are not simulated hold zeros."""
    eep = np.arange(1, last + 1)
    star = evolution(mass, eep)
    columns = {
        "star_age": 10**star.log_age,
        "star_mass": 10**star.log_mass,
        "log_L": star.log_lum,
        "log_Teff": star.log_teff,
        "phase": _phase(eep),
    }
    primary = [point for point in PRIMARY_EEPS if point <= last]
    kind = "low-mass" if mass < 9 else "high-mass"
    header = [
        "# MIST version number  = 1.2     ",
        "# MESA revision number =     7503",
        RULE,
        "#  Yinit        Zinit   [Fe/H]   [a/Fe]  v/vcrit".ljust(88),
        f"#{GRID}",
        RULE,
        "#     initial_mass   N_pts   N_EEP   N_col   phase        type",
        f"# {mass:.10E}{last:8d}{len(primary):8d}{len(COLUMNS):8d}     YES{kind:>12}",
        "# EEPs: " + "".join(f"{point:8d}" for point in primary),
        RULE,
        "#" + "".join(str(number).rjust(WIDTH) for number in range(1, len(COLUMNS) + 1)),
        "#" + "".join(name.rjust(WIDTH) for name in COLUMNS),
    ]
    row = " " + "".join("%s" if name in columns else _number(0) for name in COLUMNS)
    texts = [[_number(value) for value in columns[name]] for name in COLUMNS if name in columns]
    return "\n".join([*header, *(row % values for values in zip(*texts, strict=True))]) + "\n"


def write_archive(path: str | Path) -> None:
    """Write the archive of all simulated tracks; a member of it says that they are simulated."""
    files = {
        "SIMULATED.txt": "These tracks were simulated with simple analytic relations. They are not MIST's.\n"
    }
    for mass in MASSES:
        name = f"{round(mass * 100):05d}M"
        if mass == INCOMPLETE:
            files[f"{name}.track.eep"] = track_file(mass, IAMS)
            name += "_INTERP"
        files[f"{name}.track.eep"] = track_file(mass, last_eep(mass))
    with (
        atomic_path(path) as temporary,
        # the fastest preset: the file is written and read once
        lzma.open(temporary, "wb", preset=0) as stream,
        tarfile.open(fileobj=stream, mode="w|") as archive,
    ):
        for name, text in files.items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode("ascii")))
