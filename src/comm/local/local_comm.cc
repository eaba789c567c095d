#include "comm/local/local_comm.h"

#include <unistd.h>

namespace roberta::local {
namespace {

class LocalComm final : public Comm {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void all_reduce(std::span<float>) override {}
  void all_reduce(std::span<double>) override {}
  void broadcast(std::span<std::byte>, int) override {}
  void barrier() override {}
  [[noreturn]] void abort(int exit_code) override { _exit(exit_code); }
  std::string describe() const override { return "1 process"; }
};

}  // namespace

std::unique_ptr<Comm> open_local_comm() { return std::make_unique<LocalComm>(); }

}  // namespace roberta::local
