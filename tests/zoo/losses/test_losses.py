"""Every loss is finite, least at the target, hard or soft, and as computed by hand."""

import re
from math import cosh, exp, log
from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

import zoo.losses
from core.errors import UsageError
from core.registry import module_names
from zoo.losses import LOSSES, known, recipe_loss
from zoo.members import load_member, with_settings
from zoo.targets import TARGETS

TARGET = torch.tensor([1.0, 1.0, 0.0, 0.0]).reshape(1, 1, 2, 2)
NOTHING = torch.zeros(1, 1, 2, 2)  # logits: p = 0.5 everywhere


# Those that fit the target by themselves, and each name in a sum that does.
ALONE = [name for name in LOSSES.names() if LOSSES.facts(name).alone]
SUMS = {name: name if name in ALONE else f"dice+{name}" for name in LOSSES.names()}


def recipe(**keys):
    return with_settings(load_member("lite0-fc-t5"), keys)


def fitted(loss, target, steps=400):
    """The probabilities that gradient descent finds, from just below a half."""
    logits = torch.full_like(target, -0.1, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(logits, target).backward()
        optimizer.step()
    return logits.detach().sigmoid()


def test_a_loss_is_a_file_of_its_name():
    assert sorted(LOSSES.names()) == module_names(Path(zoo.losses.__file__).parent)


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_loss_falls_towards_the_target(name):
    loss = LOSSES.get(name)
    good, bad = (TARGET * 2 - 1) * 4, (1 - TARGET * 2) * 4
    assert loss(good, TARGET) < loss(bad, TARGET)


@pytest.mark.parametrize("name", ALONE)
def test_the_gradient_pulls_each_pixel_to_its_target(name):
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    LOSSES.get(name)(logits, TARGET).backward()
    assert torch.equal(logits.grad < 0, TARGET > 0.5)


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_batch_without_contrails_has_a_finite_gradient(name):
    logits = torch.zeros(2, 1, 4, 4, requires_grad=True)
    LOSSES.get(name)(logits, torch.zeros(2, 1, 4, 4)).backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad > 0).all() if name in ALONE else (logits.grad >= 0).all()


@pytest.mark.parametrize("name", [name for name in ALONE if name != "symmetric_lovasz"])
def test_a_loss_is_least_at_a_soft_target(name):
    """Fitting it finds the target: a pixel that half of the labelers marked ends at a half, not at one."""
    target = torch.tensor([0.5, 0.25, 0.0, 1.0, 0.75, 0.5]).reshape(1, 1, 2, 3)
    assert (fitted(LOSSES.get(name), target) - target).abs().max() < 0.1  # focal is slow at its ends


def test_the_usual_dice_is_least_elsewhere():
    """Why ours takes the smaller of both: of 2 p t / (p + t) one pixel at t = 0.5 is best at p = 1."""

    def usual(logits, target):
        p = logits.sigmoid()
        return 1 - 2 * (p * target).sum() / (p.sum() + target.sum())

    half = torch.full((1, 1, 1, 1), 0.5)
    assert fitted(usual, half).item() > 0.9
    assert fitted(LOSSES.get("dice"), half).item() == pytest.approx(0.5, abs=0.05)


def test_dice_counts_over_the_whole_batch():
    """p = 0.5 everywhere: 2 * 1 / (2 + 2), with one pixel of smoothing."""
    assert LOSSES.get("dice")(NOTHING, TARGET).item() == pytest.approx(1 - 3 / 5)
    two = torch.cat([TARGET, torch.zeros_like(TARGET)])
    assert LOSSES.get("dice")(torch.zeros(2, 1, 2, 2), two).item() == pytest.approx(1 - 3 / 7)


def test_dice_at_a_hard_target_is_the_usual_one_to_the_bit():
    """What was trained with the product of both goes on with the same curve."""
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(2, 1, 16, 16, generator=generator, requires_grad=True)
    target = (torch.rand(2, 1, 16, 16, generator=generator) > 0.8).float()
    p = logits.sigmoid()
    usual = 1 - (2 * (p * target).sum() + 1) / (p.sum() + target.sum() + 1)
    ours = LOSSES.get("dice")(logits, target)
    assert ours.item() == usual.item()
    gradients = [torch.autograd.grad(loss, logits, retain_graph=True)[0] for loss in (ours, usual)]
    assert torch.equal(*gradients)


