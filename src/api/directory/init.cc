#include "roberta/init.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "api/directory/fresh_config.h"
#include "api/directory/model_files.h"
#include "api/options/check_options.h"
#include "api/options/dtype.h"
#include "api/options/init_options.h"
#include "core/cpus.h"
#include "core/error.h"
#include "core/parallel.h"
#include "io/atomic_directory.h"
#include "io/safetensors.h"
#include "model/config.h"
#include "model/names.h"
#include "model/weights/initialize.h"

namespace roberta {
namespace {

/// Values of one tensor. Element i of the stream `number` (its place in the list of tensors).
TensorToWrite random_tensor(const TensorSpec& spec, uint64_t number, const RobertaConfig& config,
                            const InitOptions& options) {
  const DType dtype = dtype_of(options.precision);
  const int threads = options.threads > 0 ? options.threads : usable_cpus();
  const InitialValues values(spec, number, config, options.seed);
  const auto fill = [=](uint64_t offset, std::span<std::byte> out) {
    const uint64_t size = static_cast<uint64_t>(size_of(dtype)), first = offset / size;
    const int64_t count = static_cast<int64_t>(out.size() / size);
    constexpr int64_t kPiece = 1 << 14;
    parallel_for(threads, (count + kPiece - 1) / kPiece, [&](int64_t piece, int) {
      for (int64_t i = piece * kPiece; i < std::min(count, (piece + 1) * kPiece); ++i) {
        const float value = values.at(first + static_cast<uint64_t>(i));
        const uint16_t low = float_to_bf16(value);
        std::byte* place = out.data() + static_cast<uint64_t>(i) * size;
        std::memcpy(place, dtype == DType::kF32 ? static_cast<const void*>(&value) : &low, size);
      }
    });
  };
  return {file_name_of(spec.name, HeadKind::kMaskedLm), dtype, spec.shape, fill};
}

}  // namespace

void init_model(const std::filesystem::path& output, const InitOptions& options) {
  std::optional<Tokenizer> tokenizer;
  if (!options.tokenizer.empty()) tokenizer = Tokenizer::from_directory(options.tokenizer);
  check_options("init", options);
  RobertaConfig config = fresh_config(options, tokenizer ? &*tokenizer : nullptr);
  config.torch_dtype = name_of(dtype_of(options.precision));
  AtomicDirectory directory(output, "init");
  write_config(directory.path(), config);
  read_config(directory.path());  // checks the limits of config.json
  if (tokenizer) copy_tokenizer_files(options.tokenizer, directory.path(), "init");
  std::vector<TensorToWrite> tensors;
  for (const TensorSpec& spec : expected_tensors(config, HeadKind::kMaskedLm))
    tensors.push_back(random_tensor(spec, tensors.size(), config, options));
  write_sharded_safetensors(directory.path(), tensors);
  directory.commit();
}

}  // namespace roberta
