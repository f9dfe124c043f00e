"""Score on all labelled real scenes of a model trained on synthetic scenes only.

    cli data synth scenes --train 200 --validation 56 --test 0 --seed 8
    cli zoo train lite0-fc-t5 --data scenes --runs synthetic --fold 0 --with-val --epochs 6
    python -m benchmarks.synthetic_worth --runs synthetic --data DIR [--data DIR]

The threshold is the best one on the held-out synthetic fold; no real scene has a say in anything. The classical
detector beside it is benchmarks/classical.py. Prints global Dice with its interval, and, for what it shows of the
threshold alone, the Dice at the threshold that would have been best on the real scenes.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.dice import count
from core.uncertainty import dice_interval
from zoo.data import make_folds, open_scenes
from zoo.inference import predict_records
from zoo.runs import Ref, Store
from zoo.runs.find import runs_by_recipe
from zoo.training import set_threads
from zoo.training.scoring import best_dice


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--member", default="lite0-fc-t5")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(argv)
    set_threads(args.threads)
    scenes = open_scenes(args.data)
    ended = runs_by_recipe(Store(args.runs), Ref(args.member))[0][0]
    run, threshold = ended.run, float(str(ended.result["threshold"]))
    records = scenes.labelled
    maps = dict(predict_records(run, scenes, records, "none", "cpu"))
    values = np.stack([np.rint(maps[record.id] * 255).astype(np.uint8) for record in records])
    truth = np.stack([scenes.mask(record) for record in records])
    per_record = count(values >= round(threshold * 255), truth)
    group_of = make_folds(scenes, 2).group_of
    found = dice_interval(per_record, [group_of[record.id] for record in records])
    best, at, _ = best_dice(np.bincount(values[truth], minlength=256), np.bincount(values[~truth], minlength=256))
    print(f"synthetic, held-out fold: Dice {ended.result['dice']:.4f} at {threshold:.2f}")
    print(
        f"real, {len(records)} scenes: Dice {found.value:.4f} ({found.low:.4f} to {found.high:.4f}) at {threshold:.2f}"
    )
    print(f"                    (with the threshold chosen on them: {best:.4f} at {at:.2f})")
    if args.json:
        document = {"dice": found.value, "interval": [found.low, found.high], "records": len(records), "best": best}
        args.json.write_text(json.dumps(document))


if __name__ == "__main__":
    main()
