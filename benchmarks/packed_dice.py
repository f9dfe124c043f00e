"""How packing changes the channels of members and the Dice of a trained one.

    python -m benchmarks.packed_dice --data DIR [--data DIR] [--runs RUNS --member M@HASH] [--json FILE]

Errors of the channels of each input that can be made of ash colours, for three ways to keep them: uint8 colours,
float16 colours, uint16 kelvins in steps of 0.01. With a trained member, its held-out records are predicted from the raw
scenes and from packed ones: global Dice at the threshold that is best on the raw ones, and how much the maps differ.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.dice import count, global_dice
from zoo.data import LABELLED, Record, Scenes, open_scenes, read_folds
from zoo.data.ash import ASH_BANDS, ash_image
from zoo.data.shards import Content
from zoo.inference import predict_records
from zoo.inputs import INPUTS
from zoo.runs import Ref, Store
from zoo.runs.find import find_runs, one_per_fold
from zoo.workflows.pack import pack_scenes

Maps = NDArray[np.uint8]


def errors(scenes: Scenes) -> dict[str, dict[str, dict[str, float]]]:
    """Largest and root-mean-square error of the channels, by input and way; of records that are no ash images."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for record in (record for record in scenes.labelled if not record.clipped):
        kelvin = scenes.kelvin(record, ASH_BANDS, (LABELLED,))
        colours = ash_image(kelvin)
        ash, steps = (Content(kind=kind, bands=ASH_BANDS, frames=(LABELLED,)) for kind in ("ash", "kelvin"))
        ways = {
            "uint8 colours": ash.decode(ash.encode(kelvin)).swapaxes(0, 1),
            "float16 colours": colours.astype(np.float16).astype(np.float32),
            "uint16 kelvins": ash_image(steps.decode(steps.encode(kelvin)).swapaxes(0, 1)),
        }
        for name in INPUTS.names():
            if of_ash := INPUTS.facts(name).of_ash:
                exact = np.stack(of_ash(*colours))
                for way, kept in ways.items():
                    off = np.abs(np.stack(of_ash(*kept)) - exact)
                    row = (float(off.max()), float(np.square(off).mean()))
                    found.setdefault(name, {}).setdefault(way, []).append(row)
    return {
        name: {
            way: {"largest": max(row[0] for row in rows), "rms": float(np.mean([row[1] for row in rows]) ** 0.5)}
            for way, rows in ways.items()
        }
        for name, ways in found.items()
    }


def maps_of(scenes: Scenes, records: Sequence[Record], run: Any) -> Maps:
    """Maps of held-out records, (n, 256, 256)."""
    found = predict_records(run, scenes, records, "none", "cpu")
    return np.stack([np.rint(probability * 255) for _, probability in found]).astype(np.uint8)


def score(maps: Maps, masks: NDArray[np.bool_], level: int) -> float:
    """Global Dice at a level."""
    tp, predicted, truth = count(maps >= level, masks).sum(axis=0)
    return float(global_dice(tp, predicted + truth))


def compare(data: Sequence[Path], store: Store, ref: Ref, folder: Path) -> dict[str, float]:
    """Dice of a member on the raw records and on packed ones."""
    raw, folds = open_scenes(data), read_folds(store.folds)
    runs = one_per_fold(find_runs(store, ref))
    pack_scenes(data, folder, inputs=[runs[0].run.recipe.input], frames=runs[0].run.recipe.frames)
    packed = open_scenes(folder)
    sides: dict[str, list[Maps]] = {"raw": [], "packed": []}
    masks = []
    for ended in runs:
        ids = folds.records(int(ended.run.fold))
        masks += [raw.mask(raw.record(name)) for name in ids]
        for side, scenes in (("raw", raw), ("packed", packed)):
            sides[side].append(maps_of(scenes, [scenes.record(name) for name in ids], ended.run))
    truth, before, after = np.stack(masks), *(np.concatenate(each) for each in sides.values())
    level = max(range(1, 256), key=lambda level: score(before, truth, level))
    return {
        "records": len(truth),
        "threshold": level / 255,
        "raw": score(before, truth, level),
        "packed": score(after, truth, level),
        "at half, raw": score(before, truth, 128),
        "at half, packed": score(after, truth, 128),
        "levels that differ": float((before != after).mean()),
        "mean difference": float(np.abs(before.astype(int) - after).mean() / 255),
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--runs", type=Path)
    parser.add_argument("--member")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    figures: dict[str, Any] = {"errors": errors(open_scenes(args.data))}
    for name, ways in figures["errors"].items():
        for way, row in ways.items():
            print(f"{name:14s} {way:16s} largest {row['largest']:.5f}  rms {row['rms']:.6f}")
    if args.runs and args.member:
        with tempfile.TemporaryDirectory() as folder:
            figures["dice"] = compare(args.data, Store(args.runs), Ref.parse(args.member), Path(folder) / "packed")
        print(json.dumps(figures["dice"], indent=1))
    if args.json:
        args.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
