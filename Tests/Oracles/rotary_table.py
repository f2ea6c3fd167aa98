"""Prints rotary tables from mpmath at 200 bits, for comparison with RotaryTable.

usage: rotary_table.py ROTATED BASE POSITION... [--yarn FACTOR LENGTH FAST SLOW] > table

The output is little-endian uint32 bit patterns of fp32: the frequencies of all pairs, then for each position
the cosines of all pairs and the sines of all pairs.
"""

import argparse
import sys

import mpmath
import numpy as np

mpmath.mp.prec = 200


def nearest(x):
    """The fp32 number nearest to x, ties to even."""
    m, e = mpmath.frexp(x)
    n = int(mpmath.nint(mpmath.ldexp(m, 24)))
    return np.float32(mpmath.ldexp(n, e - 24))


def ramp(rotated, base, factor, length, fast, slow):
    """How much of each frequency YaRN divides."""
    def turning(rotations):
        return rotated * mpmath.log(length / (rotations * 2 * mpmath.pi)) / (2 * mpmath.log(base))
    low = max(mpmath.floor(turning(fast)), 0)
    high = min(mpmath.ceil(turning(slow)), rotated - 1)
    width = mpmath.mpf(1) / 1000 if low == high else high - low
    for i in range(rotated // 2):
        yield nearest(min(max((i - low) / width, 0), 1))


def frequencies(rotated, base, yarn):
    """Each operation of the released code rounded to fp32."""
    one = np.float32(1)
    theta = [
        one / nearest(mpmath.power(base, mpmath.mpf(2 * i) / rotated)) for i in range(rotated // 2)]
    if not yarn:
        return theta
    kept = [one - r for r in ramp(rotated, base, *yarn)]
    return [t / np.float32(yarn[0]) * (one - k) + t * k for t, k in zip(theta, kept)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rotated", type=int)
    parser.add_argument("base", type=int)
    parser.add_argument("positions", type=int, nargs="+")
    parser.add_argument("--yarn", type=int, nargs=4)
    a = parser.parse_args()
    theta = frequencies(a.rotated, a.base, a.yarn)
    rows = [theta]
    for p in a.positions:
        angles = [mpmath.mpf(float(np.float32(np.float64(p) * np.float64(t)))) for t in theta]
        rows.append([nearest(mpmath.cos(x)) for x in angles])
        rows.append([nearest(mpmath.sin(x)) for x in angles])
    sys.stdout.buffer.write(np.array(rows, np.float32).astype("<f4").tobytes())


if __name__ == "__main__":
    main()
