"""Team: processes that train one run together, started by `torchrun`; each takes its share of every batch.

In: the environment of torchrun, the train step of a stage. Out: a step whose weights are those of one process, up to
rounding. Process 0 leads: it alone plans, claims, writes, predicts and speaks, and tells the others what to do
(zoo.training.follow). Everything here does nothing in a process of its own.

Each process draws the views of the whole batch, as one process would, and passes its share through the network. The
logits are gathered, so that each computes the loss of the whole batch: a Dice is no mean over its parts. DDP averages
the gradients. BatchNorm has the statistics of the whole batch (zoo.runtime.sync_norm).
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from core.errors import UsageError, UserError
from core.ranks import local_rank, world_size
from zoo.runs.run import Run
from zoo.runtime.sync_norm import synchronise_norms
from zoo.training.dataset import RecordDataset
from zoo.training.scoring import Scored, best_scored, count_levels
from zoo.training.step import TrainStep

END = ("end",)
PATIENCE = timedelta(days=7)  # for which the others wait while process 0 predicts


def team_size() -> int:
    """Number of processes of the team."""
    return dist.get_world_size() if dist.is_initialized() else 1


@contextmanager
def joined(device_name: str) -> Iterator[None]:
    """Join the team while the block runs, if torchrun started this process; UserError if another process ends."""
    if world_size() == 1:
        yield
        return
    has_gpu = device_name.partition(":")[0] in ("auto", "cuda") and torch.cuda.is_available()
    if has_gpu:
        torch.cuda.set_device(local_rank())
    dist.init_process_group("cpu:gloo,cuda:nccl" if has_gpu else "gloo", timeout=PATIENCE)
    try:
        yield
        tell(*END)
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise UserError("another process of this training has ended; run the same command again") from error
        raise
    finally:
        dist.destroy_process_group()


def tell(*message: object) -> None:
    """Tell the others what process 0 is about to do, so that they take part."""
    if team_size() > 1 and dist.get_rank() == 0:
        dist.broadcast_object_list([message], src=0)


def hear() -> tuple[Any, ...]:
    """Wait for what process 0 tells."""
    told: list[Any] = [None]
    dist.broadcast_object_list(told, src=0)
    return tuple(told[0])


def lead(run: Run, train_step: TrainStep) -> None:
    """Begin a stage: the others take over the state, and each its share of the batches.

    UsageError if there are more processes than scenes in a batch, or for a recipe with a label head.
    """
    if team_size() == 1:
        return
    if train_step.recipe.batch < team_size():
        raise UsageError(
            f"{run.label}: batch = {train_step.recipe.batch}, and {team_size()} processes; start fewer of them"
        )
    if train_step.network.label_head:  # it works on logits that were gathered, outside of what DDP sees
        raise UsageError(f"{run.label}: label_head = true: is trained by one process only; start it without torchrun")
    state = io.BytesIO()
    torch.save(train_step.state_dict(), state)
    tell("stage", run, state.getvalue())
    share(train_step)


def share(train_step: TrainStep) -> None:
    """Make a train step pass the share of this process through the network, and gather the logits."""
    synchronise_norms(train_step.network)
    train_step.forward = _Share(train_step.forward, train_step.recipe.accumulate)


def score_together(train_step: TrainStep, held_out: RecordDataset) -> Scored:
    """Score the network that is kept, as `score` does: each process its share of the records, each record once."""
    tell("score")
    own = range(dist.get_rank(), len(held_out), team_size())
    network, how = train_step.eval_network, (train_step.device, train_step.recipe.batch, train_step.precision)
    levels = count_levels(network, held_out, *how, own)
    totals = torch.tensor([*levels.ravel().tolist(), len(own)])
    dist.all_reduce(totals)
    assert int(totals[-1]) == len(held_out)
    return best_scored(totals[:-1].numpy().reshape(levels.shape))


class _Share(nn.Module):
    """Network that computes the share of this process, (n, frames, channels, h, w) -> logits of the whole batch."""

    def __init__(self, network: nn.Module, accumulate: int) -> None:
        super().__init__()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of an option whose new name older releases do not know
            # Frozen parts, and levels of an encoder that no decoder reads, have no gradient. The buffers are equal.
            self.network = DistributedDataParallel(network, find_unused_parameters=True, broadcast_buffers=False)
        self.accumulate, self.batches = accumulate, 0

    def forward(self, images: Tensor) -> Tensor:
        rank, size, count = dist.get_rank(), team_size(), len(images)
        first, last = count * rank // size, count * (rank + 1) // size
        if rank:  # the shares differ in what dropout drops
            torch.manual_seed(torch.initial_seed() + rank)
        self.batches += 1
        self.network.require_backward_grad_sync = self.batches % self.accumulate == 0
        own = self.network(images[first:last]).float()
        if own.requires_grad:
            own.register_hook(lambda gradient: gradient * size)  # DDP takes the mean, and parts of one loss add up
        whole = own.new_zeros(count, *own.shape[1:])
        whole[first:last] = own.detach()
        dist.all_reduce(whole)
        return torch.cat([whole[:first], own, whole[last:]])
