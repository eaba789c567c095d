// GEMM by oneDNN, weights in its own packed layout: the baseline of bench_gemm. `onednn_gemm THREADS` prints
// its version as a line of JSON, then reads "DTYPE M N K" from stdin, one a line, and answers each by the
// milliseconds of one product, measured over about 30 ms. Not part of the build: tools/bench/bench.py fetches
// oneDNN and compiles this.

#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

class Case {
 public:
  Case(const dnnl::engine& engine, Type type, int64_t m, int64_t n, int64_t k) : stream_(engine) {
    const dnnl::matmul::primitive_desc desc(engine, {{m, k}, type, Tag::ab}, {{k, n}, type, Tag::any},
                                            {{m, n}, type, Tag::ab});
    x_ = filled(desc.src_desc(), engine);
    w_ = filled(desc.weights_desc(), engine);
    y_ = filled(desc.dst_desc(), engine);
    product_ = dnnl::matmul(desc);
    times_ = std::max(1, static_cast<int>(0.03 / std::max(1e-6, seconds(2) / 2)));
  }
  double milliseconds() { return seconds(times_) / times_ * 1e3; }

 private:
  static dnnl::memory filled(const dnnl::memory::desc& desc, const dnnl::engine& engine) {
    dnnl::memory memory(desc, engine);
    std::memset(memory.get_data_handle(), 0x3c, desc.get_size());  // about 0.01 as fp32 and as bf16
    return memory;
  }
  double seconds(int times) {
    const auto start = Clock::now();
    for (int i = 0; i < times; ++i) {
      product_.execute(stream_, {{DNNL_ARG_SRC, x_}, {DNNL_ARG_WEIGHTS, w_}, {DNNL_ARG_DST, y_}});
    }
    stream_.wait();
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  dnnl::stream stream_;
  dnnl::memory x_, w_, y_;
  dnnl::matmul product_;
  int times_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) omp_set_num_threads(std::atoi(argv[1]));
  const dnnl_version_t* v = dnnl_version();
  std::printf("{\"baseline\": \"oneDNN\", \"version\": \"%d.%d.%d\"}\n", v->major, v->minor, v->patch);
  std::fflush(stdout);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  std::string last;
  std::unique_ptr<Case> product;
  for (std::string line; std::getline(std::cin, line);) {
    if (line != last) {
      std::istringstream order(line);
      std::string dtype;
      int64_t m = 0, n = 0, k = 0;
      order >> dtype >> m >> n >> k;
      product = std::make_unique<Case>(engine, dtype == "bfloat16" ? Type::bf16 : Type::f32, m, n, k);
      last = line;
    }
    std::printf("%.5f\n", product->milliseconds());
    std::fflush(stdout);
  }
  return 0;
}
