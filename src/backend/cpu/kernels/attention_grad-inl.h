#pragma once
// The gradient of attention for one sequence and head. Probabilities are made again from the saved
// log-sum-exp, kGradRows query rows at a time, and never leave the caches. With s = scale q k^T,
// p = exp(s - lse), m the factors of dropout and delta = rowsum(dy y):
//   ds = p (m (dy v^T) - delta),  dq = scale ds k,  dk^T = scale q^T ds,  dv^T = dy^T (p m)
// All five products run on GEMM's register tiles. p m and ds are stored as panels, with queries as the inner
// dimension, so that they are second factors without being transposed; what is transposed, q, dy and the
// results, is only D wide. Include after attention-inl.h and dropout-inl.h.

namespace {

using roberta::cpu::AttentionGradBlock;
using roberta::cpu::kGradRows;

static_assert(kGradRows % kTileRows == 0);

template <class S>
constexpr bool kPaired = false;  // panels hold pairs of k
template <>
constexpr bool kPaired<Bf16> = Bf16::kPairs;

inline float wide(float x) { return x; }
inline float wide(uint16_t x) { return widen(x); }
inline F load_wide(const float* p) { return load(p); }
inline F load_wide(const uint16_t* p) { return load_bf16(p); }
#ifdef __AVX512BF16__
/// bf16 of `even` and `odd`, lane by lane side by side.
inline void store_pairs(uint16_t* p, F even, F odd) {
  const __m512i low = _mm512_cvtepu16_epi32(to_bf16(even)), high = _mm512_cvtepu16_epi32(to_bf16(odd));
  _mm512_storeu_si512(p, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}
#endif

template <class T>
inline float dot(const T* a, const T* b, int64_t n) {
  F total = zero();
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) total = mul_add(load_wide(a + i), load_wide(b + i), total);
  float result = sum(total);
  for (; i < n; ++i) result += wide(a[i]) * wide(b[i]);
  return result;
}

/// The memory of one attention_grad(), cut from its scratch.
template <class T>
struct GradScratch {
  explicit GradScratch(const AttentionGradBlock& a)
      : panels((a.length + kPanel - 1) / kPanel),
        width_panels((a.width + kPanel - 1) / kPanel),
        stride(panels * kPanel + kLanes),
        free_(static_cast<char*>(a.scratch)) {
    const int64_t element = sizeof(T), step = panel_step(a.width, element);
    keys = take<char>(panels * step);
    values = take<char>(panels * step);
    key_rows = take<char>(width_panels * panel_step(a.length, element));
    q = take<T>(a.width * kTransposedStride);
    dy = take<T>(a.width * kTransposedStride);
    dk = take<float>(a.width * stride);
    dv = take<float>(a.width * stride);
    p = take<T>(panels * kPanel * kGradRows);
    ds = take<T>(panels * kPanel * kGradRows);
    scores = take<float>(kTileRows * stride);
    dscores = take<float>(kTileRows * stride);
    ds_rows = take<T>(kTileRows * stride);
    bits = take<uint8_t>(2 * bit_bytes(panels * kPanel));
  }
  static constexpr int64_t kTransposedStride = kGradRows + 16;
  const int64_t panels, width_panels;
  const int64_t stride;  // of rows as long as the sequence
  char *keys, *values;   // as second factors of q k^T and dy v^T
  char* key_rows;        // as the second factor of ds k
  T *q, *dy;             // transposed: [D, kGradRows]
  float *dk, *dv;        // transposed sums: [D, length]
  T *p, *ds;             // panels of p m and ds: [length / kPanel][kGradRows, kPanel]
  float *scores, *dscores;
  T* ds_rows;
  uint8_t* bits;

