#!/usr/bin/env python3
"""Makes the coefficients of gelu() and gelu_slope() in src/backend/cpu/kernels/math-inl.h and prints their error in fp32
arithmetic."""
from math import erf, exp, pi, sqrt

import numpy as np


def gelu(x):
    return 0.5 * x * (1 + erf(x / sqrt(2)))


def slope(x):
    return 0.5 * (1 + erf(x / sqrt(2))) + x * exp(-x * x / 2) / sqrt(2 * pi)


def fit(target, limit, degree, power):
    """Powers of u = 2 x^2 / limit^2 - 1 whose sum is `target`, an even function."""
    theta = (np.arange(4000) + 0.5) * np.pi / 4000
    u = np.cos(theta)
    x = np.sqrt((u + 1) / 2) * limit
    cheb = np.polynomial.chebyshev.chebfit(u, [target(a) for a in x], degree, w=np.maximum(x, 0.2) ** power)
    return np.polynomial.chebyshev.cheb2poly(cheb)


def run(x, limit, coefficients):
    """x P(u) + 1/2, x clamped."""
    f = np.float32
    c = np.clip(x, -limit, limit).astype(f)
    u = (c * c * f(2 / limit / limit) - f(1)).astype(f)
    p = np.full_like(u, f(coefficients[-1]))
    for k in coefficients[-2::-1]:
        p = (p * u + f(k)).astype(f)
    return (f(0.5) + c * p).astype(f)


xs = np.linspace(-8, 8, 400001).astype(np.float32)
phi = fit(lambda x: gelu(x) / x / x - 0.5 / x, 5.4, 14, 1.5)
print("gelu", [float("%.9g" % c) for c in phi])
error = np.abs(xs * run(xs, 5.4, phi) - np.array([gelu(a) for a in xs.astype(float)]))
print("largest error", error.max(), "for |x| < 1", error[np.abs(xs) < 1].max())
rise = fit(lambda x: (slope(x) - 0.5) / x, 5.6, 16, 1.0)
print("gelu_slope", [float("%.9g" % c) for c in rise])
error = np.abs(run(xs, 5.6, rise) - np.array([slope(a) for a in xs.astype(float)]))
print("largest error", error.max())
