"""DeepLabV3+: dilated context at stride 16, refined at stride 4 (Chen et al. 2018, arXiv 1802.02611), as smp has it."""

from torch import nn

from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders._heads import Smp, smp_channels


# Widths: of the context and of its refinement.
@DECODERS.register("deeplabv3plus", widths=(256,), needs=(4, 8, 16, 16), output_stride=16, pools=True)
def deeplabv3plus(plan: Plan) -> nn.Module:
    """smp's DeepLabV3+, on features that end at stride 16."""
    from segmentation_models_pytorch.decoders.deeplabv3.decoder import DeepLabV3PlusDecoder

    decoder = DeepLabV3PlusDecoder(
        smp_channels(plan),
        encoder_depth=5,
        out_channels=plan.widths[0],
        atrous_rates=(12, 24, 36),
        output_stride=16,
        aspp_separable=True,
        aspp_dropout=0.5,
    )
    return Smp(decoder, plan.widths[0], plan)
