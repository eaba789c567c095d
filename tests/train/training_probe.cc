// Not a test: tools/parity/{training,head,lora}_parity.py ask it to train a few steps. Reads one JSON object
// from standard input,
//   {"model": DIR, "device": "cpu"|"ref", "dtype": "f32"|"bf16", "threads": n, "seed": n, "recompute": bool,
//    "optimizer": {"kind": "fairseq"|"torch", "betas": [a, b], "eps": e, "weight_decay": w, "decay_all":
//    bool}, "learning_rates": [a step], "out": DIR, "steps": [[micro-batch: [sequence: {"ids", "sample",
//    "positions", "targets", "values"}]]],
//    "objective": {"kind": "classification"|"regression"|"multi_label"|"tokens"|"spans", "labels": n,
//    "label_smoothing": e} (without it: masked language modelling), "layer_decay": d,
//    "mode": "full"|"frozen"|"lora", "lora": {"r", "alpha", "rslora", "targets"},
//    "values": FILE of tensors that replace the loaded ones}
// and prints {"losses": [...], "norms": [...]}; writes gradients.safetensors (of the first step; with
// "all_gradients" gradients-N.safetensors of each) and weights.safetensors (after the last) into "out".
#include <cstdio>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "io/safetensors.h"
#include "runtime/open_comm.h"
#include "runtime/open_device.h"
#include "train/step.h"

namespace roberta {
namespace {

using nlohmann::json;

Objective objective_of(const json& request) {
  constexpr std::pair<const char*, ObjectiveKind> kKinds[] = {
      {"classification", ObjectiveKind::kClassification},
      {"regression", ObjectiveKind::kRegression},
      {"multi_label", ObjectiveKind::kMultiLabel},
      {"tokens", ObjectiveKind::kTokens},
      {"spans", ObjectiveKind::kSpans},
  };
  if (!request.contains("objective")) return {};
  const json& given = request.at("objective");
  for (const auto& [name, kind] : kKinds) {
    if (given.at("kind") == name)
      return {kind, given.at("labels").get<int64_t>(), given.value("label_smoothing", 0.0f)};
  }
  throw std::runtime_error("unknown objective");
}

Trained trained_of(const json& request, const Objective& objective) {
  Trained trained{
      .head = head_of(objective.kind), .encoder = request.value("mode", "full") == "full", .lora = {}};
  if (!request.contains("lora")) return trained;
  const json& given = request.at("lora");
  trained.lora.emplace();
  trained.lora->rank = given.at("r").get<int64_t>();
  trained.lora->alpha = given.at("alpha").get<double>();
  trained.lora->rank_stabilized = given.value("rslora", false);
  trained.lora->targets = given.at("targets").get<std::vector<std::string>>();
  return trained;
}

StepBatch step_batch(const json& micro_batches, int32_t pad_id) {
  StepBatch out;
  for (const json& sequences : micro_batches) {
    StepBatch::Micro micro{
        .batch = {}, .begin = out.samples.count, .count = static_cast<int64_t>(sequences.size())};
    for (const json& sequence : sequences) {
      const auto ids = sequence.at("ids").get<std::vector<int32_t>>();
      const auto positions = sequence.at("positions").get<std::vector<int32_t>>();
      const auto values = sequence.value("values", std::vector<float>());
      micro.batch.add(ids, positions, sequence.at("targets").get<std::vector<int32_t>>(), values,
                      sequence.at("sample").get<uint32_t>(), pad_id);
      out.tokens += static_cast<int64_t>(ids.size());
    }
    out.units += micro.batch.units();
    out.samples.count += micro.count;
    out.micros.push_back(std::move(micro));
  }
  return out;
}

StepOptions step_options(const json& request, const RobertaConfig& config) {
  const json& given = request.at("optimizer");
  StepOptions options;
  options.objective = objective_of(request);
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
  options.optimizer.layer_decay = request.value("layer_decay", 1.0);
  return options;
}

std::string name_of(const Parameters& parameters, const ParameterEntry& entry) {
  return file_name_of(entry.spec.name, parameters.trained().head);
}

/// Puts the tensors of a file into the values.
void replace_values(Parameters& parameters, const std::string& path) {
  const SafetensorsReader file(path);
  size_t used = 0;
  for (const ParameterEntry& entry : parameters.entries()) {
    const TensorInfo* tensor = file.find(name_of(parameters, entry));
    if (!tensor) continue;
    if (tensor->shape != entry.spec.shape) throw std::runtime_error(tensor->name + " has another shape");
    std::vector<float> values(static_cast<size_t>(entry.count()));
    file.read(*tensor, 0, std::as_writable_bytes(std::span(values)));
    parameters.device().upload(parameters.master_weights(entry).data(), values.data(),
                               values.size() * sizeof(float));
    ++used;
  }
  if (used != file.tensors().size()) throw std::runtime_error(path + " has tensors that the model has not");
  parameters.pack();
}

/// A block of the parameters under the names of the model's file; `gradients`: of the trained ones.
void save(const Parameters& parameters, DeviceSpan<float> block, bool gradients, const std::string& path) {
  std::vector<TensorToWrite> tensors;
  for (const ParameterEntry& entry : parameters.entries()) {
    if (gradients && !entry.trained) continue;
    const DevicePtr from =
        block.subspan(gradients ? entry.trained_offset : entry.offset, entry.count()).data();
    tensors.push_back({name_of(parameters, entry), DType::kF32, entry.spec.shape,
                       [from, &device = parameters.device()](uint64_t offset, std::span<std::byte> out) {
                         device.download(out.data(), from + static_cast<int64_t>(offset), out.size());
                       }});
  }
  write_safetensors(path, tensors);
}

json train(const json& request) {
  const std::string directory = request.at("model"), out = request.at("out");
  const RobertaConfig config = read_config(directory);
  const auto device = open_device(request.value("device", "cpu"), request.value("threads", 2));
  const StepOptions options = step_options(request, config);
  Parameters parameters(config, *device, request.value("dtype", "f32") == "bf16" ? DType::kBF16 : DType::kF32,
                        trained_of(request, options.objective));
  parameters.load(Checkpoint(directory));
  if (request.contains("values")) replace_values(parameters, request.at("values"));
  const auto comm = open_comm({.kind = "local"});
  TrainingStep training(parameters, *comm, options);
  json losses = json::array(), norms = json::array();
  int64_t number = 0;
  for (const json& step : request.at("steps")) {
    const StepBatch batch = step_batch(step, config.pad_token_id);
    const double rate = request.at("learning_rates")[static_cast<size_t>(number)].get<double>();
    ++number;
    const StepResult result = training.run(batch, training.total(batch), number, number, rate);
    if (!result.finite) throw std::runtime_error(result.nonfinite_message);
    losses.push_back(result.loss);
    norms.push_back(result.gradient_norm);
    if (number == 1) save(parameters, parameters.gradients(), true, out + "/gradients.safetensors");
    if (request.value("all_gradients", false)) {
      save(parameters, parameters.gradients(), true,
           out + "/gradients-" + std::to_string(number) + ".safetensors");
    }
  }
  save(parameters, parameters.master_weights(), false, out + "/weights.safetensors");
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
