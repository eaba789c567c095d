// prepare_corpus: reads, tokenises and writes on all cores at once; the result does not depend on their
// number.
#include "roberta/prepare.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "core/cpus.h"
#include "core/error.h"
#include "core/parallel.h"
#include "data/corpus.h"
#include "data/corpus_builder.h"
#include "data/prepare_directory.h"

namespace roberta {
namespace {

/// Bytes of text between reading and writing, so that memory is bounded: their ids take about as much again.
constexpr int64_t kMaxInFlight = 24 << 20;

/// A batch and its origin.
struct Job {
  int64_t number = 0;
  size_t set = 0, file = 0;
  TextBatch text;
  int64_t bytes = 0;
  EncodedBatch encoded;
  bool ends_file = false;
  std::exception_ptr error;  ///< of reading
};

class Preparation {
 public:
  Preparation(const PrepareOptions& options, const std::vector<std::vector<InputFile>>& inputs,
              const DocumentEncoder& encoder, CorpusBuilder& builder)
      : options_(options), inputs_(inputs), encoder_(encoder), builder_(builder) {
    const PrepareState& state = builder.state();
    if (!state.sets.empty()) {
      set_ = state.sets.size() - 1;
      file_ = state.file;
      start_ = state.position;
      if (state.set_is_done || file_ >= inputs_[set_].size()) ++set_, file_ = 0, start_ = {};
    }
    for (const auto& set : inputs)
      for (const InputFile& file : set) {
        total_ += file.bytes;
        unknown_ |= file.bytes < 0;
      }
    for (size_t set = 0; set <= set_ && set < inputs.size(); ++set)
      for (size_t i = 0; i < inputs[set].size() && (set < set_ || i < file_); ++i)
        finished_ += std::max<int64_t>(0, inputs[set][i].bytes);
  }

