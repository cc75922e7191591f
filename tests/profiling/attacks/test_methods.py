"""Each method against its definition: a reference implementation, or what the paper allows it."""

import numpy as np
import pytest
import torch
from torch import Tensor

from pathprint.models.network import Network
from pathprint.profiling.attacks.attack import Cost, Goal, Logits, Method, Norm, climb
from pathprint.profiling.attacks.ball import project, random_point
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.methods.apgd import Apgd, _checkpoints
from pathprint.profiling.attacks.methods.ascent import Ascent
from pathprint.profiling.attacks.methods.from_foolbox import CarliniWagner, HopSkipJump, _Pixels, load_foolbox
from pathprint.profiling.attacks.methods.jsma import Jsma, _best_pair, _Effects
from pathprint.profiling.attacks.methods.patch import Patch
from pathprint.profiling.attacks.methods.square import Square, _side
from pathprint.profiling.attacks.methods.surviving import Surviving

Images = tuple[Tensor, Tensor]


@pytest.fixture(scope="module")
def few(clean: Images) -> Images:
    return clean[0][:12], clean[1][:12]


@pytest.mark.parametrize(
    ("ours", "theirs", "options"),
    [
        (Ascent("Linf", 0.2, 1, 1.0), "LinfFastGradientAttack", {}),
        (Ascent("Linf", 0.1, 20, 0.1), "LinfBasicIterativeAttack", {"rel_stepsize": 0.1, "steps": 20}),
        (Ascent("L2", 1.5, 20, 0.1), "L2BasicIterativeAttack", {"rel_stepsize": 0.1, "steps": 20}),
    ],
    ids=["fgsm", "bim", "bim-l2"],
)
def test_ascent_is_foolbox(
    ours: Ascent, theirs: str, options: dict[str, float], digits_network: Network, few: Images
) -> None:
    pixels, labels = few
    foolbox = load_foolbox()
    model = foolbox.PyTorchModel(_Pixels(digits_network.logits).eval(), bounds=(0, 1), device="cpu")
    attack = getattr(foolbox.attacks, theirs)(**options)
    _, expected, _ = attack(model, pixels, labels, epsilons=ours.budget)
    found = ours(digits_network.logits, pixels, Goal(labels), Draws(pixels, 0))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("norm", ["Linf", "L2"])
