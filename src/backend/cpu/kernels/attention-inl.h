#pragma once
// Attention of one instruction set, for one block of query rows of one sequence and head: keys and values are
// packed once into GEMM panels, then each register tile of query rows makes its scores against all keys (a
// few rows of at most some thousand floats: first-level cache), their softmax in fp32, and its part of the
// output. Include after transpose-inl.h.

namespace {

using roberta::cpu::AttentionBlock;

/// Keys as the second factor: one panel of the rows [0, rows) of k, rows <= kPanel, k = columns.
inline void pack_keys(Fp32, const float* k, int64_t stride, int64_t rows, int64_t width, void* panel) {
  float* out = static_cast<float*>(panel);
  if (rows < kPanel) __builtin_memset(out, 0, static_cast<size_t>(width * kPanel) * sizeof(float));
  transpose(k, stride, rows, width, out, kPanel);
}
inline void pack_keys(Bf16, const uint16_t* k, int64_t stride, int64_t rows, int64_t width, void* panel) {
  if (rows < kPanel) __builtin_memset(panel, 0, static_cast<size_t>((width + 1) / 2 * 2 * kPanel) * 2);
  if (!Bf16::kPairs) return transpose(k, stride, rows, width, static_cast<uint16_t*>(panel), kPanel);
  float* out = static_cast<float*>(panel);  // pairs: fp32 in all but name
  const char* source = reinterpret_cast<const char*>(k);
  transpose_blocks(
      rows, width / 2,
      [=](int64_t r, int64_t u, int n) __attribute__((always_inline)) {
        return load_lanes(reinterpret_cast<const float*>(source + 2 * r * stride + 4 * u), n);
      },
      [=](int64_t u, int64_t r, F v, int n)
          __attribute__((always_inline)) { store_lanes(out + u * kPanel + r, v, n); });
  if (width % 2) {
    uint32_t* last = static_cast<uint32_t*>(panel) + width / 2 * kPanel;
    for (int64_t r = 0; r < rows; ++r) last[r] = k[r * stride + width - 1];
  }
}

/// Values as the second factor: panel p holds columns [p kPanel, ...) of v, k = keys.
inline void pack_values(Fp32, const float* v, int64_t stride, int64_t length, int columns, float* panel) {
  for (int64_t i = 0; i < length; ++i, v += stride, panel += kPanel) {
    if (columns == kPanel) {
      store(panel, load(v)), store(panel + kLanes, load(v + kLanes));
    } else {
      for (int c = 0; c < kPanel; ++c) panel[c] = c < columns ? v[c] : 0;
    }
  }
}
inline void pack_values(Bf16, const uint16_t* v, int64_t stride, int64_t length, int columns,
                        uint16_t* panel) {
  if (!Bf16::kPairs) {
    for (int64_t i = 0; i < length; ++i) {
      for (int c = 0; c < kPanel; ++c) panel[i * kPanel + c] = c < columns ? v[i * stride + c] : 0;
    }
    return;
  }
  for (int64_t i = 0; i < length; i += 2) {
    const uint16_t *even = v + i * stride, *odd = even + stride;
    uint32_t* out = reinterpret_cast<uint32_t*>(panel + i * kPanel);
    const bool pair = i + 1 < length;
    if (pair && columns == kPanel) {
      for (int c = 0; c < kPanel; ++c) out[c] = even[c] | static_cast<uint32_t>(odd[c]) << 16;
    } else {
      for (int c = 0; c < kPanel; ++c) {
        out[c] = c < columns ? even[c] | (pair ? static_cast<uint32_t>(odd[c]) << 16 : 0) : 0;
      }
    }
  }
}

inline void store_probabilities(float* row, int64_t at, F p) { store(row + at, p); }
inline void store_probabilities(uint16_t* row, int64_t at, F p) { store_bf16(row + at, p); }

/// The greatest of n scores; NaN may or may not come out, e^NaN shows it all the same.
inline float top_of(const float* scores, int64_t n) {
  F top = set(-3.4e38f);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) top = max(top, load(scores + i));
  float m = max(top);
  for (; i < n; ++i) m = scores[i] > m ? scores[i] : m;
  return m;
}