def test_soft_dice_agrees_with_smp_where_that_counts_too():
    """smp's leaves out a batch without contrails; elsewhere both take the L1 form."""
    generator = torch.Generator().manual_seed(3)
    logits, target = torch.randn(2, 1, 8, 8, generator=generator), torch.rand(2, 1, 8, 8, generator=generator)
    peer = smp.losses.DiceLoss("binary", smooth=0.5)(logits, target)
    assert LOSSES.get("dice")(logits, target).item() == pytest.approx(peer.item(), abs=1e-6)


def test_cross_entropy_by_hand():
    assert LOSSES.get("bce")(NOTHING, TARGET).item() == pytest.approx(0.693147, abs=1e-5)


def test_focal_by_hand():
    """p = 0.5: a quarter of the cross-entropy; at p = 1 / (1 + e^-2), wrong, (1 - 0.1192)^2 of it."""
    assert LOSSES.get("focal")(NOTHING, TARGET).item() == pytest.approx(0.25 * log(2), abs=1e-6)
    wrong = log(1 + exp(2))
    expected = (1 - exp(-wrong)) ** 2 * wrong
    assert LOSSES.get("focal")(torch.full((1, 1, 1, 1), 2.0), torch.zeros(1, 1, 1, 1)).item() == pytest.approx(expected)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.5])
def test_focal_is_smps_to_the_bit(gamma):
    generator = torch.Generator().manual_seed(5)
    logits, target = 9 * torch.randn(2, 1, 8, 8, generator=generator), torch.rand(2, 1, 8, 8, generator=generator)
    peer = smp.losses.FocalLoss("binary", gamma=gamma)(logits, target)
    assert LOSSES.get("focal")(logits, target, gamma=gamma).item() == peer.item()
    assert gamma or peer.item() == LOSSES.get("bce")(logits, target).item()


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_focal_has_a_gradient_where_it_is_certain(gamma):
    logits = torch.tensor([200.0, -200.0, 20.0, -20.0]).reshape(1, 1, 2, 2).requires_grad_()
    LOSSES.get("focal")(logits, torch.tensor([1.0, 0.0, 0.0, 1.0]).reshape(1, 1, 2, 2), gamma=gamma).backward()
    assert torch.isfinite(logits.grad).all()


@given(st.data(), st.floats(0.05, 3), st.floats(0.05, 3))
def test_tversky_is_what_counting_pixel_by_pixel_gives(data, alpha, beta):
    """Salehi et al. 2017, equations 3 and 4, with Dice's pixel of smoothing."""
    pixels = st.lists(st.tuples(st.floats(-6, 6), st.sampled_from([0.0, 1.0])), min_size=1, max_size=12)
    drawn = data.draw(pixels)
    tp = fp = fn = 0.0
    for logit, truth in drawn:
        p = 1 / (1 + exp(-logit))
        tp, fp, fn = tp + p * truth, fp + p * (1 - truth), fn + (1 - p) * truth
    logits, target = (torch.tensor(values).reshape(1, 1, 1, -1) for values in zip(*drawn))
    found = LOSSES.get("tversky")(logits, target, alpha=alpha, beta=beta).item()
    assert found == pytest.approx(1 - (tp + 0.5) / (tp + alpha * fp + beta * fn + 0.5), abs=1e-5)


def test_tversky_at_a_half_is_dice():
    generator = torch.Generator().manual_seed(6)
    logits, target = torch.randn(2, 1, 8, 8, generator=generator), torch.rand(2, 1, 8, 8, generator=generator)
    even = LOSSES.get("tversky")(logits, target, alpha=0.5, beta=0.5)
    assert even.item() == pytest.approx(LOSSES.get("dice")(logits, target).item(), abs=1e-6)


def test_what_is_missed_costs_more_than_what_is_too_much():
    seen, missed = (torch.tensor([5.0, 5.0, a]).reshape(1, 1, 1, 3) for a in (5.0, -5.0))
    truth = torch.tensor([1.0, 1.0, 1.0]).reshape(1, 1, 1, 3)
    tversky = LOSSES.get("tversky")
    assert tversky(missed, truth) > tversky(seen, truth * torch.tensor([1.0, 1.0, 0.0]))
    assert tversky(missed, truth, alpha=0.7, beta=0.3) < tversky(seen, truth * torch.tensor([1.0, 1.0, 0.0]), alpha=0.7)


def test_log_cosh_dice_by_hand():
    assert LOSSES.get("log_cosh_dice")(NOTHING, TARGET).item() == pytest.approx(log(cosh(0.4)), abs=1e-6)


