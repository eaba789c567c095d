// Not a test: tools/parity/training_parity.py asks it to train a few steps. Reads one JSON object from
// standard input,
//   {"model": DIR, "device": "cpu"|"ref", "dtype": "f32"|"bf16", "threads": n, "seed": n, "recompute": bool,
//    "optimizer": {"kind": "fairseq"|"torch", "betas": [a, b], "eps": e, "weight_decay": w, "decay_all":
//    bool}, "learning_rates": [a step], "out": DIR, "steps": [[micro-batch: [sequence: {"ids", "sample",
//    "positions", "targets"}]]]}
// and prints {"losses": [...], "norms": [...]}; writes gradients.safetensors (of the first step; with
// "all_gradients" gradients-N.safetensors of each) and weights.safetensors (after the last) into "out".
#include <cstdio>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

#include "io/safetensors.h"
#include "runtime/open_comm.h"
#include "runtime/open_device.h"
#include "train/step.h"

namespace roberta {
namespace {

using nlohmann::json;

StepBatch step_batch(const json& micro_batches, int32_t pad_id) {
  StepBatch out;
  for (const json& sequences : micro_batches) {
    StepBatch::Micro micro{
        .batch = {}, .begin = out.samples.count, .count = static_cast<int64_t>(sequences.size())};
    for (const json& sequence : sequences) {
      const auto ids = sequence.at("ids").get<std::vector<int32_t>>();
      const auto positions = sequence.at("positions").get<std::vector<int32_t>>();
      micro.batch.add(ids, positions, sequence.at("targets").get<std::vector<int32_t>>(), {},
                      sequence.at("sample").get<uint32_t>(), pad_id);
      out.tokens += static_cast<int64_t>(ids.size());
      out.units += static_cast<int64_t>(positions.size());
    }
    out.samples.count += micro.count;
    out.micros.push_back(std::move(micro));
  }
  return out;
}

StepOptions step_options(const json& request, const RobertaConfig& config) {
  const json& given = request.at("optimizer");
  StepOptions options;
  options.seed = request.at("seed").get<uint64_t>();
  options.hidden_dropout = static_cast<float>(config.hidden_dropout_prob);
  options.attention_dropout = static_cast<float>(config.attention_probs_dropout_prob);
  options.recompute = request.value("recompute", false);
  options.optimizer.kind = given.at("kind") == "torch" ? AdamKind::kTorch : AdamKind::kFairseq;
  options.optimizer.beta1 = given.at("betas")[0].get<double>();
  options.optimizer.beta2 = given.at("betas")[1].get<double>();
  options.optimizer.eps = given.at("eps").get<double>();
  options.optimizer.weight_decay = given.at("weight_decay").get<double>();
  options.optimizer.decay_all = given.at("decay_all").get<bool>();
  return options;
}

/// A block of the parameters under the names of the model's file.
void save(const Parameters& parameters, std::span<const float> block, const std::string& path) {
  std::vector<TensorToWrite> tensors;
  for (const ParameterEntry& entry : parameters.entries()) {
    const float* from = block.data() + entry.offset;
    tensors.push_back({file_name_of(entry.spec.name, HeadKind::kMaskedLm), DType::kF32, entry.spec.shape,
                       [from](uint64_t offset, std::span<std::byte> out) {
                         std::memcpy(out.data(), reinterpret_cast<const std::byte*>(from) + offset,
                                     out.size());
                       }});
  }
  write_safetensors(path, tensors);
}

json train(const json& request) {
  const std::string directory = request.at("model"), out = request.at("out");
  const RobertaConfig config = read_config(directory);
  const auto device = open_device(request.value("device", "cpu"), request.value("threads", 2));
  Parameters parameters(config, *device,
                        request.value("dtype", "f32") == "bf16" ? DType::kBF16 : DType::kF32);
  parameters.load(Checkpoint(directory));
  const auto comm = open_comm({.kind = "local"});
  TrainingStep training(parameters, *comm, step_options(request, config));
  json losses = json::array(), norms = json::array();
  int64_t number = 0;
  for (const json& step : request.at("steps")) {
    const StepBatch batch = step_batch(step, config.pad_token_id);
    const double rate = request.at("learning_rates")[static_cast<size_t>(number)].get<double>();
    ++number;
    const StepResult result = training.run(batch, training.total(batch), number, number, rate);
    if (!result.finite) throw std::runtime_error(result.trouble);
    losses.push_back(result.loss);
    norms.push_back(result.gradient_norm);
    if (number == 1) save(parameters, parameters.gradients(), out + "/gradients.safetensors");
    if (request.value("all_gradients", false)) {
      save(parameters, parameters.gradients(), out + "/gradients-" + std::to_string(number) + ".safetensors");
    }
  }
  save(parameters, parameters.values(), out + "/weights.safetensors");
  return {{"losses", losses}, {"norms", norms}};
}

}  // namespace
}  // namespace roberta

int main() {
  try {
    std::cout << roberta::train(nlohmann::json::parse(std::cin)).dump() << "\n";
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
