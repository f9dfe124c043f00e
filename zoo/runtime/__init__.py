"""What training, prediction and export share at run time: devices, precision, memory, prefetching, checkpoints.

Torch may be imported here. Stays outside: recipes, runs and their folders, the training loop.
"""