def test_symmetric_lovasz_by_hand():
    """One contrail pixel seen as sky, one sky pixel seen rightly, at margins beyond the hinge.

    Contrails: errors 1 + 2 and 1 - 2; the first alone counts, by its step of the Jaccard loss, 1: 3.
    Sky: the same errors; missing the one pixel of contrail adds 1 to a union of 2: a step of 1/2: 1.5.
    """
    logits, target = torch.tensor([-2.0, -2.0]).reshape(1, 1, 1, 2), torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)
    assert LOSSES.get("symmetric_lovasz")(logits, target).item() == pytest.approx((3 + 1.5) / 2)
    assert LOSSES.get("symmetric_lovasz")(-logits, 1 - target).item() == pytest.approx((3 + 1.5) / 2)


def lovasz_by_sets(logits, truth, measure, hinge):
    """The definition: pixels become errors one after the other, the largest margin first; each counts by its step."""
    margins = {i: 1 - logit * (2 * t - 1) for i, (logit, t) in enumerate(zip(logits, truth))}
    contrails, total, before = {i for i, t in enumerate(truth) if t}, 0.0, 0.0
    wrong = set()
    for pixel in sorted(margins, key=margins.get, reverse=True):
        wrong.add(pixel)
        predicted = contrails ^ wrong
        both, either = len(contrails & predicted), len(contrails | predicted)
        value = 1 - both / either if measure == "jaccard" else 1 - 2 * both / (len(contrails) + len(predicted))
        total, before = total + hinge(margins[pixel]) * (value - before), value
    return total


@given(
    st.lists(st.tuples(st.floats(-4, 4), st.booleans()), min_size=1, max_size=8),
    st.sampled_from(["jaccard", "dice"]),
    st.booleans(),
)
def test_symmetric_lovasz_is_what_adding_error_after_error_gives(pixels, measure, elu):
    def hinge(margin):
        return (margin + 1 if margin > 0 else exp(margin)) if elu else max(margin, 0)

    logits, truth = zip(*pixels)
    sky = lovasz_by_sets([-logit for logit in logits], [not t for t in truth], measure, hinge)
    expected = (lovasz_by_sets(logits, truth, measure, hinge) + sky) / 2
    maps = (torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, -1) for values in (logits, truth))
    found = LOSSES.get("symmetric_lovasz")(*maps, measure=measure, elu=elu)
    assert found.item() == pytest.approx(expected, abs=1e-9)


def test_symmetric_lovasz_is_smps_to_the_bit():
    """What was trained with theirs goes on with the same curve."""
    generator = torch.Generator().manual_seed(9)
    logits = 3 * torch.randn(2, 1, 16, 16, generator=generator)
    target = (torch.rand(2, 1, 16, 16, generator=generator) > 0.9).float()
    peer = smp.losses.LovaszLoss("binary", per_image=False)
    expected = (peer(logits, target) + peer(-logits, 1 - target)) / 2
    assert LOSSES.get("symmetric_lovasz")(logits, target).item() == expected.item()


def test_elu_keeps_a_gradient_beyond_the_margin():
    """Of a pixel that is right by more than the margin; the hinge has none there."""
    for elu in (False, True):
        logits = torch.tensor([3.0, -3.0, -3.0]).reshape(1, 1, 1, 3).requires_grad_()
        truth = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 1, 1, 3)
        LOSSES.get("symmetric_lovasz")(logits, truth, elu=elu).backward()
        assert (logits.grad != 0).any() == elu


def test_corrected_dice_by_hand():
    """p = 0.5 everywhere: I = 1, L = P = 2."""
    found = LOSSES.get("corrected_dice")(NOTHING, TARGET, intersection=7, total=10)
    assert found.item() == pytest.approx(1 - (2 * 1 + 7) / (2 + 2 + 10))


def test_a_pixel_costs_the_same_in_every_batch_by_corrected_dice():
    """And by dice not: what else the batch holds decides on which side of D / 2 a doubtful pixel falls."""
    empty, full = torch.zeros(1, 1, 8, 8), torch.ones(1, 1, 8, 8)
    gradients = {}
    for name in ("dice", "corrected_dice"):
        for rest in (empty, full):
            logits = torch.cat([empty - 1, 10 * rest - 5]).requires_grad_()
            LOSSES.get(name)(logits, torch.cat([empty, rest])).backward()
            gradients[name, rest is full] = logits.grad[0, 0, 0, 0].item()
    assert gradients["corrected_dice", True] == pytest.approx(gradients["corrected_dice", False], rel=1e-3)
    assert gradients["dice", True] > 1.5 * gradients["dice", False]


def test_lovasz_takes_a_soft_target_for_what_the_majority_marked():
    logits = torch.tensor([0.3, -0.2, 0.7]).reshape(1, 1, 1, 3)
    soft, hard = (torch.tensor(t).reshape(1, 1, 1, 3) for t in ([0.75, 0.5, 0.25], [1.0, 0.0, 0.0]))
    assert LOSSES.get("symmetric_lovasz")(logits, soft) == LOSSES.get("symmetric_lovasz")(logits, hard)


