"""Scans and fused layers: a plain PyTorch reference and a Numba kernel of each in one file, Triton's in `triton/`.

Every kernel is a `torch.library.custom_op` with an exact adjoint; `selection.py` says which implementation runs.
Nothing here knows what a model is. Kernels pass NaN and inf on and never replace them.
"""
