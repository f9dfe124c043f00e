"""A trained member as one file that other programs run: kelvin in, probability out, the mean over its runs.

In: runs of one recipe. Out: the bytes of a file in one of FORMATS, and how near its answers come to eager ones. The
networks are in evaluation and in float32, whatever they were trained in: the log lost 0.02 to a trace in training mode.
Stays outside: test-time views, thresholds, where files lie.
"""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.errors import UserError
from core.registry import Registry
from zoo.data import SIZE, Record, Scenes
from zoo.geometry import resize
from zoo.inference import load_network, probabilities
from zoo.inputs import INPUTS, Channels, read_scaling
from zoo.runs.run import Run
from zoo.training.dataset import read_images
from zoo.training.scoring import best_dice

TOLERANCE = 1e-4  # of a probability, by which a file may differ from eager
BATCH = 3  # records at once where they are compared
TRACED = 2  # records of the example: a network of one record might be taken for one of one record only

Floats = NDArray[np.float32]
Answer = Callable[[Floats], Floats]  # kelvin (n, bands, frames, 256, 256) -> probability (n, 256, 256)
Writer = Callable[[nn.Module, Tensor, bool], bytes]  # module, example, whether any number of records is to fit


class OnePath(nn.Module):
    """All that one run does to kelvins (n, bands, frames, 256, 256): probability (n, 256, 256)."""

    shift: Tensor
    scale: Tensor

    def __init__(self, run: Run) -> None:
        super().__init__()
        name = run.recipe.input
        self.to_channels, channels = _on_tensors_alone(name), INPUTS.facts(name).channels
        scaling = read_scaling(run.scaling, name)
        shift, scale = (scaling.shift, scaling.scale) if scaling else (np.zeros(channels), np.ones(channels))
        for key, values in (("shift", shift), ("scale", scale)):
            self.register_buffer(key, torch.from_numpy(values).float().view(-1, 1, 1))
        self.network = load_network(run)

    def forward(self, kelvin: Tensor) -> Tensor:
        """As training and prediction do it, the images' half precision included."""
        channels = (torch.stack(self.to_channels(*kelvin.unbind(1)), dim=2) - self.shift) / self.scale
        return resize(self.network(channels.half().float()), SIZE).sigmoid()[:, 0]


def _on_tensors_alone(name: str) -> Callable[..., Channels]:
    """The input; UserError where it leaves tensors on the way, for a graph would not hold what it did there."""
    entry = INPUTS.entry(name)
    try:
        # Tensors without values: nothing but torch computes with them.
        entry.make(*torch.empty(len(entry.facts.bands), 1, SIZE, SIZE, device="meta"))
    except (TypeError, RuntimeError, AttributeError) as error:
        raise UserError(
            f'input "{name}": cannot be exported, its function does not keep to what tensors can ({error}); '
            "write it in arithmetic, slices and methods that arrays have, too"
        ) from error
    return entry.make


class Member(nn.Module):
    """The mean probability of the runs."""

    def __init__(self, runs: Sequence[Run]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(OnePath(run) for run in runs)

    def forward(self, kelvin: Tensor) -> Tensor:
        """Kelvin (n, bands, frames, 256, 256) -> probability (n, 256, 256)."""
        found = [path(kelvin) for path in self.paths]
        return found[0] if len(found) == 1 else torch.stack(found).mean(dim=0)


def _program(module: nn.Module, example: Tensor, any_number: bool) -> Any:
    return torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("n")} if any_number else None,))


def _run_pt2(content: bytes) -> Answer:
    return _on_tensors(torch.export.load(io.BytesIO(content)).module())


def _run_torchscript(content: bytes) -> Answer:
    return _on_tensors(torch.jit.load(io.BytesIO(content)))


def _on_tensors(module: Callable[[Tensor], Tensor]) -> Answer:
    @torch.inference_mode()
    def answer(kelvin: Floats) -> Floats:
        result: Floats = module(torch.from_numpy(kelvin)).numpy()
        return result

    return answer


def _run_onnx(content: bytes) -> Answer:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what goes wrong is raised, too
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return lambda kelvin: session.run(["probability"], {"kelvin": kelvin})[0]


@dataclass(frozen=True)
class FormatFacts:
    """Facts of a format; its entry is what writes it."""

    run: Callable[[bytes], Answer]  # what answers from the bytes of a file


FORMATS: Registry[Writer, FormatFacts] = Registry("format", FormatFacts)


@FORMATS.register("pt2", run=_run_pt2)
def _write_pt2(module: nn.Module, example: Tensor, any_number: bool) -> bytes:
    file = io.BytesIO()
    torch.export.save(_program(module, example, any_number), file)
    return file.getvalue()


@FORMATS.register("onnx", run=_run_onnx)
def _write_onnx(module: nn.Module, example: Tensor, any_number: bool) -> bytes:
    import onnxruntime  # noqa: F401  what will be needed is asked for before minutes have passed
    import onnxscript  # noqa: F401

    program = torch.onnx.export(
        _program(module, example, any_number), input_names=["kelvin"], output_names=["probability"],
        dynamo=True, verbose=False,
    )  # fmt: skip
    assert program is not None
    try:
        content: bytes = program.model_proto.SerializeToString()
    except ValueError as error:  # protobuf's own limit
        raise UserError(f"one onnx file holds up to 2 GB ({error}); export one fold, or --format pt2") from error
    return content


