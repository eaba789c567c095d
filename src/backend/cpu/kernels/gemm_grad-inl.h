#pragma once
// dw = dy^T x of one instruction set. Include after pack-inl.h.
//
// The sums run over the rows t of both matrices. Both are packed by steps of t into 32-bit units: a step is a
// row and a unit its fp32 (bf16 without the dot instruction is widened on the way); or, with that
// instruction, a step is two rows and a unit the pair of a column's values. x becomes panels of kPanel
// columns, dy row panels of kTileRows columns, each a run of memory read from front to back. A register tile
// is one row panel times one panel, as in gemm-inl.h; its sums start at zero every kGradSteps steps and are
// then added to dw, so each element of dw is summed in the same order wherever the pieces of work begin and
// end.

namespace {

using roberta::cpu::GemmGradBlock;
using roberta::cpu::kGradSteps;
using roberta::cpu::row_panel_floats;

/// One row a step.
template <class T>
struct RowSteps {
  using Source = T;
  static constexpr int kRows = 1;
  static inline F units(const float* row, const float*, int n) { return Fp32Units::across(row, nullptr, n); }
  static inline F units(const uint16_t* row, const uint16_t*, int n) {
    return n >= kLanes ? load_bf16(row) : load_bf16_n(row, n);
  }
  static inline F multiply_add(F x, F y, F sum) { return mul_add(x, y, sum); }
  static inline F add(F units, F sum) { return sum + units; }
};
#ifdef __AVX512BF16__
/// Two rows a step.
struct PairSteps {
  using Source = uint16_t;
  static constexpr int kRows = 2;
  static inline __m256i columns(const uint16_t* row, int n) {
    return n >= kLanes ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row))
                       : _mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << n) - 1), row);
  }
  static inline F units(const uint16_t* low, const uint16_t* high, int n) {
    return pair(columns(low, n), high ? columns(high, n) : _mm256_setzero_si256());
  }
  static inline F multiply_add(F x, F y, F sum) {
    return {_mm512_dpbf16_ps(sum.v, reinterpret_cast<__m512bh>(x.v), reinterpret_cast<__m512bh>(y.v))};
  }
  static inline F add(F units, F sum) {
    const F ones = {_mm512_castsi512_ps(_mm512_set1_epi32(0x3f803f80))};
    return multiply_add(units, ones, sum);
  }
};
using Bf16Steps = PairSteps;
#else
using Bf16Steps = RowSteps<uint16_t>;
#endif

/// Columns [0, columns) of rows [0, rows) into runs of `width` columns, `run_floats` apart: row after row, as
/// the hardware reads ahead along rows. Stores nothing beyond a step, for its neighbour may be another
/// thread's.
template <class P, int kWidth>
inline void pack_runs(const void* x, int64_t stride, int64_t rows, int64_t columns, int64_t run_floats,
                      float* runs) {
  constexpr int64_t kAhead = 16;  // rows asked for before their turn
  const auto* row = static_cast<const typename P::Source*>(x);
  for (int64_t t = 0; t < rows; t += P::kRows, row += P::kRows * stride, runs += kWidth) {
    const typename P::Source* next = t + 1 < rows ? row + stride : nullptr;
    float* out = runs;
    for (int64_t begin = 0; begin < columns; begin += kWidth, out += run_floats) {
      for (int c = 0; c < kWidth; c += kLanes) {
        const int64_t at = begin + c, left = columns - at;
        const int n = left >= kLanes ? kLanes : left > 0 ? static_cast<int>(left) : 0;
        const F units = P::units(row + at, next ? next + at : nullptr, n);
        for (int r = 0; r < P::kRows; ++r) __builtin_prefetch(row + (kAhead + r) * stride + at, 0, 3);
        if (c + kLanes <= kWidth) {
          store(out + c, units);
        } else {
          store_n(out + c, units, kWidth - c);
        }
      }
    }
  }
}

