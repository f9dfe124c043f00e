"""`zoo.workflows.tune`: a search that is resumed, and the member that it writes."""

import re

import pytest

from core.errors import UsageError, UserError
from tests.heard import Heard
from tests.zoo.training.cases import TINY_FILE, two_folds, write_scenes
from zoo.data import write_folds
from zoo.members import load_member
from zoo.runs import Store
from zoo.workflows.tune import tune

# As it is it learns nothing.
MINE = f"""{TINY_FILE}
lr = 1e-9
[tune]
lr = [1e-2, 3e-2]
batch = [2, 4]
"""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.fixture
def mine(tmp_path):
    """File of the member that is tuned."""
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return path


@pytest.fixture
def tunes(scenes, tmp_path, mine):
    """Tune in a store with two folds: result and what was heard."""
    write_folds(tmp_path / "runs" / "folds.csv", two_folds(scenes))

    def tunes(member=str(mine), listener=None, **options):
        heard = listener or Heard()
        options = {"device": "cpu", "jobs": 1, "listener": heard} | options
        return tune(member, scenes, Store(tmp_path / "runs"), **options), heard

    return tunes


def test_the_same_call_resumes_and_ends_with_a_member(tunes, tmp_path):
    tunes(trials=1, epochs=2)
    tuned, heard = tunes(trials=3, epochs=2)
    assert heard.infos[0] == f"mine: searches lr, batch; 1 of 3 trials are over; {tuned.tuning.path}"
    assert heard.tasks["tune mine"] == [3, 3]
    document = tuned.as_dict()
    assert [(trial["trial"], trial["as_it_is"]) for trial in document["trials"]] == [(0, True), (1, False), (2, False)]
    assert document["trials"][0]["values"] == {"lr": 1e-9, "batch": 8}
    assert document["dice_as_it_is"] == document["trials"][0]["dice"] < document["best"]["dice"]
    assert document["best"]["dice"] == max(trial["dice"] for trial in document["trials"])
    assert tuned.path == tmp_path / "runs/tuning/mine-tuned.toml"
    assert (document["best"]["chosen_among"], document["best"]["chosen_on_own_fold"]) == (3, True)
    assert 0 <= document["best"]["dice_corrected"] <= document["best"]["dice"]
    found = load_member(str(tuned.path))
    assert (found.name, found.lr, found.batch) == ("mine-tuned", *document["best"]["values"].values())
    frame = tuned.to_frame()
    assert list(frame["lr"]) == [trial["values"]["lr"] for trial in document["trials"]]
    assert list(frame["dice"]) == [trial["dice"] for trial in document["trials"]]


def test_a_key_that_is_given_is_not_searched(tunes):
    tuned, heard = tunes(trials=2, epochs=1, sets={"lr": 0.02})
    assert heard.infos[0].startswith("mine: searches batch (lr is given and fixed); 0 of 2 trials are over; ")
    assert [list(trial["values"]) for trial in tuned.as_dict()["trials"]] == [["batch"], ["batch"]]


def test_a_trial_that_was_cut_off_counts_once_and_keeps_its_number(tunes):
    def epochs(heard):
        return [line for line in heard.infos if ": epoch " in line]

    class CutOff(Heard):
        """Interrupts the search at its fifth epoch."""

        def info(self, text, do=None):
            super().info(text, do)
            if len(epochs(self)) == 5:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tunes(trials=3, epochs=3, listener=CutOff())
    _, heard = tunes(trials=3, epochs=3)
    assert "1 of 3 trials are over" in heard.infos[0]
    assert any(re.match("trial 1: .*resumes from epoch 3/3", line) for line in heard.infos)
    assert [line[:7] for line in epochs(heard)] == ["trial 1", "trial 2", "trial 2", "trial 2"]
    tuned, heard = tunes(trials=2, epochs=3)
    assert "3 trials are over, 2 asked for" in heard.infos[0]
    assert [trial["trial"] for trial in tuned.as_dict()["trials"]] == [0, 1, 2]


def test_if_no_trial_is_better_no_member_is_written(tunes, mine, tmp_path):
    mine.write_text(MINE.split("[tune]")[0] + "batch = 2\n[tune]\nbatch = [2]\n")
    tuned, heard = tunes(trials=2, epochs=1)
    assert (tuned.path, tuned.as_dict()["path"]) == (None, None)
    assert any(re.match(r"trial 0: Dice 0\.\d{4}  the member as it is", line) for line in heard.infos)
    assert not list((tmp_path / "runs" / "tuning").glob("*.toml"))


def test_a_shipped_member_brings_a_space_that_can_be_searched(tunes):
    tiny = {"encoder": "test_efficientnet", "weights": "none", "size": 64, "batch": 2, "decoder_channels": [8] * 5}
    first, second = tunes("lite0-fc-t5", trials=2, epochs=1, sets=tiny)[0].as_dict()["trials"]
    assert first["as_it_is"]
    assert first["values"].keys() == {"lr", "weight_decay", "crop", "crop_on_contrails", "jitter", "augment", "loss"}
    assert first["values"]["lr"] == 1e-3
    assert second["values"] != first["values"]
    assert [trial["epochs"] for trial in (first, second)] == [1, 1]


def test_epochs_are_counted_within_their_stage(tunes):
    _, heard = tunes(trials=1, sets={"stages": [{"epochs": 1}, {"epochs": 2}]})
    assert re.findall(r"trial 0(.*): epoch (\d/\d)", "\n".join(heard.infos)) == [
        *((" stage 1", "1/1"), (" stage 2", "1/2"), (" stage 2", "2/2"))
    ]


def test_a_value_that_cannot_be_tried_is_the_files_fault(tunes, mine, tmp_path):
    mine.write_text(MINE + 'optimizer = ["adamw", "adamm"]\n')
    words = "mine.toml: [tune] optimizer: 'adamm' cannot be tried: no optimizer"
    with pytest.raises(UserError, match=re.escape(words)) as raised:
        tunes(trials=1)
    assert not isinstance(raised.value, UsageError)
    assert not (tmp_path / "runs" / "tuning").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fold": "full"}, "trials are compared by the Dice of one fold"),
        ({"fold": "all"}, "the split has folds 0 to 1; give one of them"),
        ({"fold": "7"}, "the split has folds 0 to 1; give one of them"),
        ({"out": "mine.toml"}, "must have a new name"),
        ({"sets": {"lr": 1, "batch": 2}}, "left to search, since --set or --epochs fix lr, batch"),
        ({"epochs": 2, "sets": {"epochs": 3}}, "--epochs 2 and --set epochs=3 differ; give one of them"),
        ({"sets": {"lrr": 1}}, 'did you mean "lr"'),
    ],
)
def test_a_call_that_cannot_be_is_refused(tunes, mine, options, words):
    options |= {"out": mine} if "out" in options else {}
    with pytest.raises(UsageError, match=re.escape(words)):
        tunes(**options)