def test_a_recipe_adds_up_weighted_losses():
    logits = torch.tensor([1.0, -1.0, 0.5, 0.0]).reshape(1, 1, 2, 2)
    parts = {name: LOSSES.get(name)(logits, TARGET).item() for name in ("bce", "dice")}
    weighted = recipe_loss(recipe(loss="0.9*bce + 0.1*dice"))(logits, TARGET).item()
    assert weighted == pytest.approx(0.9 * parts["bce"] + 0.1 * parts["dice"])
    assert recipe_loss(recipe(loss="bce_dice"))(logits, TARGET).item() == pytest.approx(sum(parts.values()))
    assert recipe_loss(recipe(loss="focal"))(logits, TARGET) == LOSSES.get("focal")(logits, TARGET)


def test_a_recipe_gives_a_loss_its_options():
    logits = torch.tensor([1.0, -1.0, 0.5, 0.0]).reshape(1, 1, 2, 2)
    found = recipe_loss(recipe(loss="bce+0.1*tversky(alpha=0.7, beta=0.4)"))(logits, TARGET).item()
    parts = LOSSES.get("bce")(logits, TARGET), LOSSES.get("tversky")(logits, TARGET, alpha=0.7, beta=0.4)
    assert found == pytest.approx(parts[0].item() + 0.1 * parts[1].item())


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ("tversky(alfa=0.7)", 'no option of tversky "alfa"; did you mean "alpha"'),
        ("tversky(alpha=0)", "tversky: alpha = 0; give a number above 0"),
        ("tversky(alpha=inf)", "tversky: alpha = inf; give a number"),
        ("focal(gamma=0.5)", "focal: gamma = 0.5; give 0, the cross-entropy itself, or 1 and more"),
        ("focal(gamma='2')", "focal: gamma = '2'; give a number"),
        ("corrected_dice(total=0)", "corrected_dice: total = 0; give a number above 0"),
        ("symmetric_lovasz(measure='iou')", "symmetric_lovasz: measure = 'iou'; give jaccard or dice"),
        ("bce+cldice(iterations=-1)", "cldice: iterations = -1; give 0 or more"),
        ("cldice", 'loss = "cldice": cldice cannot be the only loss; add dice or bce'),
        ("hough+0.5*cldice", 'loss = "hough+0.5*cldice": hough+cldice cannot be the only loss; add dice or bce'),
        ("bce|dice", "loss = 'bce|dice'; give one sum, or one for each head of target hard, 1 in all"),
        ("dice(smooth=2)", "dice has no options; write it as dice"),
    ],
)
def test_losses_that_do_not_fit_are_refused(loss, words):
    with pytest.raises(UsageError, match=re.escape(f"lite0-fc-t5: {words}")):
        recipe_loss(recipe(loss=loss))


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_loss_takes_each_head_of_several(name):
    """Heads are slices, which lie apart in memory."""
    loss = recipe_loss(recipe(loss=SUMS[name], target="mean_min_max"))
    assert torch.isfinite(loss(torch.randn(2, 3, 4, 4), torch.rand(2, 3, 4, 4)))


def test_every_head_may_have_a_loss_of_its_own():
    """Place 3: the mean of Dice of the mask, and of the mean of Dice and cross-entropy of the labelers' mean."""
    generator = torch.Generator().manual_seed(11)
    logits, target = torch.randn(2, 2, 4, 4, generator=generator), torch.rand(2, 2, 4, 4, generator=generator)
    loss = recipe_loss(recipe(loss="0.5*corrected_dice+0.5*bce | corrected_dice", target="mean_hard"))
    (soft, hard), (mean, mask) = logits.split(1, dim=1), target.split(1, dim=1)
    dice, bce = LOSSES.get("corrected_dice"), LOSSES.get("bce")
    expected = (0.5 * dice(soft, mean) + 0.5 * bce(soft, mean)) / 2 + dice(hard, mask) / 2
    assert loss(logits, target).item() == pytest.approx(expected.item())


def test_coarser_levels_learn_the_same_target_at_their_weights():
    generator = torch.Generator().manual_seed(12)
    logits, target = torch.randn(2, 6, 4, 4, generator=generator), torch.rand(2, 2, 4, 4, generator=generator)
    keys = {"loss": "bce | dice", "target": "mean_hard"}
    found = recipe_loss(recipe(**keys, deep_supervision=[0.5, 0.1]))(logits, target)
    fine, *coarser = (recipe_loss(recipe(**keys))(level, target).item() for level in logits.split(2, dim=1))
    assert found.item() == pytest.approx(fine + 0.5 * coarser[0] + 0.1 * coarser[1])


