#include "api/finetune/batches.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/samples.h"

namespace roberta {
namespace {

constexpr int64_t kMaxPlannedSteps = 100'000'000;  // each takes four bytes here

int64_t tokens_of(const Feature& feature) { return static_cast<int64_t>(feature.ids.size()); }

}  // namespace

FinetuneBatches::FinetuneBatches(std::span<const Feature> sequences, const BatchPlan& plan)
    : sequences_(sequences), plan_(plan) {
  if (sequences.empty()) fail(ErrorCode::kInput, "[finetune] the training data is empty");
  const auto planned = [&] { return static_cast<int64_t>(begins_.size()); };
  if (plan.steps > 0) {
    while (planned() < plan.steps) cut_epoch(static_cast<int64_t>(epoch_ends_.size()));
    steps_ = plan.steps;
    return;
  }
  const double whole = std::floor(plan.epochs);
  for (int64_t epoch = 0; static_cast<double>(epoch) < std::ceil(plan.epochs); ++epoch) {
    const int64_t before = planned();
    cut_epoch(epoch);
    const double part = static_cast<double>(epoch) < whole ? 1 : plan.epochs - whole;
    steps_ = before + static_cast<int64_t>(std::ceil(part * static_cast<double>(planned() - before)));
    if (plan.max_steps > 0 && steps_ >= plan.max_steps) break;
  }
  if (plan.max_steps > 0) steps_ = std::min(steps_, plan.max_steps);
}

int64_t FinetuneBatches::index(int64_t epoch, int64_t place) const {
  const int64_t n = static_cast<int64_t>(sequences_.size());
  return plan_.shuffle ? stream_position(plan_.seed, n, epoch * n + place).index : place;
}

void FinetuneBatches::cut_epoch(int64_t epoch) {
  const int64_t n = static_cast<int64_t>(sequences_.size());
  int64_t count = 0, tokens = 0;
  for (int64_t place = 0; place < n; ++place) {
    bool full = place == 0 || count == plan_.batch_size;
    if (plan_.batch_tokens > 0) {
      const int64_t own = tokens_of(sequences_[static_cast<size_t>(index(epoch, place))]);
      full = place == 0 || tokens + own > plan_.batch_tokens;
      tokens = (full ? 0 : tokens) + own;
    }
    if (full) {
      begins_.push_back(static_cast<int32_t>(place));
      count = 0;
    }
    ++count;
  }
  epoch_ends_.push_back(static_cast<int64_t>(begins_.size()));
  if (epoch_ends_.back() > kMaxPlannedSteps)
    fail(ErrorCode::kUsage, "[finetune] the run has more than ", kMaxPlannedSteps,
         " steps: train for fewer epochs");
}

double FinetuneBatches::epoch_at(int64_t step) const {
  if (step < 1) return 0;
  const auto epoch = std::lower_bound(epoch_ends_.begin(), epoch_ends_.end(), step);
  const int64_t done = epoch - epoch_ends_.begin();
  const int64_t begin = done > 0 ? *(epoch - 1) : 0;
  return static_cast<double>(done) + static_cast<double>(step - begin) / static_cast<double>(*epoch - begin);
}

bool FinetuneBatches::ends_epoch(int64_t step) const {
  return step == steps_ || std::binary_search(epoch_ends_.begin(), epoch_ends_.end(), step);
}

std::vector<int64_t> FinetuneBatches::sequences_of(int64_t step) const {
  const auto end_of_epoch = std::lower_bound(epoch_ends_.begin(), epoch_ends_.end(), step);
  const int64_t begin = begins_[static_cast<size_t>(step - 1)];
  const int64_t end = step == *end_of_epoch ? static_cast<int64_t>(sequences_.size())
                                            : int64_t{begins_[static_cast<size_t>(step)]};
  std::vector<int64_t> out;
  for (int64_t place = begin; place < end; ++place)
    out.push_back(index(end_of_epoch - epoch_ends_.begin(), place));
  return out;
}

StepBatch FinetuneBatches::read(int64_t step, int rank, int ranks, int32_t pad_id) const {
  const std::vector<int64_t> chosen = sequences_of(step);
  std::vector<size_t> order(chosen.size());  // places in the step
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto feature = [&](size_t place) -> const Feature& {
    return sequences_[static_cast<size_t>(chosen[place])];
  };
  if (plan_.sorted) {
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return feature(a).ids.size() > feature(b).ids.size(); });
  }
  StepBatch out;
  const int64_t epoch = std::lower_bound(epoch_ends_.begin(), epoch_ends_.end(), step) - epoch_ends_.begin();
  out.samples = {epoch * static_cast<int64_t>(sequences_.size()) + begins_[static_cast<size_t>(step - 1)],
                 static_cast<int64_t>(chosen.size())};
  for (size_t i = static_cast<size_t>(rank); i < order.size(); i += static_cast<size_t>(ranks)) {
    const Feature& one = feature(order[i]);
    const int64_t place = static_cast<int64_t>(order[i]);
    if (out.micros.empty() ||
        out.micros.back().batch.batch.tokens() + tokens_of(one) > plan_.micro_batch_tokens)
      out.micros.push_back({{}, place, 0});
    StepBatch::Micro& micro = out.micros.back();
    micro.batch.add(one.ids, one.positions, one.targets, one.values, static_cast<uint32_t>(place), pad_id);
    const int64_t end = std::max(micro.begin + micro.count, place + 1);
    micro.begin = std::min(micro.begin, place);
    micro.count = end - micro.begin;
    out.tokens += tokens_of(one);
  }
  for (const StepBatch::Micro& micro : out.micros) out.units += micro.batch.units();
  return out;
}

}  // namespace roberta
