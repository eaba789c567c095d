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
    micro.batch.add(sample.ids, sample.positions, sample.targets, {}, static_cast<uint32_t>(i), pad_id);
    ++micro.count;
    out.tokens += n;
    out.units += static_cast<int64_t>(sample.positions.size());
  }
  std::erase_if(out.micros, [](const StepBatch::Micro& micro) { return micro.batch.rows.empty(); });
  return out;
}

StepReader::StepReader(Read read, int64_t last_step)
    : read_(std::move(read)), last_step_(last_step), thread_([this] { work(); }) {}

StepReader::~StepReader() {
  {
    std::unique_lock lock(mutex_);
    state_cv_.wait(lock, [&] { return state_ != State::kReading; });
    state_ = State::kQuit;
  }
  state_cv_.notify_all();
  thread_.join();
}

void StepReader::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    state_cv_.wait(lock, [&] { return state_ == State::kWanted || state_ == State::kQuit; });
    if (state_ == State::kQuit) return;
    state_ = State::kReading;
    const int64_t step = step_;
    lock.unlock();
    StepBatch batch;
    std::exception_ptr error;
    try {
      batch = read_(step);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    batch_ = std::move(batch);
    error_ = error;
    state_ = State::kDone;
    state_cv_.notify_all();
  }
}

/// Nothing when the thread has not begun that step.
std::optional<StepBatch> StepReader::take_ahead(int64_t step) {
  std::unique_lock lock(mutex_);
  state_cv_.wait(lock, [&] { return state_ != State::kReading; });
  const bool done = state_ == State::kDone && step_ == step;
  state_ = State::kIdle;
  if (!done) return std::nullopt;
  if (error_) std::rethrow_exception(error_);
  return std::move(batch_);
}

StepBatch StepReader::take(int64_t step) {
  std::optional<StepBatch> batch = take_ahead(step);
  if (!batch) batch = read_(step);
  if (step < last_step_) {
    {
      std::lock_guard lock(mutex_);
      step_ = step + 1;
      state_ = State::kWanted;
    }
    state_cv_.notify_all();
  }
  return std::move(*batch);
}

}  // namespace roberta
