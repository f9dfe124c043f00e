"""FPN: a pyramid summed from the top, merged at stride 4 (Kirillov et al. 2019, arXiv 1901.02446), as smp has it."""

from torch import nn

from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders._heads import Smp, smp_channels


# Widths: of the pyramid; of what is merged, a multiple of 32.
@DECODERS.register("fpn", widths=(256, 128), needs=(4, 8, 16, 32))
def fpn(plan: Plan) -> nn.Module:
    """smp's FPN."""
    from segmentation_models_pytorch.decoders.fpn.decoder import FPNDecoder

    decoder = FPNDecoder(smp_channels(plan), pyramid_channels=plan.widths[0], segmentation_channels=plan.widths[1])
    return Smp(decoder, plan.widths[1], plan)
