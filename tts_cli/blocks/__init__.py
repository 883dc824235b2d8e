"""Blocks: sequence and streamable blocks, the containers that compose them, and the blocks that addons consist of. No torch.

Read in this order: `sequence`, `streamable`, `pipeline`, then `encoders`, `upsampler`, `decoder`. Shapes are (1, T, C): one
utterance, T time steps, C channels.
"""
