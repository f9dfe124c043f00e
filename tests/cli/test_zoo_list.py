"""`cli zoo list` and `cli zoo show`: tables that fit, filters, sorting, and what a member costs."""

import json
from pathlib import Path

import pytest

from cli.app import run
from cli.tables.columns import GAP, Column, visible_columns
from core.files import write_text
from core.signing import write_signed
from tests.ensemble.runs import fake_runs
from tests.scenes import write_record
from zoo.members import load_member, member_names, with_settings
from zoo.runtime.memory import DeviceMemory

ROOT = Path(__file__).parents[2]


def asked(capsys, *words):
    code = run(["zoo", *words, "--json"])
    told = capsys.readouterr()
    return json.loads(told.out) if not code else (code, told.err)


def test_the_list_keeps_its_contract(capsys):
    rows = asked(capsys, "list")
    assert sorted(row["name"] for row in rows) == member_names()
    row = next(row for row in rows if row["name"] == "resnet18-fc-t5")
    assert row.items() >= {"encoder": "resnet18", "input": "fc", "frames": [5], "size": 256, "row": 5}.items()
    assert (row["logged_validation"], row["logged_leaderboard"]) == (0.567, None)
    assert (row["parameters"], row["gmacs"]) == (14_238_945, 4.651)


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal_and_every_name_is_whole(width, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    assert run(["zoo", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    first = "".join(line.split()[0] for line in lines[1:])
    assert all(name in first for name in member_names())


def test_the_columns_that_matter_most_get_the_room():
    columns = [Column("name", ("abc",), 0, False), Column("b", ("1234",), 2), Column("c", ("5",), 1)]
    widths = [4 + GAP, 4 + GAP, 1 + GAP]
    assert [c.title for c in visible_columns(columns, sum(widths) - GAP)] == ["name", "b", "c"]
    assert [c.title for c in visible_columns(columns, sum(widths) - GAP - 1)] == ["name", "c"]
    assert [c.title for c in visible_columns(columns, 1)] == ["name"]


def test_a_column_that_says_nothing_is_left_out():
    columns = [Column("name", ("abc",), 0, False), Column("b", ("-",), 1)]
    assert [c.title for c in visible_columns(columns, 100)] == ["name"]


def test_a_filter_asks_for_every_word(capsys):
    names = [row["name"] for row in asked(capsys, "list", "--filter", "RESNEST50D 512")]
    assert names == ["resnest50d-fc-t5-512", "resnest50d-fc-t345-512"]
    assert asked(capsys, "list", "--filter", "nothing of the kind") == []
    for words in ([], ["--markdown"]):
        assert run(["zoo", "list", "--filter", "nothing of the kind", *words]) == 0
        assert capsys.readouterr() == ("", 'no member contains "nothing of the kind"\n')


def test_a_word_of_frames_names_all_of_them(capsys):
    """t5 is in the names of t5678, too."""
    assert {str(row["frames"]) for row in asked(capsys, "list", "--filter", "t5")} == {"[5]"}
    assert {str(row["frames"]) for row in asked(capsys, "list", "--filter", "t456")} == {"[4, 5, 6]"}
    assert [row["name"] for row in asked(capsys, "list", "--filter", "t5-512-crops")] == [
        "efficientnet_b0-fc-t5-512-crops"
    ]


def test_sorting_rises_or_falls_and_keeps_what_has_no_value_last(capsys):
    for key, falling in (("gmacs", False), ("-logged_validation", True), ("row", False)):
        values = [row[key.removeprefix("-")] for row in asked(capsys, "list", "--sort", key)]
        known = [value for value in values if value is not None]
        assert known == sorted(known, reverse=falling)
        assert values[: len(known)] == known


def test_numbers_in_names_sort_as_numbers(capsys):
    names = [row["name"] for row in asked(capsys, "list", "--filter", "resnet34 e30", "--sort", "name")]
    assert names.index("resnet34-fc-t345-e30") < names.index("resnet34-fc-t12345-e30")


def test_a_mistyped_key_is_answered_with_its_nearest(capsys):
    code, error = asked(capsys, "list", "--sort", "gmax")
    assert code == 2
    assert 'did you mean "gmacs"' in error


def test_a_member_of_ones_own_is_listed_and_counted_when_it_is_shown(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "contrails.toml").write_text('members = "mine"\n')
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "small.toml").write_text('base = "lite0-fc-t5"\nencoder = "test_resnet"\nsize = 64\n')
    row = next(row for row in asked(capsys, "list") if row["name"] == "small")
    assert (row["parameters"], row["gmacs"]) == (None, None)
    shown = asked(capsys, "show", "small")
    assert 0 < shown["cost"]["parameters"] < 3_000_000
    assert shown["cost"]["gmacs"] > 0
    assert shown["estimate"]["gpu_gb"] > 0


def test_show_says_what_the_log_gave_what_it_costs_and_whose_the_weights_are(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert run(["zoo", "show", "convnextv2_base-fc-t5-384-staged"]) == 0
    told = capsys.readouterr().out
    lines = {line.split()[0]: line for line in told.splitlines() if line.strip()}
    assert lines["input"].rstrip().endswith("the log")
    assert lines["lr"].rstrip().endswith("the zoo")
    assert "epochs = 9, augment = flips, patience = 3" in told
    assert "row 29 of the log" in told
    assert "97.3 M weights" in told
    assert "cc-by-nc-4.0" in told
    assert "GB and" in told


def test_show_of_a_staged_member_shows_what_each_stage_trains_with_and_no_value_that_none_does(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert run(["zoo", "show", "convnextv2_base-fc-t5-384-staged"]) == 0
    keys, _, stages = capsys.readouterr().out.partition("stages, from the log;")
    shown = {line.split()[0] for line in keys.splitlines()[1:] if line.strip()}
    assert not shown & {"epochs", "size", "augment", "freeze", "patience", "stages"}
    assert {"lr", "batch", "ema"} <= shown
    rows = [line.split() for line in stages.splitlines() if line.split()[0].isdigit()]
    assert [row[-1] for row in rows] == ["0.55106", "0.58134", "0.5871", "0.6124", "0.61614"]
    assert "size = 256, augment = none, epochs = 3, patience = 0, freeze = 1.0" in stages
    assert "8, size = 384" in stages
    assert [len(stage) for stage in asked(capsys, "show", "convnextv2_base-fc-t5-384-staged")["stages"]] == [
        *(2, 2, 3, 2, 2)
    ]


def test_show_says_whose_a_value_is_and_what_a_gpu_lacks(capsys, tmp_path, monkeypatch):
    here = [DeviceMemory("NVIDIA A100", 80.0)]
    monkeypatch.setattr("pipeline.members.device_memory", lambda device: here[0])
    (tmp_path / "own.toml").write_text('base = "seresnextaa101d_32x8d-fc-t5-512-sgd"\nbatch = 512\n')
    assert run(["zoo", "show", str(tmp_path / "own.toml")]) == 0
    told = capsys.readouterr().out
    lines = {line.split()[0]: line.split()[1:] for line in told.splitlines() if line.strip()}
    assert (lines["batch"], lines["epochs"]) == (["512", "own.toml"], ["200", "the", "zoo"])
    assert "NVIDIA A100 has 80 GB, too little: give a smaller batch" in told
    assert run(["zoo", "show", "lite0-fc-t5-staged"]) == 0
    told = capsys.readouterr().out
    assert "logged Dice" not in told
    assert "NVIDIA A100 has 80 GB\n" in told
    here[0] = DeviceMemory("", 1.0)
    assert run(["zoo", "show", "lite0-fc-t5"]) == 0
    assert "no GPU here: about 1 GB of this machine's 1 GB, too little" in capsys.readouterr().out
    shown = asked(capsys, "show", "lite0-fc-t5")
    assert shown["device"] == {"card": "", "gb": 1.0} and shown["estimate"]["cpu_gb"] > shown["estimate"]["gpu_gb"]
    assert run(["zoo", "show", "seresnextaa101d_32x8d-fc-t5-512-sgd"]) == 0
    assert "row 15 of the log: no score (no better than row 14" in capsys.readouterr().out


def test_what_all_stages_change_alike_is_shown_once_and_where_it_comes_from(capsys, tmp_path):
    mine = tmp_path / "mine.toml"
    stages = "stages = [{ lr = 0.5, batch = 2 }, { lr = 0.5 }]"
    mine.write_text(f'base = "lite0-fc-t5"\n{stages}\n[log]\ngave = ["stages"]\n')
    assert run(["zoo", "show", str(mine)]) == 0
    told = capsys.readouterr().out
    lines = {line.split()[0]: line.split()[1:] for line in told.splitlines() if line.strip()}
    assert lines["lr"] == ["0.5", "the", "log"]
    assert lines["batch"] == ["2", "the", "log"]
    assert lines["2"] == ["same", "as", "before"]


def test_a_file_at_fault_is_left_out_of_the_list_and_named(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "contrails.toml", 'members = "mine"\n')
    write_text(tmp_path / "mine/bad.toml", 'base = "lite0-fc-t5"\nsize = 3\n')
    write_text(tmp_path / "mine/good.toml", 'base = "lite0-fc-t5"\n')
    assert run(["zoo", "list", "--json"]) == 0
    told = capsys.readouterr()
    assert sorted(row["name"] for row in json.loads(told.out)) == sorted([*member_names(), "good"])
    said = "mine/bad.toml: size = 3; give a multiple of 32 between 32 and 2048"
    assert (told.err.count("\n"), told.err.startswith("note: left out: "), said in told.err) == (1, True, True)
    code, error = asked(capsys, "show", "bad")
    assert (code, said in error) == (1, True)


def test_a_folder_is_no_member_whatever_its_name(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "contrails.toml", 'members = "mine"\n')
    (tmp_path / "mine" / "folder.toml").mkdir(parents=True)
    (tmp_path / "mine" / "lite0-fc-t5.toml").mkdir()
    assert run(["zoo", "list", "--json"]) == 0
    assert capsys.readouterr().err == ""
    code, error = asked(capsys, "show", "folder")
    assert (code, error.startswith('error: no member "folder"; '), '"folder"?' in error) == (2, True, False)


def test_a_list_in_two_forms_or_of_a_source_that_is_not_there_is_refused(capsys):
    assert asked(capsys, "list", "--markdown") == (2, "error: --markdown and --json differ; give one of them\n")
    code, error = asked(capsys, "list", "--data", "/nowhere")
    assert (code, error.startswith("error: /nowhere: no such data directory; ")) == (1, True)


def test_a_file_that_stands_for_a_shipped_member_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "contrails.toml", 'members = "mine"\n')
    write_text(tmp_path / "mine/lite0-fc-t5.toml", 'base = "lite0-fc-t5"\nepochs = 3\n')
    note = f"note: {tmp_path / 'mine/lite0-fc-t5.toml'} replaces the shipped member lite0-fc-t5\n"
    for words in (["list"], ["show", "lite0-fc-t5"], ["show", "lite1-fc-t5"]):
        assert run(["zoo", *words, "--json"]) == 0
        assert capsys.readouterr().err == ("" if "lite1-fc-t5" in words else note)


BAD = {
    "an encoder": ('encoder = "resnet81"\n', 'no encoder "resnet81"; did you mean "resnet18"?'),
    "an optimizer": ('optimizer = "adamx"\n', 'no optimizer "adamx"; did you mean "adamax"?'),
    "an optimizer of a stage": ('stages = [{ lr = 0.1 }, { optimizer = "adamx" }]\n', 'no optimizer "adamx"'),
    "a file of weights": ('weights = "gone.pt"\n', "gone.pt: no such file or folder; give a path, imagenet or none"),
    "a name of weights": ('weights = "imagnet"\n', 'did you mean "imagenet"?'),
    "nothing to smooth": ('loss = "dice"\nlabel_smoothing = 0.1\n', "dice has no cross-entropy"),
    "one size": ('encoder = "vit_base_patch16_clip_224"\n', "is built for one size"),
}


def test_what_cannot_be_trained_is_left_out_of_the_list_in_the_words_of_show(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text(tmp_path / "contrails.toml", 'members = "mine"\n')
    for number, (text, _) in enumerate(BAD.values()):
        write_text(tmp_path / f"mine/bad{number}.toml", f'base = "lite0-fc-t5"\n{text}')
    write_text(tmp_path / "mine/good.toml", 'base = "lite0-fc-t5"\nloss = "bce"\nlabel_smoothing = 0.1\n')
    assert run(["zoo", "list", "--json"]) == 0
    told = capsys.readouterr()
    assert sorted(row["name"] for row in json.loads(told.out)) == sorted([*member_names(), "good"])
    notes = told.err.splitlines()
    for number, (note, (_, words)) in enumerate(zip(notes, BAD.values(), strict=True)):
        assert note.startswith(f"note: left out: {tmp_path / f'mine/bad{number}.toml'}: ")
        assert words in note


@pytest.mark.parametrize("command", ["show", "train"])
@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_trained_is_said_of_its_file_by_show_and_by_train(capsys, tmp_path, command, case):
    text, words = BAD[case]
    for number in range(2):
        write_record(tmp_path / "scenes", "train", str(number), mask=9)
    write_text(tmp_path / "runs/folds.csv", "record_id,fold\n0,0\n1,1\n")
    write_text(tmp_path / "mine/bad.toml", f'base = "lite0-fc-t5"\n{text}')
    places = ["--data", str(tmp_path / "scenes"), "--runs", str(tmp_path / "runs")]
    assert run(["zoo", command, str(tmp_path / "mine/bad.toml"), *places]) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("error"))
    assert line.startswith(f"error: {tmp_path / 'mine/bad.toml'}: ")
    assert words in line


def test_show_of_a_hash_is_the_recipe_that_was_trained_and_what_differs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    listed = load_member("lite0-fc-t5")
    trained = {"0123456789ab": with_settings(listed, {"epochs": 3, "size": 128}), "0123ffffffff": listed}
    for recipe_hash, recipe in trained.items():
        write_text(tmp_path / "runs/members/lite0-fc-t5" / recipe_hash / "fold-full/recipe.toml", recipe.as_toml())
    shown = asked(capsys, "show", "lite0-fc-t5@01234")
    assert (shown["name"], shown["recipe"]) == ("lite0-fc-t5", "0123456789ab")
    assert shown["changed"] == {"size": 128, "epochs": 3}
    assert (shown["size"], shown["epochs"], shown["batch"]) == (128, 3, listed.batch)
    assert run(["zoo", "show", "lite0-fc-t5@01234"]) == 0
    told = capsys.readouterr()
    assert told.out.splitlines()[0].strip() == "lite0-fc-t5@0123456789ab"
    assert "differs from lite0-fc-t5: size=128 epochs=3" in told.out
    assert "a run keeps the weights of 2 epochs, 48 MB, until all folds are trained" in told.out
    lines = {line.split()[0]: line.rstrip() for line in told.out.splitlines() if line.strip()}
    assert lines["epochs"].endswith("its training")
    assert not lines["batch"].endswith("its training")
    assert run(["zoo", "show", "lite0-fc-t5@0123f"]) == 0
    assert "trained as lite0-fc-t5 is listed" in capsys.readouterr().out
    for name, words in {
        "lite0-fc-t5@0123": "is the beginning of several recipes; there are: lite0-fc-t5@0123456789ab, lite0-fc",
        "lite0-fc-t5@9": "lite0-fc-t5@9: was not trained in runs; there are: lite0-fc-t5@0123456789ab, lite0-fc",
        "resnet18-fc-t5@9": "resnet18-fc-t5@9: was not trained in runs; there is no run of it",
    }.items():
        code, error = asked(capsys, "show", name)
        assert (code, words in error) == (1, True), error


def test_show_of_a_recipe_marks_epochs_that_were_chosen_by_their_own_folds(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs/members/lite0-fc-t5/0123456789ab"
    write_text(folder / "fold-0/recipe.toml", load_member("lite0-fc-t5").as_toml())
    for fold, chosen_on in (("full", "last"), ("0", "other_folds"), ("1", "held_out")):
        write_signed(folder / f"fold-{fold}/result.json", {"format": 2, "epoch_chosen_on": chosen_on})
        known = {"full": None, "0": "other_folds", "1": "held_out"}[fold]
        assert asked(capsys, "show", "lite0-fc-t5@01")["epoch_chosen_on"] == known
        assert run(["zoo", "show", "lite0-fc-t5@01"]) == 0
        assert ("¶ epoch chosen on the fold that scores it" in capsys.readouterr().out) == (fold == "1")


def test_show_of_a_recipe_whose_member_is_not_listed_says_so(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = load_member("lite0-fc-t5")
    write_text(tmp_path / "runs/members/gone/0123456789ab/fold-0/recipe.toml", recipe.as_toml())
    assert asked(capsys, "show", "gone@0")["changed"] is None
    assert run(["zoo", "show", "gone@0"]) == 0
    assert "no member gone is listed to compare it with" in capsys.readouterr().out
    assert asked(capsys, "show", "gone")["recipe"] == "0123456789ab"


def test_a_member_of_a_file_is_trained_by_its_file(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = tmp_path / "runs/members/gone/0123456789ab/fold-0/recipe.toml"
    write_text(kept, load_member("lite0-fc-t5").as_toml())
    assert run(["zoo", "train", "gone"]) == 2
    said = "error: gone: was trained from a file of your own; name it, or the recipe as trained: runs/members/gone/"
    assert capsys.readouterr().err.startswith(said)


def test_keys_have_their_meaning_on_a_wide_page(capsys):
    assert run(["zoo", "show", "lite0-fc-t5", "--wide"]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("stem_stride"))
    assert "the encoder's first convolution, of stride 2, moves pixel by pixel" in line


def test_columns_without_room_are_named(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["zoo", "list"]) == 0
    told = capsys.readouterr()
    (line,) = [line for line in told.err.splitlines() if line.startswith("--wide also shows: ")]
    assert not [title for title in line.partition(": ")[2].split(", ") if title in told.out.splitlines()[0]]
    assert run(["zoo", "list", "--wide"]) == 0
    assert "--wide" not in capsys.readouterr().err


def test_the_docs_show_what_the_command_prints(capsys):
    """That no member is missing there is asked by `make test-zoo`."""
    assert run(["zoo", "list", "--sort", "row", "--markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    page = (ROOT / "docs" / "shipped.md").read_text()
    table = page[page.index(lines[0]) :].partition("\n\n")[0].splitlines()
    assert set(table) <= set(lines)
    assert len(table) > 31


def test_an_imported_member_is_listed_and_shown_with_its_predictions_and_scores(capsys, tmp_path):
    made = fake_runs(tmp_path, records=6, folds=2, noise=(1.0,))
    place, data = ("--runs", str(made.runs)), ("--data", str(made.data), "--jobs", "1")
    rows = {row["name"]: row for row in asked(capsys, "list", *place, *data)}
    assert len(rows) == len(member_names()) + 1
    assert (rows["m0"]["encoder"], rows["m0"]["recipe"], rows["m0"]["records"]) == (None, "abc123", 6)
    assert asked(capsys, "list", *place, "--filter", "m0 none") == []
    assert run(["zoo", "list", "--filter", "m0", *place]) == 0
    assert "m0" in capsys.readouterr().out
    shown = asked(capsys, "show", "m0", *place)
    assert [(one["split"], one["fold"]) for one in shown["predictions"]] == [("oof", "0"), ("oof", "1")]
    assert shown["scores"][0]["dice"] == rows["m0"]["dice"]
    assert run(["zoo", "show", "m0@abc", *place]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("m0@abc123: imported, or trained elsewhere") and "next: cli zoo errors m0@abc123" in err
    assert asked(capsys, "show", "m0", "--augmented", "x.png", *place)[0] == 2