def test_ball_contains_what_is_drawn_and_projected(norm: Norm) -> None:
    pixels = torch.rand(50, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    drawn = random_point(pixels, norm, 0.3, Draws(pixels, 0))
    moved = project(drawn + 0.5 * torch.randn(drawn.shape), pixels, norm, 0.3)
    for made in (drawn, moved):
        change = (made - pixels).flatten(1)
        size = change.abs().amax(1) if norm == "Linf" else change.norm(dim=1)
        assert size.max() <= 0.3 + 1e-6
        assert 0 <= made.min() <= made.max() <= 1
    torch.testing.assert_close(project(drawn, pixels, norm, 0.3), drawn)  # inside, nothing moves


def test_draws_belong_to_the_image() -> None:
    pixels = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    whole, part = Draws(pixels, 3), Draws(pixels[[4, 1]], 3)
    torch.testing.assert_close(whole.uniform(5)[[4, 1]], part.uniform(5), rtol=0, atol=0)
    torch.testing.assert_close(whole.normal(2, 2)[[4, 1]], part.normal(2, 2), rtol=0, atol=0)
    assert not torch.equal(Draws(pixels, 4).uniform(5), Draws(pixels, 3).uniform(5))
    assert whole.chunk_seed != part.chunk_seed


def test_apgd_looks_back_when_the_paper_says_so() -> None:
    # Section 3.2: p = 0, 0.22, 0.41, 0.57, 0.70, 0.80, 0.87, 0.93, 0.99
    assert sorted(_checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]


def test_apgd_reaches_a_higher_loss_than_pgd_of_the_same_length(digits_network: Network, few: Images) -> None:
    pixels, labels = few
    goal = Goal(labels)
    losses = {}
    methods: dict[str, Method] = {"apgd": Apgd("Linf", 0.1, 30), "pgd": Ascent("Linf", 0.1, 30, 1 / 4, True)}
    for name, method in methods.items():
        found = method(digits_network.logits, pixels, goal, Draws(pixels, 0))
        losses[name] = climb(digits_network.logits, found, goal.loss)[1].mean()
    assert losses["apgd"] > losses["pgd"] * 0.98


def test_ratio_loss_succeeds_where_cross_entropy_has_no_gradient(digits_network: Network, few: Images) -> None:
    pixels, labels = few

    def scaled(x: Tensor) -> Tensor:
        return 1e4 * digits_network.logits(x)

    rates = {}
    for method in (Apgd("Linf", 0.15, 30, "ce"), Apgd("Linf", 0.15, 30, "dlr")):
        found = method(scaled, pixels, Goal(labels), Draws(pixels, 0))
        rates[method.loss] = (digits_network.predict(found) != labels).float().mean()
    assert rates["dlr"] > rates["ce"] + 0.2


@pytest.mark.parametrize("share", [0.05, 0.15])
def test_jsma_sets_few_values_and_only_to_the_bounds(share: float, digits_network: Network, few: Images) -> None:
    pixels, labels = few
    found = Jsma(share)(digits_network.logits, pixels, Goal(labels), Draws(pixels, 0))
    changed = found != pixels
    assert changed.flatten(1).sum(1).max() <= int(share * 64)
    assert set(found[changed].tolist()) <= {0.0, 1.0}


def test_jsma_takes_the_best_of_all_pairs() -> None:
    generator = torch.Generator().manual_seed(0)
    target, others = torch.randn(3, 2, 16, generator=generator).unbind(1)
    untouched = torch.ones(3, 8, dtype=torch.bool)
    untouched[0, :3] = False
    first, second = _best_pair(_Effects(target, others), untouched)
    for image in range(3):
        best = max(
            (float(target[image, [p, q]].sum()) * float(-others[image, [p, q]].sum()), p, q)
            for p in range(16)
            for q in range(p)
            if p % 8 != q % 8
            and bool(untouched[image, p % 8] & untouched[image, q % 8])
            and target[image, [p, q]].sum() > 0
            and others[image, [p, q]].sum() < 0
        )
        assert {int(first[image]), int(second[image])} == {best[1], best[2]}


def test_square_uses_only_scores(digits_network: Network, few: Images) -> None:
    pixels, labels = few
    asked = 0

    def scores(x: Tensor) -> Tensor:
        nonlocal asked
        asked += 1
        assert not torch.is_grad_enabled()
        return torch.from_numpy(digits_network.logits(x).numpy().copy())  # numpy cuts every gradient

    found = Square(0.3, 100)(scores, pixels, Goal(labels), Draws(pixels, 0))
    assert asked == 100
    assert (digits_network.predict(found) != labels).float().mean() > 0.5


def test_squares_shrink_to_one_pixel() -> None:
    sides = [_side(spent, 32) for spent in np.linspace(0, 1, 50)]
    assert sides == sorted(sides, reverse=True)
    assert sides[0] == round((0.8 * 32 * 32) ** 0.5)
    assert _side(1.0, 8) == 1


def test_patch_changes_only_its_square(digits_network: Network, few: Images) -> None:
    pixels, labels = few
    patch = Patch(0.15, steps=10)
    found = patch(digits_network.logits, pixels, Goal(labels), Draws(pixels, 0))
    inside = patch.where(pixels, Draws(pixels, 0))
    assert torch.equal(found[~inside], pixels[~inside])
    assert inside.flatten(1).sum(1).tolist() == [9] * len(pixels)
    assert len({tuple(i.nonzero()[0].tolist()) for i in inside}) > 1  # places differ


def test_walk_along_the_boundary_starts_from_other_images_where_noise_does_not_do() -> None:
    pixels = torch.tensor([0.0, 1.0]).reshape(2, 1, 1, 1).expand(2, 1, 8, 8).clone()

    def mean_above(x: Tensor) -> Tensor:
        """Class 1 above a mean of 0.9, which noise never has."""
        above = (x.mean((1, 2, 3)) - 0.9)[:, None]
        return torch.cat([-above, above], 1)

    found = HopSkipJump(2, 10)(mean_above, pixels, Goal(torch.tensor([0, 1])), Draws(pixels, 0))
    assert mean_above(found).argmax(1).tolist() == [1, 0]


def test_carlini_wagner_that_fails_leaves_the_image(few: Images) -> None:
    pixels, labels = few

    def stubborn(x: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(labels, 10) * 10.0 + 0 * x.sum((1, 2, 3))[:, None]

    found = CarliniWagner(0, searches=1, steps=5)(stubborn, pixels, Goal(labels), Draws(pixels, 0))
    torch.testing.assert_close(found, pixels)


def test_surviving_takes_the_smallest_factor_that_survives() -> None:
    pixels = torch.full((3, 1, 1, 1), 100 / 255)

    def threshold(x: Tensor) -> Tensor:
        """Class 1 above level 110."""
        above = (x * 255 - 110.5).flatten(1)
        return torch.cat([-above, above], 1)

    class Brightened:
        cost = Cost()

        def __call__(self, logits: Logits, pixels: Tensor, goal: Goal, draws: Draws) -> Tensor:
            return pixels + torch.tensor([10.45, 10.6, 0.5]).reshape(3, 1, 1, 1) / 255  # short, just over, hopeless

    found = Surviving(Brightened())(threshold, pixels, Goal(torch.zeros(3, dtype=torch.int64)), Draws(pixels, 0))
    change = ((found - pixels) * 255).flatten()
    torch.testing.assert_close(change, torch.tensor([10.45 * 1.02, 10.6, 0.5]), rtol=1e-3, atol=1e-3)
