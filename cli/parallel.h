#pragma once
// A loop on all cores for the faces' own work (formatting answers). Exceptions come out as from a plain loop.

#include <omp.h>

#include <cstdint>
#include <exception>

namespace roberta::cli {

/// f(i) for i in [0, count). threads = 0: as many as OpenMP gives.
template <class F>
void parallel_for(int64_t count, int threads, F f) {
  std::exception_ptr error;
  if (threads <= 0) threads = omp_get_max_threads();
#pragma omp parallel for schedule(dynamic, 8) num_threads(threads) if (count > 16)
  for (int64_t i = 0; i < count; ++i) {
    try {
      f(i);
    } catch (...) {  // an exception that leaves the region would end the program
#pragma omp critical(roberta_cli_parallel_error)
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace roberta::cli
