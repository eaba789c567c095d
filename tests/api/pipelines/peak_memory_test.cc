// Loading holds the weights once: peak memory of a run at 1 x 128 is at most 1.15 x the weights in their
// dtype + 64 MB. Each step runs in a process of its own, so that the peak is that of the step alone; this
// process must start no thread before.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exception>

#include "roberta/init.h"
#include "roberta/model.h"
#include "tests/temp_directory.h"

namespace roberta {
namespace {

/// Peak resident bytes of a child process that does the work; 0 when it failed.
template <class Work>
int64_t peak_of(Work work) {
  const pid_t child = fork();
  if (child == 0) {
    try {
      work();
      _exit(0);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      _exit(1);
    }
  }
  int status = 0;
  rusage usage{};
  if (child < 0 || wait4(child, &status, 0, &usage) != child) return 0;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? int64_t{usage.ru_maxrss} * 1024 : 0;
}

TEST(PeakMemory, WeightsAreHeldOnce) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers keep memory of their own";
#endif
  const TempDirectory dir;
  ASSERT_GT(peak_of([&] {
              InitOptions options;
              options.vocab_size = 50265;
              options.num_hidden_layers = 2;
              init_model(dir / "model", options);
            }),
            0);
  const int64_t file = static_cast<int64_t>(std::filesystem::file_size(dir / "model" / "model.safetensors"));
  ASSERT_GT(file, 200'000'000);  // a second copy would break the bound
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    const int64_t peak = peak_of([&] {
      Model model = Model::load(dir / "model", {.precision = precision, .threads = 2});
      const std::vector<Model::Ids> ids = {Model::Ids(128, 7)};
      const std::vector<TokenPosition> positions = {{0, 64}};
      model.mlm_logits(ids, positions);
    });
    const int64_t weights = precision == Precision::kF32 ? file : file / 2;
    EXPECT_GT(peak, weights);  // else it is no measure
    EXPECT_LE(peak, weights * 115 / 100 + 64'000'000);
    std::printf("weights %ld MB, peak %ld MB\n", static_cast<long>(weights / 1000000),
                static_cast<long>(peak / 1000000));
  }
}

}  // namespace
}  // namespace roberta
