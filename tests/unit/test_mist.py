"""Reading MIST, splitting it at the ZAMS, and the age at the ZAMS."""

import gzip
import io
import lzma
import tarfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from script_job import run_script

from stelnet.data import mist
from stelnet.data.stages import split_stages
from stelnet.data.zams import zams_log_age, zams_table
from stelnet.errors import DataError

NAMES = [f"other_{number}" for number in range(77)]
NAMES[0], NAMES[1], NAMES[6], NAMES[11], NAMES[76] = "star_age", "star_mass", "log_L", "log_Teff", "phase"
FILES = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40
)


def values(mass, eep):
    """Made-up values of a row that tell its mass and EEP."""
    return {
        "star_age": 10 ** (4 + 0.01 * eep - mass),
        "star_mass": mass * (1 - 1e-5 * eep),
        "log_L": mass + 0.001 * eep,
        "log_Teff": 3.5 + 0.1 * mass,
    }


def track(mass, rows=10, *, names=NAMES, feh="0.00", version="1.2", points=None):
    """The text of a .track.eep file in MIST's layout."""
    rule = "# " + "-" * 86
    lines = [
        f"# MIST version number  = {version}     ",
        "# MESA revision number =     7503",
        rule,
        "#  Yinit        Zinit   [Fe/H]   [a/Fe]  v/vcrit                                        ",
        f"# 0.2703  1.42857E-02     {feh}     0.00     0.40",
        rule,
        "#     initial_mass   N_pts   N_EEP   N_col   phase        type",
        f"# {mass:.10E}{points or rows:8d}       4{len(names):8d}     YES    low-mass",
        "# EEPs:        1     202     353     454",
        rule,
        "#" + "".join(f"{number:32d}" for number in range(1, len(names) + 1)),
        "#" + "".join(name.rjust(32) for name in names),
    ]
    for eep in range(1, rows + 1):
        row = dict.fromkeys(names, 0.0) | values(mass, eep)
        lines.append(" " + "".join(f"{row[name]:.16E}".rjust(32) for name in names))
    return "\n".join(lines) + "\n"


def archive(path, members):
    """Write members (name -> text) as the official archive does."""
    with lzma.open(path, "wb") as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
        folder = tarfile.TarInfo("MIST")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, text in members.items():
            member = tarfile.TarInfo(f"MIST/{name}")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def consolidated(path, rows):
    """Write standard rows as the consolidated table, in another order and with its column of sources."""
    renamed = rows.rename(columns={new: old for old, new in mist.TABLE_COLUMNS.items()})
    renamed.assign(source="raw")[::-1].to_csv(path, index=False, compression="gzip")
    return path


def grid(masses=(0.3, 0.5, 0.6, 1.0, 1.1, 1.2, 2.0, 3.0), last=60, seed=0):
    """Standard rows of some made-up tracks."""
    eep = np.arange(1, last + 1)
    tracks = [
        pd.DataFrame(
            {
                "initial_mass": mass,
                "eep": eep,
                "log_teff": 3.5 + 0.01 * eep,
                "log_lum": mass - 0.02 * eep,
                "log_age": 5 + 0.05 * eep - mass,
                "log_mass": np.log10(mass) - 1e-4 * eep,
            }
        )
        for mass in masses
    ]
    return pd.concat(tracks, ignore_index=True)


OPTIONS = dict(zams_eep=20, post_fraction=0.2, test_fraction=0.3, test_track_every=3, seed=5)