def test_one_sum_stands_for_all_heads():
    assert recipe(loss="bce", target="mean_hard").loss_terms == recipe(loss="bce|bce", target="mean_hard").loss_terms


def test_label_smoothing_softens_the_cross_entropy_and_not_the_counts():
    """As torch smooths two classes; a twentieth of every pixel of the sky would outweigh the contrails in Dice."""
    logits = torch.tensor([1.0, -1.0, 0.5, 0.0]).reshape(1, 1, 2, 2)
    smoothed = recipe_loss(recipe(loss="bce+dice", label_smoothing=0.1))(logits, TARGET)
    two = torch.cat([torch.zeros_like(logits), logits], dim=1)
    peer = F.cross_entropy(two, TARGET[:, 0].long(), label_smoothing=0.1)
    assert smoothed.item() == pytest.approx((peer + LOSSES.get("dice")(logits, TARGET)).item(), abs=1e-6)


def test_what_is_not_known_adds_nothing_to_a_smoothed_loss():
    logits = torch.tensor([1.0, -1.0, 0.5, 0.0]).reshape(1, 1, 2, 2)
    loss = recipe_loss(recipe(loss="bce", label_smoothing=0.1, target="mean_hard"))
    both = torch.cat([TARGET, torch.full_like(TARGET, torch.nan)], dim=1)
    plain = recipe_loss(recipe(loss="bce", label_smoothing=0.1))(logits, TARGET)
    weight = TARGETS.facts("mean_hard").weights[0]
    assert loss(logits.repeat(1, 2, 1, 1), both).item() == pytest.approx(weight * plain.item(), abs=1e-6)


def test_smoothing_of_a_loss_without_cross_entropy_is_refused():
    with pytest.raises(UsageError, match=r"label_smoothing = 0\.1: dice has no cross-entropy"):
        recipe_loss(recipe(loss="dice", label_smoothing=0.1))


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_pixel_whose_target_is_not_known_teaches_nothing(name):
    """And all others learn as if it were certain sky."""
    generator = torch.Generator().manual_seed(7)
    logits, target = torch.randn(2, 3, 8, 8, generator=generator), torch.rand(2, 3, 8, 8, generator=generator).round()
    unknown = torch.zeros_like(target, dtype=torch.bool)
    unknown[0, 1:] = unknown[1, 2, :3] = True
    loss = recipe_loss(recipe(loss=SUMS[name], target="mean_min_max"))
    found, expected = (given.clone().requires_grad_() for given in (logits, logits.masked_fill(unknown, -50)))
    values = loss(found, target.masked_fill(unknown, torch.nan)), loss(expected, target.masked_fill(unknown, 0))
    assert values[0].item() == values[1].item()
    for value in values:
        value.backward()
    assert (found.grad[unknown] == 0).all()
    assert torch.equal(found.grad[~unknown], expected.grad[~unknown])
    assert (found.grad[~unknown] != 0).any()


@pytest.mark.parametrize("name", ["dice", "tversky"])
def test_counts_are_those_of_the_known_pixels(name):
    generator = torch.Generator().manual_seed(8)
    logits, target = torch.randn(1, 1, 4, 8, generator=generator), torch.rand(1, 1, 4, 8, generator=generator)
    rest = target.clone()
    rest[..., 5:] = torch.nan
    loss = LOSSES.get(name)
    assert loss(*known(logits, rest)).item() == pytest.approx(loss(logits[..., :5], target[..., :5]).item(), abs=1e-6)


def test_a_mean_weighs_a_known_pixel_the_same_in_every_batch():
    half = torch.stack([TARGET[0], torch.full_like(TARGET[0], torch.nan)])
    assert LOSSES.get("bce")(*known(torch.zeros(2, 1, 2, 2), half)).item() == pytest.approx(log(2) / 2)


def test_every_head_has_its_weight():
    """The share, and at half weight what all and what any labeler marked."""
    generator = torch.Generator().manual_seed(4)
    logits, target = torch.randn(2, 3, 4, 4, generator=generator), torch.rand(2, 3, 4, 4, generator=generator)
    parts = [F.binary_cross_entropy_with_logits(logits[:, k], target[:, k]).item() for k in range(3)]
    found = recipe_loss(recipe(loss="bce", target="mean_min_max"))(logits, target).item()
    assert found == pytest.approx(parts[0] + 0.5 * parts[1] + 0.5 * parts[2])