  void run(int threads) {
    parallel_for(threads, threads, [&](int64_t, int thread) {
      try {
        work(thread == 0);
      } catch (...) {  // of reading or of the caller's functions: the others must not wait for this thread
        const std::lock_guard<std::mutex> lock(state_);
        if (!failure_) failure_ = std::current_exception();
        room_.notify_all();
      }
    });
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  void work(bool reports) {
    for (Job job; take(job, reports); job = Job()) {
      const InputFile& file = inputs_[job.set][job.file];
      if (!job.text.text.empty())
        job.encoded =
            encoder_.encode(job.text, file.format, options_.sets[job.set].field, display_name(file.path));
      job.text.text = std::string();
      give(std::move(job));
    }
  }

  /// The next batch; false when there is none or the work has failed.
  bool take(Job& job, bool reports) {
    const std::lock_guard<std::mutex> reading(reading_);
    {
      std::unique_lock<std::mutex> lock(state_);
      room_.wait(lock, [&] { return failure_ || in_flight_ == 0 || in_flight_ < kMaxInFlight; });
      if (failure_) return false;
    }
    if (set_ >= inputs_.size()) return false;
    read(job);
    job.number = next_number_++;
    {
      const std::lock_guard<std::mutex> lock(state_);
      in_flight_ += job.bytes = static_cast<int64_t>(job.text.text.size()) + 1;
    }
    if (reports && options_.progress)
      options_.progress(finished_ + (reader_ ? reader_->stored_position() : 0), unknown_ ? 0 : total_);
    return true;
  }

  void read(Job& job) {
    job.set = set_;
    job.file = file_;
    const InputFile& file = inputs_[set_][file_];
    try {
      if (!reader_) reader_ = std::make_unique<BatchReader>(file, start_);
      job.ends_file = !reader_->next(job.text);
    } catch (...) {
      job.error = std::current_exception();
      job.ends_file = true;
    }
    if (!job.ends_file) return;
    reader_.reset();
    finished_ += std::max<int64_t>(0, file.bytes);
    start_ = {};
    if (++file_ == inputs_[set_].size()) ++set_, file_ = 0;
  }

  /// Hands an encoded batch to the builder in its turn. One thread at a time builds, the others continue.
  void give(Job job) {
    std::unique_lock<std::mutex> lock(state_);
    const int64_t number = job.number;
    done_.emplace(number, std::move(job));
    if (building_) return;
    building_ = true;
    for (auto next = done_.begin(); next != done_.end() && next->first == next_to_build_;
         next = done_.begin()) {
      const Job ready = std::move(next->second);
      done_.erase(next);
      const bool failed = failure_ != nullptr;
      lock.unlock();
      std::exception_ptr error;
      try {
        if (!failed) build(ready);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      if (error && !failure_) failure_ = error;
      ++next_to_build_;
      in_flight_ -= ready.bytes;
      room_.notify_all();
    }
    building_ = false;
  }

  void build(const Job& job) {
    if (builder_.state().sets.size() == job.set)
      builder_.begin_set(options_.sets[job.set].name, options_.sets[job.set].weight);
    for (const std::string& complaint : job.encoded.complaints) warn(complaint);
    builder_.add(job.encoded, job.file, job.text.position);
    if (job.encoded.error) std::rethrow_exception(job.encoded.error);
    if (job.error) skip_or_rethrow(job.error);
    if (!job.ends_file) return;
    builder_.end_file(job.file, job.error != nullptr);
    if (job.file + 1 == inputs_[job.set].size()) builder_.end_set();
  }

  void skip_or_rethrow(const std::exception_ptr& error) const {
    try {
      std::rethrow_exception(error);
    } catch (const Error& what) {
      if (!options_.skip_errors || what.code() != ErrorCode::kInput) throw;
      warn(what.what());
    }
  }

  void warn(const std::string& message) const {
    if (options_.warn) options_.warn(message);
  }

  const PrepareOptions& options_;
  const std::vector<std::vector<InputFile>>& inputs_;
  const DocumentEncoder& encoder_;
  CorpusBuilder& builder_;

  std::mutex reading_;  // guards the next six members
  size_t set_ = 0, file_ = 0;
  FilePosition start_;
  std::unique_ptr<BatchReader> reader_;
  int64_t next_number_ = 0;
  int64_t finished_ = 0, total_ = 0;
  bool unknown_ = false;

  std::mutex state_;  // guards the rest
  std::condition_variable room_;
  std::map<int64_t, Job> done_;
  int64_t next_to_build_ = 0, in_flight_ = 0;
  bool building_ = false;
  std::exception_ptr failure_;
};

PrepareReport report_of(const Manifest& manifest) {
  PrepareReport report;
  report.vocab_size = manifest.vocab_size;
  for (const ManifestSet& set : manifest.sets) {
    report.sets.push_back(
        {set.name, set.weight, set.counts, to_hex(set.hash), static_cast<int64_t>(set.shards.size())});
    for (const ManifestShard& shard : set.shards) report.bytes += shard.bytes;
  }
  return report;
}

}  // namespace

PrepareReport prepare_corpus(const std::filesystem::path& output, const PrepareOptions& options) {
  check_options(options);
  const Tokenizer tokenizer = Tokenizer::from_directory(options.tokenizer);
  std::vector<std::vector<InputFile>> inputs;
  for (const PrepareSet& set : options.sets) inputs.push_back(find_inputs(set));
  Manifest manifest = manifest_of(tokenizer, options);
  const OutputDirectory directory(output, options.overwrite);
  if (options.check_space) check_space(output, estimate_bytes(inputs, manifest.token_bytes));
  PrepareState state = directory.open(tokenizer, options_to_json(manifest, options), inputs);
  const bool resumed = !state.sets.empty();
  const DocumentEncoder encoder(tokenizer, {options.boundary, options.bad_text, options.skip_errors});
  CorpusBuilder builder({output, options.shard_bytes}, std::move(manifest), std::move(state));
  Preparation(options, inputs, encoder, builder).run(options.threads > 0 ? options.threads : usable_cpus());
  PrepareReport report = report_of(builder.finish());
  report.resumed = resumed;
  return report;
}

PreparePlan plan_corpus(const std::filesystem::path& output, const PrepareOptions& options) {
  check_options(options);
  const Tokenizer tokenizer = Tokenizer::from_directory(options.tokenizer);
  PreparePlan plan;
  std::vector<std::vector<InputFile>> inputs;
  for (const PrepareSet& set : options.sets) {
    inputs.push_back(find_inputs(set));
    int64_t bytes = 0;
    for (const InputFile& file : inputs.back()) bytes = file.bytes < 0 || bytes < 0 ? -1 : bytes + file.bytes;
    plan.sets.push_back({set.name, set.weight, static_cast<int64_t>(inputs.back().size()), bytes});
  }
  plan.estimated_bytes = estimate_bytes(inputs, manifest_of(tokenizer, options).token_bytes);
  plan.free_bytes = free_space(output);
  return plan;
}

}  // namespace roberta
