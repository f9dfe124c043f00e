"""Every augmentation keeps one contract: image and label change together, all frames of a scene alike."""

from math import pi
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

import zoo.augment
from core.errors import UsageError
from core.registry import module_names
from zoo.augment import AUGMENTATIONS, augment, check_augment, crop, jitter, training_view
from zoo.geometry import VIEWS
from zoo.members import load_member, with_settings
from zoo.members.terms import Term, parse_terms

SIDE = 64
ADDING = ["copy_paste"]  # the label says what is added to the image, and is no copy of it
MOVING = [name for name in AUGMENTATIONS.names() if AUGMENTATIONS.facts(name).moves and name not in ADDING]
KEEPING = [name for name in AUGMENTATIONS.names() if not AUGMENTATIONS.facts(name).moves]


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def waves(n=6, frames=2, down=0.0):
    """Smooth scenes of mean 0, (n, frames, 3, 64, 64), each with waves of its own; `down` pixels down and right."""
    generator = seeded(5)
    at = (torch.arange(SIDE) + 0.5 - down) * 2 * pi / SIDE
    rates = torch.randint(1, 3, (n, 3, 2), generator=generator).float()
    phases = torch.rand(n, 3, 2, generator=generator) * 2 * pi
    rows, columns = ((rates[..., axis, None] * at + phases[..., axis, None]).sin() for axis in (0, 1))
    scenes = rows[..., :, None] * columns[..., None, :]
    return scenes[:, None].expand(-1, frames, -1, -1, -1).clone()


def dots():
    """Labels 0 or 1, (6, 1, 64, 64), few of them 1."""
    return (torch.rand(6, 1, SIDE, SIDE, generator=seeded()) > 0.98).float()


def alone(name, images, labels, offset=0.0, seed=1, **options):
    return AUGMENTATIONS.get(name)(images, labels, offset, seeded(seed), **options)


def test_an_augmentation_is_a_file_of_its_name():
    assert sorted(AUGMENTATIONS.names()) == module_names(Path(zoo.augment.__file__).parent)


@pytest.mark.parametrize("name", AUGMENTATIONS.names())
def test_an_augmentation_gives_new_scenes_of_the_same_kind(name):
    images, labels = waves(), torch.rand(6, 3, SIDE, SIDE, generator=seeded())
    kept = images.clone(), labels.clone()
    seen, marked = alone(name, images, labels)
    assert (seen.shape, seen.dtype) == (images.shape, images.dtype)
    assert (marked.shape, marked.dtype) == (labels.shape, labels.dtype)
    assert torch.isfinite(seen).all()
    assert ((marked >= 0) & (marked <= 1)).all()
    assert torch.equal(images, kept[0])
    assert torch.equal(labels, kept[1])


@pytest.mark.parametrize("name", AUGMENTATIONS.names())
def test_every_frame_of_a_scene_changes_alike(name):
    seen, _ = alone(name, waves(frames=3), torch.zeros(6, 1, SIDE, SIDE))
    assert torch.equal(seen[:, 0], seen[:, 2])


