"""Kaggle: a bundle for a notebook without internet, and sending a file with the official client.

In: files and their names in the bundle, figures, a finished submission. Out: a zip that was read back; the client's
answer. Stays outside: the choice of weights. No password or token is read here: the client has them.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import IO

from core.errors import UsageError, UserError
from core.extras import how_to_install
from core.files import atomic_write, require_folder, require_new_file, sha256_of_file
from core.locks import claim
from submissions.write import require_same

COMPETITION = "google-research-identify-contrails-reduce-global-warming"
LIMIT_HOURS = 9.0  # for a notebook
HIDDEN_RECORDS = 1860
BOARD_RECORDS = {"public": 279, "private": 1581}  # 15 % of the hidden records, and the others
# Pure Python packages that a prediction needs; the notebook's image has other releases of them, or none.
CARRIED = ("timm", "segmentation-models-pytorch", "ttach", "click")
# Packages that the image must have: compiled for its own Python and devices.
EXPECTED = (
    *("torch", "torchvision", "safetensors", "huggingface-hub", "numpy", "scipy", "joblib"),
    *("filelock", "backports.zstd", "click", "rich"),
)
LONGEST_ANSWER = 500  # characters of the client's output that are repeated
HIDDEN = "[hidden]"
_SECRET = re.compile(r"\b(?:KGAT_\w+|[0-9a-f]{32,})\b|(?<=Bearer )\S+|(?<=Basic )\S+", re.IGNORECASE)  # keys
NOT_PACKED = ("INSTALLER", "REQUESTED", "direct_url.json", "RECORD")  # they describe the installation

NOTEBOOK = """\
import os, pathlib, shutil, subprocess, sys; bundle, data = os.environ.get("BUNDLE", "/kaggle/input/{bundle}"), \
os.environ.get("DATA", "/kaggle/input/{competition}")
[shutil.unpack_archive(wheel, "suite", "zip") for wheel in pathlib.Path(bundle).glob("*.whl")]; \
shutil.copytree(f"{{bundle}}/runs", "runs", dirs_exist_ok=True)
subprocess.run([sys.executable, "-m", "cli", "submit", "--out", "submission.csv", "--ensemble", {ensemble!r}, \
"--runs", "runs", "--data", data, "--force"], env={{**os.environ, "PYTHONPATH": os.path.abspath("suite")}}, check=True)
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Time that a notebook with a bundle takes."""

    seconds_per_record: float | None  # all runs of all members, as measured here; None if they were not
    records: int = HIDDEN_RECORDS

    @property
    def hours(self) -> float | None:
        """Hours for all hidden test records, on a machine like this one."""
        return None if self.seconds_per_record is None else self.seconds_per_record * self.records / 3600

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings that the limit is, or may be, too short."""
        if self.hours is None:
            return ("the time for a record was not measured; predict once here to know the hours",)
        if self.hours > LIMIT_HOURS:
            return (
                f"{self.hours:.1f} hours for {self.records:,} records, the limit is {LIMIT_HOURS:g}: use fewer runs",
            )
        return ()


def notebook(bundle: str, ensemble: str) -> str:
    """Script of three lines that makes submission.csv; BUNDLE and DATA in the environment replace Kaggle's paths."""
    return NOTEBOOK.format(bundle=bundle, competition=COMPETITION, ensemble=ensemble)


def build_wheels(source: Path, folder: Path) -> list[Path]:
    """Build the suite's wheel from its checkout `source`, and those of CARRIED, without network."""
    return [_build_own(source, folder), *(_pack(name, folder) for name in CARRIED)]


def versions() -> dict[str, str]:
    """Releases here of the packages that the image must have."""
    found = {}
    for name in EXPECTED:
        try:
            found[name] = distribution(name).version
        except PackageNotFoundError:
            continue
    return found


def write_bundle(out: Path, files: Mapping[str, Path], texts: Mapping[str, str], force: bool = False) -> int:
    """Pack files and texts by their names in the zip; returns its size in bytes.

    The zip takes its name after every member was read back and compared. A zip that exists with the same content is as
    good as written. Raises UsageError as `require_bundle`, and if it exists with other content and not `force`.
    """
    require_folder(out)  # which a claim would make
    with claim(out):
        require_bundle(out)

        def check(candidate: Path) -> None:
            _compare(candidate, files, texts, out)
            require_same(out, sha256_of_file(candidate), force)

        with atomic_write(out, check) as file:
            _pack_all(file, files, texts)
        return out.stat().st_size


def require_bundle(out: Path) -> None:
    """Check, before a long computation, that `out` can be a bundle; raises UsageError if it cannot."""
    if out.is_dir() or out.suffix != ".zip":
        raise UsageError(f"{out}: a bundle is one zip; name it like contrail-bundle.zip")
    require_new_file(out, force=True)


def require_client(environment: Mapping[str, str] = os.environ) -> str:
    """Path of the kaggle client; UserError if it or its token is missing."""
    client = shutil.which("kaggle", path=environment.get("PATH"))
    if client is None:
        raise UserError("the kaggle client is not installed; install it: pip install kaggle")
    named = "KAGGLE_API_TOKEN" in environment or {"KAGGLE_USERNAME", "KAGGLE_KEY"} <= environment.keys()
    home = Path(environment.get("HOME", "~")).expanduser()
    folders = [Path(environment["KAGGLE_CONFIG_DIR"])] if "KAGGLE_CONFIG_DIR" in environment else []
    folders += [home / ".kaggle", home / ".config" / "kaggle"]
    filed = any((folder / name).is_file() for folder in folders for name in ("kaggle.json", "access_token"))
    if not named and not filed:
        raise UserError(
            "the kaggle client is not configured; make a token on kaggle.com (Settings, API) and put it where the "
            "client looks: ~/.kaggle/kaggle.json"
        )
    return client


