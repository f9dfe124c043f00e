"""Tell crops of real scenes from synthetic ones: statistics side by side, and the AUC of a small classifier.

    cli data synth scenes --train 100 --validation 0 --test 0 --seed 3
    python -m benchmarks.synth_crops --synthetic scenes --data DIR [--data DIR] [--picture FILE.png]

Each labelled scene is cut into four crops of 128 pixels. A crop's statistics are those of its ash colours: level,
spread, contrast and sparseness by scale, correlations between colours by scale, direction, share of cold pixels.
Printed, the most different first: AUC of each statistic alone (0.5: no difference), its quartiles in real and synthetic
crops; the same for the contrails of each positive scene. Then the AUC of a logistic regression on all statistics of a
crop and their squares, cross-validated over five folds of scenes. The picture shows crops of scenes with contrails: two
rows of real ones, two of synthetic ones.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from zoo.data import Scenes, open_scenes
from zoo.data.ash import ASH_BANDS, ash_image
from zoo.data.records import LABELLED, SIZE

CROP = 128
FOLDS = 5
RIDGE = 3.0  # weight of the squared coefficients
SIGMAS = (0.7, 1.4, 2.8, 5.6)  # px between the bands of the contrast
COLD = 0.15  # blue below it: colder than 252 K
PAIRS = {"RG": (0, 1), "RB": (0, 2), "GB": (1, 2)}

Array = NDArray[np.float64]
Table = dict[str, Array]


def crop_statistics(colours: Array) -> dict[str, float]:
    """Statistics of one crop: (3, n, n) ash colours, 0..1."""
    found: dict[str, float] = {}
    levels = [colours, *(ndimage.gaussian_filter(colours, (0, sigma, sigma)) for sigma in SIGMAS)]
    for name, plane in zip("RGB", colours):
        found[f"{name} mean"] = plane.mean()
        found[f"{name} log spread"] = np.log(plane.std() + 0.003)
        found[f"{name} 5 %"], found[f"{name} 95 %"] = np.percentile(plane, (5, 95))
    found |= _correlations("all scales", colours)
    for sigma, fine, coarse in zip(SIGMAS, levels, levels[1:]):
        band = fine - coarse
        for name, plane in zip("RGB", band):
            spread = plane.std() + 5e-4
            found[f"{name} log contrast, {sigma} px"] = np.log(spread)
            found[f"{name} sparseness, {sigma} px"] = -np.log(np.abs(plane).mean() / spread + 1e-3)
        found |= _correlations(f"{sigma} px", band)
    for sigma in SIGMAS[1:3]:
        found |= _directions(sigma, ndimage.gaussian_filter(colours[1], sigma))
    red, green, blue = colours
    cold = blue < COLD
    shares = {"cold": cold, "red 0": red <= 0, "green 1": green >= 1, "brown": (red > 0.4) & cold}
    return found | {f"share of {name}": mask.mean() for name, mask in shares.items()}


def _correlations(scale: str, colours: Array) -> dict[str, float]:
    flat = colours.reshape(3, -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    cov = flat @ flat.T / flat.shape[1] + 1e-7 * np.eye(3)  # a clipped colour has no spread
    return {f"{name}, {scale}": cov[i, j] / np.sqrt(cov[i, i] * cov[j, j]) for name, (i, j) in PAIRS.items()}


def _directions(sigma: float, plane: Array) -> dict[str, float]:
    """Anisotropy of the gradients of the whole crop, and mean coherence within 4 px."""
    dy, dx = np.gradient(plane)
    products = np.stack([dy * dy, dy * dx, dx * dx])
    near = ndimage.gaussian_filter(products, (0, 4, 4))

    def coherence(p: Array) -> Array:
        result: Array = np.hypot(p[0] - p[2], 2 * p[1]) / (p[0] + p[2] + 1e-6)
        return result

    whole = coherence(products.mean(axis=(1, 2)))
    return {f"anisotropy, {sigma} px": float(whole), f"coherence, {sigma} px": float(coherence(near).mean())}


def contrail_statistics(colours: Array, mask: NDArray[np.bool_]) -> dict[str, float]:
    """Statistics of the contrails of one positive scene, each component's length as that of a bar's second moment."""
    parts, count = ndimage.label(mask, np.ones((3, 3)))
    sizes, lengths = np.bincount(parts.ravel())[1:], []
    for part in range(1, count + 1):
        yx = np.argwhere(parts == part)
        spread = np.cov(yx.T) if len(yx) > 2 else np.zeros((2, 2))
        lengths.append(np.sqrt(12 * np.linalg.eigvalsh(spread)[-1]) + 1)
    away = ndimage.distance_transform_edt(~mask)
    ring = (away >= 3) & (away <= 5)
    found = {
        "contrails": float(count),
        "length, px": float(np.median(lengths)),
        "width, px": float(np.median(sizes / lengths)),
    }
    for name, plane in zip("RGB", colours):
        found[f"{name} in contrails less around"] = np.median(plane[mask]) - np.median(plane[ring])
        found[f"{name} around contrails"] = float(np.median(plane[ring]))
        found[f"{name} spread around contrails"] = plane[ring].std()
    return found


def read(scenes: Scenes) -> tuple[Table, Table, NDArray[np.int64]]:
    """Statistics of the crops, of the contrails of positive scenes, and the number of each crop's scene."""
    crops, contrails, of = [], [], []
    for number, record in enumerate(scenes.labelled):
        image = ash_image(scenes.kelvin(record, ASH_BANDS, (LABELLED,))[:, 0]).astype(np.float64)
        for top in range(0, image.shape[1], CROP):
            for left in range(0, image.shape[2], CROP):
                crops.append(crop_statistics(image[:, top : top + CROP, left : left + CROP]))
                of.append(number)
        mask = scenes.mask(record)
        if mask.any():
            contrails.append(contrail_statistics(image, mask))
    return _table(crops), _table(contrails), np.array(of)


