#include "core/largest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

namespace roberta {
namespace {

constexpr size_t kBlock = 64;

// Vectors of the language's own kind (GCC, Clang), as wide as every CPU has them: std::exp of a row of 50,265
// logits would take longer than everything else that is done for a request besides the model.
constexpr size_t kLanes = 4, kStep = 4 * kLanes;
using Floats = float __attribute__((vector_size(16)));
using Words = uint32_t __attribute__((vector_size(16)));

inline Floats load(const float* x) {
  Floats v;
  std::memcpy(&v, x, sizeof v);
  return v;
}
inline Floats all(float x) { return Floats{x, x, x, x}; }

/// exp(x) for x <= 0, to some 2e-7 of it; below -87 about 1e-38.
inline Floats exponentials(Floats x) {
  x = x < all(-87) ? all(-87) : x;
  const Floats magic = all(12582912.0f);  // 1.5 * 2^23: rounds to an integer, in the low bits
  const Floats n = x * 1.44269504f + magic;
  const Floats k = n - magic;
  const Floats r = (x - k * 0.693359375f) + k * 2.12194440e-4f;  // ln 2 in two parts; |r| <= 0.35
  Floats p = all(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const Words scale = (std::bit_cast<Words>(n) - 0x4B400000u) << 23;
  return std::bit_cast<Floats>(std::bit_cast<Words>(p) + scale);
}

float max_of(const float* x, size_t n) {
  float top = -std::numeric_limits<float>::infinity();
  size_t i = 0;
  if (n >= kStep) {
    Floats m[4] = {all(top), all(top), all(top), all(top)};
    for (; i + kStep <= n; i += kStep) {
      for (size_t j = 0; j < 4; ++j) {
        const Floats v = load(x + i + j * kLanes);
        m[j] = v > m[j] ? v : m[j];
      }
    }
    for (const Floats& v : m) {
      for (size_t l = 0; l < kLanes; ++l) top = std::max(top, v[l]);
    }
  }
  for (; i < n; ++i) top = std::max(top, x[i]);
  return top;
}

/// Of x - top, each at most 1. Runs of 32 are added in float, all else in double.
double sum_of_exponentials(std::span<const float> logits, float top) {
  const float* x = logits.data();
  double sum = 0;
  size_t i = 0;
  while (i + kStep <= logits.size()) {
    Floats lanes[4] = {};
    for (int step = 0; step < 32 && i + kStep <= logits.size(); ++step, i += kStep) {
      for (size_t j = 0; j < 4; ++j) lanes[j] += exponentials(load(x + i + j * kLanes) - top);
    }
    for (const Floats& v : lanes) {
      for (size_t l = 0; l < kLanes; ++l) sum += static_cast<double>(v[l]);
    }
  }
  for (; i < logits.size(); ++i) sum += std::exp(static_cast<double>(x[i]) - static_cast<double>(top));
  return sum;
}

/// Indices of the k largest, best first, for k far below the size: a heap of the best so far, whose worst is
/// held against the largest of each block; few blocks hold anything better.
template <class Better>
std::vector<int32_t> few_best(std::span<const float> logits, size_t k, Better better) {
  std::vector<int32_t> heap;
  heap.reserve(k + 1);
  for (size_t begin = 0; begin < logits.size(); begin += kBlock) {
    const size_t end = std::min(logits.size(), begin + kBlock);
    if (heap.size() == k) {
      const float worst = logits[static_cast<size_t>(heap.front())];
      if (!(max_of(logits.data() + begin, end - begin) > worst)) continue;  // of equals the first is kept
    }
    for (size_t i = begin; i < end; ++i) {
      const auto token = static_cast<int32_t>(i);
      if (heap.size() == k) {
        if (!better(token, heap.front())) continue;
        std::pop_heap(heap.begin(), heap.end(), better);
        heap.back() = token;
      } else {
        heap.push_back(token);
      }
      std::push_heap(heap.begin(), heap.end(), better);
    }
  }
  std::sort_heap(heap.begin(), heap.end(), better);
  return heap;
}

}  // namespace

double largest(std::span<const float> row, std::span<int32_t> columns, std::span<float> values) {
  const auto better = [&](int32_t a, int32_t b) {
    const float x = row[static_cast<size_t>(a)], y = row[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  const size_t count = columns.size();
  std::vector<int32_t> order;
  if (count <= row.size() / 64) {
    order = few_best(row, count, better);
  } else {
    order.resize(row.size());
    std::iota(order.begin(), order.end(), 0);
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), better);
  }
  for (size_t i = 0; i < count; ++i) {
    columns[i] = order[i];
    values[i] = row[static_cast<size_t>(order[i])];
  }
  return sum_of_exponentials(row, row[static_cast<size_t>(order.front())]);
}

}  // namespace roberta
