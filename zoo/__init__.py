"""Zoo: data, inputs, members, models, training, and the cache of predictions.

>>> import zoo
>>> zoo.load_member("lite0-fc-t5").encoder
'tf_efficientnet_lite0'

Functions and nouns of the library are loaded when they are first used: importing `zoo` loads neither torch nor numpy.
The only room that may import torch, and only in `models`, `training`, `losses`, `augment`, `geometry`, `inference`,
`graph`, `export_formats` and `workflows`.
"""

from typing import TYPE_CHECKING

from core.lazy import lazy_exports

if TYPE_CHECKING:
    from zoo.data import Folds, Scenes, make_folds, open_scenes, read_folds
    from zoo.members import Recipe, load_member, load_members, member_names
    from zoo.runs import Ref, Store
    from zoo.workflows.export import export
    from zoo.workflows.load import load, open_predictions
    from zoo.workflows.pack import pack_scenes
    from zoo.workflows.predict import predict
    from zoo.workflows.pseudo import pseudo_label
    from zoo.workflows.train import train
    from zoo.workflows.tune import tune

_OWNERS = {
    "data": ("Folds", "Scenes", "make_folds", "open_scenes", "read_folds"),
    "members": ("Recipe", "load_member", "load_members", "member_names"),
    "runs": ("Ref", "Store"),
    "workflows.export": ("export",),
    "workflows.load": ("load", "open_predictions"),
    "workflows.pack": ("pack_scenes",),
    "workflows.predict": ("predict",),
    "workflows.pseudo": ("pseudo_label",),
    "workflows.train": ("train",),
    "workflows.tune": ("tune",),
}

__all__ = [
    "Folds",
    "Recipe",
    "Ref",
    "Scenes",
    "Store",
    "export",
    "load",
    "load_member",
    "load_members",
    "make_folds",
    "member_names",
    "open_predictions",
    "open_scenes",
    "pack_scenes",
    "predict",
    "pseudo_label",
    "read_folds",
    "train",
    "tune",
]

__getattr__, __dir__ = lazy_exports(__name__, _OWNERS)
