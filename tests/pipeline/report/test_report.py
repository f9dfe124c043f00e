"""The report of real predictions, of runs of an older release, and of an empty folder."""

import io
import re
import shutil
from html import escape
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.tables.leaderboard import print_leaderboard
from cli.tables.page import Page
from core.command import Command
from core.errors import UsageError, UserError
from core.files import sha256_of
from core.listener import Silent
from ensemble import Ensemble, FitJob, FitOptions, fit_runs
from ensemble.model import to_document
from pipeline.leaderboard import current_leaderboard
from pipeline.report import board, write_report
from pipeline.report.asked import Noted
from pipeline.report.gallery import _chosen
from submissions.ledger import Sent, append
from tests.ensemble.runs import fake_runs
from tests.golden.test_runs import KEPT as GOLDEN
from tests.heard import Heard
from tests.webpage.browser import CHROMIUM, Browser
from tests.webpage.cases import HOSTILE, parsed
from zoo.data import open_scenes
from zoo.runs import Store

KEPT = Path(__file__).parents[2] / "fixtures" / "real_runs"
SECTIONS = ["next", "leaderboard", "curves", "ensemble", "correlation", "errors", "records", "ledger"]
NAME = HOSTILE[:70]


@pytest.fixture(scope="module")
def scenes(real_scenes):
    return open_scenes([real_scenes, real_scenes / "ash_color"])


@pytest.fixture(scope="module")
def made(scenes, tmp_path_factory):
    """The page on the real predictions, with an ensemble and a submission that has a hostile name, and its text."""
    folder = tmp_path_factory.mktemp("report")
    store = Store(shutil.copytree(KEPT, folder / "runs"))
    fit_runs(store, scenes, FitJob(options=FitOptions("uniform", "component"), jobs=1)).save(store)
    digest = sha256_of(to_document(Ensemble.load(store.ensemble("default"))))
    sent = Sent(name=NAME, ensemble_sha256=digest, local=0.5, interval=(0.45, 0.55), records=279, note="<b>bold</b>")
    append(store.ledger, sent, public=0.51)
    written = write_report(store, folder / "report.html", scenes, jobs=1, spell=lambda command: f"{command} --runs R")
    return written, written.path.read_text()


def test_every_section_of_the_real_predictions_is_there_but_the_curves(made):
    written, html = made
    found = parsed(html)
    assert [own["id"] for own in found.all("section")] == list(written.sections) == SECTIONS
    assert list(written.missing) == ["curves"]
    assert written.as_dict()["bytes"] == len(html.encode()) < 2e6
    text = found.text()
    assert "has an epoch; run: cli zoo train --fold all --runs R" in text
    assert "0.5103 [0.4800, 0.5406]" in text  # of lite0-fc-t5, on the leaderboard, as docs/results.md has it
    assert "0.682 [0.553, 0.788]" in text  # of a labeler, as `zoo errors` has it
    assert "211 records in 210 scene groups (" in text
    assert text.count("cross-fitted Dice, 95 % interval") == 2
    assert "+0.2056 [+0.1151, +0.2926]" in text  # how far the second is behind, as `zoo leaderboard` has it


def test_the_leaderboards_columns_have_the_words_of_the_command_lines_table(made):
    titles = {column.title for column in board.COLUMNS}
    page = Page(file=io.StringIO())
    print_leaderboard(page, current_leaderboard(Store(made[0].path.parent / "runs")))
    printed = {column.title for _, columns in page.tables for column in columns}
    assert printed - titles == {"Dice", "95 % interval", "groups (effective)"}, "which the page joins"


def test_names_of_the_ledger_are_text_and_its_scores_have_the_interval_of_their_board(made):
    html = made[1]
    assert NAME not in html and escape(NAME).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in html
    text = parsed(html).text()
    assert NAME in text and "<b>bold</b>" in text
    assert "0.5100 [0.4599, 0.5599]" in text


def test_scenes_have_their_layers_frames_and_labelers(made):
    html = made[1]
    scenes = html.split('<ul class="scenes">')[1:]
    assert [group.count("<figcaption>") for group in scenes] == [8, 4, 4]
    (with_frames,) = (one for one in scenes[0].split("<li>") if "1000603527582775543" in one)
    layers = re.findall(r'data-layer="(\w+)"', with_frames)
    assert layers[:8] == ["ash"] * 8
    assert layers[8:] == ["probability", "right", "false", "missed", "truth", *(f"labeler{n}" for n in (1, 2, 3, 4))]
    assert 'aria-valuetext="t5, labelled"' in with_frames and "t1, -40 min" in with_frames
    assert "positive_062</strong> Dice" in scenes[0], "the record with the most wrong pixels"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")
def test_a_browser_asks_for_nothing_and_complains_of_nothing(made, tmp_path):
    with Browser(tmp_path) as browser:
        browser.open(made[0].path)
        assert browser.run("[...document.images].every(image => image.naturalWidth === 256)")
        assert browser.run("document.querySelectorAll('.data thead button').length") > 20
        assert (len(browser.requests), browser.complaints) == (1, [])
        browser.open(made[0].path, width=390, dark=True)
        assert browser.run("document.documentElement.scrollWidth") == 390


