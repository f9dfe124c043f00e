"""Members' files: what they inherit, what is wrong in them, and what the command line changes."""

import pytest

from core.errors import UnknownName, UsageError, UserError
from zoo.members import fault_of, load_member, member_names, parse_setting, read_recipe, with_settings


@pytest.mark.parametrize("name", member_names())
def test_a_shipped_member_reads_and_its_own_recipe_stands_alone(name, tmp_path):
    recipe = load_member(name)
    path = tmp_path / f"{name}.toml"
    path.write_text(recipe.as_toml())
    assert load_member(str(path)).resolved == recipe.resolved
    assert set(recipe.log.gave) <= set(recipe.resolved)


def test_rows_of_the_log_are_as_logged():
    row = load_member("resnet18-fc-t5")
    assert (row.log.row, row.log.validation) == (5, 0.567)
    assert (row.encoder, row.optimizer, row.lr, row.batch, row.loss) == ("resnet18", "adam", 1e-3, 32, "dice")
    assert (row.decoder_form, row.augment, row.registered, row.epochs) == (1, "flips", False, 100)


def test_a_member_of_the_users_own_inherits(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "resnet18-fc-t5"\nsize = 512\n')
    mine = load_member("mine", tmp_path)
    assert (mine.name, mine.encoder, mine.size, mine.log.row) == ("mine", "resnet18", 512, None)
    assert load_member(str(path)).resolved == mine.resolved
    assert "mine" in member_names(tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('base = "resnet18-fc-t5"\nepoch = 3\n', 'no key "epoch"; did you mean "epochs"'),
        ('base = "resnet18-fc-5"\n', 'no member "resnet18-fc-5"; did you mean "resnet18-fc-t5"'),
        ("size = 256\n", "names neither `encoder` nor `base`"),
        ("size = \n", "not readable TOML"),
        ('base = "lite0-fc-t5"\nsize = "big"\n', "size = 'big'; give a whole number"),
        ('base = "lite0-fc-t5"\nsize = 250\n', "multiple of 32"),
        ('base = "lite0-fc-t5"\nloss = "dise"\n', 'did you mean "dice"'),
        ('base = "lite0-fc-t5"\nloss = "bce+dise"\n', 'did you mean "dice"'),
        ('base = "lite0-fc-t5"\nloss = "x*bce"\n', '"x" is not a number above 0; write it as 0.5*bce'),
        (
            'base = "lite0-fc-t5"\nloss = "0.5bce"\n',
            'loss = "0.5bce": "0.5bce" is not a valid term; write it as 0.5*bce',
        ),
        ('base = "lite0-fc-t5"\nloss = "bce + 0.5 dice"\n', '"0.5 dice" is not a valid term; write it as 0.5*dice'),
        ('base = "lite0-fc-t5"\nloss = "bce*0.5"\n', '"bce*0.5" is not a valid term; write it as 0.5*bce'),
        ('base = "lite0-fc-t5"\nloss = "0.5dise"\n', 'no loss "0.5dise"'),
        ('base = "lite0-fc-t5"\naugment = "d4+0.5mosaic"\n', '"0.5mosaic" is not a valid term; write it as 0.5*mosaic'),
        ('base = "lite0-fc-t5"\ncrop = 300\n', "crop = 300; give 0 for whole records, or pixels of the record's 256"),
        (
            'base = "lite0-fc-t5"\nsize = 128\ncrop = 96\n',
            "would see 48 pixels of it, and it takes multiples of 32; give 64, 128, 192, 0",
        ),
        ('base = "lite0-fc-t5"\nxyz = 3\n', 'no key "xyz"; nearest of '),
        ('base = "xyz"\n', "; run: cli zoo list"),
        ('base = "bad"\n', 'base = "bad": inherits from itself'),
        ('base = "bad.toml"\n', "inherits from itself; give another `base`"),
        ('base = "gone.toml"\n', "gone.toml: no such member file"),
        (
            'base = "lite0-fc-t5"\nstages = [{ lr = 1e-3 }, { lr = 1e-4 }]\n[log]\nstages = [0.5, 0.6, 0.7]\n',
            "[log] stages holds 3 scores and the member 2 stages",
        ),
        ('base = "lite0-fc-t5"\nloss = "0*bce+dice"\n', '"0" is not a number above 0'),
        ('base = "lite0-fc-t5"\nlabel_smoothing = 2\n', "give a share, 0 to 1"),
        ('base = "lite0-fc-t5"\ntarget = "means"\n', 'did you mean "mean"'),
        ('base = "lite0-fc-t5"\naugment = "d4+mosiac"\n', 'no augment "mosiac"; did you mean "mosaic"'),
        ('base = "lite0-fc-t5"\naugment = "2*mosaic"\n', '"2" is not a number above 0, up to 1'),
        ('base = "lite0-fc-t5"\naugment = "none+d4"\n', 'no augment "none"'),
        ('base = "lite0-fc-t5"\ninput = "fcc"\n', 'did you mean "fc"'),
        ('base = "lite0-fc-t5"\nframes = [4]\n', "frames"),
        ('base = "lite0-fc-t5"\nsize = 32\n', "would see 16 pixels"),
        ('base = "lite0-fc-t5"\nschedule = "onecycle"\n', 'did you mean "one_cycle"'),
        ('base = "lite0-fc-t5"\nschedule = "one_cycle"\nwarmup = 0.0\n', "0.3 is usual"),
        ('base = "lite0-fc-t5"\nmilestones = [0.7, 0.5]\n', "milestones = [0.7, 0.5]; give rising shares"),
        ('base = "lite0-fc-t5"\nmomentum = 1\n', "momentum = 1; give 0 to below 1"),
        ('base = "lite0-fc-t5"\nmin_lr = 1\n', "give no more than lr, 0.001"),
        ('base = "lite0-fc-t5"\naccumulate = 0\n', "give 1 to 1,000,000"),
        ('base = "lite0-fc-t5"\nclip_mode = "norms"\n', 'did you mean "norm"'),
        ('base = "lite0-fc-t5"\nlr = 0\n', "lr = 0"),
        ('base = "lite0-fc-t5"\nlr = 1e10\n', "above 0 and below 100"),
        ('base = "lite0-fc-t5"\nframes = [5, 5]\n', "each once"),
        ('base = "lite0-fc-t5"\nregistered = 1\n', "true or false"),
        ("base = 5\n", "`base` is the name of a member"),
        ('base = "lite0-fc-t5"\nlog = 5\n', "`[log]` a table"),
        ('base = "lite0-fc-t5"\n[log]\nrows = 3\n', 'did you mean "log.row"'),
    ],
)
def test_a_bad_member_file_is_answered_in_one_line(tmp_path, text, words):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(UserError) as caught:
        load_member("bad", tmp_path)
    said = str(caught.value)
    assert words in said
    assert said.startswith(f"{tmp_path / 'bad.toml'}: ")
    assert "\n" not in said
    assert len(said) < 300
    assert caught.value.exit_code == 1


