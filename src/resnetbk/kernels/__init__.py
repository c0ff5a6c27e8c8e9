"""Scans and fused layers on the CPU: a plain PyTorch reference and a Numba kernel of each stand in one file.

Every kernel is a `torch.library.custom_op` with an exact adjoint. Nothing here knows what a model is. Kernels
pass NaN and inf on and never replace them.
"""
