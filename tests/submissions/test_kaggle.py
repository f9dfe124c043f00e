"""A bundle is what was packed, its cost is said, and the kaggle client gets the file or the user a reason."""

import ast
import zipfile
from pathlib import Path

import pytest

import submissions.kaggle
from core.errors import UsageError, UserError
from submissions.kaggle import COMPETITION, Cost, build_wheels, notebook, require_client, send, write_bundle


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    (tmp_path / "w").write_bytes(b"weights" * 1000)
    return {"runs/members/m/best.safetensors": tmp_path / "w"}


def test_the_zip_holds_what_was_packed_and_always_the_same_bytes(tmp_path: Path, files: dict[str, Path]) -> None:
    for name in ("a.zip", "b.zip"):
        size = write_bundle(tmp_path / name, files, {"notebook.py": "print()"})
    assert size == (tmp_path / "a.zip").stat().st_size
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["notebook.py", *files]
        assert archive.read("runs/members/m/best.safetensors") == b"weights" * 1000
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "b.zip", "w"]


@pytest.mark.parametrize(("name", "words"), [("a.zip", "--force"), ("bundle", "one zip"), ("a.tar", "one zip")])
def test_a_bundle_is_a_zip_that_is_not_there_yet(tmp_path: Path, files: dict[str, Path], name: str, words: str) -> None:
    (tmp_path / "a.zip").write_text("mine")
    with pytest.raises(UsageError, match=words):
        write_bundle(tmp_path / name, files, {})
    assert (tmp_path / "a.zip").read_text() == "mine"


def test_a_torn_zip_does_not_take_its_name(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submissions.kaggle, "sha256_of_file", lambda path: "0" * 64)
    with pytest.raises(UserError, match=r"best\.safetensors: read back, it differs"):
        write_bundle(tmp_path / "a.zip", files, {})
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


def test_the_script_is_three_lines_of_python() -> None:
    text = notebook("my-bundle", "it's")
    ast.parse(text)
    assert len(text.splitlines()) == 3
    assert "/kaggle/input/my-bundle" in text and f"/kaggle/input/{COMPETITION}" in text


@pytest.mark.parametrize(
    ("seconds", "hours", "words"),
    [(1.0, 1860 / 3600, None), (20.0, 10.33, "10.3 hours for 1,860"), (None, None, "not")],
)
def test_the_time_is_held_against_the_limit(seconds: float | None, hours: float | None, words: str | None) -> None:
    cost = Cost(seconds_per_record=seconds)
    assert cost.hours == (None if hours is None else pytest.approx(hours, abs=0.01))
    assert bool(cost.warnings) == bool(words)
    assert not words or words in cost.warnings[0]


def test_a_bundle_needs_the_sources_of_the_suite(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no pyproject"):
        build_wheels(tmp_path, tmp_path)
    (tmp_path / "pyproject.toml").write_text("[build-system]\n")
    with pytest.raises(UserError, match="no wheel could be built"):
        build_wheels(tmp_path, tmp_path)


def client(folder: Path, script: str) -> Path:
    """An executable named kaggle, and nothing else on PATH."""
    folder.mkdir(exist_ok=True)
    (folder / "kaggle").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "kaggle").chmod(0o755)
    return folder


def test_without_a_client_or_its_token_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not installed; install it: pip install kaggle"):
        require_client({"PATH": str(tmp_path), "HOME": str(tmp_path)})
    environment = {"PATH": str(client(tmp_path / "bin", "true")), "HOME": str(tmp_path)}
    with pytest.raises(UserError, match=r"not configured.*kaggle\.json"):
        require_client(environment)
    with pytest.raises(UserError, match="not configured"):
        require_client(environment | {"KAGGLE_USERNAME": "me"})
    assert require_client(environment | {"KAGGLE_USERNAME": "me", "KAGGLE_KEY": "k"}).endswith("bin/kaggle")
    (tmp_path / ".kaggle").mkdir()
    (tmp_path / ".kaggle" / "kaggle.json").touch()
    assert require_client(environment)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the fake client lies."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("KAGGLE_API_TOKEN", "none")
    return tmp_path / "bin"


def test_the_client_gets_the_file_as_it_lies_there(tmp_path: Path, configured: Path) -> None:
    client(configured, f'printf "%s\\n" "$@" > {tmp_path}/seen; echo "Successfully submitted"')
    assert send(tmp_path / "my s.csv", "default, local Dice 0.5") == "Successfully submitted"
    expected = ["competitions", "submit", "-c", COMPETITION, "-f", f"{tmp_path}/my s.csv", "-m"]
    assert (tmp_path / "seen").read_text().splitlines() == [*expected, "default, local Dice 0.5"]


def test_what_the_client_refuses_is_told_in_its_words(tmp_path: Path, configured: Path) -> None:
    client(configured, 'echo "403 - Forbidden" >&2; exit 1')
    with pytest.raises(UserError, match=r"s\.csv: the kaggle client refused it \(403 - Forbidden\)"):
        send(tmp_path / "s.csv", "x")


def test_the_clients_answer_is_short_and_holds_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client = tmp_path / "kaggle"
    client.write_text(
        '#!/bin/sh\necho "401 key $KAGGLE_KEY, 0123456789abcdef0123456789abcdef"\nhead -c 3000000 /dev/zero\nexit 1\n'
    )
    client.chmod(0o755)
    for name, value in {
        "PATH": f"{tmp_path}:/usr/bin:/bin",
        "KAGGLE_USERNAME": "me",
        "KAGGLE_KEY": "secret-key",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=r"refused it \(401 key \[hidden\], \[hidden\]") as caught:
        send(tmp_path / "s.csv", "message")
    assert len(str(caught.value)) < 1000
