"""Engines of a GPU, in Triton: without gradients, each response is written once."""
