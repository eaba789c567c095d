#pragma once
// The only code that names a transport between processes.

#include <memory>
#include <string>

#include "device/comm.h"

namespace roberta {

struct CommOptions {
  /// "auto": MPI when a launcher (mpirun, srun) started this process as one of several, else "local".
  /// "local": one process. "mpi": MPI in any case.
  std::string kind = "auto";
  double timeout_s = 600;  ///< a collective without progress for that long is an error
};

/// Once in a process. Error(kUsage) for another kind, Error(kResource) when MPI is wanted and its module
/// (libroberta_mpi.so) or MPI itself is not there.
std::unique_ptr<Comm> open_comm(const CommOptions& options);

}  // namespace roberta
