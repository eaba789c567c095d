#include "train/batch.h"

namespace roberta {

StepBatch read_step(const SampleSource& source, SampleRange samples, int rank, int ranks,
                    int64_t micro_tokens, int32_t pad_id) {
  StepBatch out;
  out.samples = samples;
  out.begin = samples.count * rank / ranks;
  const int64_t end = samples.count * (rank + 1) / ranks;
  MaskedSample sample;
  for (int64_t i = out.begin; i < end; ++i) {
    source(samples.first + i, sample);
    const int64_t n = static_cast<int64_t>(sample.ids.size());
    if (out.micros.empty() || out.micros.back().batch.batch.tokens() + n > micro_tokens)
      out.micros.push_back({{}, i, 0});
    StepBatch::Micro& micro = out.micros.back();
    micro.batch.add(sample.ids, sample.positions, sample.targets, static_cast<uint32_t>(i), pad_id);
    ++micro.count;
    out.tokens += n;
    out.masked += static_cast<int64_t>(sample.positions.size());
  }
  std::erase_if(out.micros, [](const StepBatch::Micro& micro) { return micro.batch.rows.empty(); });
  return out;
}

StepBatch StepReader::take(int64_t step) {
  StepBatch batch;
  if (ahead_.valid() && ahead_step_ == step) {
    batch = ahead_.get();
  } else {
    if (ahead_.valid()) ahead_.wait();
    batch = read_(step);
  }
  if (step < last_step_) {
    ahead_step_ = step + 1;
    ahead_ = std::async(std::launch::async, read_, step + 1);
  }
  return batch;
}

}  // namespace roberta
