#!/usr/bin/env python3
"""Derives every polynomial of codegen/cpu/math and prints coefficients.h.

Each table is a minimax fit (Remez exchange, 60 digits) of a smooth remainder, weighted so that the
error that counts is the relative error of the function itself. Coefficients are rounded, and those
of f32 then moved by single ulps while that helps. Needs only mpmath:
    python3 fit.py | clang-format-22 > coefficients.h     (the fits' errors go to stderr)
"""
import struct
import sys

from mpmath import mp, mpf

mp.dps = 60


def to_format(x, bits):
    """The nearest float of 32 or 64 bits."""
    x = float(x)
    return mpf(struct.unpack("f", struct.pack("f", x))[0] if bits == 32 else x)


def horner(coefficients, x):
    y = 0 * x
    for c in reversed(coefficients):
        y = y * x + c
    return y


def extrema(errors):
    """Indices of the largest error in each run of one sign."""
    picks, best = [], 0
    for i, e in enumerate(errors):
        if e * errors[best] < 0:
            picks.append(best)
            best = i
        elif abs(e) > abs(errors[best]):
            best = i
    return picks + [best]


def remez(points, values, weights, degree):
    """Coefficients of the polynomial with the least weighted maximum error over the points."""
    count = degree + 2
    n = len(points)
    nodes = [round((n - 1) * (1 - mp.cos(mp.pi * i / (count - 1))) / 2) for i in range(count)]
    coefficients = []
    for _ in range(40):
        a = mp.matrix(count, count)
        rhs = mp.matrix(count, 1)
        for row, i in enumerate(nodes):
            power = mpf(1)
            for col in range(degree + 1):
                a[row, col] = power
                power *= points[i]
            a[row, degree + 1] = (-1) ** row / weights[i]
            rhs[row] = values[i]
        solution = mp.lu_solve(a, rhs)
        coefficients = [solution[k] for k in range(degree + 1)]
        level = abs(solution[degree + 1])
        errors = [w * (v - horner(coefficients, x)) for x, v, w in zip(points, values, weights)]
        picks = extrema(errors)
        while len(picks) > count:  # drop the weaker end
            picks.pop(0 if abs(errors[picks[0]]) < abs(errors[picks[-1]]) else -1)
        if len(picks) < count or max(map(abs, errors)) < level * mpf("1.001"):
            break
        nodes = picks
    return coefficients


def polish(coefficients, points, values, weights):
    """Moves f32 coefficients by single ulps for as long as the maximum error falls."""
    points, values, weights = ([float(x) for x in column] for column in (points, values, weights))
    best = list(map(float, coefficients))
    error_of = lambda cs: max(w * abs(v - float(horner(cs, x))) for x, v, w in zip(points, values, weights))
    error, moved = error_of(best), True
    while moved:
        moved = False
        for k, c in enumerate(best):
            for step in (-1, 1):
                trial = best[:k] + [float(to_format(c + step * 2.0**-23 * abs(c) * 0.75, 32))] + best[k + 1:]
                if error_of(trial) < error:
                    best, error, moved = trial, error_of(trial), True
    return [mpf(c) for c in best]


def fit(name, comment, f, weight, low, high, degree, bits):
    """Fits, rounds and prints one table."""
    low, high = mpf(low), mpf(high)
    n = max(400, 40 * degree)
    points = [low + (high - low) * (1 - mp.cos(mp.pi * (i + mpf(1) / 3) / n)) / 2 for i in range(n)]
    values = [f(x) for x in points]
    weights = [abs(weight(x)) for x in points]
    coefficients = [to_format(c, bits) for c in remez(points, values, weights, degree)]
    if bits == 32:
        coefficients = polish(coefficients, points, values, weights)
    error = max(w * abs(v - horner(coefficients, x)) for x, v, w in zip(points, values, weights))
    print(f"{name}: 2^{float(mp.log(error, 2)):.1f}", file=sys.stderr)
    print(f"\n/// {comment}, relative error 2^{float(mp.log(error, 2)):.1f}.")
    body = ", ".join(float(c).hex() for c in coefficients)
    print(f"inline constexpr double {name}[] = {{{body}}};")


def split(name, comment, x, bits, parts):
    """Prints x as a sum of `parts` floats, each the nearest to what is left."""
    out = []
    for _ in range(parts):
        out.append(to_format(x, bits))
        x -= out[-1]
    exact(name, comment, out)


def exact(name, comment, values):
    """Prints numbers that need no fit."""
    body = ", ".join(float(v).hex() for v in values)
    print(f"\n/// {comment}.\ninline constexpr double {name}[] = {{{body}}};")


