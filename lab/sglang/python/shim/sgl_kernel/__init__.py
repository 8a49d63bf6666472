"""Takes the place of sglang-kernel, whose published wheel has only CUDA code.

SGLang's CPU path imports its operators by name and calls two of them; these are written out with plain tensors. Every
other name is a function that raises an error when it is called. HTTP servers, tokenizer, scheduler and the code of
prefill/decode disaggregation are SGLang's own.
"""

import numpy
import torch

__version__ = "0.4.10"


def assign_req_to_token_pool_cpu(rows, table, starts, ends, slots, _pool_length):
    """Writes each request's token slots, which follow one another in `slots`, into its row of the table."""
    lengths = (ends - starts).tolist()
    for row, start, part in zip(rows.tolist(), starts.tolist(), slots.split(lengths)):
        table[row, start : start + part.numel()] = part.to(table.dtype)


def _rotated(values, bits):
    return (values << numpy.uint32(bits)) | (values >> numpy.uint32(32 - bits))


def murmur_hash32(seeds, positions, columns):
    """Murmur3 of (seed, position, column) for every row and column: the noise of sampling with a seed."""
    words = (seeds[:, None], positions[:, None], columns[None, :])
    state = numpy.zeros((seeds.shape[0], columns.shape[0]), numpy.uint32)
    for word in words:
        block = (word.to(torch.int64) & 0xFFFFFFFF).numpy().astype(numpy.uint32)
        block = _rotated(block * numpy.uint32(0xCC9E2D51), 15) * numpy.uint32(0x1B873593)
        state = _rotated(state ^ block, 13) * numpy.uint32(5) + numpy.uint32(0xE6546B64)
    state = (state ^ (state >> numpy.uint32(16))) * numpy.uint32(0x85EBCA6B)
    state = (state ^ (state >> numpy.uint32(13))) * numpy.uint32(0xC2B2AE35)
    return torch.from_numpy(state ^ (state >> numpy.uint32(16)))


_operators = torch.library.Library("sgl_kernel", "FRAGMENT")
_operators.define("murmur_hash32_cpu(Tensor seed, Tensor positions, Tensor col_indices) -> Tensor")
_operators.impl("murmur_hash32_cpu", murmur_hash32, "CPU")


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)

    def unavailable(*_args, **_options):
        raise NotImplementedError(f"sgl_kernel.{name} needs a GPU, and its stand-in for CPUs lacks it")

    return unavailable
