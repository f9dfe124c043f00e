"""Pseudo-labels of an ensemble: its frozen weights blend the labels of its members' runs, fold by fold."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import UserError
from ensemble import Ensemble, MemberUse
from pipeline.pseudo import pseudo_label_ensemble
from tests.scenes import write_record
from tests.tiny_runs import tiny_runs
from zoo.data import open_scenes, read_folds
from zoo.members import load_member, with_settings
from zoo.predictions import MemberMaps, find_members
from zoo.predictions.verify import verify_sets
from zoo.runs import Ref, Store
from zoo.training.pseudo import pin_pseudo


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Two members of unlike weights; record 3 lacks frame 4."""
    tiny = tiny_runs(tmp_path_factory.mktemp("pseudo"), records=1)
    for record_id in ("0", "1", "2", "3"):
        write_record(tiny.data, "train", record_id, mask=40, frames=[5] if record_id == "3" else [4, 5])
    return tiny


@pytest.fixture
def ensemble(tiny):
    fitted = Ensemble.load(Store(tiny.runs).ensemble("default"))
    first, second = fitted.members
    return replace(fitted, members=(replace(first, weight=3 << 14), replace(second, weight=1 << 14)))


def test_each_fold_is_blended_from_its_runs_by_the_frozen_weights(tiny, ensemble):
    store, scenes = Store(tiny.runs), open_scenes([tiny.data])
    for unlabelled in (False, True):
        made = pseudo_label_ensemble(store, ensemble, scenes, frames=[4], unlabelled=unlabelled, jobs=1)
        assert [each.predictions.provenance.fold for each in made] == ["0", "1"]
        for each in made:
            place = each.predictions.provenance
            assert (place.member, place.frame) == ("ensemble+default", 4)
            maps = [
                MemberMaps(use.name, tuple(s for s in find_members(store, place.split, [_ref(use)])[0].sets
                                           if s.provenance.fold == place.fold)).maps(each.predictions.record_ids)
                for use in ensemble.members
            ]  # fmt: skip
            expected = np.rint((3 * maps[0].astype(float) + maps[1]) / 4)
            assert np.abs(each.predictions.maps(each.predictions.record_ids) - expected).max() <= 1
            assert (maps[0] != maps[1]).any()
    assert verify_sets(store).faults == ()
    labelled = pseudo_label_ensemble(store, ensemble, scenes, frames=[4], jobs=1)
    assert [(set(each.predictions.record_ids), each.skipped) for each in labelled] == [({"0", "2"}, 0), ({"1"}, 1)]


def test_a_recipe_learns_from_an_ensemble_by_its_name_and_other_weights_are_other_labels(tiny, ensemble):
    store, scenes = Store(tiny.runs), open_scenes([tiny.data])
    pseudo_label_ensemble(store, ensemble, scenes, frames=[4], jobs=1)
    keys = {"pseudo": "ensemble+default", "pseudo_frames": [4]}
    recipe = pin_pseudo(with_settings(load_member("lite0-fc-t5"), keys), store, read_folds(store.folds))
    assert recipe.pseudo.startswith("ensemble+default@")
    other = replace(ensemble, members=tuple(replace(use, weight=1 << 15) for use in ensemble.members))
    made = pseudo_label_ensemble(store, other, scenes, frames=[4], jobs=1)
    assert str(made[0].predictions.provenance.ref) != recipe.pseudo
    with pytest.raises(UserError, match="several recipes have such labels"):
        pin_pseudo(with_settings(load_member("lite0-fc-t5"), keys), store, read_folds(store.folds))


def test_an_ensemble_that_cannot_label_is_refused(tiny, ensemble):
    store, scenes = Store(tiny.runs), open_scenes([tiny.data])
    with pytest.raises(UserError, match="was fitted on another folds.csv") as error:
        pseudo_label_ensemble(store, replace(ensemble, folds_sha256="other"), scenes)
    assert str(error.value.do).startswith("cli ensemble fit --members ")
    elsewhere = (MemberUse("elsewhere", "ab", "none", 2**16, ""),)
    with pytest.raises(UserError, match="member elsewhere has no runs here"):
        pseudo_label_ensemble(store, replace(ensemble, members=elsewhere), scenes)


def _ref(use):
    return Ref(use.name, use.recipe)
