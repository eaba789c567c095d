#pragma once
// A loop on all cores for the faces' own work (formatting answers). Exceptions come out as from a plain loop.

#include <algorithm>
#include <cstdint>

#include "core/cpus.h"
#include "core/parallel.h"

namespace roberta::cli {

/// f(i) for i in [0, count). threads = 0: all cores that this process may use.
template <class F>
void parallel_for(int64_t count, int threads, F f) {
  constexpr int64_t kPiece = 8;
  roberta::parallel_for(threads > 0 ? threads : usable_cpus(), (count + kPiece - 1) / kPiece,
                        [&](int64_t piece, int) {
                          for (int64_t i = piece * kPiece; i < std::min(count, (piece + 1) * kPiece); ++i)
                            f(i);
                        });
}

}  // namespace roberta::cli