@pytest.mark.parametrize("name", AUGMENTATIONS.names())
def test_what_is_drawn_follows_from_the_generator(name):
    labels, generator = dots(), seeded(1)
    images = waves() * torch.tensor([1.0, 2.0])[:, None, None, None] - labels[:, None]
    one, _ = AUGMENTATIONS.get(name)(images, labels, 0.0, generator)
    same, other = (alone(name, images, labels, seed=seed)[0] for seed in (1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, images)
    draws = not torch.equal(generator.get_state(), seeded(1).get_state())
    assert torch.equal(one, other) != draws


@pytest.mark.parametrize("name", MOVING)
def test_a_label_drawn_on_the_image_stays_on_it(name):
    images = waves()
    seen, marked = alone(name, images, images[:, 0, :1])
    assert (seen[:, 0, :1] - marked).abs().max() < 1e-5


@pytest.mark.parametrize("name", AUGMENTATIONS.names())
def test_what_depends_on_a_map_that_is_not_known_is_not_known(name):
    """NaN for one guess at that map is NaN wherever two guesses differ, and nowhere far from there."""
    images, labels = waves(), torch.rand(6, 2, SIDE, SIDE, generator=seeded())

    def guessed(value):
        filled = labels.clone()
        filled[3:, 1] = value
        return alone(name, images, filled)[1]

    (low, high), marked = (guessed(value) for value in (0.0, 1.0)), guessed(torch.nan)
    unknown, differs = marked.isnan(), low != high
    assert unknown[differs].all()
    assert torch.equal(marked[~unknown], low[~unknown])
    assert not unknown[:, 0].any()
    near = F.max_pool2d(differs.float(), kernel_size=3, stride=1, padding=1) > 0
    assert near[unknown].all()


@pytest.mark.parametrize("name", ADDING)
def test_a_label_of_what_is_added_lies_where_it_is_added(name):
    """Where a label appears, in all heads, the image changes, and nowhere else but beside it."""
    labels = dots().repeat(1, 2, 1, 1)
    labels[:, 1, : SIDE // 2] = 0
    images = 0.5 + 0.1 * waves() - 0.2 * labels[:, None, :1]
    seen, marked = alone(name, images, labels)
    added = (marked != labels).any(dim=1)
    assert added.any(dim=(1, 2)).all()
    changed = (seen != images).any(dim=(1, 2))
    beside = F.max_pool2d((marked[:, 0] > 0).float(), kernel_size=3, stride=1, padding=1).bool()
    assert changed[added].all()
    assert not changed[~beside].any()
    assert torch.equal(marked[:, 1, SIDE // 2 :], marked[:, 0, SIDE // 2 :])


@pytest.mark.parametrize("name", KEEPING)
def test_a_label_stays_as_it_is_where_nothing_moves(name):
    labels = torch.rand(6, 2, SIDE, SIDE, generator=seeded())
    assert alone(name, waves(), labels)[1] is labels


@pytest.mark.parametrize("name", MOVING)
def test_a_label_half_a_pixel_off_stays_half_a_pixel_off(name):
    """Down and right of its image before and after, up to seams and the outermost pixels: the mean of a pixel and its
    neighbours above and to the left is what the image shows half a pixel up and left."""
    seen, marked = alone(name, waves(), waves(down=0.5)[:, 0, :1], offset=0.5)
    image = seen[:, 0, :1]
    half_up = (image[..., 1:, 1:] + image[..., :-1, 1:] + image[..., 1:, :-1] + image[..., :-1, :-1]) / 4
    wrong = (half_up - marked[..., 1:, 1:]).abs()[..., 1:-2, 1:-2]
    naive = (image - marked).abs()[..., 2:-2, 2:-2]
    assert wrong.flatten(1).quantile(0.9, dim=1).max() < 0.02
    assert naive.flatten(1).quantile(0.9, dim=1).max() > 0.05


def test_a_mirrored_label_is_a_pixel_off_where_it_is_mirrored_as_it_is():
    """As the log's rows did it."""
    images, labels = waves(), waves(down=0.5)[:, 0, :1]
    apart = [(alone("flips", images, labels, offset)[1] - labels).abs().amax(dim=(1, 2, 3)) for offset in (0, 0.5)]
    assert not torch.equal(*apart)
    assert torch.equal(alone("flips", images, labels, 0)[1], alone("flips", labels[:, None], labels, 0)[0][:, 0])


@pytest.mark.parametrize(("kind", "views"), [("flips", 4), ("d4", 8), ("rot90", 4), ("hflip", 1), ("vflip", 1)])
def test_every_view_is_drawn(kind, views):
    image = torch.rand(1, 1, 1, 8, 8, generator=seeded())
    seen, _ = alone(kind, image.expand(200, -1, -1, -1, -1), torch.zeros(200, 1, 8, 8))
    found = {tuple(scene.flatten().tolist()) for scene in seen}
    assert len(found) == views
    turned = {
        "rot90": [image.rot90(k, (-2, -1)) for k in range(4)],
        "hflip": [image.flip(-1)],
        "vflip": [image.flip(-2)],
    }
    assert found.issuperset(tuple(one.flatten().tolist()) for one in turned.get(kind, ()))


def test_mixup_mixes_labels_as_it_mixes_scenes():
    """Of scenes that are 0, 1, ... all over, labels as well: each is a mixture of its own with another's."""
    levels = torch.arange(5.0)[:, None, None, None].expand(-1, 1, 8, 8)
    seen, marked = alone("mixup", levels[:, None], levels)
    assert (seen[:, 0] - marked).abs().max() < 1e-6
    assert (seen.flatten(1).std(dim=1) < 1e-6).all()
    assert len(seen[:, 0, 0, 0, 0].unique()) == 5


@pytest.mark.parametrize(("name", "parts"), [("mosaic", 4), ("cutmix", 2)])
def test_a_composed_scene_is_made_of_others(name, parts):
    """Its own and others': every pixel is some scene's."""
    levels = torch.arange(8.0)[:, None, None, None].expand(-1, 1, SIDE, SIDE)
    seen, marked = alone(name, levels[:, None], levels)
    assert torch.equal(seen[:, 0], marked)
    for number, scene in enumerate(seen):
        values = set(scene.unique().tolist())
        assert number in values or name == "cutmix"
        assert len(values) <= parts
    assert max(len(scene.unique()) for scene in seen) == parts


def test_a_mosaic_shows_its_parts_at_their_own_scale():
    """Rows that count up still count up by one within each part."""
    count = torch.arange(float(SIDE))[:, None].expand(6, 1, SIDE, SIDE)
    seen, _ = alone("mosaic", count[:, None], count)
    steps = seen.diff(dim=-2)
    assert ((steps == 1).flatten(1).float().mean(dim=1) > 1 - 2 / SIDE).all()


def test_cutout_hides_scene_and_label():
    images, labels = waves() + 3, torch.ones(6, 1, SIDE, SIDE)
    seen, marked = alone("cutout", images, labels)
    hole = marked[:, 0] == 0
    share = hole.float().mean(dim=(1, 2))
    assert ((share > 0) & (share < 0.15)).all()
    changed = (seen != images).any(dim=(1, 2))
    assert torch.equal(changed, hole)


def test_a_crop_is_blown_up_and_never_shrunk():
    """The spread of a ramp falls by the side of the part that is shown."""
    ramp = torch.linspace(-1, 1, SIDE).expand(40, 1, 1, SIDE, SIDE)
    seen, _ = alone("random_resized_crop", ramp, torch.zeros(40, 1, SIDE, SIDE))
    sides = (seen.amax(dim=(1, 2, 3, 4)) - seen.amin(dim=(1, 2, 3, 4))) / 2
    assert ((sides > 0.55) & (sides < 1.01)).all()
    assert sides.std() > 0.05


@pytest.mark.parametrize("name", ["brightness_contrast", "colour", "gamma"])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_levels_know_no_unit(name, scale):
    """A scene in other units ends in other units: strengths follow its own spread."""
    images = waves()
    plain, scaled = (alone(name, images * factor, torch.zeros(6, 1, SIDE, SIDE))[0] for factor in (1.0, scale))
    assert (plain * scale - scaled).abs().max() < 1e-4 * scale


def test_a_share_of_the_scenes_is_changed():
    images, labels = waves(n=1).expand(400, -1, -1, -1, -1)[..., ::8, ::8], torch.zeros(400, 1, 8, 8)
    changed = [
        (augment(images, labels, [Term("brightness_contrast", share)], 0.0, seeded())[0] != images)
        .flatten(1)
        .any(dim=1)
        .float()
        .mean()
        for share in (None, 0.1, 1.0)
    ]
    assert changed == pytest.approx([0.5, 0.1, 1.0], abs=0.07)


def test_a_group_is_applied_to_its_share_of_the_scenes_as_a_whole():
    """Either both of its augmentations or none."""
    images = torch.rand(400, 1, 1, 8, 8, generator=seeded())
    labels = torch.zeros(400, 1, 8, 8)
    group = parse_terms("0.75*(1*hflip+1*vflip)", "augment", AUGMENTATIONS.names(), "mine", groups=True)
    seen, _ = augment(images, labels, group, 0.0, seeded())
    turned = [bool(torch.equal(one, image.flip(-1, -2))) for one, image in zip(seen, images)]
    kept = [bool(torch.equal(one, image)) for one, image in zip(seen, images)]
    assert sum(turned) + sum(kept) == 400
    assert sum(turned) / 400 == pytest.approx(0.75, abs=0.07)


@pytest.mark.parametrize(
    ("name", "options", "strongest"),
    [
        ("shift_scale_rotate", {"shift": 0, "scale": 0, "degrees": 0}, 0.0),
        ("shift_scale_rotate", {"shift": 0.01, "scale": 0, "degrees": 0}, 0.3),
        ("random_resized_crop", {"low": 1, "high": 1}, 1.5),  # the aspect ratio is drawn
        ("gamma", {"low": 1, "high": 1}, 0.0),
    ],
)
def test_options_say_how_strong_an_augmentation_is(name, options, strongest):
    images, labels = waves(), torch.zeros(6, 1, SIDE, SIDE)
    change = [(alone(name, images, labels, **given)[0] - images).abs().mean() for given in (options, {})]
    assert change[0] <= min(strongest + 1e-4, change[1])


def test_a_crop_is_as_large_as_it_is_told():
    """The spread of a ramp falls by the side of the part that is shown; the area is that times the other side."""
    at = torch.linspace(-1, 1, SIDE)
    ramps = torch.stack([at.expand(SIDE, SIDE), at[:, None].expand(SIDE, SIDE)]).expand(60, 1, 2, SIDE, SIDE)
    seen, _ = alone("random_resized_crop", ramps, torch.zeros(60, 1, SIDE, SIDE), low=0.2, high=0.3)
    sides = (seen.amax(dim=(1, 3, 4)) - seen.amin(dim=(1, 3, 4))) / 2
    assert sides.prod(dim=1).tolist() == pytest.approx([0.25] * 60, abs=0.07)


def test_time_runs_backwards_about_the_labelled_frame():
    images = torch.rand(2, 3, 3, 8, 8, generator=seeded())
    seen, _ = alone("time_reversal", images, torch.zeros(2, 1, 8, 8))
    assert torch.equal(seen[:, 1], images[:, 1])
    assert torch.equal(seen[:, 0], images[:, 2])


def test_a_contrail_is_as_strong_as_its_new_background_is_warm():
    """Its difference from the background grows with the contrast to the cloud's 223 K: the optical depth stays."""
    t14 = torch.tensor([283.0, 253.0, 303.0])  # of three scenes; the first has a contrail
    blue = ((t14 - 243) / 60)[:, None, None].expand(-1, SIDE, SIDE)
    images = torch.stack([torch.full_like(blue, 0.5), torch.full_like(blue, 0.6), blue], dim=1)[:, None].clone()
    labels = torch.zeros(3, 1, SIDE, SIDE)
    labels[0, :, 30:32] = 1
    images[0, 0, 0, 30:32] -= 0.12  # T15 - T14 falls by 0.72 K
    images[0, 0, 2, 30:32] -= 0.05  # T14 by 3 K
    seen, marked = alone("copy_paste", images, labels)
    change = (seen - images)[:, 0, :, 30:32].mean(dim=(-1, -2))
    for scene, contrast in ((1, 30), (2, 80)):
        assert change[scene].tolist() == pytest.approx([-0.12 * contrast / 60, 0, -0.05 * contrast / 60], abs=1e-5)
        assert torch.equal(marked[scene], labels[0])
    assert torch.equal(seen[0], images[0])  # no other scene has a contrail
    assert torch.equal(seen[1][..., :28, :], images[1][..., :28, :])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"augment": "0.95*(d4+shift_scale_rotate(scales=0.1))"}, 'no option of shift_scale_rotate "scales"; did you'),
        ({"augment": "shift_scale_rotate(degrees=200)"}, "shift_scale_rotate: degrees = 200; give degrees, 0 to 180"),
        ({"augment": "d4+0.5*cutout(side=2)"}, "cutout has no options; write it as cutout"),
        ({"augment": "time_reversal", "frames": [1, 2, 3, 4, 5]}, "time_reversal needs several frames in order, as"),
        ({"augment": "copy_paste", "input": "all_bands_min_max"}, "and the input is all_bands_min_max; give input=fc"),
        ({"augment": "copy_paste", "frames": [4, 5]}, r"the labelled frame alone; give frames=\[5\]"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(settings, words):
    recipe = with_settings(load_member("lite0-fc-t5"), settings)
    with pytest.raises(UsageError, match=f"^lite0-fc-t5: .*{words}|^lite0-fc-t5: {words}") as caught:
        check_augment(recipe)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("settings", [{"augment": "time_reversal", "frames": [4, 5, 6]}, {"augment": "copy_paste"}])
def test_what_fits_is_not_refused(settings):
    check_augment(with_settings(load_member("lite0-fc-t5"), settings))


def test_augmentations_follow_one_another():
    images, labels = waves(), waves()[:, 0, :1]
    both = augment(images, labels, [Term("mosaic", 1.0), Term("mixup", 1.0), Term("cutout", 1.0)], 0.0, seeded())
    generator = seeded()
    pair = images, labels
    for name in ("mosaic", "mixup", "cutout"):
        pair = AUGMENTATIONS.get(name)(*pair, 0.0, generator)
    assert torch.equal(both[0], pair[0])
    assert torch.equal(both[1], pair[1])
    assert (both[0][:, 0, :1] - both[1]).abs().max() < 0.05  # up to the hole's mean


@pytest.mark.parametrize(
    "names",
    [
        *("none", "d4", "mosaic+mixup+cutout", "flips+0.5*random_resized_crop+colour+0.25*blur"),
        *(
            "0.95*(rot90+0.5*hflip+0.75*shift_scale_rotate)",
            "0.5*(gamma+0.5*(mixup+cutout))+random_resized_crop(low=0.75)",
        ),
    ],
)
def test_a_recipe_names_its_augmentations(names):
    recipe = with_settings(load_member("lite0-fc-t5"), {"augment": names, "crop": 32, "jitter": 0.1})
    images, labels = torch.rand(4, 1, 3, 256, 256, generator=seeded()), torch.zeros(4, 1, 256, 256)
    seen, marked = training_view(recipe, images, labels, torch.device("cpu"), seeded())
    assert (seen.shape, marked.shape) == ((4, 1, 3, 32, 32), (4, 1, 32, 32))


def test_the_numbers_of_the_first_release_are_drawn_as_they_were():
    """One view of eight for each scene, nothing else drawn."""
    images, labels = waves(), waves()[:, 0, :1]
    seen, _ = augment(images, labels, load_member("lite0-fc-t5").augment_terms, 0.5, seeded())
    drawn = torch.randint(8, (6,), generator=seeded()).tolist()
    assert torch.equal(seen, torch.stack([VIEWS["d4"][k].apply(image) for k, image in zip(drawn, images)]))


def test_a_crop_shows_the_same_place_of_image_and_label():
    images = torch.rand(8, 1, 3, 256, 256, generator=seeded())
    labels = (images[:, :1, 0] > 0.999).float()
    seen, marked = crop(images, labels, 64, 0.5, seeded())
    assert seen.shape == (8, 1, 3, 64, 64)
    assert torch.equal((seen[:, :1, 0] > 0.999).float(), marked)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (255, 255), (0, 255), (100, 31)])
def test_a_crop_on_contrails_holds_one_wherever_it_lies(row, column):
    labels = torch.zeros(40, 1, 256, 256)
    labels[..., row, column] = 1
    _, marked = crop(torch.zeros(40, 1, 3, 256, 256), labels, 64, 1.0, seeded())
    assert (marked.sum(dim=(1, 2, 3)) == 1).all()


def test_no_crop_leaves_whole_scenes():
    images, labels = torch.rand(2, 1, 3, 256, 256), torch.zeros(2, 1, 256, 256)
    assert crop(images, labels, 0, 0.5, seeded())[0] is images


def test_jitter_changes_contrast_and_brightness_and_nothing_else():
    """Every channel is a linear function of what it was, the same in all frames of a scene."""
    images = torch.rand(4, 2, 3, 16, 16, generator=seeded())
    seen = jitter(images, 0.3, seeded())
    spread = (seen.std(dim=(-1, -2)) / images.std(dim=(-1, -2))).amax(dim=1)
    assert ((spread >= 0.7) & (spread <= 1.3)).all()
    assert len(spread.flatten().unique()) == 12
    for scene in range(4):
        for channel in range(3):
            pair = torch.stack([images[scene, 0, channel].flatten(), seen[scene, 0, channel].flatten()])
            assert torch.corrcoef(pair)[0, 1] > 0.99999
    assert jitter(images, 0.0, seeded()) is images