class TestReadTarball:
    def test_rows(self, tmp_path):
        members = {
            "00200M.track.eep": track(2.0, 12),
            "00030M.track.eep": track(0.3, 8),
            "README": "no track",
        }
        rows = mist.read_tarball(archive(tmp_path / "a.txz", members), last_eep=10)
        assert list(rows.columns) == list(mist.ROW_COLUMNS)
        assert rows.initial_mass.tolist() == [0.3] * 8 + [2.0] * 10
        assert rows.eep.tolist() == [*range(1, 9), *range(1, 11)]
        assert rows.drop(columns="eep").dtypes.eq("float64").all()
        wanted = values(2.0, 10)
        last = rows.iloc[-1]
        assert last.log_teff == wanted["log_Teff"]
        assert last.log_lum == wanted["log_L"]
        assert last.log_age == pytest.approx(np.log10(wanted["star_age"]), abs=1e-14)
        assert last.log_mass == pytest.approx(np.log10(wanted["star_mass"]), abs=1e-14)

    @pytest.mark.parametrize("order", [1, -1])
    def test_complete_twin_replaces_the_track_that_stopped(self, tmp_path, order):
        members = {"00030M.track.eep": track(0.3, 4), "00030M_INTERP.track.eep": track(0.3, 9)}
        path = archive(tmp_path / "a.txz", dict(list(members.items())[::order]))
        assert len(mist.read_tarball(path, last_eep=808)) == 9

    @settings(max_examples=20)
    @given(names=st.permutations(NAMES))
    def test_columns_are_found_by_name(self, names):
        rows = [mist.parse_track(track(0.3, names=order).encode(), 10, "t") for order in (NAMES, names)]
        pd.testing.assert_frame_equal(*rows)

    @FILES
    @given(share=st.floats(0, 1, exclude_max=True))
    def test_truncated_anywhere(self, tmp_path, share):
        path = tmp_path / "a.txz"
        if not path.exists():
            archive(path, {"00030M.track.eep": track(0.3), "00200M.track.eep": track(2.0)})
        data = path.read_bytes()
        cut = tmp_path / "cut.txz"
        cut.write_bytes(data[: int(share * len(data))])
        with pytest.raises(DataError, match=r"cut\.txz"):
            mist.read_tarball(cut, last_eep=808)

    @pytest.mark.parametrize("content", [b"", b"<html>Not found</html>", lzma.compress(b"no tar" * 1000)])
    def test_not_a_tarball(self, tmp_path, content):
        path = tmp_path / "a.txz"
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"a\.txz: not a complete \.tar\.xz archive"):
            mist.read_tarball(path, last_eep=808)

    def test_no_track(self, tmp_path):
        with pytest.raises(DataError, match=r"no \.track\.eep"):
            mist.read_tarball(archive(tmp_path / "a.txz", {"README": "empty"}), last_eep=808)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda text: edit(text, 14, lambda line: line[:-32]), "line 14 has 76 columns instead of 77"),
            (lambda text: edit(text, 15, lambda line: line + " 1.0"), "line 15 has 78 columns instead of 77"),
            (lambda text: edit(text, 16, lambda line: cell(line, 0, "NaN")), "line 16: star_age is nan"),
            (lambda text: edit(text, 17, lambda line: cell(line, 0, "-1.0")), "line 17: star_age is -1"),
            (lambda text: edit(text, 13, lambda line: cell(line, 1, "0.0")), "line 13: star_mass is 0"),
            (lambda text: edit(text, 18, lambda line: cell(line, 6, "******")), "line 18: could not convert"),
            (lambda text: "\n".join(text.splitlines()[:-3]), "7 rows, but its header says 10"),
            (lambda text: "\n".join(text.splitlines()[:9]), "the header has 9 lines"),
            (lambda text: text.replace("star_age", "star_old"), "column star_age is missing"),
            (
                lambda text: text.replace(" 0.00     0.00 ", "-1.00     0.00 "),
                r"\[Fe/H\] is -1.00, but .* has 0",
            ),
            (lambda text: text.replace("= 1.2 ", "= 2.5 "), "MIST version number is 2.5, but .* has 1.2"),
            (lambda text: text.replace("v/vcrit", "vvcrit "), "does not give v/vcrit"),
            (lambda text: "x" * 4000, "not a MIST track"),
            (lambda text: track(2.0, 0), "it has no row"),
        ],
    )
    def test_faulty_track_is_named(self, tmp_path, change, message):
        text = change(track(2.0))
        path = archive(tmp_path / "a.txz", {"00030M.track.eep": track(0.3), "00200M.track.eep": text})
        with pytest.raises(DataError, match=rf"a\.txz, member MIST/00200M\.track\.eep: .*{message}"):
            mist.read_tarball(path, last_eep=808)

    def test_script_ends_with_code_2_and_leaves_no_output(self, tmp_path):
        path = archive(tmp_path / "a.txz", {"00030M.track.eep": track(0.3)})
        path.write_bytes(path.read_bytes()[:-40])
        output = tmp_path / "mist/tracks.parquet"
        with pytest.raises(SystemExit) as end:
            run_script(
                "read_mist",
                tmp_path,
                input={"raw": path},
                output={"tracks": output},
                params={"dataset": "mist_tarball"},
                config={"mist": {"last_eep": 808}, "simulated": False},
            )
        assert end.value.code == 2
        log = (tmp_path / "logs/read_mist.log").read_text()
        assert "a.txz: not a complete .tar.xz archive" in log
        assert "Traceback" not in log
        assert not list(tmp_path.glob("mist/*"))


