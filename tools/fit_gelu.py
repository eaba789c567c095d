#!/usr/bin/env python3
"""Makes the coefficients of gelu() in src/backend/cpu/math-inl.h and prints their error in fp32 arithmetic."""
from math import erf, sqrt

import numpy as np

LIMIT, DEGREE = 5.4, 14

theta = (np.arange(4000) + 0.5) * np.pi / 4000
u = np.cos(theta)
x = np.sqrt((u + 1) / 2) * LIMIT
target = np.array([0.5 * erf(a / sqrt(2)) / a for a in x])
cheb = np.polynomial.chebyshev.chebfit(u, target, DEGREE, w=np.maximum(x, 0.2) ** 1.5)
coefficients = np.polynomial.chebyshev.cheb2poly(cheb)
print([float("%.9g" % c) for c in coefficients])

f = np.float32
xs = np.linspace(-8, 8, 400001).astype(f)
c = np.clip(xs, -LIMIT, LIMIT).astype(f)
us = (c * c * f(2 / LIMIT / LIMIT) - f(1)).astype(f)
p = np.full_like(us, f(coefficients[-1]))
for k in coefficients[-2::-1]:
    p = (p * us + f(k)).astype(f)
error = np.abs(xs * (f(0.5) + c * p) - np.array([a * 0.5 * (1 + erf(a / sqrt(2))) for a in xs.astype(float)]))
print("largest error", error.max(), "for |x| < 1", error[np.abs(xs) < 1].max())