def send(file: Path, message: str, competition: str = COMPETITION) -> str:
    """Send a finished file with the client; returns its answer. UserError with the answer if it refuses."""
    command = [require_client(), "competitions", "submit", "-c", competition, "-f", str(file), "-m", message]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
            assert client.stdout is not None
            said = _plain(_beginning(client.stdout))
    except OSError as error:
        raise UserError(f"{command[0]}: cannot be run ({error.strerror}); install the kaggle client again") from error
    if client.returncode:
        said = said or f"exit {client.returncode}"
        raise UserError(f"{file}: the kaggle client refused it ({said}); the file is kept")
    return said


def _beginning(stream: IO[bytes]) -> bytes:
    """First bytes of a stream, which is read to its end so that its writer does not block."""
    kept = stream.read(4 * LONGEST_ANSWER)
    while stream.read(1 << 16):
        pass
    return kept


def _plain(answer: bytes, environment: Mapping[str, str] = os.environ) -> str:
    """Client's answer as one short line, without the user's token and without other keys."""
    text = " ".join(answer.decode(errors="replace").split())
    for name in ("KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        if secret := environment.get(name):
            text = text.replace(secret, HIDDEN)
    text = _SECRET.sub(HIDDEN, text)
    return text if len(text) <= LONGEST_ANSWER else f"{text[:LONGEST_ANSWER]} ..."


def _build_own(source: Path, folder: Path) -> Path:
    if not (source / "pyproject.toml").is_file():
        raise UserError(
            f"{source}: holds no pyproject.toml; a bundle is made from a checkout of the suite: make install"
        )
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    built = sorted(folder.glob("contrail_ensemble-*.whl"))
    if done.returncode or not built:
        said = (done.stderr or done.stdout).strip().splitlines()
        why = said[-1] if said else f"exit {done.returncode}"
        raise UserError(f"{source}: no wheel could be built ({why}); is hatchling installed? pip install hatchling")
    return built[-1]


def _pack(name: str, folder: Path) -> Path:
    """Rebuild the wheel of an installed package that is pure Python from its files."""
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise UserError(f"{name} is not installed; run: {how_to_install('zoo')}") from error
    stem = f"{name.replace('-', '_')}-{found.version}"
    path = folder / f"{stem}-py3-none-any.whl"
    record = []
    with zipfile.ZipFile(path, "w") as archive:
        for inside, where in _own_files(found):
            data = where.read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            record.append(f"{inside},sha256={digest},{len(data)}\n")
            archive.writestr(_info(inside), data)
        listed = next(line for line in record if ".dist-info/" in line).partition("/")[0] + "/RECORD"
        archive.writestr(_info(listed), "".join([*record, f"{listed},,\n"]))
    return path


def _own_files(found: Distribution) -> list[tuple[str, Path]]:
    """Files that the package installed in site-packages, sorted: name there, path."""
    listed = [(str(file), Path(str(file.locate()))) for file in found.files or ()]
    return sorted(
        (name, path)
        for name, path in listed
        if not name.startswith("..") and not name.endswith(".pyc") and path.name not in NOT_PACKED and path.is_file()
    )


def _pack_all(file: IO[bytes], files: Mapping[str, Path], texts: Mapping[str, str]) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in texts.items():
            archive.writestr(_info(name), text)
        for name, path in files.items():
            with path.open("rb") as source, archive.open(_info(name), "w", force_zip64=True) as target:
                shutil.copyfileobj(source, target, 1 << 20)


def _info(name: str) -> zipfile.ZipInfo:
    """Entry with the same bytes at any time; weights and wheels are stored, since they do not shrink."""
    info = zipfile.ZipInfo(name)
    small = not name.endswith((".safetensors", ".whl"))
    info.compress_type = zipfile.ZIP_DEFLATED if small else zipfile.ZIP_STORED
    info.external_attr = 0o644 << 16
    return info


def _compare(candidate: Path, files: Mapping[str, Path], texts: Mapping[str, str], out: Path) -> None:
    with zipfile.ZipFile(candidate) as archive:
        for name in (*texts, *files):
            with archive.open(name) as packed:
                found = hashlib.file_digest(packed, "sha256").hexdigest()  # type: ignore[arg-type]
            meant = sha256_of_file(files[name]) if name in files else hashlib.sha256(texts[name].encode()).hexdigest()
            if found != meant:
                raise UserError(f"{out}: {name}: read back, it differs from what was packed; pack it again")


def bundle_json(ensemble: str, cost: Cost) -> str:
    """Text of bundle.json: the ensemble, its cost, the releases that it was made with."""
    document = {
        "format": 1,
        "ensemble": ensemble,
        "seconds_per_record": cost.seconds_per_record,
        "hours": cost.hours,
        "made_with": {"python": sys.version.split()[0], **versions()},
    }
    return json.dumps(document, indent=1) + "\n"
