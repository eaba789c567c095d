#pragma once
// One result for each example, made by several threads.

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "core/cpus.h"
#include "core/parallel.h"

namespace roberta {

/// make(i) for i in [0, n), in order, on that many threads (0: all cores).
template <class Make>
auto make_all(size_t n, int threads, Make make) {
  constexpr size_t kPiece = 16;  // enough to make the cost of taking a piece negligible
  std::vector<decltype(make(size_t{}))> out(n);
  parallel_for(threads > 0 ? threads : usable_cpus(), static_cast<int64_t>((n + kPiece - 1) / kPiece),
               [&](int64_t piece, int) {
                 const size_t begin = static_cast<size_t>(piece) * kPiece;
                 for (size_t i = begin; i < std::min(n, begin + kPiece); ++i) out[i] = make(i);
               });
  return out;
}

/// The parts, one after the other.
template <class T>
std::vector<T> joined(std::vector<std::vector<T>> parts) {
  size_t total = 0;
  for (const auto& part : parts) total += part.size();
  std::vector<T> out;
  out.reserve(total);
  for (auto& part : parts) std::move(part.begin(), part.end(), std::back_inserter(out));
  return out;
}

}  // namespace roberta
