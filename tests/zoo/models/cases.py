"""A recipe small enough for tests, and one encoder of every kind of pyramid."""

import timm
import torch
from safetensors.torch import save_file

from core.files import sha256_of_file
from zoo.members import load_member, with_settings

# Strides 2 to 32; 4 to 32; 4 to 32 with the channels behind; 2 to 32, built for one size.
PYRAMIDS = ["test_efficientnet", "test_convnext", "test_mambaout", "test_maxvit"]


def recipe(**keys):
    small = {"weights": "none", "encoder": "test_resnet", "size": 64, "batch": 2}
    return with_settings(load_member("resnet18-fc-t5"), small | keys)


def cached_weights(cache, name, tag):
    """Fresh weights of timm's `name` in the hub's cache: refs, snapshots, and blobs named by their hash.

    Gives them and the blob.
    """
    torch.manual_seed(5)
    whole = timm.create_model(name).state_dict()
    save_file(whole, cache / "model")
    home = cache / f"models--timm--{name}.{tag}"
    blob = home / "blobs" / sha256_of_file(cache / "model")
    snapshot = home / "snapshots" / "0123abc"
    for folder in (blob.parent, snapshot, home / "refs"):
        folder.mkdir(parents=True)
    (cache / "model").rename(blob)
    (snapshot / "model.safetensors").symlink_to(blob)
    (home / "refs" / "main").write_text("0123abc")
    return whole, blob
