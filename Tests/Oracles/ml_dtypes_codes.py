"""Prints what ml_dtypes (numpy for fp16) makes of one number format, for comparison with Formats.

usage: ml_dtypes_codes.py FORMAT > tables

The output is little-endian uint32: a count and that many fp32 bit patterns, the values of the codes
0, 1, 2, ...; then a count n, n fp32 bit patterns, and the n codes that they are rounded to. Inputs are all codes' values, all midpoints of neighbouring
values, both one ulp up and down, and 100,000 random bit patterns of a fixed seed.

Left out are the inputs for which ml_dtypes follows another convention than the numeric contract:
NaN everywhere; E4M3 beyond 464, which becomes NaN instead of saturating; all of E8M0, which it rounds to
nearest and not up; all of int4, which it truncates and wraps.
"""

import sys

import ml_dtypes
import numpy as np

FORMATS = {
    "bf16": (ml_dtypes.bfloat16, 16),
    "fp16": (np.float16, 16),
    "e5m2": (ml_dtypes.float8_e5m2, 8),
    "e4m3": (ml_dtypes.float8_e4m3fn, 8),
    "e8m0": (ml_dtypes.float8_e8m0fnu, 8),
    "e2m1": (ml_dtypes.float4_e2m1fn, 4),
    "int4": (ml_dtypes.int4, 4),
}


def decode(name):
    """The fp32 value of every code, in the order of the codes."""
    dtype, bits = FORMATS[name]
    codes = np.arange(1 << bits, dtype=np.uint16 if bits == 16 else np.uint8)
    return codes.view(dtype).astype(np.float32)


def inputs(name, values):
    """fp32 inputs whose rounding ml_dtypes and the contract define alike."""
    finite = np.unique(values[np.isfinite(values)])
    middles = ((finite[1:].astype(np.float64) + finite[:-1]) / 2).astype(np.float32)
    points = np.concatenate([finite, -finite, middles, -middles])
    random = np.random.default_rng(20).integers(0, 1 << 32, 100_000, dtype=np.uint32)
    down, up = np.float32(-np.inf), np.float32(np.inf)
    x = np.concatenate(
        [points, np.nextafter(points, down), np.nextafter(points, up), random.view(np.float32)])
    x = x[~np.isnan(x)]
    if name == "e4m3":
        x = x[np.abs(x) <= 464]
    return x


def encode(name, x):
    """The code of each input, as uint32."""
    dtype, bits = FORMATS[name]
    codes = x.astype(dtype).view(np.uint16 if bits == 16 else np.uint8).astype(np.uint32)
    return codes & ((1 << bits) - 1)


def main():
    name = sys.argv[1]
    values = decode(name)
    x = np.empty(0, np.float32) if name in ("e8m0", "int4") else inputs(name, values)
    with np.errstate(over="ignore"):
        tables = [values.view(np.uint32), x.view(np.uint32), encode(name, x)]
    header = [[len(values)], [len(x)], []]
    for count, table in zip(header, tables):
        sys.stdout.buffer.write(np.array(count, "<u4").tobytes() + table.astype("<u4").tobytes())


if __name__ == "__main__":
    main()
