"""Every row of the experiment log is a member, and a member's file says of the row what the row says."""

import re

import pytest

from zoo.data import SIZE
from zoo.members import load_member, member_names
from zoo.members.recipe import Logged

MEMBERS = {name: load_member(name) for name in member_names()}
ROWS = {member.log.row: member for member in MEMBERS.values() if member.log.row}
# What the log says of each row, and which validation score it notes first.
LOG = {
    1: ("baseline r18 t5 e15", 0.43907),
    2: ("baseline unet r18 t5 e100", 0.47794),
    3: ("unet r18 t5 flips e200", 0.54259),
    4: ("unet r18 t456 flips e200", 0.57122),
    5: ("unet r18 fc t5 flips e100", 0.567),
    6: ("unet r18 all_bands t5 flips e100 min_max", None),
    7: ("unet r18 all_bands t5 flips e100 mean_std", 0.54979),
    8: ("unet r18 fc t456 flips e100", 0.58363),
    9: ("unet r18 fc t456 flips e200 lrsch", 0.58386),
    10: ("unet r18 fc t456 flips e200 lrsch AdamW", 0.57889),
    11: ("unet resnet34 fc t456 flips e100", 0.59515),
    12: ("unet resnest26d fc t456 flips e100 lr 3e-4", 0.60265),
    13: ("unet resnest26d fc t456 flips e100 lrsch", 0.61026),
    14: ("unet seresnextaa101d_32x8d fc t5 flips + resize 512 e100", 0.58112),
    15: ("unet seresnextaa101d_32x8d fc t5 flips + resize 512 e200 SGD lrsch lr 0.2 bs 256", None),
    16: ("unet efficientnet_b0 fc t5 flips + crops e100 bs 64", 0.58909),
    17: ("unet efficientnet_b0 fc t5 flips + crops e300 bs 64, 512", 0.618),
    18: ("unet resnet34 fc t5 e30", 0.56470),
    19: ("unet resnet34 fc t456 e30", 0.58335),
    20: ("unet resnet34 fc t345 e30", 0.58359),
    21: ("unet resnet50d fc t5 384 lr 5e-4 AdamW", 0.59095),
    22: ("unet resnet50d fc t345 384 lr 5e-4 AdamW", 0.59311),
    23: ("unet resnest50d fc t5 384 schedule lr 3e-4 30 epochs AdamW", 0.60351),
    24: ("unet resnest50d fc t5 256 schedule lr 3e-4 30 epochs AdamW", 0.5918),
    25: ("unet resnest50d fc t5 384 schedule lr 3e-4 30 epochs AdamW", 0.602),
    26: ("unet resnest50d fc t345 384 schedule lr 1e-4 30 epochs AdamW", 0.596),
    27: ("unet resnest50d fc t5 512 schedule lr 3e-4 30 epochs AdamW", 0.634),
    28: ("unet resnest50d fc t345 512 schedule lr 1e-4 30 epochs AdamW", None),
    29: ("convnextv2_base fc t5 256, in stages", 0.61614),
    30: ("convnextv2_base fc t5 384 flips + random resized crops (8 epochs), early stopping", None),
    31: ("convnextv2_base fc t5 256, in stages, mosaic and cutmix", None),
}
LEADERBOARD = {1: 0.427, 11: 0.605, 13: 0.601, 14: 0.605, 17: 0.594, 23: 0.572, 24: 0.609, 25: 0.638, 26: 0.621}
NO_ROW = [
    *("lite0-fc-t5", "lite1-fc-t5", "lite2-fc-t5", "tf_efficientnet_b7-fc-t5-512", "maxvit_base_tf_512-fc-t5-512"),
    *("lite0-fc-t5-ema", "lite1-fc-t5-ema", "lite2-fc-t5-ema", "lite0-fc-t456", "lite0-fc-t5-staged"),
    *("resnet34-fc-t12345-e30", "resnet34-fc-t158-e30", "resnet34-fc-t5678-e30", "resnet34-fc-t12345678-e30"),
    *("resnet34-fc-t5-e30-focal", "resnet34-split_window-t5-e30"),
    *("lite0-fc-t5-bifpn", "lite0-fc-t5-mosaic-mixup-cutout"),
]
PUBLISHED = {name: member for name, member in MEMBERS.items() if member.log.source}
# Rows 1 to 17 come before refactor 2, up to 24 before refactor 3.
SECOND_FORM, LOSS_AT_LABEL = 18, 25
# From here on an unfrozen ConvNeXt V2: the zoo chooses the rate and the schedule of rows 23 to 28.
STAGED = 29
CROPS = "random_resized_crop"


def said(row):
    """Keys of a recipe and their values, as the words of the row give them."""
    text = LOG[row][0]
    words = re.findall(r"[\w.-]+", text)
    found = {"encoder": re.sub("^r(?=18$)", "resnet", next(w for w in words if re.match(r"r18|[a-z]+\w*\d", w)))}
    found["frames"] = tuple(map(int, next(w for w in words if re.fullmatch(r"t\d+", w))[1:]))
    found["decoder_form"] = 1 if row < SECOND_FORM else 2
    if "unet" in words or "baseline" in words:
        found["decoder"] = "unet"
    if "fc" in words:
        found["input"] = "fc"
    if "all_bands" in words:
        found["input"] = f"all_bands_{words[-1]}"
    if "flips" in words:
        found["augment"] = f"flips+{CROPS}" if "crops" in words else "flips"
    for key, pattern, kind in (
        ("size", r"\b(256|384|512)\b(?! epochs)", int),
        ("epochs", r"\be(\d+)\b|(\d+) epochs", int),
        ("lr", r"\blr (\S+)", float),
        ("batch", r"\bbs (\d+)", int),
    ):
        if match := re.search(pattern, text.replace("bs 256", "bs256") if key == "size" else text):
            found[key] = kind(match[1] or match[2])
    for name in ("SGD", "AdamW"):
        if name in words:
            found["optimizer"] = name.lower()
    if found.get("size", SIZE) != SIZE or "stages" in words or row >= LOSS_AT_LABEL:
        found["loss_at"] = "label" if row >= LOSS_AT_LABEL else "output"
    if "stages" in words:
        found["stages"] = ROWS[row].stages
    return found


