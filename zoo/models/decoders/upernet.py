"""UPerNet: pooled context and a pyramid, fused at stride 4 (Xiao et al. 2018, arXiv 1807.10221), as smp has it."""

from torch import nn

from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders._heads import Smp, smp_channels


# Widths: of every level.
@DECODERS.register("upernet", widths=(256,), needs=(4, 8, 16, 32), pools=True)
def upernet(plan: Plan) -> nn.Module:
    """smp's UPerNet."""
    from segmentation_models_pytorch.decoders.upernet.decoder import UPerNetDecoder

    decoder = UPerNetDecoder(smp_channels(plan), decoder_channels=plan.widths[0])
    return Smp(decoder, plan.widths[0], plan)
