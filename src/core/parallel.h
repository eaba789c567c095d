#pragma once
// The only way to use several cores: pieces of work with fixed borders, each taken by the next free thread.

#include <cstdint>
#include <functional>

namespace roberta {

/// Calls work(piece, thread) once for each piece in [0, pieces), on up to `threads` threads, the caller's
/// among them (thread 0); returns when all are done and rethrows the first exception. Each thread index is
/// used by one thread at a time. Nested calls run on the caller alone. Callers on several threads share the
/// workers: an idle one joins the loop with the fewest threads, as long as no more threads compute than there
/// are cores.
///
/// The caller never waits for a thread that has not begun a piece: on a busy machine, where a thread may
/// lose its core for milliseconds, the caller then does the work itself. A fork-join barrier (OpenMP's)
/// stalls there: 16 tokens of roberta-base, with as many other busy threads as there are cores, took a median
/// of 82 and 92 ms, against 36 and 48.
void parallel_for(int threads, int64_t pieces, const std::function<void(int64_t piece, int thread)>& work);

}  // namespace roberta