@FORMATS.register("torchscript", run=_run_torchscript)
def _write_torchscript(module: nn.Module, example: Tensor, any_number: bool) -> bytes:
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(module, (example,)), file)
    return file.getvalue()


@dataclass(frozen=True, eq=False)
class Exported:
    """The bytes of a file, and what answers from them."""

    content: bytes
    answer: Answer
    any_number: bool  # of records at once; else one


def export_member(runs: Sequence[Run], format_name: str) -> Exported:
    """The mean of these runs in a format; for any number of records where the network's graph allows that."""
    entry = FORMATS.entry(format_name)
    member = Member(runs).eval()
    bands, frames = len(INPUTS.facts(runs[0].recipe.input).bands), len(runs[0].recipe.frames)
    kelvin = 260 + 20 * torch.rand(BATCH, bands, frames, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # a tracer warns of every shape that it takes for settled
        try:
            content = entry.make(member, kelvin[:TRACED], True)
            answer: Answer = entry.facts.run(content)
            for number in (1, BATCH):
                if answer(kelvin[:number].numpy()).shape != (number, SIZE, SIZE):
                    raise ValueError("is of its example's number of records")
            return Exported(content, answer, True)
        except (UserError, ModuleNotFoundError):
            raise
        except Exception:  # each format has its own words for a number of records that is settled
            content = entry.make(member, kelvin[:1], False)
            return Exported(content, entry.facts.run(content), False)


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How near a file comes to eager on so many records; Dice is global, at the eager maps' best threshold.

    Records without a contrail give no Dice: any would be met by an empty map.
    """

    records: int
    largest_difference: float
    threshold: float | None
    dice_eager: float | None
    dice_exported: float | None


def compare(
    exported: Exported,
    runs: Sequence[Run],
    scenes: Scenes,
    records: Sequence[Record],
    advance: Callable[..., None] = lambda n=1, note="": None,
) -> Parity:
    """Answers of the file beside those of the runs as they predict, in float32; UserError above TOLERANCE."""
    largest, counts = 0.0, np.zeros((2, 2, 256), np.int64)
    for batch, eager in _eager(runs, scenes, records):
        truth = np.stack([scenes.mask(record) for record in batch])
        answers = _answers(exported, runs[0], scenes, batch)
        # A maximum of numbers forgets one that is no number.
        largest = max(largest, float(np.nan_to_num(np.abs(answers - eager), nan=np.inf).max()))
        if largest > TOLERANCE:
            ids = ", ".join(record.id for record in batch)
            raise UserError(
                f"{runs[0].recipe.name}: the file differs from eager by {largest:.1e} on records {ids}, more than "
                f"{TOLERANCE:g}; nothing is written, choose another --format"
            )
        for count, maps in zip(counts, (eager, answers)):
            values = np.rint(255 * maps).astype(np.uint8)
            count += [np.bincount(values[truth == marked], minlength=256) for marked in (True, False)]
        advance(len(batch))
    threshold, dice, same = _dice(counts)
    return Parity(
        records=len(records), largest_difference=largest, threshold=threshold, dice_eager=dice, dice_exported=same
    )


def _dice(counts: NDArray[np.int64]) -> tuple[float, float, float] | tuple[None, None, None]:
    """Threshold, and Dice of both; counts: (eager and file, contrail and other pixels, 256 values)."""
    if not counts[0][0].any():
        return None, None, None
    dice, threshold, _ = best_dice(*counts[0])
    found = counts[1][:, round(255 * threshold) :].sum(axis=1)
    return threshold, dice, 2 * int(found[0]) / int(found.sum() + counts[1][0].sum())


def _eager(runs: Sequence[Run], scenes: Scenes, records: Sequence[Record]) -> Iterator[tuple[Sequence[Record], Floats]]:
    """Batches of records and their mean maps, the way `zoo.inference` goes."""
    networks = [load_network(run) for run in runs]
    scalings = [read_scaling(run.scaling, run.recipe.input) for run in runs]
    for start in range(0, len(records), BATCH):
        batch = records[start : start + BATCH]
        maps = []
        for run, network, scaling in zip(runs, networks, scalings):
            images = read_images(run.recipe, scenes, batch, scaling)
            with torch.inference_mode():
                maps.append(probabilities(network, images))
        yield batch, np.mean(maps, axis=0)


def _answers(exported: Exported, run: Run, scenes: Scenes, batch: Sequence[Record]) -> Floats:
    bands = INPUTS.facts(run.recipe.input).bands
    kelvin = np.stack([scenes.kelvin(record, bands, run.recipe.frames) for record in batch])
    if exported.any_number:
        return exported.answer(kelvin)
    return np.concatenate([exported.answer(one[None]) for one in kelvin])
