"""The transfer sample and the networks retrained on it."""

import numpy as np
import pandas as pd
import pytest
import torch

from stelnet.errors import ConfigError, DataError
from stelnet.seeds import generator
from stelnet.training.networks import ReluMlp, Scaling
from stelnet.training.optimisers import OPTIMISERS
from stelnet.training.retraining import retrain
from stelnet.training.sample import VALUES, draw_sample

BOUNDS = {"log_teff": [3.4, 4.8], "log_lum": [-3.0, 6.8], "log_age": [4.0, 10.0], "log_mass": [-1.0, 2.5]}
POINTS = {"whole": 5, "below": 6, "above": 7}
PLAN = {"A": {"copies": 5, "draw": 50}, "B": {"copies": 1, "draw": 30}}
SETTINGS = {"steps": 40, "loss": "mse", "optimiser": "adam", "learning_rate": 0.003}


def rows(n: int, low: float, high: float, name: str) -> pd.DataFrame:
    rng = np.random.default_rng(n)
    mass = rng.uniform(low, high, n)
    return pd.DataFrame(
        {
            "star_id": [f"{name}{i}" for i in range(n)],
            "log_teff": 3.7 + 0.3 * mass,
            "log_lum": 3.0 * mass,
            "log_age": 9.0 - 1.5 * mass + rng.normal(scale=0.05, size=n),
            "log_mass": mass,
        }
    )


STARS = {"A": rows(13, -0.2, 0.3, "a"), "B": rows(200, 0.0, 0.8, "b")}
MIST = rows(500, -1.0, 2.0, "").drop(columns="star_id").assign(initial_mass=1.0, eep=range(1, 501))


def draw(
    seed: int = 1, stars=STARS, mist=MIST, plan=PLAN, points=POINTS, names=("transfer", 0)
) -> pd.DataFrame:
    return draw_sample(stars, mist, plan, points, seed, names)


def start(width: int = 10) -> ReluMlp:
    return ReluMlp.initial(2, width, Scaling(BOUNDS), [np.random.default_rng(3)])


def test_each_pool_gives_its_share():
    counts = draw()["sample"].value_counts().to_dict()
    assert counts == {"A": 50, "B": 30, "MIST whole": 5, "MIST below": 6, "MIST above": 7}


def test_a_star_is_drawn_as_often_as_it_has_copies_at_most():
    times = draw().groupby("sample")["star_id"].value_counts()
    assert times["A"].max() <= 5
    assert times["A"].sum() == 50
    assert times["B"].max() == 1
    assert (
        draw(plan=PLAN | {"A": {"copies": 5, "draw": 65}})["star_id"]
        .value_counts()[[*STARS["A"].star_id]]
        .eq(5)
        .all()
    )


def test_added_points_lie_outside_the_masses_drawn():
    sample = draw().set_index("sample")["log_mass"]
    masses = sample[["A", "B"]]
    assert sample["MIST below"].max() < masses.min()
    assert sample["MIST above"].min() > masses.max()
    whole = draw(points=POINTS | {"whole": 100}).set_index("sample").loc["MIST whole", "log_mass"]
    assert whole.between(masses.min(), masses.max()).any()
    assert not whole.between(masses.min(), masses.max()).all()


def test_values_are_those_of_the_stars_and_points():
    sample = draw()
    stars = pd.concat(STARS.values()).set_index("star_id")
    own = sample[sample["sample"].isin(["A", "B"])]
    np.testing.assert_array_equal(own[VALUES], stars.loc[own["star_id"], VALUES])
    point = sample[sample["sample"] == "MIST above"].iloc[0]
    eep = int(point["star_id"].removeprefix("1 Msun, EEP "))
    np.testing.assert_array_equal(point[VALUES].astype(float), MIST.set_index("eep").loc[eep, VALUES])


