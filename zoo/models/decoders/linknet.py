"""LinkNet: skips are added, not joined (Chaurasia and Culurciello 2017, arXiv 1707.03718), as smp has it."""

from torch import nn

from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders._heads import Smp, smp_channels


# Widths: of the last level.
@DECODERS.register("linknet", widths=(32,), needs=(4, 8, 16, 32))
def linknet(plan: Plan) -> nn.Module:
    """smp's LinkNet."""
    from segmentation_models_pytorch.decoders.linknet.decoder import LinknetDecoder

    decoder = LinknetDecoder(smp_channels(plan), prefinal_channels=plan.widths[0])
    return Smp(decoder, plan.widths[0], plan)