def test_every_row_has_one_member_and_what_the_log_wants_tried_is_there():
    assert sorted(ROWS) == list(range(1, 32))
    assert len(ROWS) == sum(member.log.row is not None for member in MEMBERS.values())
    assert all(MEMBERS[name].log == Logged() for name in NO_ROW)
    assert set(MEMBERS) == {member.name for member in ROWS.values()} | set(NO_ROW) | set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_member_says_where_and_which_keys(name):
    """Places 1 to 4 and 6, and the paper; its keys exist, and it claims no row and no score of the log."""
    log = PUBLISHED[name].log
    last = {"arXiv 2304.02122": "paper"}.get(log.source, log.source.replace(" ", ""))
    assert re.search(rf"-{last}(-\w+)?$", name)
    assert {"encoder", "frames", "loss"} <= set(log.gave) | {"loss"}
    assert set(log.gave) <= set(PUBLISHED[name].resolved)
    assert (log.row, log.validation, log.leaderboard) == (None, None, None)


def test_every_place_whose_recipe_is_known_has_a_member():
    assert {member.log.source for member in PUBLISHED.values()} == {
        *("place 1", "place 2", "place 3", "place 4", "place 6"),
        "arXiv 2304.02122",
    }


@pytest.mark.parametrize("row", LOG)
def test_a_member_does_what_its_row_says_and_claims_no_more(row):
    member, found = ROWS[row], said(row)
    assert {key: getattr(member, key) for key in found} == found
    assert sorted(member.log.gave) == sorted(found)
    assert (member.log.validation, member.log.leaderboard) == (LOG[row][1], LEADERBOARD.get(row))


@pytest.mark.parametrize("row", LOG)
def test_what_a_row_leaves_open_is_filled_in_one_way(row):
    member, found = ROWS[row], said(row)
    filled = {"optimizer": "adam", "lr": 1e-3, "batch": 32, "loss": "dice", "weights": "imagenet", "augment": "none"}
    if row >= STAGED:
        filled |= {"optimizer": "adamw", "lr": 3e-4}
    assert {key: getattr(member, key) for key in filled} == filled | {k: v for k, v in found.items() if k in filled}
    # Without decay AdamW is Adam; torch's own is a hundredth. That of row 15 is the paper's.
    assert member.weight_decay == {"adam": 0.0, "adamw": 1e-2, "sgd": 1e-4}[member.optimizer]
    scheduled = row >= STAGED or re.search("lrsch|schedule", LOG[row][0])
    assert (member.schedule, bool(member.warmup)) == (("cosine", True) if scheduled else ("constant", False))
    assert not member.registered
    assert not member.crop


def test_the_stages_of_row_29_are_the_logs():
    member = ROWS[29]
    seen = [(s.epochs, s.freeze, s.augment, s.size, bool(s.patience)) for s in member.staged]
    assert seen == [
        (3, 1.0, "none", 256, False),
        (3, 0.0, "none", 256, False),
        (9, 0.0, "flips", 256, True),
        (6, 0.0, f"flips+{CROPS}", 256, True),
        (8, 0.0, f"flips+{CROPS}", 384, True),
    ]
    assert member.log.stages == (0.55106, 0.58134, 0.58710, 0.6124, 0.61614)
    last = member.final.resolved | {"stages": [], "freeze": 0.0}
    assert ROWS[30].resolved == last


def test_row_31_differs_from_row_29_in_what_it_augments_with():
    plain = [stage.augment for stage in ROWS[29].staged]
    mixed = [stage.augment for stage in ROWS[31].staged]
    assert mixed == [name if name == "none" else f"{name}+mosaic+cutmix" for name in plain]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_name_says_encoder_input_frames_and_size(name):
    member = MEMBERS[name]
    encoder = member.encoder.replace("tf_efficientnet_lite", "lite")
    looks_at = re.sub("^all_bands.*", "all_bands", member.input)
    size = f"-{member.final.size}" if member.final.size != SIZE else ""
    stem = f"{encoder}-{looks_at}-t{''.join(map(str, member.frames))}{size}"
    assert re.fullmatch(re.escape(stem) + r"(-[a-z][\w-]*)?", name)


def test_no_two_members_are_the_same():
    hashes = {member.hash(False, "") for member in MEMBERS.values()}
    assert len(hashes) == len(MEMBERS)


@pytest.mark.parametrize("name", [name for name in NO_ROW if name.startswith("resnet34")])
def test_a_variant_of_row_18_changes_one_key(name):
    mine, row = MEMBERS[name].resolved, ROWS[18].resolved
    assert len([key for key in row if mine[key] != row[key]]) == 1