def edit(text, number, change):
    """Change one line (counted from 1) of a text."""
    lines = text.splitlines()
    lines[number - 1] = change(lines[number - 1])
    return "\n".join(lines)


def cell(line, column, value):
    """Put a value into one column of a row."""
    start = 1 + 32 * column
    return line[:start] + value.rjust(32) + line[start + 32 :]


class TestReadConsolidated:
    def test_same_rows_as_the_tarball(self, tmp_path):
        members = {"00200M.track.eep": track(2.0, 12), "00030M.track.eep": track(0.3, 8)}
        whole = mist.read_tarball(archive(tmp_path / "a.txz", members), last_eep=808)
        path = consolidated(tmp_path / "a.csv.gz", whole)
        pd.testing.assert_frame_equal(mist.read_consolidated(path, last_eep=808), whole, check_exact=True)
        assert mist.read_consolidated(path, last_eep=9).eep.max() == 9

    @pytest.mark.parametrize("column", mist.TABLE_COLUMNS)
    def test_missing_column(self, tmp_path, column):
        path = consolidated(tmp_path / "a.csv.gz", grid().drop(columns=mist.TABLE_COLUMNS[column]))
        with pytest.raises(DataError, match=f"column {column} is missing"):
            mist.read_consolidated(path, last_eep=808)

    @pytest.mark.parametrize("value", [np.nan, np.inf, "zero"])
    def test_cell_that_is_no_number(self, tmp_path, value):
        rows = grid(masses=[1.0], last=5).astype({"log_lum": object})
        rows.loc[1, "log_lum"] = value
        # the helper turns the order round: row 1 of 5 stands fourth, below the header
        with pytest.raises(DataError, match=r"a\.csv\.gz: line 5: log_L is .*, not a number"):
            mist.read_consolidated(consolidated(tmp_path / "a.csv.gz", rows), last_eep=808)

    def test_repeated_row(self, tmp_path):
        rows = grid(masses=[1.0], last=5)
        path = consolidated(tmp_path / "a.csv.gz", pd.concat([rows, rows[:1]]))
        with pytest.raises(DataError, match="line 7 repeats the EEP"):
            mist.read_consolidated(path, last_eep=808)

    @pytest.mark.parametrize(
        "content", [b"", b"<html>", gzip.compress(b"initial_mass,EEP\n1,2\n", mtime=0)[:-9]]
    )
    def test_not_the_table(self, tmp_path, content):
        path = tmp_path / "a.csv.gz"
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"a\.csv\.gz"):
            mist.read_consolidated(path, last_eep=808)