def test_what_is_wrong_in_a_base_is_said_of_the_base(tmp_path):
    (tmp_path / "base.toml").write_text('base = "lite0-fc-t5"\nsize = 3\n')
    (tmp_path / "heir.toml").write_text('base = "base"\n')
    with pytest.raises(UserError, match=r"^\S*base\.toml: size = 3; give a multiple"):
        load_member("heir", tmp_path)


@pytest.mark.parametrize(
    ("changes", "keys", "blamed"),
    [
        ({}, ["optimizer"], "base.toml"),
        ({}, ["optimizer", "lr"], "heir.toml"),
        ({}, ["size"], "heir.toml"),
        ({}, ["jitter"], None),
        ({"lr": 0.5}, ["lr", "optimizer"], None),
        ({"lr": 0.5}, ["optimizer"], "base.toml"),
    ],
)
def test_a_fault_is_that_of_the_file_which_gave_the_key_or_of_the_call(tmp_path, changes, keys, blamed):
    (tmp_path / "base.toml").write_text('base = "lite0-fc-t5"\noptimizer = "a"\nlr = 0.1\nstages = [{ batch = 2 }]\n')
    (tmp_path / "heir.toml").write_text('base = "base.toml"\nlr = 0.2\nstages = [{ size = 512 }]\n')
    recipe = with_settings(load_member(str(tmp_path / "heir.toml")), changes).staged[0]
    with pytest.raises(UserError) as caught, fault_of(recipe, *keys):
        raise UsageError("heir: does not fit")
    told = f"{tmp_path / blamed}: does not fit" if blamed else "heir: does not fit"
    assert (str(caught.value), caught.value.exit_code) == (told, 1 if blamed else 2)