def test_too_few_points_are_all_taken_and_logged(caplog):
    mist = MIST[MIST["log_mass"] < 0.5]
    sample = draw(mist=mist)
    assert "MIST above" not in sample["sample"].to_numpy()
    assert "MIST above has 0 points of the 7 to be drawn" in caplog.text
    assert len(draw(plan={"A": {"copies": 1, "draw": 50}})[lambda t: t["sample"] == "A"]) == 13


def test_draws_follow_seed_and_name_alone():
    pd.testing.assert_frame_equal(draw(), draw())
    for other in (draw(seed=2), draw(names=("transfer", 1))):
        assert not other.equals(draw())
    # another catalogue in the plan leaves a catalogue's draw as it is
    alone = draw(plan={"B": PLAN["B"]})
    pd.testing.assert_frame_equal(
        alone[alone["sample"] == "B"].reset_index(drop=True),
        draw()[lambda t: t["sample"] == "B"].reset_index(drop=True),
    )


@pytest.mark.parametrize("change", [{"plan": {}}, {"mist": MIST.iloc[:0]}])
def test_nothing_to_draw_from_is_an_error(change):
    with pytest.raises(DataError, match="transfer/0: transfer learning needs"):
        draw(**change)


def test_retraining_lowers_the_loss_and_leaves_the_start_alone():
    network, sample = start(), draw()
    before = [weight.detach().clone() for weight in network.weights]
    ensemble, losses = retrain(network, sample, [0, 1, 2], SETTINGS, 1, ("transfer", 0))
    assert list(losses) == ["step", "boot", "train_loss"]
    assert len(losses) == 40 * 3
    by_boot = losses.pivot(index="step", columns="boot", values="train_loss")
    assert (by_boot.loc[40] < 0.5 * by_boot.loc[1]).all()
    assert all(torch.equal(*pair) for pair in zip(network.weights, before, strict=True))
    assert len(ensemble) == 3
    assert ensemble.scaling == network.scaling


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_a_bootstrap_is_the_same_network_to_the_bit_in_every_block(optimiser):
    network, sample, settings = start(), draw(), SETTINGS | {"optimiser": optimiser}
    together, log = retrain(network, sample, list(range(5)), settings, 1, ("transfer", 0))
    for boots in ([1], [3, 1], [8, 9, 1]):
        block, part = retrain(network, sample, boots, settings, 1, ("transfer", 0))
        parameters = zip(block.parameters(), together.parameters(), strict=True)
        assert all(torch.equal(one[boots.index(1)], several[1]) for one, several in parameters)
        assert part[part.boot == 1].train_loss.tolist() == log[log.boot == 1].train_loss.tolist()
    assert not any(torch.equal(several[0], several[1]) for several in together.weights)


def test_first_step_is_a_fresh_adam_step():
    """Without moments from elsewhere, Adam's first step moves a weight by the learning rate or not at all."""
    network = start()
    ensemble, _ = retrain(network, draw(), [0, 1], SETTINGS | {"steps": 1}, 1, ("transfer", 0))
    for after, before in zip(ensemble.biases, network.biases, strict=True):
        moved = (after.detach() - before.detach()).abs()
        assert ((moved < 1e-6) | ((moved - 0.003).abs() < 1e-5)).all()


def test_a_diverging_loss_is_an_error():
    with pytest.raises(ConfigError, match=r"transfer\.learning_rate"):
        retrain(start(), draw(), [0], SETTINGS | {"learning_rate": 1e20}, 1, ("transfer", 0))


def test_the_loss_is_that_of_outputs_in_dex():
    network, sample = start(), draw()
    _, losses = retrain(network, sample, [4], SETTINGS | {"steps": 1}, 1, ("transfer", 0))
    chosen = generator(1, "transfer", 0, 4).integers(0, len(sample), len(sample))
    predicted = network.predict(sample["log_teff"].to_numpy(), sample["log_lum"].to_numpy())[0]
    errors = (predicted - sample[["log_age", "log_mass"]].to_numpy())[chosen]
    assert losses["train_loss"].tolist() == pytest.approx([(errors**2).mean()], rel=1e-4)
