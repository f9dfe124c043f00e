"""A recipe small enough for tests, and one encoder of every kind of pyramid."""

from zoo.members import load_member, with_settings

# Strides 2 to 32; 4 to 32; 4 to 32 with the channels behind; 2 to 32, built for one size.
PYRAMIDS = ["test_efficientnet", "test_convnext", "test_mambaout", "test_maxvit"]


def recipe(**keys):
    small = {"weights": "none", "encoder": "test_resnet", "size": 64, "batch": 2}
    return with_settings(load_member("resnet18-fc-t5"), small | keys)
