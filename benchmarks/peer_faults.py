"""Three faults, on this suite and on peers: a kill during a checkpoint, a flipped bit, a malformed submission.

    python -m benchmarks.peer_faults                    what is installed of lightning and zarr takes part
    python -m benchmarks.peer_faults --json FILE        the figures, for a table

A writer of checkpoints is killed by the kernel at a byte drawn at random, while it replaces an older checkpoint. A bit
is flipped in a file of maps, then the file is read as its library reads it. Malformed submissions go to the gate of
this suite; the kaggle client has no network here, and by its source sends any file (docs/reliability.md).
"""

import argparse
import json
import os
import random
import resource
import signal
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import UserError
from submissions import read_submission
from zoo.predictions import PredictionSet, PredictionWriter, Provenance
from zoo.runtime.checkpoints import load_state, save_state

STATE_BYTES = 1 << 20
RECORDS = 4
Maps = NDArray[np.uint8]


def state(epoch: int) -> dict[str, Any]:
    """State of a training after an epoch."""
    weights = torch.full((STATE_BYTES // 4,), float(epoch))
    return {"epoch": epoch, "network": {"weights": weights}}


def lightning_save() -> Callable[[dict[str, Any], Path], object] | None:
    """What Lightning's ModelCheckpoint saves by; None if it is not installed."""
    try:
        from lightning.fabric.plugins.io import TorchCheckpointIO  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    return lambda document, path: TorchCheckpointIO().save_checkpoint(document, path)


def plain_load(path: Path) -> dict[str, Any]:
    """Checkpoint as torch reads it."""
    document: dict[str, Any] = torch.load(path, weights_only=True)
    return document


def own_load(path: Path) -> dict[str, Any]:
    """State of this suite; ValueError for one that is damaged."""
    found = load_state(path)
    if found is None:
        raise ValueError
    return found


def killed_save(save: Callable[[], object], most: int) -> bool:
    """Save in a child that the kernel kills as soon as a file of it grows beyond `most` bytes: True if it was."""
    child = os.fork()
    if child == 0:
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
            save()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGXFSZ


def kills(number: int, draw: random.Random) -> dict[str, dict[str, int]]:
    """Of kills while a checkpoint replaces an older one: what can be loaded afterwards, by writer."""
    writers: dict[str, tuple[Callable[[dict[str, Any], Path], object], Callable[[Path], dict[str, Any]]]] = {
        "this suite": (lambda document, path: save_state(path, document), own_load),
        "torch.save to the path (nnU-Net)": (torch.save, plain_load),
    }
    if save := lightning_save():
        writers["Lightning's ModelCheckpoint"] = save, plain_load
    table = {}
    for name, (write, load) in writers.items():
        outcomes: Counter[str] = Counter()
        for _ in range(number):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "last.pt"
                write(state(1), path)
                if not killed_save(lambda write=write, path=path: write(state(2), path),  # type: ignore[misc]
                                   draw.randrange(1, STATE_BYTES)):  # fmt: skip
                    outcomes["not killed"] += 1
                try:
                    outcomes[f"epoch {load(path)['epoch']}"] += 1
                except Exception:
                    outcomes["lost"] += 1
        table[name] = dict(outcomes)
    return table


def maps() -> dict[str, Maps]:
    """Maps of a few records: sky with a smooth contrail, as networks give them."""
    rows, columns = np.mgrid[:256, :256]
    return {
        str(number): (255 * np.exp(-((rows - columns + 20 * number) ** 2) / 50.0)).astype(np.uint8)
        for number in range(RECORDS)
    }


def formats(folder: Path) -> Iterator[tuple[str, Path, Callable[[], dict[str, Maps]]]]:
    """Each way to keep maps: name, the file that holds most of it, and its reader."""
    written = maps()
    np.savez_compressed(folder / "a.npz", **written)  # type: ignore[arg-type]
    np.savez(folder / "b.npz", **written)  # type: ignore[arg-type]
    np.save(folder / "c.npy", np.stack(list(written.values())))

    def npz(path: Path) -> dict[str, Maps]:
        with np.load(path) as found:
            return {key: found[key] for key in found.files}

    yield "npz, compressed (nnU-Net)", folder / "a.npz", lambda: npz(folder / "a.npz")
    yield "npz", folder / "b.npz", lambda: npz(folder / "b.npz")
    yield "npy", folder / "c.npy", lambda: dict(zip(written, np.load(folder / "c.npy")))
    try:
        import zarr  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        pass
    else:
        place = folder / "d.zarr"
        zarr.save_array(str(place), np.stack(list(written.values())))
        chunk = max((path for path in place.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
        yield "zarr, its defaults", chunk, lambda: dict(zip(written, zarr.load(str(place))))
    provenance = Provenance(
        member="m", recipe="abc123", split="oof", fold="0", folds_sha256="0" * 64, checkpoint_sha256="0" * 64, code="0"
    )
    place = folder / "own"
    with PredictionWriter(place, provenance, list(written)) as writer:
        for record, one in written.items():
            writer.add(record, one)
    yield (
        "this suite",
        place / "shard-0000.zst",
        lambda: dict(zip(written, PredictionSet.open(place).maps(list(written)))),
    )


def flips(number: int, draw: random.Random) -> dict[str, dict[str, int]]:
    """Of single flipped bits: how many are found, harmless or missed, by format."""
    table, truth = {}, maps()
    with tempfile.TemporaryDirectory() as folder:
        for name, path, read in formats(Path(folder)):
            assert _same(read(), truth), name
            whole, outcomes = path.read_bytes(), Counter(found=0, harmless=0, missed=0)
            for _ in range(number):
                torn, bit = bytearray(whole), draw.randrange(8 * len(whole))
                torn[bit // 8] ^= 1 << bit % 8
                path.write_bytes(torn)
                try:
                    outcomes["harmless" if _same(read(), truth) else "missed"] += 1
                except Exception:
                    outcomes["found"] += 1
            path.write_bytes(whole)
            table[name] = dict(outcomes)
    return table


def _same(found: dict[str, Maps], truth: dict[str, Maps]) -> bool:
    return found.keys() == truth.keys() and all(np.array_equal(found[key], truth[key]) for key in truth)


# Rows after the header of a submission of records 1 and 2, each wrong in one way.
MALFORMED = {
    "no header": "1,-\n2,-\n",
    "other header": "id,rle\n1,-\n2,-\n",
    "a row twice": "record_id,encoded_pixels\n1,-\n1,-\n",
    "empty mask as nothing": "record_id,encoded_pixels\n1,\n2,-\n",
    "runs from 0": "record_id,encoded_pixels\n1,0 5\n2,-\n",
    "odd number of values": "record_id,encoded_pixels\n1,1 5 9\n2,-\n",
    "beyond the last pixel": "record_id,encoded_pixels\n1,65536 2\n2,-\n",
    "runs overlap": "record_id,encoded_pixels\n1,1 5 3 5\n2,-\n",
    "runs out of order": "record_id,encoded_pixels\n1,9 2 1 2\n2,-\n",
    "a length of 0": "record_id,encoded_pixels\n1,1 0\n2,-\n",
    "a decimal": "record_id,encoded_pixels\n1,1.0 5\n2,-\n",
    "id as a float": "record_id,encoded_pixels\n1e+18,-\n2,-\n",
    "cut off": "record_id,encoded_pixels\n1,1 5\n2",
    "empty file": "",
}


def gate() -> dict[str, bool]:
    """Malformed submissions that the gate of this suite refuses."""
    refused = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "submission.csv"
        for name, text in MALFORMED.items():
            path.write_text(text)
            try:
                read_submission(path)
                refused[name] = False
            except UserError:
                refused[name] = True
    return refused


def versions() -> dict[str, str]:
    """Releases that took part."""
    found = {}
    for name in ("torch", "numpy", "lightning", "zarr"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            print(f"{name}: is not installed, and left out")
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--flips", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    draw = random.Random(given.seed)
    took_part, killed, flipped, refused = versions(), kills(given.kills, draw), flips(given.flips, draw), gate()
    print(", ".join(f"{name} {number}" for name, number in took_part.items()))
    for name, outcomes in killed.items():
        print(f"{given.kills} kills, {name}: {json.dumps(outcomes)}")
    for name, outcomes in flipped.items():
        print(f"{given.flips} flipped bits, {name}: {json.dumps(outcomes)}")
    passed = [name for name, is_refused in refused.items() if not is_refused]
    print(f"{len(MALFORMED) - len(passed)} of {len(MALFORMED)} malformed submissions refused by this suite", *passed)
    if given.json:
        given.json.write_text(
            json.dumps({"versions": took_part, "kills": killed, "flips": flipped, "refused": refused}, indent=1)
        )


if __name__ == "__main__":
    main()
