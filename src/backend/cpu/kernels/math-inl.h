#pragma once
// exp, GELU, its derivative and tanh on vectors. Include after one simd_*.h.

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

/// 1/2 + x P(u) with u = 2 x^2 / limit^2 - 1 in [-1, 1], x clamped to the limit; P in powers of u, of even
/// degree. Even and odd powers run side by side: half the latency of one Horner chain.
template <int kCoefficients>
inline F half_plus_odd(F x, float limit, const float (&p)[kCoefficients]) {
  const F c = min(set(limit), max(set(-limit), x));
  const F u = mul_add(c * c, set(2.0f / (limit * limit)), set(-1.0f));
  const F w = u * u;
  F even = set(p[kCoefficients - 1]), odd = set(p[kCoefficients - 2]);
#pragma GCC unroll 16
  for (int i = kCoefficients - 3; i >= 2; i -= 2) {
    even = mul_add(even, w, set(p[i]));
    odd = mul_add(odd, w, set(p[i - 1]));
  }
  even = mul_add(even, w, set(p[0]));
  return mul_add(c, mul_add(odd, u, even), set(0.5f));
}

/// x * Phi(x), Phi by a Chebyshev fit of degree 14 (made by tools/fit_gelu.py). Error below 1.5e-7 for |x| <
/// 1 and one unit in the last place of x beyond; Phi(5.4) = 1 - 3e-8.
inline F gelu(F x) {
  constexpr float kP[] = {0.130928114f,   -0.0653280021f,  0.0484993797f,  -0.0392086048f,   0.0321209757f,
                          -0.0257294426f, 0.019612359f,    -0.0140313756f, 0.00976493156f,   -0.0065848782f,
                          0.00346062752f, -0.00130503971f, 0.00104345941f, -0.000987293831f, 0.000337378826f};
  return x * half_plus_odd(x, 5.4f, kP);
}

/// The derivative of gelu at x, Phi(x) + x phi(x), in the same way. Error below 5e-7.
inline F gelu_derivative(F x) {
  constexpr float kP[] = {0.12641664f,     -0.0642823332f, 0.0518082782f,  -0.0509712775f,  0.0566776543f,
                          -0.0648956436f,  0.0716914956f,  -0.0736835339f, 0.0663524374f,   -0.0518276732f,
                          0.0432410992f,   -0.0379229055f, 0.0197044094f,  -0.00276071785f, 0.00464507945f,
                          -0.00795511779f, 0.0030478921f};
  return half_plus_odd(x, 5.6f, kP);
}

/// 1 - 2 / (e^2x + 1); absolute error below 2e-7.
inline F tanh(F x) {
  const F e = exp(min(set(10.0f), max(set(-10.0f), x)) * set(2.0f));
  return set(1.0f) - set(2.0f) / (e + set(1.0f));
}

/// The derivative of tanh at x.
inline F tanh_derivative(F x) {
  const F y = tanh(x);
  return set(1.0f) - y * y;
}

}  // namespace
