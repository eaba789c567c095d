#pragma once
// Transposed copies of matrices, a square of vectors at a time. Include after pack-inl.h and dropout-inl.h.

namespace {

/// Hands each vector along the rows of a [rows, cols] matrix, read by load_at(row, column, lanes), transposed
/// to store_at(column, row, vector, lanes): lanes [row, row + lanes) of that column.
template <class Load, class Store>
inline __attribute__((always_inline)) void transpose_blocks(int64_t rows, int64_t cols, Load load_at,
                                                            Store store_at) {
  for (int64_t r = 0; r < rows; r += kLanes) {
    for (int64_t c = 0; c < cols; c += kLanes) {
      F block[kLanes];
      if (r + kLanes <= rows && c + kLanes <= cols) {
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) block[i] = load_at(r + i, c, kLanes);
        transpose(block);
#pragma GCC unroll 16
        for (int i = 0; i < kLanes; ++i) store_at(c + i, r, block[i], kLanes);
      } else {
        const int height = static_cast<int>(rows - r < kLanes ? rows - r : kLanes);
        const int width = static_cast<int>(cols - c < kLanes ? cols - c : kLanes);
        for (int i = 0; i < kLanes; ++i) block[i] = i < height ? load_at(r + i, c, width) : zero();
        F copy[kLanes];  // the one that is indexed; `block` stays in registers
        transpose(block);
        __builtin_memcpy(&copy, &block, sizeof copy);
        for (int i = 0; i < width; ++i) store_at(c + i, r, copy[i], height);
      }
    }
  }
}

inline F load_lanes(const uint16_t* p, int n) {
  if (n == kLanes) return load_bf16(p);
  alignas(32) uint16_t lanes[kLanes] = {};
  for (int i = 0; i < n; ++i) lanes[i] = p[i];
  return load_bf16(lanes);
}

/// out[c, r] = x[r, c] in out's type.
template <class From, class To>
inline void transpose(const From* x, int64_t stride, int64_t rows, int64_t cols, To* out,
                      int64_t out_stride) {
  transpose_blocks(
      rows, cols,
      [=](int64_t r, int64_t c, int n)
          __attribute__((always_inline)) { return load_lanes(x + r * stride + c, n); },
      [=](int64_t c, int64_t r, F v, int n)
          __attribute__((always_inline)) { store_lanes(out + c * out_stride + r, v, n); });
}

}  // namespace