 private:
  template <class X>
  X* take(int64_t count) {
    char* begin = free_;
    free_ += (count * static_cast<int64_t>(sizeof(X)) + 63) / 64 * 64;
    return reinterpret_cast<X*>(begin);
  }
  char* free_;
};

/// p m and ds of `height` query rows from `row` on, which are rows [place, place + height) of the panels.
template <class S>
inline void gradient_rows(const AttentionGradBlock& a, const Dropper& dropper,
                          const GradScratch<typename S::T>& m, int64_t row, int64_t place, int height) {
  using T = typename S::T;
  constexpr int kTogether = kPaired<S> ? 2 : 1;
  const int64_t bit_step = bit_bytes(m.panels * kPanel), panel_size = kGradRows * kPanel;
  const F scale = set(a.scale);
  for (int r = 0; r < height; r += kTogether) {
    const int count = height - r < kTogether ? height - r : kTogether;
    F shift[2], delta[2];
    for (int i = 0; i < count; ++i) {
      const int64_t at = row + r + i;
      shift[i] = set(-a.lse[at * a.lse_stride]);
      delta[i] = set(-dot(static_cast<const T*>(a.dy) + at * a.dy_stride,
                          static_cast<const T*>(a.y) + at * a.y_stride, a.width));
      dropper.draw(at, 0, a.length, m.bits + i * bit_step);
    }
    const auto one = [&](int i, int64_t j, F& p, F& ds) __attribute__((always_inline)) {
      const int64_t at = (r + i) * m.stride + j;
      const F raw = exp(mul_add(load(m.scores + at), scale, shift[i]));
      const F factor = kept(m.bits + i * bit_step, j, dropper.factor);
      p = raw * factor;
      ds = raw * scale * mul_add(load(m.dscores + at), factor, delta[i]);
      store_probabilities(m.ds_rows + (r + i) * m.stride, j, ds);
    };
    for (int64_t j = 0; j < m.panels * kPanel; j += kLanes) {
      T* p = m.p + j / kPanel * panel_size + (place + r) * kPanel + j % kPanel * kTogether;
      T* ds = m.ds + j / kPanel * panel_size + (place + r) * kPanel + j % kPanel * kTogether;
      F p0, ds0, p1 = zero(), ds1 = zero();
      one(0, j, p0, ds0);
      if constexpr (kPaired<S>) {
        if (count == 2) one(1, j, p1, ds1);
        store_pairs(p, p0, p1);
        store_pairs(ds, ds0, ds1);
      } else {
        store_probabilities(p, 0, p0);
        store_probabilities(ds, 0, ds0);
      }
    }
  }
}

/// sums[D, length] (+)= x[D, rows] times panels[rows, length].
template <class S>
inline void add_product(const typename S::T* x, const typename S::T* panels,
                        const GradScratch<typename S::T>& m, int64_t width, int64_t rows, bool first,
                        float* sums) {
  for (int64_t p = 0; p < m.panels; ++p) {
    for_tiles(width, [&](int64_t row, int height) {
      TileIo io;
      io.partial = sums + row * m.stride + p * kPanel;
      if (!first) io.in = io.partial;
      io.partial_stride = m.stride;
      kTiles<S>[height](x + row * m.kTransposedStride, m.kTransposedStride, panels + p * kGradRows * kPanel,
                        rows, io);
    });
  }
}

template <class S>
void attention_grad(const AttentionGradBlock& a) {
  using T = typename S::T;
  const GradScratch<T> m(a);
  const Dropper dropper(a.draws);
  const T *q = static_cast<const T*>(a.q), *k = static_cast<const T*>(a.k), *v = static_cast<const T*>(a.v),
          *dy = static_cast<const T*>(a.dy);
  const int64_t key_step = panel_step(a.width, sizeof(T)), row_step = panel_step(a.length, sizeof(T));
  for (int64_t p = 0; p < m.panels; ++p) {
    const int64_t at = p * kPanel, rows = columns_of(p, a.length);
    pack_keys(S{}, k + at * a.k_stride, a.k_stride, rows, a.width, m.keys + p * key_step);
    pack_keys(S{}, v + at * a.v_stride, a.v_stride, rows, a.width, m.values + p * key_step);
  }
  for (int64_t p = 0; p < m.width_panels; ++p) {
    pack_values(S{}, k + p * kPanel, a.k_stride, a.length, columns_of(p, a.width),
                reinterpret_cast<T*>(m.key_rows + p * row_step));
  }
  Epilogue to_dq;
  to_dq.y = a.dq;
  to_dq.y_stride = a.dq_stride;
  to_dq.y_bf16 = sizeof(T) == 2;
  if (a.q_rows == 0) __builtin_memset(m.dk, 0, static_cast<size_t>(a.width * m.stride) * sizeof(float));
  if (a.q_rows == 0) __builtin_memset(m.dv, 0, static_cast<size_t>(a.width * m.stride) * sizeof(float));
  const int64_t blocks = (a.q_rows + kGradRows - 1) / kGradRows;  // of nearly equal numbers of whole tiles
  const int64_t block =
      blocks == 0 ? 0 : (a.q_rows + blocks * kTileRows - 1) / (blocks * kTileRows) * kTileRows;
  for (int64_t begin = 0; begin < a.q_rows; begin += block) {
    const int64_t rows = a.q_rows - begin < block ? a.q_rows - begin : block;
    transpose(q + begin * a.q_stride, a.q_stride, rows, a.width, m.q, m.kTransposedStride);
    transpose(dy + begin * a.dy_stride, a.dy_stride, rows, a.width, m.dy, m.kTransposedStride);
    for (int64_t place = 0; place < rows; place += kTileRows) {  // even places: pairs of rows lie in one tile
      const int height = static_cast<int>(rows - place < kTileRows ? rows - place : kTileRows);
      const int64_t row = begin + place;
      TileIo io;
      io.partial_stride = m.stride;
      for (int64_t p = 0; p < m.panels; ++p) {
        io.partial = m.scores + p * kPanel;
        kTiles<S>[height](q + row * a.q_stride, a.q_stride, m.keys + p * key_step, a.width, io);
        io.partial = m.dscores + p * kPanel;
        kTiles<S>[height](dy + row * a.dy_stride, a.dy_stride, m.values + p * key_step, a.width, io);
      }
      gradient_rows<S>(a, dropper, m, row, place, height);
      io.partial = nullptr;
      io.out = &to_dq;
      io.row = row;
      for (int64_t p = 0; p < m.width_panels; ++p) {
        io.column = p * kPanel;
        io.columns = columns_of(p, a.width);
        kTiles<S>[height](m.ds_rows, m.stride, m.key_rows + p * row_step, a.length, io);
      }
    }
    add_product<S>(m.dy, m.p, m, a.width, rows, begin == 0, m.dv);
    add_product<S>(m.q, m.ds, m, a.width, rows, begin == 0, m.dk);
  }
  transpose(m.dk, m.stride, a.width, a.length, static_cast<T*>(a.dk), a.dk_stride);
  transpose(m.dv, m.stride, a.width, a.length, static_cast<T*>(a.dv), a.dv_stride);
}

}  // namespace
