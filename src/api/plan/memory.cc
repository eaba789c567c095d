#include "api/plan/memory.h"

#include <algorithm>

#include "api/options/dtype.h"
#include "device/measuring_device.h"
#include "runtime/open_comm.h"
#include "train/step.h"
#include "train/training_checkpoint.h"

namespace roberta {
namespace {

// What no measuring pass shows; tests/cli/commands/plan_test.cc holds the sums against processes.
constexpr int64_t kProgram = 8 << 20;         // code, libraries, heap of a process that has no model
constexpr int64_t kVocabularyEntry = 160;     // bytes of a tokenizer for each of its tokens
constexpr int64_t kWordCache = 12 << 20;      // of each thread that tokenizes, when it is full
constexpr int64_t kConnection = 192 << 10;    // buffers, and the touched stack of the thread that answers
constexpr int64_t kTextToken = 64;            // of a text being worked on: bytes, ids, offsets
constexpr int64_t kProgramFiles = 160 << 20;  // of a container image: program, libraries, Debian

int64_t size_of_floats(int64_t n) { return n * static_cast<int64_t>(sizeof(float)); }

/// Of the engine's block and the operations' workspace when it has computed the largest batch; `answer`: of
/// one text, in host memory.
int64_t activations_of(Engine& engine, const MeasuringDevice& device, const PlannedModel& model,
                       const PlanOptions& options, int64_t sequences, int64_t& answer) {
  const int64_t before = device.bytes();
  const Matrix out = run_task(engine, model, random_sequences(model.config, sequences, options.length));
  answer = size_of_floats(static_cast<int64_t>(out.data.size())) / sequences;
  return device.bytes() - before;
}

}  // namespace

Parts memory_of_inference(const PlannedModel& model, const PlanOptions& options, Device& real) {
  const auto device = std::make_shared<MeasuringDevice>(real);
  ModelParams params = lay_out_params(model.config, model.head, *device, dtype_of(options.precision));
  const int64_t weights = device->bytes(), together = sequences_at_once(options);
  Engine engine(model.config, std::move(params), device, batch_tokens_of(options));
  int64_t answer = 0;
  const int64_t activations = activations_of(engine, *device, model, options, together, answer);
  const bool serves = options.mode == PlanMode::kServe;
  const int64_t texts = options.batch * (serves ? options.connections : 1);
  Parts parts = {{"weights", weights},
                 {"activations", activations},
                 {"answers", answer * (serves ? texts + together : texts)},
                 {"tokenizer", kVocabularyEntry * model.config.vocab_size},
                 {"word caches when full", kWordCache * device->threads()}};
  if (serves)
    parts.emplace_back("connections",
                       options.connections * kConnection + texts * options.length * kTextToken);
  parts.emplace_back("program", kProgram);
  return parts;
}

Parts memory_of_training(const PlannedModel& model, const PlanOptions& options, Device& real,
                         int64_t& trained) {
  const auto device = std::make_shared<MeasuringDevice>(real);
  Parameters parameters(model.config, *device, dtype_of(options.precision), trained_of(model, options));
  trained = parameters.trained_count();
  const int64_t values = size_of_floats(parameters.size()),
                gradients = size_of_floats(parameters.trained_size()),
                packed = static_cast<int64_t>(parameters.packed_bytes());
  Parts parts = {{"weights (fp32)", values},
                 {"gradients", gradients},
                 {"optimizer", 2 * gradients},
                 {"packed weights", packed}};
  if (const int64_t rest = device->bytes() - values - 3 * gradients - packed; rest > 0)
    parts.emplace_back("adapters", rest);
  const std::unique_ptr<Comm> comm = open_comm({.kind = "local"});
  const int64_t before = device->bytes();
  TrainingStep step(parameters, *comm, {.objective = objective_of(model), .recompute = options.recompute});
  step.reserve(options.length, sequences_at_once(options));
  parts.emplace_back("activations", device->bytes() - before - device->workspace_bytes());
  if (model.mode == PlanMode::kFinetune) {  // the model is evaluated while it is trained
    Engine engine(model.config, parameters.borrowed(), device, batch_tokens_of(options));
    const int64_t sequences = std::max<int64_t>(1, batch_tokens_of(options) / options.length);
    int64_t answer = 0;
    const int64_t workspace = device->workspace_bytes();
    const int64_t evaluation = activations_of(engine, *device, model, options, sequences, answer);
    parts.emplace_back("evaluation",
                       evaluation - (device->workspace_bytes() - workspace) + answer * sequences);
  }
  parts.emplace_back("kernels", device->workspace_bytes());
  parts.emplace_back("tokenizer", kVocabularyEntry * model.config.vocab_size);
  parts.emplace_back("program", kProgram);
  return parts;
}

Parts disk_of(const PlannedModel& model, const PlanOptions& options, int64_t trained) {
  Parts parts = {{"program or image", kProgramFiles}, {"model", model.file_bytes}};
  if (!model.trains()) return parts;
  const int64_t kept = options.checkpoints > 0               ? options.checkpoints
                       : options.mode == PlanMode::kFinetune ? 1
                                                             : 3;
  const int64_t one = static_cast<int64_t>(checkpoint_bytes(trained));
  parts.emplace_back("checkpoints", (kept + 1) * one);  // and the best one
  parts.emplace_back("a checkpoint being written", one);
  if (options.mode == PlanMode::kFinetune) parts.emplace_back("model made", size_of_floats(model.parameters));
  return parts;
}

int64_t sum_of(const Parts& parts) {
  int64_t sum = 0;
  for (const auto& [name, bytes] : parts) sum += bytes;
  return sum;
}

}  // namespace roberta