/// e^(scale (score - top of the row)) of `height` rows of scores, those of kept draws alone, into `out`; by
/// inverse[r] they become probabilities. Each step is done for all rows before the next, so that the
/// latencies at a row's end hide behind other rows.
template <class T>
inline void softmax_rows(const AttentionBlock& a, const Dropper& dropper, int64_t row, int height,
                         const float* scores, int64_t stride, uint8_t* bits, T* out, float* inverse) {
  const int64_t whole = a.length / kLanes * kLanes;
  const int rest = static_cast<int>(a.length - whole);
  const F scale = set(a.scale);
  float shift[kTileRows];
  F total[kTileRows];
  for (int r = 0; r < height; ++r) shift[r] = -a.scale * top_of(scores + r * stride, a.length);
  for (int r = 0; r < height; ++r) {
    const float* from = scores + r * stride;
    T* to = out + r * stride;
    const F by = set(shift[r]);
    F sums = zero();
    dropper.draw(row + r, 0, a.length, bits);
    for (int64_t i = 0; i < whole; i += kLanes) {
      const F e = exp(mul_add(load(from + i), scale, by));
      sums = sums + e;
      store_probabilities(to, i, kept(bits, i, e));
    }
    if (rest > 0) {
      const F e = keep_n(exp(mul_add(load(from + whole), scale, by)), rest);
      sums = sums + e;
      store_probabilities(to, whole, kept(bits, whole, e));
    }
    total[r] = sums;
  }
  for (int r = 0; r < height; ++r) {
    const float s = sum(total[r]);
    inverse[r] = a.draws.factor / s;
    if (a.lse) a.lse[(row + r) * a.lse_stride] = __builtin_logf(s) - shift[r];
  }
}

template <class S>
void attention(const AttentionBlock& a) {
  using T = typename S::T;
  const int64_t panels = (a.length + kPanel - 1) / kPanel, value_panels = (a.width + kPanel - 1) / kPanel;
  const int64_t key_step = panel_step(a.width, sizeof(T)), value_step = panel_step(a.length, sizeof(T));
  char* keys = static_cast<char*>(a.scratch);
  char* values = keys + panels * key_step;
  const int64_t score_stride = panels * kPanel + kLanes;
  float* scores = reinterpret_cast<float*>(
      (reinterpret_cast<uintptr_t>(values + value_panels * value_step) + 63) / 64 * 64);
  // bf16 probabilities have their own rows, fp32 ones replace the scores.
  T* probabilities =
      sizeof(T) == 4 ? reinterpret_cast<T*>(scores) : reinterpret_cast<T*>(scores + kTileRows * score_stride);
  uint8_t* bits = reinterpret_cast<uint8_t*>(scores + kTileRows * (score_stride + score_stride / 2));
  const Dropper dropper(a.draws);
  const T *k = static_cast<const T*>(a.k), *v = static_cast<const T*>(a.v), *q = static_cast<const T*>(a.q);
  for (int64_t p = 0; p < panels; ++p) {
    const int64_t rows = columns_of(p, a.length);
    pack_keys(S{}, k + p * kPanel * a.k_stride, a.k_stride, rows, a.width, keys + p * key_step);
  }
  for (int64_t p = 0; p < value_panels; ++p) {
    pack_values(S{}, v + p * kPanel, a.v_stride, a.length, columns_of(p, a.width),
                reinterpret_cast<T*>(values + p * value_step));
  }
  for_tiles(a.q_rows, [&](int64_t row, int height) {
    TileIo io;
    io.partial_stride = score_stride;
    for (int64_t p = 0; p < panels; ++p) {
      io.partial = scores + p * kPanel;
      kTiles<S>[height](q + row * a.q_stride, a.q_stride, keys + p * key_step, a.width, io);
    }
    float inverse[kTileRows], y[kTileRows * kPanel];
    softmax_rows(a, dropper, row, height, scores, score_stride, bits, probabilities, inverse);
    io.partial = y;
    io.partial_stride = kPanel;
    for (int64_t p = 0; p < value_panels; ++p) {
      kTiles<S>[height](probabilities, score_stride, values + p * value_step, a.length, io);
      for (int r = 0; r < height; ++r) {
        const F factor = set(inverse[r]);
        store_out(a.y, (row + r) * a.y_stride + p * kPanel, sizeof(T) == 2, load(y + r * kPanel) * factor,
                  load(y + r * kPanel + kLanes) * factor, columns_of(p, a.width));
      }
    }
  });
}

}  // namespace
