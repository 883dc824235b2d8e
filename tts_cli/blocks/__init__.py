"""The architecture: sequence and streamable blocks, what composes them, and the blocks addons are made of. No torch.

Read in this order: `sequence`, `streamable`, `pipeline`, then `encoders`, `upsampler`, `decoder`.
"""
