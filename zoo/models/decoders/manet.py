"""MA-Net: attention over positions and between levels (Fan et al. 2020), as smp has it."""

from torch import nn

from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders._heads import Smp, smp_channels


# Widths: of the levels, coarsest first.
@DECODERS.register("manet", widths=(256, 128, 64, 32, 16), needs=(4, 8, 16, 32))
def manet(plan: Plan) -> nn.Module:
    """smp's MA-Net."""
    from segmentation_models_pytorch.decoders.manet.decoder import MAnetDecoder

    decoder = MAnetDecoder(smp_channels(plan), list(plan.widths))
    return Smp(decoder, plan.widths[-1], plan)
