#pragma once
// exp, GELU and tanh on vectors. Include after one simd_*.h.

namespace {

/// e^x, relative error below 2e-7; inputs are clamped to [-87, 88], so results below 1e-38 are not denormal
/// but 1e-38.
/// NaN stays NaN: of min(a, b) and max(a, b) the second comes out when either is NaN, so x stands second.
inline F exp(F x) {
  x = min(set(88.0f), max(set(-87.0f), x));
  const F n = round(x * set(1.44269504f));
  F r = mul_add(n, set(-0.693359375f), x);  // ln 2 in two parts: the first has 10 bits, so n * part is exact
  r = mul_add(n, set(2.12194440e-4f), r);
  F p = set(1.0f / 720);
  p = mul_add(p, r, set(1.0f / 120));
  p = mul_add(p, r, set(1.0f / 24));
  p = mul_add(p, r, set(1.0f / 6));
  p = mul_add(p, r, set(0.5f));
  p = mul_add(p, r, set(1.0f));
  p = mul_add(p, r, set(1.0f));
  return mul_pow2(p, n);
}

/// Phi(x), the normal distribution. Phi(x) - 1/2 = x P(u) with u = 2 x^2 / 5.4^2 - 1 in [-1, 1]: a Chebyshev
/// fit of degree 14 (made by tools/fit_gelu.py), written in powers of u. Phi(5.4) = 1 - 3e-8, so x is clamped
/// there.
inline F normal_cdf(F x) {
  constexpr float kC[] = {0.130928114f,   -0.0653280021f,  0.0484993797f,  -0.0392086048f,   0.0321209757f,
                          -0.0257294426f, 0.019612359f,    -0.0140313756f, 0.00976493156f,   -0.0065848782f,
                          0.00346062752f, -0.00130503971f, 0.00104345941f, -0.000987293831f, 0.000337378826f};
  const F c = min(set(5.4f), max(set(-5.4f), x));
  const F u = mul_add(c * c, set(2.0f / (5.4f * 5.4f)), set(-1.0f));
  // Even and odd halves run side by side: half the latency of one Horner chain.
  const F w = u * u;
  F even = set(kC[14]), odd = set(kC[13]);
  for (int i = 12; i >= 2; i -= 2) {
    even = mul_add(even, w, set(kC[i]));
    odd = mul_add(odd, w, set(kC[i - 1]));
  }
  even = mul_add(even, w, set(kC[0]));
  const F p = mul_add(odd, u, even);
  return mul_add(c, p, set(0.5f));
}

/// x * Phi(x). Error below 1.5e-7 for |x| < 1 and one unit in the last place of x beyond.
inline F gelu(F x) { return x * normal_cdf(x); }

/// The derivative of gelu at x: Phi(x) + x phi(x). Absolute error below 3e-7. Beyond |x| = 13, where phi is
/// 1e-38, x is clamped, so that infinity does not become NaN.
inline F gelu_slope(F x) {
  const F c = min(set(13.0f), max(set(-13.0f), x));
  return mul_add(c * set(0.398942280f), exp(c * c * set(-0.5f)), normal_cdf(x));
}

/// 1 - 2 / (e^2x + 1); absolute error below 2e-7.
inline F tanh(F x) {
  const F e = exp(min(set(10.0f), max(set(-10.0f), x)) * set(2.0f));
  return set(1.0f) - set(2.0f) / (e + set(1.0f));
}

/// The derivative of tanh at x.
inline F tanh_slope(F x) {
  const F y = tanh(x);
  return set(1.0f) - y * y;
}

}  // namespace
