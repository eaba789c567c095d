#pragma once
// What the module libroberta_mpi.so offers to the program that opens it.

#include "device/comm.h"

namespace roberta::mpi {

/// `timeout_s`: how long a collective may go without progress. The caller owns the result. Throws Error.
using OpenComm = Comm* (*)(double timeout_s);

/// Its symbol. The number grows with every change of Comm, so that a module of another build is not taken for
/// this one's.
constexpr const char* kEntry = "roberta_open_mpi_comm_2";
constexpr const char* kModuleName = "libroberta_mpi.so";

}  // namespace roberta::mpi