def _table(rows: Sequence[dict[str, float]]) -> Table:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}


def auc(real: Array, synthetic: Array) -> float:
    """Probability that a synthetic value exceeds a real one, ties counted half."""
    low, high = (np.searchsorted(np.sort(real), synthetic, side) for side in ("left", "right"))
    return float((low + high).mean() / 2 / len(real))


def classifier_auc(
    real: Array, real_scene: NDArray[np.int64], synthetic: Array, synthetic_scene: NDArray[np.int64]
) -> float:
    """AUC of a logistic regression on statistics (crops, n) and their squares, held out by scene."""
    x = np.concatenate([real, synthetic])
    x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-9)
    x = np.concatenate([np.ones((len(x), 1)), x, np.clip(x, -3, 3) ** 2 - 1], axis=1)
    is_synthetic = np.arange(len(x)) >= len(real)
    scene = np.concatenate([real_scene, synthetic_scene + real_scene.max() + 1])
    fold = np.random.default_rng(0).permutation(scene.max() + 1)[scene] % FOLDS
    score = np.zeros(len(x))
    for held in range(FOLDS):
        score[fold == held] = x[fold == held] @ _logistic(x[fold != held], is_synthetic[fold != held])
    return auc(score[~is_synthetic], score[is_synthetic])


def _logistic(x: Array, y: NDArray[np.bool_]) -> Array:
    """Coefficients (n,) of a ridge logistic regression by Newton's method; both classes weigh the same."""
    weight = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    penalty = RIDGE * np.eye(x.shape[1])
    penalty[0, 0] = 1e-6
    found = np.zeros(x.shape[1])
    for _ in range(15):
        p = 1 / (1 + np.exp(-np.clip(x @ found, -30, 30)))
        slope = x.T @ (weight * (p - y)) + penalty @ found
        curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + penalty
        found -= np.linalg.solve(curvature, slope)
    return found


def compare(real: Table, synthetic: Table) -> list[dict[str, object]]:
    """Rows of the statistics, the most different first."""
    rows: list[dict[str, object]] = []
    distances = {name: abs(auc(real[name], synthetic[name]) - 0.5) for name in real if name in synthetic}
    for name in sorted(distances, key=distances.__getitem__, reverse=True):
        quartiles = [np.percentile(side[name], (25, 50, 75)).tolist() for side in (real, synthetic)]
        rows.append({"statistic": name, "auc": auc(real[name], synthetic[name]), "quartiles": quartiles})
    return rows


def picture(sides: Sequence[Scenes], columns: int = 6) -> Image.Image:
    """Two rows of crops of each side, from the middle of scenes with contrails, evenly spread; of 256 colours."""
    low = (SIZE - CROP) // 2
    rows = []
    for scenes in sides:
        positive = [record for record in scenes.labelled if scenes.mask(record).any()]
        chosen = np.linspace(0, len(positive) - 1, 2 * columns).astype(int)
        images = (ash_image(scenes.kelvin(positive[one], ASH_BANDS, (LABELLED,))[:, 0]) for one in chosen)
        tiles = [np.moveaxis(image[:, low : low + CROP, low : low + CROP], 0, -1) for image in images]
        rows += [np.concatenate(tiles[:columns], axis=1), np.concatenate(tiles[columns:], axis=1)]
    return Image.fromarray(np.rint(255 * np.concatenate(rows)).astype(np.uint8)).quantize(256)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--synthetic", type=Path, required=True)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args(argv)
    if given.picture:
        picture([open_scenes(given.data), open_scenes(given.synthetic)]).save(given.picture, optimize=True)
    (real, real_lines, real_scene), (made, made_lines, made_scene) = (
        read(open_scenes(paths)) for paths in (given.data, given.synthetic)
    )
    rows = [*compare(real, made), *compare(real_lines, made_lines)]
    print(f"{'statistic':34}   AUC   real: 25, 50, 75 %           synthetic")
    for row in rows:
        one, other = (" ".join(f"{value:8.3f}" for value in side) for side in row["quartiles"])  # type: ignore
        print(f"{row['statistic']:34} {row['auc']:5.2f}  {one}   {other}")
    whole = (np.stack([*table.values()], axis=1) for table in (real, made))
    found = classifier_auc(next(whole), real_scene, next(whole), made_scene)
    far = np.mean([abs(float(str(row["auc"])) - 0.5) for row in rows])
    print(f"mean distance of the statistics' AUC from 0.5: {far:.3f}")
    print(f"AUC of the classifier on {len(real_scene)} real and {len(made_scene)} synthetic crops: {found:.3f}")
    if given.json:
        given.json.write_text(json.dumps({"statistics": rows, "mean_distance": far, "auc": found}) + "\n")


if __name__ == "__main__":
    main()
