#include "runtime/open_comm.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "tests/expect_error.h"

namespace roberta {
namespace {

TEST(OpenComm, OneProcessNeedsNoMpi) {
  unsetenv("OMPI_COMM_WORLD_SIZE");
  for (const char* kind : {"auto", "local"}) {
    const auto comm = open_comm({.kind = kind});
    EXPECT_EQ(comm->size(), 1);
    EXPECT_EQ(comm->rank(), 0);
    EXPECT_EQ(comm->describe(), "1 process");
    std::vector<float> data = {1, 2};
    comm->all_reduce(data);
    comm->broadcast(std::as_writable_bytes(std::span(data)), 0);
    comm->barrier();
    EXPECT_EQ(data, (std::vector<float>{1, 2}));
  }
}

// A launcher's word is not taken for a wish that is spoken out.
TEST(OpenComm, LocalIsLocalUnderALauncher) {
  setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
  EXPECT_EQ(open_comm({.kind = "local"})->size(), 1);
  unsetenv("OMPI_COMM_WORLD_SIZE");
}

TEST(OpenComm, UnknownKind) { EXPECT_ERROR(ErrorCode::kUsage, open_comm({.kind = "nccl"}), "'nccl'", "mpi"); }

TEST(OpenComm, TimeLimitMustBePositive) {
  EXPECT_ERROR(ErrorCode::kUsage, open_comm({.timeout_s = 0}), "time limit of 0 s");
}

}  // namespace
}  // namespace roberta
