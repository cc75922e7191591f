"""Searches without gradients keep to what they may change, and stop at the first wrong answer."""

import pytest
import torch
from torch import Tensor

from pathprint.profiling.attacks.attack import Goal
from pathprint.profiling.attacks.draws import Draws
from pathprint.profiling.attacks.methods.replaced import Replaced, Values
from pathprint.profiling.attacks.methods.search import first_wrong
from pathprint.profiling.attacks.methods.spatial import Spatial, moved

GENERATOR = torch.Generator().manual_seed(0)


def eight_bit(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, generator=GENERATOR) / 255


def bright_is_wrong(pixels: Tensor) -> Tensor:
    """Class 1 above a mean of one half, of which class 0 is the label."""
    above = (pixels.mean((1, 2, 3)) - 0.5)[:, None]
    return torch.cat([-above, above], 1)


def test_the_first_wrong_change_is_taken_or_else_the_nearest() -> None:
    means = torch.tensor([[51, 102, 204, 255], [51, 102, 76, 60], [255, 51, 51, 51]]) / 255
    asked: list[int] = []

    def logits(pixels: Tensor) -> Tensor:
        asked.append(len(pixels))
        return bright_is_wrong(pixels)

    goal = Goal(torch.zeros(3, dtype=torch.int64))
    made = first_wrong(
        logits, torch.zeros(3, 1, 2, 2), goal, 4, lambda k: means[:, k].reshape(3, 1, 1, 1) * torch.ones(2, 2)
    )
    torch.testing.assert_close(made[:, 0, 0, 0] * 255, torch.tensor([204.0, 102.0, 255.0]))
    assert asked == [3, 2, 2, 1]  # nobody asks about an image again that is answered wrongly


@pytest.mark.parametrize("values", ["any", "extremes", "own"])
@pytest.mark.parametrize(("share", "most"), [(0.1, 6), (0.25, 15), (0.001, 1)])
def test_as_many_pixels_are_replaced_as_may_be(values: Values, share: float, most: int) -> None:
    pixels = eight_bit(40, 3, 6, 10)
    made = Replaced(share, values).once(pixels, Draws(pixels, 0))
    changed = (made != pixels).any(1)
    assert changed.flatten(1).sum(1).max() == most
    assert changed.flatten(1).sum(1).float().mean() > most * 0.8  # a pixel may become what it was
    torch.testing.assert_close(made * 255, (made * 255).round())
    assert len({tuple(image.flatten().tolist()) for image in changed}) > 1  # places differ


def test_replaced_pixels_have_the_values_that_are_named() -> None:
    pixels = eight_bit(5, 3, 9, 7)
    found = {values: Replaced(0.25, values).once(pixels, Draws(pixels, 0)) for values in ("any", "extremes", "own")}
    changed = {values: (made != pixels).any(1) for values, made in found.items()}

    def colours(made: Tensor, image: int, inside: Tensor) -> set[tuple[float, ...]]:
        return set(map(tuple, made[image].permute(1, 2, 0)[inside].tolist()))

    everywhere = torch.ones(9, 7, dtype=torch.bool)
    for image in range(5):
        assert colours(found["extremes"], image, changed["extremes"][image]) <= {(0.0,) * 3, (1.0,) * 3}
        assert colours(found["own"], image, everywhere) <= colours(pixels, image, everywhere)
    drawn = found["any"].permute(0, 2, 3, 1)[changed["any"]]
    assert len(torch.unique(drawn)) > 100
    assert drawn.min() < 0.05 < 0.95 < drawn.max()


def test_a_turn_of_a_quarter_and_a_move_by_pixels_are_exact() -> None:
    square, oblong = eight_bit(2, 3, 8, 8), eight_bit(2, 1, 6, 10)
    still = torch.zeros(2, 2)
    torch.testing.assert_close(moved(square, torch.zeros(2), still), square, rtol=0, atol=1e-5)
    turned = moved(square, torch.full((2,), 90.0), still)
    torch.testing.assert_close(turned, torch.rot90(square, 1, (2, 3)), rtol=0, atol=1e-5)
    turned = moved(oblong, torch.full((2,), 180.0), still)
    torch.testing.assert_close(turned, oblong.flip(2, 3), rtol=0, atol=1e-5)
    shifted = moved(oblong, torch.zeros(2), torch.tensor([[2 / 6, 3 / 10], [-1 / 6, 0]]))
    torch.testing.assert_close(shifted[0, :, 2:, 3:], oblong[0, :, :-2, :-3], rtol=0, atol=1e-5)
    torch.testing.assert_close(shifted[1, :, :-1], oblong[1, :, 1:], rtol=0, atol=1e-5)
    torch.testing.assert_close(shifted[1, :, -1], oblong[1, :, -1], rtol=0, atol=1e-5)  # the edge goes on


def test_a_turn_keeps_shapes_in_images_that_are_not_square() -> None:
    """A disc in the middle stays where it is, whatever the angle: no side is stretched."""
    rows, columns = torch.meshgrid(torch.arange(40) - 19.5, torch.arange(64) - 31.5, indexing="ij")
    disc = ((rows**2 + columns**2) < 15**2).float().expand(1, 1, 40, 64)
    turned = moved(disc, torch.tensor([37.0]), torch.zeros(1, 2))
    assert (turned - disc).abs().mean() < 0.02


def test_a_search_of_moves_begins_small_and_keeps_to_its_range(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def noted(pixels: Tensor, degrees: Tensor, shift: Tensor) -> Tensor:
        seen.append((degrees, shift))
        return pixels

    monkeypatch.setattr("pathprint.profiling.attacks.methods.spatial.moved", noted)
    pixels = eight_bit(20, 1, 4, 4) / 4  # dark, so that no change is ever wrong
    Spatial(30, 0.1, tries=50)(bright_is_wrong, pixels, Goal(torch.zeros(20, dtype=torch.int64)), Draws(pixels, 0))
    degrees, shift = (torch.stack(part) for part in zip(*seen, strict=True))
    assert len(degrees) == 50
    allowed = torch.arange(1, 51) / 50
    assert (degrees.abs().amax(1) <= 30 * allowed).all()
    assert (shift.abs().amax((1, 2)) <= 0.1 * allowed).all()
    assert degrees.abs().max() > 25
    assert shift.abs().max() > 0.08