class TestSplit:
    def test_stages_meet_at_the_zams(self):
        stages, _ = split_stages(grid(), **OPTIONS)
        assert set(stages["pre"].eep) == set(range(1, 21))
        assert stages["post"].eep.between(21, 60).all()

    def test_every_full_track_keeps_the_same_share(self):
        stages, _ = split_stages(grid(), **OPTIONS)
        assert set(stages["post"].groupby("initial_mass").size()) == {8}
        assert set(stages["pre"].groupby("initial_mass").size()) == {20}

    def test_a_track_that_is_a_sample_already_is_kept_whole(self):
        tracks = grid()
        sample = (tracks.initial_mass == 1.0) & (tracks.eep > 20) & ~tracks.eep.isin([*range(21, 60, 4), 60])
        stages, _ = split_stages(tracks[~sample], **OPTIONS)
        assert stages["post"][stages["post"].initial_mass == 1.0].eep.tolist() == [*range(21, 60, 4), 60]

    def test_nothing_is_thinned_when_all_is_asked_for(self):
        stages, _ = split_stages(grid(), **OPTIONS | {"post_fraction": 1})
        assert len(stages["post"]) == 8 * 40

    @settings(max_examples=30)
    @given(kept=st.sets(st.sampled_from(grid().initial_mass.unique().tolist()), min_size=5))
    def test_a_rows_fate_depends_on_its_mass_and_eep_alone(self, kept):
        whole, _ = split_stages(grid(), **OPTIONS)
        some, _ = split_stages(grid()[grid().initial_mass.isin(kept)], **OPTIONS)
        for stage in ("pre", "post"):
            columns = ["initial_mass", "eep", "test_rows"]
            wanted = whole[stage][whole[stage].initial_mass.isin(kept)][columns]
            pd.testing.assert_frame_equal(some[stage][columns], wanted.reset_index(drop=True))

    def test_draws_differ_between_tracks_and_seeds(self):
        first, _ = split_stages(grid(), **OPTIONS)
        second, _ = split_stages(grid(), **OPTIONS | {"seed": 6})
        again, _ = split_stages(grid(), **OPTIONS)
        by_track = first["post"].groupby("initial_mass").eep.agg(tuple)
        assert by_track.nunique() == len(by_track)
        assert not first["pre"].test_rows.equals(second["pre"].test_rows)
        pd.testing.assert_frame_equal(first["post"], again["post"])

    def test_held_out_share(self):
        stages, _ = split_stages(grid(last=400), **OPTIONS | {"zams_eep": 200})
        assert stages["pre"].test_rows.mean() == pytest.approx(0.3, abs=0.04)
        assert stages["post"].test_rows.mean() == pytest.approx(0.3, abs=0.08)

    def test_held_out_masses_are_the_same_in_both_stages_and_not_at_the_ends(self):
        stages, _ = split_stages(grid(), **OPTIONS)
        for rows in stages.values():
            assert set(rows.initial_mass[rows.test_tracks]) == {0.6, 1.2}
            assert rows.test_tracks.dtype == rows.test_rows.dtype == bool

    def test_bounds_are_those_of_the_whole_stage(self):
        tracks = grid()
        _, bounds = split_stages(tracks, **OPTIONS | {"post_fraction": 0.05})
        late = tracks[tracks.eep > 20]
        for name in mist.SCALED_COLUMNS:
            assert bounds["post"][name] == [late[name].min(), late[name].max()]

    @pytest.mark.parametrize("eeps", [range(1, 20), range(30, 61)])
    def test_a_stage_without_points(self, eeps):
        with pytest.raises(DataError, match="no point in stage"):
            split_stages(grid()[grid().eep.isin(eeps)], **OPTIONS)


