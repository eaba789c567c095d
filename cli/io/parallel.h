#pragma once
// A parallel loop for work of the commands themselves (formatting results). Exceptions propagate as from a
// plain loop.

#include <algorithm>
#include <cstdint>

#include "core/cpus.h"
#include "core/parallel.h"

namespace roberta::cli {

/// f(i) for i in [0, count). threads = 0: all cores available to the process.
template <class F>
void parallel_for(int64_t count, int threads, F f) {
  constexpr int64_t kChunk = 8;
  roberta::parallel_for(threads > 0 ? threads : usable_cpus(), (count + kChunk - 1) / kChunk,
                        [&](int64_t chunk, int) {
                          for (int64_t i = chunk * kChunk; i < std::min(count, (chunk + 1) * kChunk); ++i)
                            f(i);
                        });
}

}  // namespace roberta::cli