template <class P, int MR>
void grad_tile(const float* a, const float* b, int64_t steps, float* dw, int64_t stride, int columns,
               bool add) {
  F sum[MR][2];
  for (int r = 0; r < MR; ++r) {
    sum[r][0] = zero(), sum[r][1] = zero();
    __builtin_prefetch(dw + r * stride, 1, 3);
    __builtin_prefetch(dw + r * stride + columns - 1, 1, 3);
  }
  for (int64_t i = 0; i < steps; ++i, a += kTileRows, b += kPanel) {
    const F b0 = load(b), b1 = load(b + kLanes);
    prefetch(b);
#pragma GCC unroll 16
    for (int r = 0; r < MR; ++r) {
      const F x = set(a[r]);
      sum[r][0] = P::multiply_add(x, b0, sum[r][0]);
      sum[r][1] = P::multiply_add(x, b1, sum[r][1]);
    }
  }
  float rows[MR * kPanel];
#pragma GCC unroll 16
  for (int r = 0; r < MR; ++r) {
    store(rows + r * kPanel, sum[r][0]);
    store(rows + r * kPanel + kLanes, sum[r][1]);
  }
  for (int r = 0; r < MR; ++r, dw += stride) {
    F v0 = load(rows + r * kPanel), v1 = load(rows + r * kPanel + kLanes), w0, w1;
    if (add) {
      load_in(dw, 0, false, columns, w0, w1);
      v0 = w0 + v0, v1 = w1 + v1;
    }
    store_out(dw, 0, false, v0, v1, columns);
  }
}

using GradTileFunction = void (*)(const float*, const float*, int64_t, float*, int64_t, int, bool);
#if defined(__AVX512F__)
template <class P>
constexpr GradTileFunction kGradTiles[kTileRows + 1] = {
    nullptr,          grad_tile<P, 1>,  grad_tile<P, 2>, grad_tile<P, 3>, grad_tile<P, 4>,
    grad_tile<P, 5>,  grad_tile<P, 6>,  grad_tile<P, 7>, grad_tile<P, 8>, grad_tile<P, 9>,
    grad_tile<P, 10>, grad_tile<P, 11>, grad_tile<P, 12>};
#else
template <class P>
constexpr GradTileFunction kGradTiles[kTileRows + 1] = {nullptr,         grad_tile<P, 1>, grad_tile<P, 2>,
                                                        grad_tile<P, 3>, grad_tile<P, 4>, grad_tile<P, 5>,
                                                        grad_tile<P, 6>};
#endif

/// Sums of a row panel's columns, in four interleaved chains of steps.
template <class P>
inline void row_panel_sums(const float* row_panel, int64_t steps, int columns, bool add, float* db) {
  for (int c = 0; c < columns; c += kLanes) {
    F sum[4] = {zero(), zero(), zero(), zero()};
    const float* at = row_panel + c;
    int64_t i = 0;
    for (; i + 4 <= steps; i += 4, at += 4 * kTileRows) {
      for (int j = 0; j < 4; ++j) sum[j] = P::add(load(at + j * kTileRows), sum[j]);
    }
    for (; i < steps; ++i, at += kTileRows) sum[0] = P::add(load(at), sum[0]);
    const int n = columns - c < kLanes ? columns - c : kLanes;
    const F total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    store_n(db + c, add ? load_n(db + c, n) + total : total, n);
  }
}

template <class P>
void gemm_grad(const GemmGradBlock& g) {
  const int64_t row_panels = (g.n + kTileRows - 1) / kTileRows;
  const float* part_row_panels = g.row_panels;
  for (int64_t begin = 0; begin < g.steps; begin += kGradSteps, part_row_panels += g.part_floats) {
    const int64_t depth = g.steps - begin < kGradSteps ? g.steps - begin : kGradSteps;
    const bool add = g.add || begin > 0;
    const auto height = [&](int64_t s) {
      return static_cast<int>(g.n - s * kTileRows < kTileRows ? g.n - s * kTileRows : kTileRows);
    };
    for (int64_t s = 0; g.db && s < row_panels; ++s)
      row_panel_sums<P>(part_row_panels + s * row_panel_floats(kTileRows), depth, height(s), add,
                        g.db + s * kTileRows);
    for (int64_t p = g.panel_begin; p < g.panel_end; ++p) {
      const float* panel = g.x_panels + (p * g.steps + begin) * kPanel;
      for (int64_t s = 0; s < row_panels; ++s) {
        kGradTiles<P>[height(s)](part_row_panels + s * row_panel_floats(kTileRows), panel, depth,
                                 g.dw + s * kTileRows * g.dw_stride + p * kPanel, g.dw_stride,
                                 columns_of(p, g.k), add);
      }
    }
  }
}

}  // namespace