def test_without_data_what_needs_labels_names_the_command(made, tmp_path):
    store = Store(made[0].path.parent / "runs")
    html = write_report(store, tmp_path / "report.html").path.read_text()
    text = parsed(html).text()
    assert text.count("no data is named, which has the labels and pictures") == 3
    assert text.count("cli report --data DIR") == 4
    assert "0.5103 [0.4800, 0.5406]" in text, "scores that were kept need no data"


def test_the_best_and_the_worst_records_are_those_of_all():
    sizes = range(1, 19)  # pixels of truth: the larger a record, the better its Dice and the more pixels are wrong
    records = [SimpleNamespace(record_id=f"r{n:02}", truth=10 * n, dice=n / 20, wrong=n) for n in sizes]
    ranked = sorted(records, key=lambda one: -one.wrong)
    groups = _chosen(SimpleNamespace(records=records, worst=lambda count: ranked[:count]))
    shown = {title: [one.record_id for one in chosen] for title, chosen in groups.items()}
    assert shown["Most wrong pixels"] == [f"r{n:02}" for n in range(18, 10, -1)]
    assert shown["Best Dice"] == ["r18", "r17", "r16", "r15"]
    assert shown["Around the median Dice"] == ["r07", "r06", "r05", "r04"]


def test_next_steps_can_be_followed_and_warnings_stand_with_the_fit(made):
    first, fit = (made[1].partition(f'id="{name}"')[2].partition("</section>")[0] for name in ("next", "ensemble"))
    assert fit.count("Warning: ") >= 1 and "Warning" not in first
    assert first.count("<li>") == first.count("<code") >= 1


def test_an_empty_folder_says_how_to_begin(tmp_path):
    store = Store(tmp_path / "runs")
    with pytest.raises(UserError, match="there is no runs folder here"):
        write_report(store, tmp_path / "report.html")
    store.root.mkdir()
    written = write_report(store, tmp_path / "report.html")
    text = parsed(written.path.read_text()).text()
    assert list(written.missing) == SECTIONS[1:]
    assert "no member has predictions yet: train one cli zoo train --fold all" in text


def test_without_an_ensemble_the_best_members_records_are_shown(tmp_path):
    fake = fake_runs(tmp_path, records=6, noise=(1.0, 2.5))
    scenes = open_scenes(fake.data)
    written = write_report(Store(fake.runs), tmp_path / "report.html", scenes, jobs=1)
    found = parsed(written.path.read_text())
    text = found.text()
    assert written.missing["ensemble"] == written.missing["correlation"] == "no ensemble is fitted yet"
    assert "no ensemble is fitted yet cli ensemble fit" in text
    assert "m0@abc123: cross-fitted Dice" in text
    layers = {own.get("data-layer") for own in found.all("img")}
    assert "probability" in layers and "ash" not in layers, "these scenes have no bands"
    with pytest.raises(UserError, match=r'"mine"|mine'):
        write_report(Store(fake.runs), tmp_path / "report.html", scenes, name="mine", jobs=1)


def test_an_ensemble_that_is_named_as_a_member_has_its_own_errors(tmp_path):
    fake = fake_runs(tmp_path, records=6, noise=(1.0, 2.5))
    scenes, store = open_scenes(fake.data), Store(fake.runs)
    fit_runs(store, scenes, FitJob(options=FitOptions("uniform", "none"), name="m0", jobs=1)).save(store)
    written = write_report(store, tmp_path / "report.html", scenes, name="m0", jobs=1)
    assert "errors" not in written.missing and "records" not in written.missing


def test_runs_of_an_older_release_have_curves_with_their_stages(tmp_path):
    store = Store(shutil.copytree(GOLDEN, tmp_path / "runs"))
    written = write_report(store, tmp_path / "report.html")
    html = written.path.read_text()
    found = parsed(html)
    assert "curves" not in written.missing
    names = [text for tag, text in found.texts if tag == "figcaption"]
    assert {name.partition("@")[0] for name in names} == {"tiny", "tiny-staged"}
    assert "fold 0 seed 3" in found.text()
    assert 'class="dot s0"' in html, "the epoch that was kept"


def test_a_damaged_curve_is_left_out_with_a_note(tmp_path):
    store = Store(shutil.copytree(GOLDEN, tmp_path / "runs"))
    (path,) = store.root.glob("members/tiny-staged/*/*/epochs.jsonl")
    path.write_text("{}\n")
    heard = Heard()
    html = write_report(store, tmp_path / "report.html", listener=heard).path.read_text()
    assert "tiny-staged@" not in "".join(re.findall("<figcaption>.*?<", html))


def test_equal_notes_are_passed_on_once_and_those_with_a_command_are_kept():
    heard: list[str] = []

    class Kept(Silent):
        def note(self, text, do=None):
            heard.append(text)

    noted = Noted(Kept())
    for _ in range(2):
        noted.note("a", Command("zoo train"))
        noted.note("b")
    assert heard == ["a", "b"]
    assert noted.kept == [("a", Command("zoo train"))]


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError):
        write_report(Store(tmp_path), tmp_path)


def test_only_a_report_is_replaced(tmp_path):
    report, store = tmp_path / "report.html", Store(tmp_path / "runs")
    store.root.mkdir()
    write_report(store, report)
    write_report(store, report)
    folds = tmp_path / "folds.csv"
    folds.write_text("record_id,fold\n")
    with pytest.raises(UsageError, match=r"folds\.csv: is no report, and is not replaced"):
        write_report(store, folds)
    assert folds.read_text() == "record_id,fold\n"
