"""The kernels on a GPU, in Triton: `forward` and `backward` of the operators of `resnetbk.kernels`, file by file.

Arguments and results are those of the operators and their adjoints; the files there hold the formulas and the
references. Imported when a kernel is first asked for, because TRITON_INTERPRET counts only before that.

Every file keeps to the same rules: a program's loads of a time step lie next to each other; what it accumulates
stays in registers, in the tensors' own type; a gradient that programs share is written as one partial sum each and
added up by `torch.sum`, so there are no atomics and equal runs give equal bits. No GPU was at hand: the numbers
were tested in Triton's interpreter, and the kernels compiled for sm_80; their speed was never measured.
"""