class TestZams:
    def test_table(self):
        tracks = grid(masses=[0.5, 1.0])
        # one track stops early, the other lacks the point itself
        tracks = tracks[((tracks.initial_mass == 1.0) | (tracks.eep <= 45)) & ~tracks.eep.between(49, 52)]
        zams = zams_table(tracks, zams_eep=20, end_eep=50)
        assert zams.initial_mass.tolist() == [0.5, 1.0]
        assert zams.log_age_zams.tolist() == pytest.approx([5.5, 5.0])
        assert zams.log_mass.tolist() == pytest.approx(np.log10([0.5, 1.0]) - 0.002)
        assert np.isnan(zams.log_age_end[0])
        assert zams.log_age_end[1] == pytest.approx(6.5)

    def test_track_that_does_not_reach_the_zams(self):
        with pytest.raises(DataError, match=r"0\.3 Msun does not reach the ZAMS \(EEP 70\)"):
            zams_table(grid(), zams_eep=70, end_eep=80)

    @given(share=st.floats(0, 1))
    def test_age_lies_between_those_of_the_neighbours(self, share):
        zams = zams_table(grid(), zams_eep=20, end_eep=50)
        low, high = zams.iloc[3], zams.iloc[4]
        mass = low.log_mass + share * (high.log_mass - low.log_mass)
        (age,) = zams_log_age([mass], zams)
        assert high.log_age_zams - 1e-12 <= age <= low.log_age_zams + 1e-12
        assert zams_log_age([low.log_mass], zams)[0] == low.log_age_zams

    def test_unknown_mass_has_unknown_age(self):
        zams = zams_table(grid(), zams_eep=20, end_eep=50)
        assert np.isnan(zams_log_age([np.nan, 0.0], zams)).tolist() == [True, False]

    @pytest.mark.parametrize("mass", [0.08, 12.0])
    def test_mass_off_the_grid(self, mass):
        zams = zams_table(grid(), zams_eep=20, end_eep=50)
        with pytest.raises(
            DataError, match=rf"Mass {mass:g} Msun lies outside the MIST grid, .* 0\.2986 to 2\.986"
        ):
            zams_log_age([0.0, np.log10(mass), np.nan], zams)


@pytest.fixture(scope="module")
def table(mirror):
    return mist.read_consolidated(next((mirror / "mist").glob("*rows.csv.gz")), last_eep=808)


@pytest.fixture(scope="module")
def stages(table):
    options = dict(zams_eep=202, post_fraction=0.2, test_fraction=0.2, test_track_every=5, seed=1)
    return split_stages(table, **options)


class TestRealData:
    def test_counts(self, table):
        assert len(table) == 90_977
        assert (table.eep <= 202).sum() == 188 * 202 == 37_976

    def test_tarball_gives_the_rows_of_the_table(self, mirror, table):
        tracks = mist.read_tarball(next((mirror / "mist").glob("*.txz")), last_eep=808)
        assert tracks.initial_mass.nunique() == 71
        same = table[table.initial_mass.isin(tracks.initial_mass)].reset_index(drop=True)
        pd.testing.assert_frame_equal(tracks[["initial_mass", "eep"]], same[["initial_mass", "eep"]])
        for name in mist.SCALED_COLUMNS:
            assert (tracks[name] - same[name]).abs().max() < 1e-6

    def test_every_track_counts_alike(self, table, stages):
        post = stages[0]["post"]
        span = table.groupby("initial_mass").eep.max() - 202
        share = post.groupby("initial_mass").size() / span
        assert len(share) == 188
        assert share.between(0.15, 0.3).all()
        assert share.mean() == pytest.approx(0.2, abs=0.005)

    def test_bounds_enclose_those_of_the_published_networks(self, mirror, stages):
        """The published bounds are those of a random part of the rows, so that they lie just within ours."""
        for stage, bounds in stages[1].items():
            low, high = (
                np.load(mirror / f"published_networks/norm_{side}_{stage}MS.npy", allow_pickle=False)
                for side in ("min", "max")
            )
            ours = np.array([bounds[name] for name in mist.SCALED_COLUMNS])
            width = ours[:, 1] - ours[:, 0]
            assert (ours[:, 0] <= low + 1e-6).all()
            assert (ours[:, 1] >= high - 1e-6).all()
            assert ((low - ours[:, 0]) < 0.02 * width).all()
            assert ((ours[:, 1] - high) < 0.02 * width).all()

    def test_zams_age_of_the_sun(self, table):
        zams = zams_table(table, zams_eep=202, end_eep=700)
        assert zams_log_age([0.0], zams)[0] == pytest.approx(7.62, abs=0.02)
        assert zams.log_age_end.notna().sum() == (table.groupby("initial_mass").eep.max() >= 700).sum() > 150
        assert (zams.log_age_end - zams.log_age_zams).min() > 1