def exponentials():
    edge = mp.log(2) / 2 * mpf("1.0005")
    rest = lambda r: (mp.expm1(r) - r) / r**2
    weight = lambda r: r**2 / mp.expm1(r)
    fit("kExpF32", "expm1(r) = r + r^2 P(r), |r| <= ln(2)/2", rest, weight, -edge, edge, 4, 32)
    fit("kExpF64", "expm1(r) = r + r^2 P(r), |r| <= ln(2)/2", rest, weight, -edge, edge, 10, 64)
    split("kLn2F32", "ln(2) as a sum of f32", mp.log(2), 32, 2)
    split("kLn2F64", "ln(2) as a sum of f64", mp.log(2), 64, 2)


def logarithms():
    rest = lambda f: (mp.log1p(f) - f + f**2 / 2) / f**3
    fit("kLogF32", "log1p(f) = f - f^2/2 + f^3 P(f), f in [-1/4, 1/2]", rest,
        lambda f: f**3 / mp.log1p(f), -0.2501, 0.5001, 7, 32)
    odd = lambda z: (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) * 2 / z
    fit("kLogF64", "2 atanh(s) = 2 s + s z P(z), z = s^2, s in [-1/7, 1/5]", odd,
        lambda z: z / 2, 0, 0.0401, 7, 64)
    tail = lambda z: ((mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z - mpf(1) / 3) * 2 / z
    fit("kLogTailF64", "2 atanh(s) = 2 s + 2/3 s z + s z^2 P(z), z = s^2, s in [-1/7, 1/5]", tail,
        lambda z: z**2 / 2, 0, 0.0401, 8, 64)
    split("kTwoThirdsF64", "2/3 as a sum of f64", mpf(2) / 3, 64, 2)


def trigonometry():
    edge = (mp.pi / 4) ** 2 * mpf("1.001")
    sin_rest = lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z
    cos_rest = lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2
    sin_weight = lambda z: z * mp.sqrt(z) / mp.sin(mp.sqrt(z))
    cos_weight = lambda z: z**2 / mp.cos(mp.sqrt(z))
    for name, sin_degree, cos_degree in (("F32", 2, 2), ("F64", 5, 5)):
        fit(f"kSin{name}", "sin(r) = r + r z P(z), z = r^2, |r| <= pi/4", sin_rest, sin_weight,
            0, edge, sin_degree, 64)
        fit(f"kCos{name}", "cos(r) = 1 - z/2 + z^2 P(z), z = r^2, |r| <= pi/4", cos_rest, cos_weight,
            0, edge, cos_degree, 64)
    atan_rest = lambda z: (mp.atan(mp.sqrt(z)) / mp.sqrt(z) - 1) / z
    atan_weight = lambda z: z * mp.sqrt(z) / mp.atan(mp.sqrt(z))
    fit("kAtanF32", "atan(t) = t + t z P(z), z = t^2, |t| <= 1", atan_rest, atan_weight, 0, 1, 9, 64)
    fit("kAtanF64", "atan(t) = t + t z P(z), z = t^2, |t| <= 1", atan_rest, atan_weight, 0, 1, 20, 64)
    split("kHalfPiF64", "pi/2 as a sum of f64", mp.pi / 2, 64, 3)


def two_over_pi():
    words = [int(mp.floor(mp.ldexp(2 / mp.pi, 64 * (i + 1)))) % 2**64 for i in range(20)]
    body = ", ".join(f"{w:#018x}" for w in [0] + words)
    print(f"\n/// 2/pi in binary, 64 bits a word; the first word is what precedes the point.")
    print(f"inline constexpr uint64_t kTwoOverPi[] = {{{body}}};")


def tangent():
    rest = lambda z: (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z
    weight = lambda z: z * mp.sqrt(z) / mp.tanh(mp.sqrt(z))
    for name, degree, bits in (("kTanhF32", 4, 32), ("kTanhF64", 10, 64)):
        fit(name, "tanh(x) = x + x z P(z), z = x^2, |x| <= 0.55", rest, weight, 0, mpf("0.3026"), degree, bits)


def error_function():
    small = lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z) - 1
    small_weight = lambda z: mp.sqrt(z) / mp.erf(mp.sqrt(z))
    large = lambda a: -mp.log(mp.erfc(a))
    large_weight = lambda a: mp.erfc(a) / mp.erf(a)
    fit("kErfSmallF32", "erf(x) = x + x P(z), z = x^2, |x| <= 0.95", small, small_weight,
        mpf("1e-9"), mpf("0.9026"), 5, 32)
    fit("kErfLargeF32", "erf(x) = 1 - exp(-P(|x|)), 0.95 <= |x| <= 4", large, large_weight, 0.949, 4, 6, 32)
    fit("kErfSmallF64", "erf(x) = x + x P(z), z = x^2, |x| <= 1", small, small_weight,
        mpf("1e-9"), mpf("1.001"), 13, 64)
    fit("kErfLargeF64", "erf(x) = 1 - exp(-P(|x|)), 1 <= |x| <= 6", large, large_weight, 0.999, 6, 19, 64)


def complementary_error_function():
    # (1 + 2x) exp(x^2) erfc(x) over t = (x - K) / (x + K): Shepherd and Laframboise 1981.
    k = mpf("3.75")
    of = lambda t: k * (1 + t) / (1 - t)
    fit("kErfcF64", "erfc(x) = exp(-x^2) P(t) / (1 + 2 x), t = (x - 3.75) / (x + 3.75), 0.5 <= x <= 28",
        lambda t: (1 + 2 * of(t)) * mp.exp(of(t) ** 2) * mp.erfc(of(t)),
        lambda t: 1 / ((1 + 2 * of(t)) * mp.exp(of(t) ** 2) * mp.erfc(of(t))),
        (mpf("0.499") - k) / (mpf("0.499") + k), (28 - k) / (28 + k), 20, 64)


def inverse_error_function():
    # erfinv(x) / x over w = -log(1 - x^2), in the three ranges of Giles 2010.
    def ratio(w):
        x = mp.sqrt(-mp.expm1(-w))
        # Newton's method on erfc, whose digits near x = 1 are not lost.
        rest = mp.exp(-w) / (1 + x)
        y = mp.sqrt(w) if w > 1 else x * mp.sqrt(mp.pi) / 2
        for _ in range(60):
            step = (mp.erfc(y) - rest) * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
            step = step / (1 - y * step)
            y += step
            if abs(step) < mpf(10) ** -36 * y:
                break
        return y / x
    for name, comment, w, low, high, degree in (
            ("kErfInvNear", "w < 6.25, P(w - 3.125)", lambda v: v + mpf("3.125"), "-3.1249999", "3.1251", 22),
            ("kErfInvMiddle", "2.5 <= sqrt(w) < 4, P(sqrt(w) - 3.25)", lambda v: (v + mpf("3.25")) ** 2, "-0.7501", "0.7501", 18),
            ("kErfInvFar", "4 <= sqrt(w), P(sqrt(w) - 5)", lambda v: (v + 5) ** 2, "-1.0001", "1.1", 16)):
        known = {}
        value = lambda v: known.setdefault(v, ratio(w(v)))
        fit(name, f"erf_inv(x) = x P, w = -log(1 - x^2): {comment}", value, lambda v: 1 / value(v), low, high, degree, 64)


def gamma_functions():
    around_one = lambda t: mp.loggamma(1 + t) / t
    around_two = lambda t: mp.loggamma(2 + t) / t
    fit("kLgammaOne", "lgamma(1 + t) = t P(t), |t| <= 1/2", around_one, lambda t: 1 / around_one(t), "-0.5", "0.5", 27, 64)
    fit("kLgammaTwo", "lgamma(2 + t) = t P(t), |t| <= 1/2", around_two, lambda t: 1 / around_two(t), "-0.5", "0.5", 18, 64)
    root = mp.findroot(mp.digamma, mpf("1.4616"))
    split("kDigammaRoot", "The positive root of digamma as a sum of f64", root, 64, 3)
    of = lambda t: mp.digamma(t + mpf("1.5")) / (t + mpf("1.5") - root)
    fit("kDigamma", "digamma(x) = (x - root) P(x - 1.5), 1 <= x <= 2", of, lambda t: 1 / of(t), "-0.5001", "0.5001", 21, 64)
    exact("kStirling", "lgamma(x) = (x - 1/2) (log(x) - 1) + (log(2 pi) - 1) / 2 + P(1/x^2) / x",
          [mp.bernoulli(2 * k) / (2 * k * (2 * k - 1)) for k in range(1, 10)])
    exact("kDigammaSeries", "digamma(x) = log(x) - 1/(2 x) - P(1/x^2) / x^2",
          [mp.bernoulli(2 * k) / (2 * k) for k in range(1, 11)])
    exact("kZetaSeries", "B(2j) / (2j)!, of Euler's and Maclaurin's formula",
          [mp.bernoulli(2 * k) / mp.factorial(2 * k) for k in range(1, 13)])


def roots():
    fit("kCbrt", "cbrt(m) = P(m), m in [1/2, 1]", mp.cbrt, lambda m: 1 / mp.cbrt(m), 0.5, 1, 4, 64)


print("""// Polynomial coefficients of the elementwise functions, lowest degree first, and split constants.
// Written by fit.py, which says how; do not edit. f32 tables hold values that f32 represents.

#pragma once

#include <cstdint>

namespace weir::codegen {""")
exponentials()
logarithms()
trigonometry()
tangent()
error_function()
complementary_error_function()
inverse_error_function()
gamma_functions()
roots()
mp.dps = 420
two_over_pi()
print("\n}  // namespace weir::codegen")
