"""U-Net++: nested, dense skips (Zhou et al. 2018, arXiv 1807.10165), as smp has it."""

from torch import nn

from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders._heads import Smp, smp_channels


# Widths: of the levels, coarsest first.
@DECODERS.register("unetplusplus", widths=(256, 128, 64, 32, 16), needs=(4, 8, 16, 32))
def unetplusplus(plan: Plan) -> nn.Module:
    """smp's U-Net++."""
    from segmentation_models_pytorch.decoders.unetplusplus.decoder import UnetPlusPlusDecoder

    decoder = UnetPlusPlusDecoder(smp_channels(plan), plan.widths)
    return Smp(decoder, plan.widths[-1], plan)