def test_what_a_run_wrote_down_and_was_spoilt_is_the_files_fault(tmp_path):
    (tmp_path / "recipe.toml").write_text('encoder = "resnet18"\nsize = 3\n')
    with pytest.raises(UserError, match=r"recipe\.toml: size = 3") as caught:
        read_recipe(tmp_path / "recipe.toml", "mine")
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("name", ["lite0", "xyz", "gone.toml"])
def test_a_member_that_is_not_there_is_the_calls_fault(name):
    with pytest.raises(UsageError) as caught:
        load_member(name)
    assert len(str(caught.value)) < 200


def test_a_path_to_what_is_no_members_file_is_told_what_one_is(tmp_path):
    (tmp_path / "folds.csv").write_text("record_id,fold\n")
    for path, words in {
        tmp_path / "folds.csv": "is no member's file; give a .toml",
        tmp_path: "is a folder; a member's file is a .toml",
        tmp_path / "gone": "no such member file; give a .toml",
    }.items():
        with pytest.raises(UsageError) as caught:
            load_member(str(path))
        assert str(caught.value) == f"{path}: {words}"


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("weights=none", "weights", "none"),
        ("lr=3e-4", "lr", 3e-4),
        ("frames=[4, 5]", "frames", [4, 5]),
        ("registered=true", "registered", True),
        ('weights="a b.pt"', "weights", "a b.pt"),
    ],
)
def test_a_setting_is_a_toml_value_or_a_bare_word(text, key, value):
    assert parse_setting(text) == (key, value)


def test_a_setting_with_a_typo_is_answered_with_the_nearest_key():
    with pytest.raises(UnknownName, match='no key "epoches"; did you mean "epochs"'):
        with_settings(load_member("lite0-fc-t5"), {"epoches": 3})


def test_a_path_in_a_members_file_stands_in_that_files_folder(tmp_path, monkeypatch):
    (tmp_path / "members").mkdir()
    (tmp_path / "members" / "mine.toml").write_text('base = "lite0-fc-t5"\nweights = "mine.pt"\n')
    (tmp_path / "heir.toml").write_text('base = "members/mine.toml"\n')
    monkeypatch.chdir(tmp_path)
    there = str(tmp_path / "members" / "mine.pt")
    assert load_member("members/mine.toml").weights == load_member("heir.toml").weights == there
    assert load_member("mine", tmp_path / "members").weights == there
    assert with_settings(load_member("heir.toml"), {"weights": "other.pt"}).weights == "other.pt"


def test_what_a_run_wrote_down_is_taken_at_its_word(tmp_path):
    """Runs of older releases are named by the text of a path, whatever folder they lie in."""
    recipe = with_settings(load_member("lite0-fc-t5"), {"weights": "mine.pt"})
    (tmp_path / "recipe.toml").write_text(recipe.as_toml())
    assert (
        read_recipe(tmp_path / "recipe.toml", recipe.name).hash(True, "x") == recipe.hash(True, "x") == "3dc9f7437bb5"
    )


def test_a_base_without_its_suffix_may_lie_beside_its_heir_and_takes_no_shipped_members_place(tmp_path):
    (tmp_path / "own.toml").write_text('base = "lite0-fc-t5"\nsize = 512\n')
    (tmp_path / "lite1-fc-t5.toml").write_text('base = "lite0-fc-t5"\nsize = 384\n')
    for base, size in (("own", 512), ("lite1-fc-t5", 256), ("lite1-fc-t5.toml", 384)):
        (tmp_path / "heir.toml").write_text(f'base = "{base}"\n')
        assert load_member(str(tmp_path / "heir.toml")).size == size


def test_a_users_member_may_bear_the_name_of_what_it_inherits_from(tmp_path):
    (tmp_path / "lite0-fc-t5.toml").write_text('base = "lite0-fc-t5"\nsize = 512\n')
    assert load_member("lite0-fc-t5", tmp_path).size == 512


def test_a_member_that_inherits_from_itself_is_refused(tmp_path):
    (tmp_path / "a.toml").write_text('base = "b"\n')
    (tmp_path / "b.toml").write_text('base = "a"\n')
    with pytest.raises(UserError, match=r'b\.toml: base = "a": inherits from itself'):
        load_member("a", tmp_path)


def test_a_file_whose_name_cannot_be_a_member_is_refused(tmp_path):
    (tmp_path / "my model.toml").write_text('base = "lite0-fc-t5"\n')
    with pytest.raises(UserError, match="rename the file"):
        load_member(str(tmp_path / "my model.toml"))
